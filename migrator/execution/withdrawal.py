"""Taking databases out of their places, so that nothing is removed that others put there, or wrote, meanwhile.

Between a look at a file and its removal somebody may be quicker. So a database first gets a name beside its place that
nobody else opens, and is looked at by that name. If it is not what the run has left, it goes back to its place, or into
the folder of the run. A kill leaves that name, and the next roll-back goes on from there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from migrator.filesystem import fsync_directory, move
from migrator.model.errors import BusyError
from migrator.model.words import Finding, Name
from migrator.runs.backups import SET, settle
from migrator.runs.moving import carry, swap
from migrator.runs.run import Run
from migrator.scanning.sources import digest_now
from migrator.sqlite.content import Tables, table_digests
from migrator.sqlite.snapshot import open_snapshot


def hidden(database: Path, run_id: str) -> Path:
    """The name by which a database is looked at once more before it is removed."""
    return database.with_name(f".{database.name}.{run_id}.withdrawn")


def written_to(path: Path, *expected: Tables, name: Name | None = None) -> Iterator[Finding]:
    """Whether a database holds anything else than what the run, or whoever was before it, left in it."""
    name = name or Name("database", str(path))
    try:
        with open_snapshot(str(path)) as connection:
            now = table_digests(connection)
    except (OSError, sqlite3.Error):
        yield Finding("rollback.database-unreadable", name)
        return
    if now not in expected:
        known = expected[0]
        tables = sorted(table for table in {*known, *now} if known.get(table) != now.get(table))
        counts = (("rows_then", _rows(known, tables)), ("rows_now", _rows(now, tables)))
        yield Finding("rollback.database-changed", name, counts, tuple(Name("table", table) for table in tables))


def _rows(found: Tables, tables: list[str]) -> int:
    return sum(found[table][0] for table in tables if table in found)


class Withdrawals:
    """Takes databases out of their places for one roll-back; ``expected`` is always what its run may have left there.

    What others have written is set aside in the folder of the run if ``sets_aside``, and counted by ``count``;
    otherwise it stays at its place, and BusyError is raised.
    """

    def __init__(self, run: Run, sets_aside: bool) -> None:
        self.count = 0
        self._run = run
        self._sets_aside = sets_aside

    def resume(self, database: Path, *expected: Tables, copied: str = "") -> None:
        """Go on where a kill has left a database out of its place, or a file on its way there that has a digest."""
        taken = hidden(database, self._run.id)
        if not os.path.lexists(taken):
            return
        if not os.path.lexists(database):
            move(taken, database)
        elif taken.samefile(database) or digest_now(str(taken)) == copied:
            taken.unlink()
        else:
            self._drop(taken, database, expected)
        fsync_directory(database.parent)

    def remove(self, database: Path, *expected: Tables) -> None:
        """Remove a database; of a link to one, the link. Journals that have lost theirs are set aside."""
        taken = hidden(database, self._run.id)
        if os.path.lexists(database):
            if not any(written_to(database, *expected)):
                settle(database)
            elif not self._sets_aside:
                raise _busy(database)
            database.rename(taken)
            try:
                self._judge(taken, database, expected)
            except BusyError:
                self._give_back(taken, database)
                raise
        if not os.path.lexists(database):
            self._set_aside(database, _journals(database))

    def replace(self, database: Path, expected: tuple[Tables, ...], new: Path, beside_journals: bool) -> None:
        """Put a file into the place of a database, which is ours already if there are journals beside it.

        Whatever has come between the two cannot go back there, and is set aside.
        """
        taken = hidden(database, self._run.id)
        swap(new, database, taken)
        if beside_journals:
            self._drop(taken, database, expected)
            return
        try:
            self._judge(taken, database, expected)
        except BusyError:
            swap(taken, database, new)
            raise

    def set_aside(self, database: Path) -> None:
        """Move a database with its journals into the folder of the run."""
        if not self._sets_aside:
            raise _busy(database)
        self._set_aside(database, {"": database, **_journals(database)})

    def _judge(self, taken: Path, database: Path, expected: tuple[Tables, ...]) -> None:
        """Remove a database that was taken out of its place, or set it aside with the journals that it has by now."""
        opened = _journals(database)
        if taken.is_symlink() or not (opened or any(written_to(taken, *expected))):
            taken.unlink()
        elif self._sets_aside:
            self._set_aside(database, {"": taken, **opened})
        else:
            raise _busy(database)
        fsync_directory(database.parent)

    def _drop(self, taken: Path, database: Path, expected: tuple[Tables, ...]) -> None:
        """Remove a file that was taken out of the place of a database, or set it aside, but leave what is there now."""
        if any(written_to(taken, *expected)):
            self._set_aside(database, {"": taken})
        else:
            taken.unlink()

    def _give_back(self, taken: Path, database: Path) -> None:
        try:
            move(taken, database)
        except FileExistsError:
            self._set_aside(database, {"": taken})
        fsync_directory(database.parent)

    def _set_aside(self, database: Path, files: dict[str, Path]) -> None:
        """Move files of a database, by the ends of their names there, into the folder of the run."""
        if not files:
            return
        folder = self._run.numbered("set-aside")
        self._run.note("set-aside", path=self._run.where(database), to=self._run.where(folder / database.name))
        for suffix, file in files.items():
            carry(file, folder / (database.name + suffix), digest_now(str(file)), os.rename)
        fsync_directory(database.parent)
        fsync_directory(folder.parent)
        self.count += 1


def _journals(database: Path) -> dict[str, Path]:
    found = {suffix: Path(str(database) + suffix) for suffix in SET[1:]}
    return {suffix: path for suffix, path in found.items() if os.path.lexists(path)}


def _busy(database: Path) -> BusyError:
    name = Name("database", str(database))
    return BusyError("{subject} was written to while the run was taken back; stop its writer and try again.", name)
