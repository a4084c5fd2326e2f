from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.model.errors import BusyError
from migrator.sqlite import shapes, snapshot
from migrator.sqlite.snapshot import database_files, identify, open_snapshot, open_writable, read_regular
from tests.conftest import fingerprint
from tests.sqlite_worlds import execute, insert, make
from tests.worlds import fill_wal

TABLE = ("CREATE TABLE t (x)",)


def values(connection: sqlite3.Connection) -> list[object]:
    return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY rowid")]


def values_at(path: Path) -> list[object]:
    with open_snapshot(str(path)) as connection:
        return values(connection)


@contextmanager
def writer(path: Path, journal_mode: str) -> Iterator[sqlite3.Connection]:
    """A connection that keeps its journals while it is open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        yield connection


@pytest.fixture
def filled_wal(tmp_path: Path) -> Path:
    """A database as a killed writer leaves it: one row in the file, a second one in ``-wal``."""
    origin = make(tmp_path / "origin.sqlite", 1, TABLE, insert("t", ("in the file",)))
    folder = tmp_path / "state"
    folder.mkdir()
    with writer(origin, "WAL") as connection:
        connection.execute("INSERT INTO t VALUES ('in the wal')")
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{origin}{suffix}", folder / f"db.sqlite{suffix}")
    assert (folder / "db.sqlite-wal").stat().st_size > 0
    return folder / "db.sqlite"


@pytest.fixture
def hot_journal(tmp_path: Path) -> Path:
    """A database whose writer was killed in the middle of a transaction that had reached the file."""
    rows = [(f"old {number}" + "." * 1000,) for number in range(200)]
    origin = make(tmp_path / "origin.sqlite", 1, TABLE, insert("t", *rows))
    folder = tmp_path / "state"
    folder.mkdir()
    with writer(origin, "DELETE") as connection:
        connection.execute("PRAGMA cache_size = 2")
        connection.execute("BEGIN")
        connection.execute("UPDATE t SET x = replace(x, 'old', 'new')")
        for suffix in ("", "-journal"):
            shutil.copy(f"{origin}{suffix}", folder / f"db.sqlite{suffix}")
    assert b"new" in (folder / "db.sqlite").read_bytes()
    return folder / "db.sqlite"


@pytest.mark.parametrize(
    "world", ["legacy-2026.7.1-with-database", "upgraded-2026.6.1-to-2026.9.6", "defect-malformed-line"]
)
def test_reading_a_database_of_a_real_release_touches_nothing(unpack: Callable[[str], Path], world: str) -> None:
    root = unpack(world)
    before = fingerprint(root)
    databases = list(root.rglob("openclaw-agent.sqlite"))
    for path in databases:
        with open_snapshot(str(path)) as connection:
            assert connection.execute("SELECT count(*) FROM schema_meta").fetchone() == (1,)
        database_files(str(path))
    assert databases
    assert fingerprint(root) == before


def test_a_filled_wal_is_read_and_nothing_is_touched(filled_wal: Path) -> None:
    before = fingerprint(filled_wal.parent)
    assert values_at(filled_wal) == ["in the file", "in the wal"]
    assert fingerprint(filled_wal.parent) == before


def test_an_empty_wal_needs_no_copy(filled_wal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(f"{filled_wal}-wal").write_bytes(b"")
    monkeypatch.setattr(snapshot, "_copy_set", lambda *_: pytest.fail("copied"))
    before = fingerprint(filled_wal.parent)
    assert values_at(filled_wal) == ["in the file"]
    assert fingerprint(filled_wal.parent) == before


def test_a_hot_journal_is_rolled_back_in_the_copy_only(hot_journal: Path) -> None:
    before = fingerprint(hot_journal.parent)
    found = values_at(hot_journal)
    assert len(found) == 200
    assert all(str(value).startswith("old") for value in found)
    assert fingerprint(hot_journal.parent) == before


def test_a_closed_wal_database_gets_no_journals(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    path = make(folder / "db.sqlite", 1, TABLE, insert("t", (1,)))
    with writer(path, "WAL"):
        pass
    before = fingerprint(folder)
    assert values_at(path) == [1]
    assert fingerprint(folder) == before
    assert [path.name for path in folder.iterdir()] == ["db.sqlite"]


def test_the_copy_is_private_and_goes_away(filled_wal: Path) -> None:
    with open_snapshot(str(filled_wal)) as connection:
        (copy,) = (Path(row[2]) for row in connection.execute("PRAGMA database_list"))
        assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
        assert filled_wal.parent not in copy.parents
    assert not copy.parent.exists()


@pytest.mark.parametrize("world", ["filled_wal", "hot_journal"])
def test_neither_way_of_opening_can_write(world: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    for path in (request.getfixturevalue(world), make(tmp_path / "plain.sqlite", 1, TABLE)):
        with (
            open_snapshot(str(path)) as connection,
            pytest.raises(sqlite3.OperationalError, match="readonly"),
        ):
            connection.execute("DELETE FROM t")


@pytest.mark.parametrize("missing", ["absent.sqlite", "absent/absent.sqlite"])
def test_a_missing_database_is_not_created(tmp_path: Path, missing: str) -> None:
    before = fingerprint(tmp_path)
    for read in (values_at, lambda path: database_files(str(path)), lambda path: identify(str(path))):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / missing)
    with pytest.raises(sqlite3.OperationalError):
        open_writable(str(tmp_path / missing))
    assert fingerprint(tmp_path) == before


def test_journals_without_a_database_are_a_missing_database(filled_wal: Path) -> None:
    filled_wal.unlink()
    with pytest.raises(FileNotFoundError):
        values_at(filled_wal)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems restrict the bytes of a name")
@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=100).filter(lambda name: not set(name) & set(b"/\0")))
def test_any_file_name_can_be_opened(name: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shown = "db" + os.fsdecode(name)
        origin = make(Path(folder, "origin"), 1, TABLE, insert("t", (shown.encode("utf-8", "replace"),)))
        path = origin.rename(Path(folder, shown))
        assert values_at(path) == [shown.encode("utf-8", "replace")]
        with closing(open_writable(str(path))) as connection:
            assert len(values(connection)) == 1
        assert list(Path(folder).iterdir()) == [path]


@pytest.mark.parametrize("name", ["a b", "a%20b", "a?mode=rwc", "a#b", "a&b=c", "a\nb", "🦞é", "file:x", "a'\"b"])
def test_names_that_mean_something_in_a_uri_are_only_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    path = make(folder / "origin", 1, TABLE, insert("t", (name,))).rename(folder / name)
    before = fingerprint(tmp_path)
    assert values_at(path) == [name]
    assert fingerprint(tmp_path) == before


def test_two_slashes_in_front_do_not_name_another_machine(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, TABLE, insert("t", (7,)))
    assert values_at(Path("//" + str(path).lstrip("/"))) == [7]


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "db", 1, TABLE, insert("t", (7,)))
    monkeypatch.chdir(tmp_path)
    assert values_at(Path("db")) == [7]


def test_a_path_that_is_too_long_for_sqlite_is_an_sqlite_error(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 200) / ("b" * 200) / ("c" * 200)
    folder.mkdir(parents=True)
    path = make(tmp_path / "db", 1, TABLE).rename(folder / "db")
    with pytest.raises(sqlite3.OperationalError):
        values_at(path)


def test_a_linked_database_is_read_with_the_journals_of_the_real_file(filled_wal: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.symlink_to(filled_wal)
    assert values_at(link) == ["in the file", "in the wal"]
    assert [suffix for suffix, _ in database_files(str(link))] == ["", "-wal"]


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe", "loop", "."):
        with pytest.raises(OSError):
            values_at(tmp_path / name)
        with pytest.raises(OSError):
            database_files(str(tmp_path / name))


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_journal_that_is_no_regular_file_is_refused(filled_wal: Path, tmp_path: Path, kind: str) -> None:
    journal = Path(f"{filled_wal}-wal")
    real = journal.rename(tmp_path / "elsewhere")
    if kind == "link":
        journal.symlink_to(real)
        with pytest.raises(OSError):
            values_at(filled_wal)
    else:
        os.mkfifo(journal)
    with pytest.raises(OSError):
        database_files(str(filled_wal))


def test_what_is_no_database_fails_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(b"this is not a database, and it is long enough to be one" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        values_at(path)


def test_a_change_while_it_is_read_makes_the_snapshot_worthless(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, TABLE, insert("t", (1,)))
    with (
        pytest.raises(BusyError) as caught,
        open_snapshot(str(path)) as connection,
        writer(path, "DELETE") as other,
    ):
        assert values(connection) == [1]
        other.execute("INSERT INTO t VALUES (2)")
    assert str(path) not in str(caught.value)


@pytest.mark.parametrize("change", ["wal appears", "database vanishes"])
def test_a_file_that_comes_or_goes_makes_the_snapshot_worthless(tmp_path: Path, change: str) -> None:
    path = make(tmp_path / "db", 1, TABLE)
    with pytest.raises(BusyError), open_snapshot(str(path)):
        if change == "wal appears":
            Path(f"{path}-wal").write_bytes(b"x")
        else:
            path.unlink()


def test_an_error_of_sqlite_after_a_change_is_blamed_on_the_change(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, TABLE)
    with pytest.raises(BusyError), open_snapshot(str(path)):
        path.write_bytes(b"")
        raise sqlite3.DatabaseError("malformed")
    path = make(tmp_path / "other", 1, TABLE)
    with pytest.raises(sqlite3.DatabaseError, match="malformed"), open_snapshot(str(path)):
        raise sqlite3.DatabaseError("malformed")


class Copies:
    """Count copies of files, and let somebody write after some of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: Callable[[int], object]) -> None:
        self.made = 0
        real = snapshot._copy

        def copy(source: str, target: Path) -> None:
            real(source, target)
            self.made += 1
            after(self.made)

        monkeypatch.setattr(snapshot, "_copy", copy)


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def test_a_set_that_changes_while_it_is_copied_is_copied_again(
    filled_wal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = Copies(monkeypatch, lambda made: touch(filled_wal) if made == 1 else None)
    assert values_at(filled_wal) == ["in the file", "in the wal"]
    assert copies.made == 4


@pytest.mark.parametrize("copies_before", [1, 2])
def test_a_journal_that_vanishes_while_it_is_copied_is_not_in_the_copy(
    filled_wal: Path, monkeypatch: pytest.MonkeyPatch, copies_before: int
) -> None:
    wal = Path(f"{filled_wal}-wal")
    Copies(monkeypatch, lambda made: wal.unlink() if made == copies_before else None)
    assert values_at(filled_wal) == ["in the file"]


def test_a_set_that_never_rests_is_busy(filled_wal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = Copies(monkeypatch, lambda _made: touch(filled_wal))
    with pytest.raises(BusyError):
        values_at(filled_wal)
    assert copies.made == 10


def test_files_are_identified_by_suffix_and_digest(filled_wal: Path) -> None:
    Path(f"{filled_wal}-journal").write_bytes(b"")
    files = dict(database_files(str(filled_wal)))
    assert list(files) == ["", "-wal", "-journal"]
    for suffix, identity in files.items():
        path = Path(f"{filled_wal}{suffix}")
        content, status = path.read_bytes(), path.stat()
        assert (identity.size, identity.sha256) == (len(content), sha256(content).hexdigest())
        assert (identity.mtime_ns, identity.mode) == (status.st_mtime_ns, stat.S_IMODE(status.st_mode))
        assert (identity.uid, identity.gid, identity.links) == (status.st_uid, status.st_gid, 1)


def test_a_file_of_several_blocks_is_hashed_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(3 * 1024 * 1024 + 1))
    assert identify(str(path)).sha256 == sha256(path.read_bytes()).hexdigest()


def test_a_link_has_no_identity_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError):
        identify(str(tmp_path / "link"))


def test_a_file_that_grows_while_it_is_hashed_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    class Digest:
        def update(self, _block: bytes) -> None:
            if path.stat().st_size < 10:
                path.write_bytes(b"and after it")

        def hexdigest(self) -> str:
            return ""

    monkeypatch.setattr(snapshot, "sha256", Digest)
    with pytest.raises(BusyError) as caught:
        identify(str(path))
    assert caught.value.subject is not None
    assert caught.value.subject.text == str(path)


def test_a_writable_connection_leaves_transactions_to_its_user(tmp_path: Path) -> None:
    path = make(tmp_path / "db", 1, TABLE)
    with closing(open_writable(str(path))) as connection:
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.execute("PRAGMA synchronous").fetchone() == (3,)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("ROLLBACK")
    assert values_at(path) == []


def test_no_more_is_read_of_a_file_than_was_allowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert read_regular(path, 20) == b"0123456789"
    assert read_regular(path, 5) == b"012345"


def test_a_real_database_of_schema_23_is_read_and_sound_with_rows_in_its_wal(unpack: Callable[[str], Path]) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    path = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    fill_wal(path, execute("INSERT INTO session_members VALUES ('agent:main:main', 'somebody', 'me', 1)"))
    with open_snapshot(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM session_members").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM session_nodes").fetchone() == (12,)
        assert shapes.integrity(connection) == ()
