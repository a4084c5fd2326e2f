"""The smallest real test of an upgrade, with a launcher of our own in the place of a real release."""

from __future__ import annotations

import io
import json
import tarfile
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator.cli.main import main
from migrator.upgrades.private_copy import SMOKE_ARCHIVE
from tests.conftest import FIXTURES, fingerprint
from tests.fake_release import fake_release
from tests.worlds import World, entry

LOSE = 'if words[:1] == ["doctor"]:\n    os.remove(state + "/agents/main/agent/openclaw-agent.sqlite")'


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _handle: None)


def smoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["prove", "--smoke", *arguments])


def contents(archive: tarfile.TarFile) -> dict[str, bytes]:
    """Every file by its path below the one folder of an archive."""
    files = {one.name.partition("/")[2]: archive.extractfile(one) for one in archive.getmembers() if one.isfile()}
    return {name: file.read() for name, file in files.items() if file}


def test_the_state_that_comes_with_the_program_is_what_an_old_release_left() -> None:
    packed = resources.files("migrator.upgrades").joinpath(SMOKE_ARCHIVE).read_bytes()
    with tarfile.open(FIXTURES / "legacy-2026.7.1.tar.xz") as whole, tarfile.open(fileobj=io.BytesIO(packed)) as ours:
        expected = {name: data for name, data in contents(whole).items() if "Retired" not in name}
        assert contents(ours) == expected
    assert len(packed) < 20_000


def test_one_line_proves_that_a_release_keeps_every_session_and_leaves_a_bundle(tmp_path: Path) -> None:
    new, old = fake_release(tmp_path / "new"), fake_release(tmp_path / "old", "rows = []", "2026.7.1")
    done = smoke("--old", str(old), "--new", str(new), "--proof", str(tmp_path / "proof"), "--format", "json")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["verdict"], report["parity"]["line"].partition(", lines")[0]) == (
        0,
        "proved",
        "agents 2/2, sessions 14/14, transcripts 2/2, events 18/18",
    )
    assert CliRunner().invoke(main, ["proof", "check", str(tmp_path / "proof")]).exit_code == 0
    assert "--smoke" in (tmp_path / "proof" / "terminal.txt").read_text().splitlines()[0].split()


@pytest.mark.parametrize("number", ["2026.9.1", "2026.10.12-beta.3", "2031.1.2-1"])
def test_a_release_whose_number_stands_nowhere_in_this_program_is_no_name_that_must_not_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("OPENCLAW_CACHE", str(tmp_path))
    fake_release(tmp_path, version=number).rename(tmp_path / f"run-{number}")
    done = smoke("--new", number)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"({number})" in done.stdout


def test_a_release_that_loses_a_database_fails_the_job(tmp_path: Path) -> None:
    assert smoke("--new", str(fake_release(tmp_path / "new", LOSE))).exit_code == 1


def test_without_a_release_nothing_counts_as_tested() -> None:
    assert smoke().exit_code == 12


def test_the_state_of_who_runs_it_is_neither_read_nor_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path / "world")
    world.agent("main", {"agent:main:main": entry("s1", 5)})
    (world.state / "openclaw.json").write_text("no JSON")
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(world.state))
    monkeypatch.setenv("OPENCLAW_CONFIG_PATH", str(world.state / "openclaw.json"))
    before = fingerprint(world.state)
    done = smoke("--new", str(fake_release(tmp_path / "new")))
    assert (done.exit_code, fingerprint(world.state)) == (0, before)


@pytest.mark.parametrize("option", ["--state-dir", "--config"])
def test_another_state_cannot_be_named_beside_it(tmp_path: Path, option: str) -> None:
    done = smoke(option, str(tmp_path))
    assert done.exit_code == 2
    assert "--smoke has a state of its own" in done.stderr
