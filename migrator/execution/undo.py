"""Roll back: put everything as it was before a run, step by step as the run's journal has it.

First everything is looked at, and if anybody has written since, nothing is touched. Then every step can be taken again
after a kill: what is done already is left as it is. Nothing is destroyed that could not be made again: what others
have written is set aside in the folder of the run.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from migrator.execution.withdrawal import Withdrawals, hidden, written_to
from migrator.filesystem import fsync_directory
from migrator.model.errors import BusyError
from migrator.model.report import Undone
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import store_database
from migrator.runs.backups import SET, is_restored, restore_set, tidy_after_restore
from migrator.runs.moving import are_alike, carry, half_carried
from migrator.runs.run import Run, remove_place_for_runs
from migrator.runs.run_record import ArchivedSource, ChangedDatabase, CreatedDatabase, DirectoryBefore, RunRecord
from migrator.scanning.directories import is_inside
from migrator.scanning.sources import digest_now
from migrator.sqlite.content import Tables


def obstacles(record: RunRecord, later: tuple[RunRecord, ...]) -> tuple[Finding, ...]:
    """What stands in the way of taking a run back: what others have written since. ``later`` are the later runs."""
    return (
        *_later_runs(record, later),
        *(finding for one in record.created for finding in _created_obstacles(one)),
        *(finding for one in record.changed for finding in _changed_obstacles(one, record.folder.name)),
        *(finding for one in record.archived for finding in _source_obstacles(one)),
    )


def strangers(record: RunRecord, trusted: Sequence[str]) -> tuple[Finding, ...]:
    """Places outside of the state directory, which a journal from elsewhere may name; ``trusted`` are stores."""
    folders = {os.path.dirname(path) for store in trusted for path in (store, store_database(store)[0])}
    folders |= {os.path.dirname(folder) for folder in folders}
    return tuple(
        Finding("rollback.outside", Name("path", str(path)))
        for path in dict.fromkeys(record.places)
        if path != record.state_dir
        and not is_inside(str(path.parent), str(record.state_dir))
        and not {str(path), str(path.parent)} & folders
    )


def undo(record: RunRecord, now: datetime, set_aside: bool) -> Undone:
    """Take a run back, and note in its journal that it was.

    What is in the way is set aside in its folder if ``set_aside``. Raises BusyError if not, or if somebody uses a
    database, OSError and sqlite3.Error; it can be called again then.
    """
    run = Run(record.state_dir, now, record.folder)
    try:
        run.note("rollback")
        undone = _undo(record, run, set_aside)
        run.note("rolled-back")
    finally:
        run.close()
    return undone


def move_out(record: RunRecord, parent: Path) -> Path:
    """Move the folder of a run that was taken back out of the state directory, and give its new place.

    The state directory is as if the run had never been then. Raises OSError, and leaves the folder where it is.
    """
    parent.mkdir(parents=True, exist_ok=True)
    final = parent / record.folder.name
    try:
        record.folder.rename(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(record.folder, final)
        shutil.rmtree(record.folder)
    if record.folder.parent not in {directory.path for directory in record.directories}:
        remove_place_for_runs(record.state_dir)
    _restore_directories(record)
    return final


def _undo(record: RunRecord, run: Run, set_aside: bool) -> Undone:
    removed, restored, put_back, aside = 0, 0, 0, 0
    withdrawals = Withdrawals(run, set_aside)
    for source in reversed(record.archived):
        put_back += source.archive.exists()
        aside += _put_back(source, run)
    for changed in record.changed:
        restored += _restore(changed, withdrawals)
    for created in record.created:
        removed += _remove(created, withdrawals)
    remove_made(record)
    _restore_directories(record)
    return Undone(removed, restored, put_back, aside + withdrawals.count)


def _restore(one: ChangedDatabase, withdrawals: Withdrawals) -> bool:
    """Put the bytes of a database back, and say whether that was still to be done."""
    real = _real(one)
    withdrawals.resume(real, *_left_in(one), copied=dict(one.files)[""].sha256)
    is_to_be_restored = _is_to_be_restored(one)
    if is_to_be_restored:
        if real.exists() and any(
            found.code == "rollback.database-unreadable" for found in written_to(real, one.before)
        ):
            withdrawals.set_aside(real)
        replace = partial(withdrawals.replace, real, _left_in(one))
        restore_set(real, one.backup, one.files, replace)
    tidy_after_restore(real, one.backup)
    return is_to_be_restored


def _remove(one: CreatedDatabase, withdrawals: Withdrawals) -> bool:
    """Remove a database that the run has published, and what a killed build has left; say whether it was there."""
    if not one.path.parent.is_dir():
        return False
    one.temporary.unlink(missing_ok=True)
    if one.tables is None:
        return False
    withdrawals.resume(one.path, one.tables)
    was_there = one.path.exists()
    withdrawals.remove(one.path, one.tables)
    return was_there


def _left_in(one: ChangedDatabase) -> tuple[Tables, ...]:
    """What the run, or whoever was before it, has left in a database."""
    return (one.before,) if one.after is None else (one.after, one.before)


def remove_made(record: RunRecord) -> None:
    """Remove the directories that a run made, if they are empty."""
    for path in sorted(record.made, reverse=True):
        if path.is_dir() and not os.listdir(path):
            path.rmdir()
            fsync_directory(path.parent)


def _restore_directories(record: RunRecord) -> None:
    for directory in record.directories:
        if directory.path.is_dir():
            directory.path.chmod(directory.mode)
            os.utime(directory.path, ns=(directory.mtime_ns, directory.mtime_ns))


def leftovers(record: RunRecord) -> tuple[Finding, ...]:
    """What is not as it was before the run, although the run was taken back. Reads everything again."""
    wrong = [path for one in record.created for path in _traces(one, record) if os.path.lexists(path)]
    wrong += [one.path for one in record.changed if _is_to_be_restored(one)]
    wrong += [one.source for one in record.archived if digest_now(str(one.source)) != one.sha256]
    wrong += [path for path in record.made if os.path.lexists(path)]
    wrong += [one.path for one in record.directories if one.path not in wrong and _has_another_time(one)]
    return tuple(Finding("rollback.incomplete", Name("path", str(path))) for path in wrong)


def _has_another_time(directory: DirectoryBefore) -> bool:
    return directory.path.is_dir() and directory.path.stat().st_mtime_ns != directory.mtime_ns


def _later_runs(record: RunRecord, later: tuple[RunRecord, ...]) -> Iterator[Finding]:
    """Runs must be taken back from the last to the first, if they touched the same things."""
    for other in later:
        in_force = other.steps.keys() & {"publish", "commit", "archive"} and "rolled-back" not in other.steps
        shared = {*record.places} & {*other.places} - {record.state_dir, record.folder.parent}
        if in_force and other.number > record.number and shared:
            yield Finding("rollback.later-run", Name("path", str(other.folder)))


def _created_obstacles(one: CreatedDatabase) -> Iterator[Finding]:
    if one.tables is not None and os.path.lexists(one.path):
        yield from written_to(one.path, one.tables)


def _changed_obstacles(one: ChangedDatabase, run_id: str) -> Iterator[Finding]:
    if one.after is None:
        return  # the run has changed nothing in it, so whatever is there now is not its business
    if os.path.lexists(one.path):
        yield from written_to(one.path, one.after, one.before)
    elif not os.path.lexists(hidden(_real(one), run_id)):  # where a kill has left it, to be gone on with
        yield Finding("rollback.database-gone", Name("database", str(one.path)))


def _is_to_be_restored(one: ChangedDatabase) -> bool:
    """Whether the bytes of a database are not those before the run, and it was the run that changed them."""
    if is_restored(_real(one), one.files):
        return False
    return one.after is not None or not any(written_to(one.path, one.before))


def _source_obstacles(one: ArchivedSource) -> Iterator[Finding]:
    name = Name("path", str(one.source))
    if one.archive.exists():
        if digest_now(str(one.archive)) != one.sha256:
            yield Finding("rollback.archive-changed", name)
        if os.path.lexists(one.source) and not _is_same(one):
            yield Finding("rollback.place-taken", name)
    elif digest_now(str(one.source)) != one.sha256:
        yield Finding("rollback.source-changed" if os.path.lexists(one.source) else "rollback.source-gone", name)


def _is_same(one: ArchivedSource) -> bool:
    """Whether a kill has left a file at both of its places; a link to its directory is no second place."""
    if one.source.is_symlink() or os.path.realpath(one.source) == os.path.realpath(one.archive):
        return False
    return one.source.exists() and (one.source.samefile(one.archive) or are_alike(one.source, one.archive))


def _put_back(one: ArchivedSource, run: Run) -> int:
    """Move a source back, and what has taken its place out of the way; give the number of files set aside."""
    aside = 0
    for place in (one.archive, one.source):
        half_carried(place).unlink(missing_ok=True)
    if one.archive.exists():
        one.source.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(one.source) and not _is_same(one):
            final = run.numbered("set-aside") / one.source.name
            run.note("set-aside", path=run.where(one.source), to=run.where(final))
            carry(one.source, final, digest_now(str(one.source)), os.rename)
            aside = 1
        if _is_same(one):
            one.archive.unlink()
        else:
            _give_back(one)
        fsync_directory(one.source.parent)
        fsync_directory(one.archive.parent)
    if one.archive.parent.is_dir() and not os.listdir(one.archive.parent):
        one.archive.parent.rmdir()
    return aside


def _give_back(one: ArchivedSource) -> None:
    """Move a source to its place, which was empty a moment ago; nothing is ever replaced."""
    try:
        carry(one.archive, one.source, digest_now(str(one.archive)))
    except FileExistsError:
        name = Name("path", str(one.source))
        raise BusyError("{subject} was written while it was put back; stop its writer and try again.", name) from None


def _traces(one: CreatedDatabase, record: RunRecord) -> tuple[Path, ...]:
    if one.tables is None:
        return (one.temporary,)
    return (*_set(one.path), one.temporary, hidden(one.path, record.folder.name))


def _real(one: ChangedDatabase) -> Path:
    return Path(os.path.realpath(one.path))


def _set(path: Path) -> tuple[Path, ...]:
    return tuple(Path(str(path) + suffix) for suffix in SET)
