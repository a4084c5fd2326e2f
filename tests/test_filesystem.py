"""Files and directories that are private, durable, and never put in the place of another."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from migrator import filesystem
from migrator.filesystem import (
    exclusive_lock,
    free_bytes,
    make_private_directory,
    open_regular_file,
    publish,
    replace_durably,
)
from migrator.model.errors import BusyError, ChangedError
from migrator.sqlite.snapshot import identify


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


def test_a_file_is_moved_without_replacing_another(tmp_path: Path) -> None:
    source, final = tmp_path / "source", tmp_path / "final"
    source.write_bytes(b"new")
    final.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        filesystem.move(source, final)
    assert (source.read_bytes(), final.read_bytes()) == (b"new", b"old")
    final.unlink()
    filesystem.move(source, final)
    assert (source.exists(), final.read_bytes()) == (False, b"new")


def test_without_hard_links_it_is_moved_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    test_a_file_is_moved_without_replacing_another(tmp_path)


def test_a_copy_is_never_written_through_a_link(tmp_path: Path) -> None:
    source, mine, copy = tmp_path / "source", tmp_path / "mine", tmp_path / "copy"
    source.write_bytes(b"source")
    mine.write_bytes(b"mine")
    copy.symlink_to(mine)
    filesystem.copy_durably(source, copy, identify(str(source)))
    assert (mine.read_bytes(), copy.read_bytes()) == (b"mine", b"source")


def test_what_the_system_writes_only_in_part_is_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data)[:3]))
    with (tmp_path / "file").open("wb") as stream:
        filesystem.write_all(stream.fileno(), b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"
    monkeypatch.setattr(os, "write", lambda _handle, _data: 0)
    with (tmp_path / "file").open("wb") as stream, pytest.raises(OSError, match="nothing was written"):
        filesystem.write_all(stream.fileno(), b"x")


def test_a_lock_file_that_its_holder_has_removed_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, other, real = tmp_path / "runs" / "lock", tmp_path / "other", os.open
    lock.parent.mkdir()
    other.touch()

    def late(path: Path, flags: int, mode: int = 0o777) -> int:
        handle = real(path, flags, mode)
        other.replace(lock)
        return handle

    monkeypatch.setattr(os, "open", late)
    with pytest.raises(BusyError), filesystem.exclusive_lock(lock):
        pass


def test_temporary_directories_of_dead_processes_are_removed_and_no_others(tmp_path: Path) -> None:
    prefix = "openclaw-session-migrator-"
    for name in ("dead0000", "new00000", "live0000", "evidence"):
        folder = tmp_path / f"{prefix}{name}"
        folder.mkdir()
        (folder / "copy.sqlite").write_bytes(b"secret")
        if name != "evidence":  # the user's own, whatever its name
            (folder / ".scratch").touch()
        if name != "new00000":
            os.utime(folder, (1, 1))
    (tmp_path / f"{prefix}link0000").symlink_to(tmp_path / f"{prefix}evidence")
    mine = tmp_path / "migrator-proofs"
    mine.mkdir()
    os.utime(mine, (1, 1))
    with filesystem._held(str(tmp_path / f"{prefix}live0000")):
        filesystem.remove_stale_scratch(str(tmp_path))
    left = {path.name.removeprefix(prefix) for path in tmp_path.iterdir()}
    assert left == {"new00000", "live0000", "evidence", "link0000", "migrator-proofs"}


def test_a_temporary_directory_is_held_while_it_is_used() -> None:
    with filesystem.scratch_directory() as folder:
        with pytest.raises(BlockingIOError), filesystem._held(folder):
            pass
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
