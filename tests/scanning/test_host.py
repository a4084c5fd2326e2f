"""What there is to know about the host before an upgrade: filesystems, owners, modes, other installations, plugins."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator import commands, filesystem
from migrator.cli import main as cli
from migrator.model.words import Name
from migrator.scanning import host
from tests.conftest import fingerprint
from tests.worlds import World, entry

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes as POSIX has them")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.agent("main", {"agent:main:main": entry("s", 5)})
    return world


def found(world: World, **selection: object) -> dict[str, list[str]]:
    """The names of everything that is found, by code."""
    made: dict[str, list[str]] = {}
    for finding in commands.scan(world.request(**selection)).forecast:  # type: ignore[arg-type]
        if finding.code.startswith("host."):
            names = [name.text.removeprefix(str(world.root)) for name in (finding.subject, *finding.others)]
            made.setdefault(finding.code, []).extend(names)
    return made


def test_a_private_local_installation_gives_no_cause_for_concern(world: World) -> None:
    assert found(world) == {}


def test_each_filesystem_is_told_with_what_is_free_and_what_the_upgrade_may_need(world: World) -> None:
    [only] = commands.scan(world.request()).filesystems
    size = world.store_path("main").stat().st_size
    assert only.place == Name("path", str(world.state))
    assert only.kind == filesystem.filesystem_type(world.state)
    assert only.needed == host.UPGRADE_GROWTH * size
    assert only.free > 0
    assert not only.read_only


def test_too_little_space_is_told_with_both_numbers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    [only] = commands.scan(world.request()).filesystems
    monkeypatch.setattr(host, "free_bytes", lambda _path: only.needed)
    assert found(world) == {}
    monkeypatch.setattr(host, "free_bytes", lambda _path: only.needed - 1)
    [short] = [one for one in commands.scan(world.request()).forecast if one.code == "host.space"]
    assert dict(short.facts) == {"needed": only.needed, "free": only.needed - 1}


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "virtiofs", "fuse.sshfs", "smb3"])
def test_a_filesystem_that_machines_share_is_told(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(host, "filesystem_type", lambda _path: kind)
    assert found(world) == {"host.network": ["/state"]}


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "fuseblk", "tmpfs", "unknown"])
def test_a_local_filesystem_is_not(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(host, "filesystem_type", lambda _path: kind)
    assert found(world) == {}


def test_a_mount_without_writing_is_told_instead_of_its_space(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "is_read_only", lambda _path: True)
    monkeypatch.setattr(host, "free_bytes", lambda _path: 0)
    assert found(world) == {"host.read-only": ["/state"]}


def test_files_that_others_may_read_are_counted_by_agent(world: World) -> None:
    world.store_path("main").chmod(0o640)
    world.root_store({}).chmod(0o604)
    assert found(world) == {"host.readable-by-others": ["main"]}, "the root store is one of main"


@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only the superuser can give files away")
def test_files_of_another_user_are_counted_and_so_is_the_state_directory(world: World) -> None:
    os.chown(world.store_path("main"), 12345, -1)
    assert found(world) == {"host.other-owner": ["main"]}
    os.chown(world.state, 12345, -1)
    assert found(world) == {"host.other-user": ["/state"]}


def test_a_directory_that_its_owner_may_not_write_to_is_told(world: World) -> None:
    folder = world.store_path("main").parent
    folder.chmod(0o500)
    try:
        assert found(world) == {"host.not-writable": ["/state/agents/main/sessions"]}
    finally:
        folder.chmod(0o700)


def test_a_state_directory_under_an_older_name_beside_it_is_told(world: World) -> None:
    for name in (".openclaw", ".clawdbot", ".moltbot"):
        (world.root / name / "agents").mkdir(parents=True)
    (world.root / ".moldbot").symlink_to(world.root / ".openclaw")
    chosen = str(world.root / ".openclaw")
    assert found(world) == {}, "a directory with a name of its own is nobody's twin"
    request = world.request(state_dir=chosen)
    foreseen = host.look_at_host(commands.scan(replace(request, allow_empty=True)).inventory).findings
    [split] = foreseen
    assert split.code == "host.split-state"
    assert [other.text for other in split.others] == [str(world.root / ".clawdbot"), str(world.root / ".moltbot")]


def test_a_place_for_temporary_files_within_the_state_directory_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.state / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(world.state / "tmp"))
    assert found(world) == {"host.temporary-inside": ["/state/tmp"]}


def test_a_state_directory_that_is_a_link_is_told(world: World) -> None:
    (world.root / "link").symlink_to(world.state)
    assert found(world, state_dir=str(world.root / "link")) == {"host.linked-state": ["/link"]}


def shared_database(state: Path, *rows: tuple[str, str]) -> None:
    """The database of the whole installation, with the runs of migrations that 2026.9.6 keeps there."""
    (state / "state").mkdir()
    with closing(sqlite3.connect(state / "state" / "openclaw.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE migration_runs (id TEXT PRIMARY KEY, status TEXT NOT NULL)")
        connection.executemany("INSERT INTO migration_runs VALUES (?, ?)", rows)


def test_plugins_that_still_have_to_migrate_are_named_and_nothing_is_touched(world: World) -> None:
    prefix = "deferred-plugin-migration:"
    shared_database(world.state, (f"{prefix}codex", "pending"), (f"{prefix}brave", "completed"), ("run-1", "pending"))
    world.request()
    before = fingerprint(world.state)
    assert found(world) == {"host.pending-plugin": ["codex"]}
    assert fingerprint(world.state) == before


def test_a_shared_database_that_is_none_or_of_another_time_tells_nothing(world: World) -> None:
    assert host.pending_plugins(str(world.state)) == ()
    (world.state / "state").mkdir()
    path = world.state / "state" / "openclaw.sqlite"
    path.write_bytes(b"no database" * 100)
    assert host.pending_plugins(str(world.state)) == ()
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE other (id)")
    assert host.pending_plugins(str(world.state)) == ()


def test_a_plugin_id_never_leaves_in_clear(world: World) -> None:
    shared_database(world.state, ("deferred-plugin-migration:SecretPlugin", "pending"))
    said = CliRunner().invoke(cli.main, ["scan", "--state-dir", str(world.state)])
    assert said.exit_code == 0
    assert "[host.pending-plugin]" in said.output
    assert "SecretPlugin" not in said.output
