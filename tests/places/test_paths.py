"""Where OpenClaw keeps things: names, homes, state directories, database paths."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.model.errors import UsageError
from migrator.openclaw.places.paths import (
    RealPaths,
    absolute_path,
    effective_home,
    expand_user_path,
    find_os_home,
    is_valid_agent_id,
    js_trim,
    normalize_agent_id,
    read_small_file,
    resolve_state_dir,
    store_database,
)

# What 2026.7.1 was seen to do, and the notes on the rule.
OBSERVED_IDS = [
    ("Ops Team", "ops-team"),
    ("Retired Agent", "retired-agent"),
    ("--x--", "x"),
    ("###", "main"),
    ("..", "main"),
    (".hidden", "hidden"),
    ("Ünï", "n"),
    ("İstanbul", "i-stanbul"),
    ("émoji🦞bot", "moji-bot"),
    ("\u017ftart", "tart"),
    ("\u212a", "k"),
    ("a.b", "a-b"),
    ("a/b", "a-b"),
    ("a:b", "a-b"),
    ("x" * 65, "x" * 64),
    ("x" * 63 + " y", "x" * 63 + "-"),
    ("a" * 80, "a" * 64),
    ("_under", "_under"),
    ("a--b", "a--b"),
    ("Main", "main"),
    ("MAIN2", "main2"),
    ("a-", "a-"),
    ("", "main"),
    (None, "main"),
    ("\ufeff\u00a0Work\u3000\n", "work"),
    ("\u0085work\u001c", "work"),
    ("\ud800", "main"),
    ("\udcff x", "x"),
]


@pytest.mark.parametrize(("name", "agent_id"), OBSERVED_IDS)
def test_an_agent_id_is_what_openclaw_makes_of_the_name(name: str | None, agent_id: str) -> None:
    assert normalize_agent_id(name) == agent_id


@given(st.text())
def test_an_agent_id_has_at_most_64_plain_characters_and_never_begins_with_a_dash(name: str) -> None:
    agent_id = normalize_agent_id(name)
    assert re.fullmatch(r"[a-z0-9_][a-z0-9_-]{0,63}", agent_id)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True))
def test_a_valid_id_is_only_lowered(name: str) -> None:
    assert is_valid_agent_id(name)
    assert normalize_agent_id(name) == name.lower()


def test_trimming_takes_the_byte_order_mark_but_no_control_characters() -> None:
    assert js_trim("\ufeff\u2028\v x \u205f") == "x"
    assert js_trim("\u0085x\u001f") == "\u0085x\u001f"


@pytest.mark.parametrize(
    ("env", "home"),
    [
        ({"HOME": " /h "}, "/h"),
        ({"HOME": "undefined", "USERPROFILE": "/p"}, "/p"),
        (
            {"HOME": "null", "PREFIX": "/d/com.termux/files/usr/", "ANDROID_DATA": "/a"},
            "/d/com.termux/files/home",
        ),
        ({"HOME": "", "PREFIX": "/d/com.termux/files/usr"}, "/system"),
        ({"PREFIX": "/d/xcom.termux/files/usr", "ANDROID_DATA": "/a"}, "/system"),
    ],
)
def test_the_home_is_the_first_that_is_set(env: dict[str, str], home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/system"))
    assert find_os_home(env) == home


def test_an_unknown_home_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", unknown)
    assert find_os_home({}) == ""


@pytest.mark.parametrize(
    ("value", "home"),
    [
        ("/x", "/x"),
        ("~", "/home/u"),
        ("~/y", "/home/u/y"),
        ("~bob", "~bob"),
        (" undefined ", "/home/u"),
        ("", "/home/u"),
    ],
)
def test_openclaw_home_overrides_the_home(value: str, home: str) -> None:
    assert effective_home({"OPENCLAW_HOME": value}, "/home/u") == home


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "/home/u"),
        ("~/a/../b", "/home/u/b"),
        ("~bob/x", "/work/dir/~bob/x"),
        ("  a//b/. ", "/work/dir/a/b"),
        ("../../../x", "/x"),
        ("//x/y", "/x/y"),
        ("/a/", "/a"),
        ("", "/work/dir"),
    ],
)
def test_a_path_of_a_person_becomes_absolute_as_in_node(text: str, path: str) -> None:
    assert expand_user_path(text, "/home/u", "/work/dir") == path


def test_an_unknown_home_is_the_working_directory() -> None:
    assert absolute_path("~/x", "", "/work") == "/work/x"


def test_a_path_that_is_not_trimmed_keeps_its_blanks() -> None:
    assert absolute_path(" ~/x ", "/home/u", "/work") == "/work/ ~/x "


def test_the_option_wins_over_the_environment(tmp_path: Path) -> None:
    env = {"OPENCLAW_STATE_DIR": "~/env", "OPENCLAW_PROFILE": "ignored"}
    home = str(tmp_path)
    assert resolve_state_dir("opt", env, home, "/cwd") == ("/cwd/opt", "--state-dir")
    assert resolve_state_dir(None, env, home, "/cwd") == (f"{home}/env", "OPENCLAW_STATE_DIR")
    env["OPENCLAW_STATE_DIR"] = "  "
    assert resolve_state_dir(None, env, home, "/cwd") == (f"{home}/.openclaw", "default")


def test_a_blank_state_dir_option_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        resolve_state_dir(" ", {}, "/h", "/")


def test_an_older_name_counts_only_while_the_new_one_is_missing(tmp_path: Path) -> None:
    home = str(tmp_path)
    (tmp_path / ".moldbot").mkdir()
    (tmp_path / ".moltbot").mkdir()
    assert resolve_state_dir(None, {}, home, "/") == (f"{home}/.moltbot", "legacy name")
    (tmp_path / ".clawdbot").mkdir()
    assert resolve_state_dir(None, {}, home, "/") == (f"{home}/.clawdbot", "legacy name")
    (tmp_path / ".openclaw").write_text("a file counts, too")
    assert resolve_state_dir(None, {}, home, "/") == (f"{home}/.openclaw", "default")


def test_the_state_directory_follows_openclaw_home(tmp_path: Path) -> None:
    env = {"OPENCLAW_HOME": "other"}
    assert resolve_state_dir(None, env, str(tmp_path), "/cwd") == ("/cwd/other/.openclaw", "default")


@pytest.mark.parametrize("directory", ["main", "Retired Agent", "retired-agent", "###", "sessions", "\udcff", "--x--"])
def test_the_database_of_an_agent_is_in_the_directory_on_disk(directory: str) -> None:
    database, agent = store_database(f"/s/agents/{directory}/sessions/sessions.json")
    assert database == f"/s/agents/{directory}/agent/openclaw-agent.sqlite"
    assert agent == directory


@pytest.mark.parametrize(
    "store",
    [
        "/data/store.json",
        "/s/agents/main/sessions/store.json",
        "/s/agents/main/Sessions/sessions.json",
        "/s/agents/sessions/sessions.json",
        "/s/Agents/main/sessions/sessions.json",
        "/s/sessions/sessions.json",
        "/agents/a/sessions/sessions.json/sessions.json",
    ],
)
def test_any_other_store_has_a_database_beside_it_that_is_named_after_its_path(store: str) -> None:
    digest = hashlib.sha256(store.encode()).hexdigest()[:16]
    folder = store.rpartition("/")[0]
    assert store_database(store) == (f"{folder}/openclaw-session-store-{digest}.sqlite", None)


def test_the_name_of_such_a_database_is_known(tmp_path: Path) -> None:
    # sha256 of "/data/store.json", computed with another program
    assert store_database("/data/x/../store.json")[0] == "/data/openclaw-session-store-3cce0bd412bcb6d7.sqlite"


def test_a_store_path_that_is_not_utf_8_is_hashed_as_its_bytes() -> None:
    digest = hashlib.sha256(b"/d/\xff.json").hexdigest()[:16]
    assert store_database(os.fsdecode(b"/d/\xff.json")) == (
        f"/d/openclaw-session-store-{digest}.sqlite",
        None,
    )


def test_a_relative_store_counts_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert store_database("agents/a/sessions/sessions.json")[0] == str(
        tmp_path / "agents/a/agent/openclaw-agent.sqlite"
    )


def test_a_small_file_is_read_up_to_the_limit_and_not_beyond(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_small_file(str(path), 5) == b"12345"
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        read_small_file(str(path), 4)


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/dev/fd").iterdir()))
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
            read_small_file(str(path), 5)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_second_hard_link_is_refused_only_if_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    os.link(tmp_path / "a", tmp_path / "b")
    assert read_small_file(str(tmp_path / "a"), 5) == b"x"
    with pytest.raises(OSError, match=os.strerror(errno.EMLINK)):
        read_small_file(str(tmp_path / "a"), 5, single_link=True)


PARTS = st.sampled_from(["folder", "file", "missing", "link", "loop", "up", ".", ".."])


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which links lead into each other."""
    root = tmp_path_factory.mktemp("linked")
    (root / "folder" / "folder").mkdir(parents=True)
    for place in (root, root / "folder"):
        (place / "file").write_text("")
        (place / "link").symlink_to("folder")
        (place / "loop").symlink_to("loop")
        (place / "up").symlink_to(root)
    return root


@given(paths=st.lists(st.lists(PARTS, max_size=6).map("/".join), min_size=1, max_size=4))
def test_real_paths_are_what_the_system_says(linked: Path, paths: list[str]) -> None:
    real = RealPaths()
    # Behind a link to itself nothing can be; there Python gives up, and leaves the rest as it is spelled.
    for path in (f"{linked}/{path}" for path in paths if "loop/" not in path):
        assert real.of(path) == os.path.realpath(path)
        assert real.is_inside(path, f"{linked}/link") == (
            linked / "folder" in (there := Path(real.of(path)), *there.parents)
        )


def test_a_folder_is_resolved_once_however_many_files_are_in_it(tmp_path: Path) -> None:
    real = RealPaths()
    real.of(str(tmp_path / "first"))
    with patch("os.lstat", side_effect=os.lstat) as looked:
        assert all(real.of(str(tmp_path / name)) == str(tmp_path / name) for name in "abcd")
    assert looked.call_count == 4
