"""Files and directories that are private, durable, and never put in the place of another."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from migrator.errors import BusyError, ChangedError
from migrator.filesystem import (
    exclusive_lock,
    free_bytes,
    make_private_directory,
    open_regular_file,
    publish,
    replace_durably,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def open_umask() -> object:
    """Nothing here may rely on a careful umask."""
    old = os.umask(0)
    yield
    os.umask(old)


def test_a_directory_that_is_made_is_private(tmp_path: Path) -> None:
    assert make_private_directory(tmp_path / "new") is True
    assert mode(tmp_path / "new") == 0o700


def test_a_directory_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    assert make_private_directory(tmp_path / "old") is False
    assert mode(tmp_path / "old") == 0o755


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_directory_that_root_makes_belongs_to_the_owner_of_its_parent(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12346)
    make_private_directory(tmp_path / "new")
    status = (tmp_path / "new").stat()
    assert (status.st_uid, status.st_gid) == (12345, 12346)


def test_publishing_gives_a_file_its_final_name(tmp_path: Path) -> None:
    (tmp_path / "temporary").write_bytes(b"content")
    publish(tmp_path / "temporary", tmp_path / "final")
    assert os.listdir(tmp_path) == ["final"]
    assert (tmp_path / "final").read_bytes() == b"content"
    assert (tmp_path / "final").stat().st_nlink == 1


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_publishing_never_takes_the_place_of_another(tmp_path: Path, kind: str) -> None:
    (tmp_path / "temporary").write_bytes(b"new")
    final = tmp_path / "final"
    if kind == "file":
        final.write_bytes(b"old")
    elif kind == "directory":
        final.mkdir()
    else:
        final.symlink_to(tmp_path / "nothing")
    before = final.lstat()
    with pytest.raises(ChangedError):
        publish(tmp_path / "temporary", final)
    assert final.lstat() == before
    assert not (tmp_path / "nothing").exists()


def test_replacing_writes_a_private_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"something longer")
    path.chmod(0o644)
    replace_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def no_space(_handle: int) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="no space"):
        replace_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_free_space_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet" / "there") > 0
    assert not (tmp_path / "not").exists()


def test_a_lock_is_held_until_the_block_ends(tmp_path: Path) -> None:
    lock = tmp_path / "runs" / ".lock"
    lock.parent.mkdir()
    with exclusive_lock(lock):
        assert mode(lock) == 0o600
        with pytest.raises(BusyError) as caught, exclusive_lock(lock):
            pass
        assert caught.value.exit_code == 11
    with exclusive_lock(lock):
        pass


def test_a_lock_is_given_back_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive_lock(tmp_path / ".lock"):
        raise ZeroDivisionError
    with exclusive_lock(tmp_path / ".lock"):
        pass


def test_a_file_that_grows_all_the_time_is_read_as_long_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"a" * 10)
    with open_regular_file(path) as stream, path.open("ab", buffering=0) as writer:
        read = b""
        while piece := stream.read(4):
            writer.write(b"b" * 5)
            read += piece
        stream.seek(0)
        assert stream.read() == read == b"a" * 10


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("folder", "pipe", "device"):
        with pytest.raises(OSError, match="regular"):
            open_regular_file(tmp_path / name)


def test_a_link_is_followed_unless_that_is_not_wanted(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"x")
    with open_regular_file(tmp_path / "link") as stream:
        assert stream.read(9) == b"x"
    with pytest.raises(OSError):
        open_regular_file(tmp_path / "link", follow=False)
