"""A private copy has everything of the original that OpenClaw could trip over, and leads to nothing outside."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from migrator.model.errors import RefusedError
from migrator.model.upgrade import FileChanges
from migrator.upgrades.private_copy import changes, copy_tree, read_tree, times
from tests.conftest import fingerprint


@pytest.fixture
def state(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    (state / "a").mkdir(parents=True)
    (state / "a" / "c").write_text("2")
    (state / "a-b").write_text("1")
    (state / "a-b").chmod(0o640)
    (state / "inside").symlink_to(state / "a" / "c")
    (state / "a" / "up").symlink_to("../a-b")
    (state / "outside").symlink_to(tmp_path)
    os.link(state / "a-b", tmp_path / "backup-of-a-b")
    os.mkfifo(state / "pipe")
    os.utime(state / "a", (1, 2))
    return state


def test_files_keep_content_mode_and_time_and_links_lead_into_the_copy(state: Path, tmp_path: Path) -> None:
    before = fingerprint(state)
    copy = tmp_path / "copy"
    copy_tree(str(state), copy)
    assert fingerprint(state) == before
    assert (copy / "a" / "c").read_text() == "2"
    assert stat.S_IMODE((copy / "a-b").stat().st_mode) == 0o640
    assert (copy / "a-b").stat().st_mtime_ns == (state / "a-b").stat().st_mtime_ns
    assert (copy / "a").stat().st_mtime == 2
    assert (copy / "inside").resolve() == copy / "a" / "c"
    assert (copy / "a" / "up").resolve() == copy / "a-b"
    assert not os.path.lexists(copy / "outside")
    assert not os.path.lexists(copy / "pipe")


def test_a_file_with_several_names_has_several_in_the_copy_too(state: Path, tmp_path: Path) -> None:
    copy_tree(str(state), tmp_path / "copy")
    assert (tmp_path / "copy" / "a-b").stat().st_nlink == 2
    assert (tmp_path / "copy" / "a" / "c").stat().st_nlink == 1


def test_the_manifest_is_what_common_tools_make_of_the_files(state: Path) -> None:
    tree = read_tree(str(state))
    text = "".join(f"{sha256(t.encode()).hexdigest()}  ./{name}\n" for name, t in (("a-b", "1"), ("a/c", "2")))
    assert tree.manifest == sha256(text.encode()).hexdigest()
    assert (tree.size, tree.links_outside) == (2, 1)


@pytest.mark.parametrize(
    "touch",
    [
        lambda state: (state / "a-b").write_text("x"),
        lambda state: (state / "a-b").chmod(0o600),
        lambda state: (state / "new").mkdir(),
        lambda state: (state / "pipe").unlink(),
        lambda state: os.utime(state / "a" / "c", (5, 5)),
        lambda state: ((state / "outside").unlink(), (state / "outside").symlink_to("/")),
    ],
)
def test_no_change_of_the_original_goes_unnoticed(state: Path, touch: object) -> None:
    before = read_tree(str(state))
    assert read_tree(str(state)) == before
    assert callable(touch)
    touch(state)
    assert read_tree(str(state)) != before


def test_created_changed_and_removed_files_are_told_apart(state: Path) -> None:
    before = times(str(state))
    (state / "new").write_text("")
    (state / "a" / "c").write_text("2")  # the same content: it was written to all the same
    (state / "outside").unlink()
    assert changes(before, times(str(state))) == FileChanges(("new",), ("a/c",), ("outside",))


def test_a_file_that_vanishes_while_a_gateway_runs_is_not_there(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.lstat

    def vanish(path: str) -> os.stat_result:
        if str(path).endswith("a-b"):
            raise FileNotFoundError
        return real(path)

    monkeypatch.setattr("os.lstat", vanish)
    assert times(str(state)).keys() == {"a/c", "a/up", "inside", "outside", "pipe"}


def test_what_cannot_be_read_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> None:
        raise PermissionError

    monkeypatch.setattr("migrator.upgrades.private_copy.open_regular_file", refuse)
    with pytest.raises(RefusedError, match="cannot be read"):
        read_tree(str(state))
    with pytest.raises(RefusedError, match="cannot be read"):
        read_tree(str(state / "nowhere"))
