"""Execute: the only step that writes. Each database is wholly the old one or wholly the new one, whenever we die.

A missing database is built beside its place, checked, and published by name. An existing one is backed up and changed
in one transaction that is checked before it is committed. Sources are only read, and hashed again while they are.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from migrator.digests import content_digest
from migrator.errors import BusyError, ChangedError, RefusedError, SystemFailedError
from migrator.execution.history_writer import write_history
from migrator.execution.outcome import Outcome
from migrator.execution.repairer import write_repair
from migrator.filesystem import fsync_file, inherit_owner, make_private_directory, publish
from migrator.meanwhile import meanwhile
from migrator.model import Name, Number, Shape
from migrator.openclaw.entry import prepare
from migrator.openclaw.store import read_member
from migrator.plan_model import DatabasePlan, Decision, Plan, Reject
from migrator.progress import Advance, Progress, silent
from migrator.runs.backups import copy_set
from migrator.runs.quarantine import preserve
from migrator.runs.run import Run, is_half_built
from migrator.scanning.databases import stored_texts, stored_transcripts
from migrator.scanning.sources import digest_now, open_source, raw_entries, require_same
from migrator.sqlite import shapes, target
from migrator.sqlite.content import Tables, Texts, content, table_digests
from migrator.sqlite.snapshot import SUFFIXES, checkpoint, open_snapshot, open_writable

_BATCH = 500
_BATCH_BYTES = 1 << 20


class _Write(Struct, frozen=True, gc=False):
    """One row to be written, in the shapes that its decision names."""

    decision: Decision
    text: bytes
    typed_text: bytes
    started_at: Number | None
    status: str | None


def execute(plan: Plan, run: Run, now_ms: int, progress: Progress = silent) -> tuple[Outcome, ...]:
    """Carry out a plan, database by database, and keep a journal in the run.

    What stops one database does not stop the others. Only if none was written it is raised: ChangedError when a source
    or a database is not what was planned on, BusyError when a database is locked, RefusedError when SQLite cannot
    write to it.
    """
    outcomes = []
    progress.start("writing", sum(_bytes_to_write(planned) for planned in plan.databases))
    for planned in plan.databases:
        if not planned.pending:
            continue
        progress.enter(next((store.agent for store in planned.stores), None))
        try:
            _preserve_rejects(planned, run)
            if planned.writes:
                outcomes.append(_write(planned, run, now_ms, progress))
        except (BusyError, ChangedError, RefusedError) as error:
            run.note("failed", database=run.where(planned.database.path), exit_code=error.exit_code)
            outcomes.append(Outcome(planned.database.path, created=False, rows_written=0, backup=None, failure=error))
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    if failures and len(failures) == len(outcomes):
        raise failures[0]
    return tuple(outcomes)


def _bytes_to_write(planned: DatabasePlan) -> int:
    """How many bytes of sources are worked through for a database."""
    if not planned.writes:
        return 0
    entries = sum(entry.length for store in planned.stores for entry in store.entries)
    files = (one.identity.size for history in planned.histories if history.pending for one in history.files)
    return entries + sum(files)


def _write(planned: DatabasePlan, run: Run, now_ms: int, advance: Advance) -> Outcome:
    """Write one database. Raises as above."""
    try:
        if planned.database.shape is Shape.MISSING:
            return _create(planned, run, now_ms, advance)
        return _change(planned, run, now_ms, advance)
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise _locked(planned) from None
        if "I/O" in str(error) or "full" in str(error):
            raise SystemFailedError(error) from None
        raise RefusedError(
            "SQLite can not write to {subject}; nothing in it was changed. Check its place, its modes and its tables.",
            _name(planned),
        ) from None


def _locked(planned: DatabasePlan) -> BusyError:
    return BusyError("{subject} is locked by another process; stop it and try again.", _name(planned))


def _create(planned: DatabasePlan, run: Run, now_ms: int, advance: Advance) -> Outcome:
    """Build a new database beside its place and publish it as one closed file."""
    final = Path(planned.database.path)
    if not final.parent.exists():
        run.remember(final.parent.parent)
        run.note("make-directory", path=run.where(final.parent))
    else:
        run.remember(final.parent)
    made = make_private_directory(final.parent)
    for leftover in final.parent.iterdir():
        if is_half_built(leftover.name, final.name):
            leftover.unlink()  # of a run that was killed; the lock of this one says that none is at work
    temporary = final.with_name(f".{final.name}.{run.id}.tmp")
    run.note("build", database=run.where(final), temporary=run.where(temporary))
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        inherit_owner(temporary, final.parent)
        with closing(open_writable(str(temporary), longest=planned.longest)) as connection:
            # No journal, no flush: until it is published nobody reads this file, and a failed build is thrown away.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            written = _write_all(connection, planned, now_ms, advance)
            connection.execute("COMMIT")
        tables = _check_and_flush(temporary, planned)
        run.note("publish", database=run.where(final), tables=tables)
        publish(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)
        if made and not any(final.parent.iterdir()):
            final.parent.rmdir()
    run.note("published", database=run.where(final))
    return Outcome(str(final), created=True, rows_written=written, backup=None)


def _check_and_flush(temporary: Path, planned: DatabasePlan) -> Tables:
    """Check a database that was built and make its content durable, all at the same time. Raises as _check_result."""
    size = temporary.stat().st_size
    with (
        open_snapshot(str(temporary)) as connection,
        meanwhile(partial(fsync_file, temporary), size) as flushed,
        meanwhile(partial(shapes.integrity_of, str(temporary)), size) as problems,
    ):
        tables = _check_result(connection, planned, planned.expected_digest, problems)
        flushed()
    return tables


def _change(planned: DatabasePlan, run: Run, now_ms: int, advance: Advance) -> Outcome:
    """Change an existing database in one transaction, after a checked backup of its whole file set."""
    path = planned.database.path
    real = Path(os.path.realpath(path))
    backup = _back_up(planned, run)
    run.remember(real.parent)
    with_functions = planned.repair is not None
    with closing(open_writable(path, with_functions=with_functions, longest=planned.longest)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            raise _locked(planned) from None
        # The lock is held now; what was hashed before must still be what is there.
        _check_unchanged(connection, planned)
        if planned.repair is None:
            written = _write_all(connection, planned, now_ms, advance)
            expected = planned.expected_digest
        else:
            written, expected = write_repair(connection, planned, planned.repair, advance)
        tables = _check_result(connection, planned, expected, partial(shapes.integrity, connection))
        run.note("commit", database=run.where(path), tables=tables)
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if "locked" in str(error):  # by a reader; the transaction is undone with its connection
                raise _locked(planned) from None
            raise SystemFailedError(error) from None  # it may be committed all the same, so this is no refusal
        checkpointed = checkpoint(connection)
    Path(path).chmod(0o600)
    is_settled = checkpointed and not any(Path(f"{real}{suffix}").exists() for suffix in ("-wal", "-shm"))
    run.note("committed", database=run.where(path), checkpointed=is_settled)
    return Outcome(path, created=False, rows_written=written, backup=str(backup), checkpointed=checkpointed)


def _name(planned: DatabasePlan) -> Name:
    return Name("database", planned.database.path)


def _back_up(planned: DatabasePlan, run: Run) -> Path:
    """Copy the file set byte for byte, so that a roll-back can give back the same bytes, and check the copy."""
    real = Path(os.path.realpath(planned.database.path))
    folder = run.numbered("backups")
    files = copy_set(real, folder)
    wanted = {suffix: identity.sha256 for suffix, identity in planned.database.files}
    if {suffix: identity.sha256 for suffix, identity in files if suffix in SUFFIXES} != wanted:
        raise ChangedError("{subject} changed after it was planned; plan again.", _name(planned))
    with open_snapshot(str(folder / real.name)) as connection:
        if shapes.integrity(connection):
            raise RefusedError(
                "The backup of {subject} does not pass SQLite's integrity check; repair the database first.",
                _name(planned),
            )
        tables = table_digests(connection)
    run.note(
        "backup",
        database=run.where(planned.database.path),
        folder=folder.name,
        files={suffix: asdict(identity) for suffix, identity in files},
        tables=tables,
    )
    return folder


def _check_unchanged(connection: sqlite3.Connection, planned: DatabasePlan) -> None:
    database = planned.database
    expected = (
        {row.key: row.sha256 for row in database.cache_rows},
        {row.key: row.sha256 for row in database.typed_rows},
        {stored.session_id: stored.hashes for stored in database.transcripts if not stored.archive},
    )
    if _read_back(connection, database.shape)[1:] != expected:
        raise ChangedError("The sessions in {subject} changed after they were planned; plan again.", _name(planned))


def _check_result(
    connection: sqlite3.Connection, planned: DatabasePlan, expected: str, problems: Callable[[], object]
) -> Tables:
    """Read back what was written and compare it with what was promised; give the digests of all tables.

    ``problems`` is empty for a sound database.
    """
    tables, cached, typed, histories = _read_back(connection, planned.database.shape)
    if content_digest(cached, typed, histories) != expected or problems():
        raise ChangedError(
            "What was written to {subject} does not read back as planned; nothing was kept. Plan again.", _name(planned)
        )
    return tables


def _read_back(connection: sqlite3.Connection, shape: Shape) -> tuple[Tables, Texts, Texts, dict[str, bytes]]:
    """The digests of all tables, of each session's text in both shapes, and the hashes of each history."""
    tables, sessions, histories = content(connection)
    typed = sessions.get("session_nodes" if shape is Shape.NODES else "session_entries", {})
    if histories is None:
        histories = {stored.session_id: stored.hashes for stored in stored_transcripts(connection)}
    return tables, sessions.get("cache_entries", {}), typed, histories


def _write_all(connection: sqlite3.Connection, planned: DatabasePlan, now_ms: int, advance: Advance) -> int:
    # An entry may come before the one that owns its session row.
    connection.execute("PRAGMA defer_foreign_keys = ON")
    target.create_tables(connection)
    target.stamp_owner(connection, planned.database.agent_id, now_ms)
    written = 0
    for batch in _batches(_writes(connection, planned, advance)):
        _write_batch(connection, batch)
        written += len(batch)
    for history in planned.histories:
        if history.pending:
            write_history(connection, history, advance)
    return written


def _batches(writes: Iterator[_Write]) -> Iterator[list[_Write]]:
    """Rows that are written together: some hundreds, or fewer if they are long."""
    batch: list[_Write] = []
    size = 0
    for write in writes:
        batch.append(write)
        size += len(write.text)
        if len(batch) == _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write_batch(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    target.put_cache_rows(
        connection, [(d.key, write.text, d.updated_at or 0) for write in batch if (d := write.decision).write_cache]
    )
    owners: list[target.Owner] = []
    typed: list[target.TypedRow] = []
    for write in batch:
        decision, updated_at = write.decision, write.decision.updated_at or 0
        if decision.session_id is None:
            continue
        if decision.owns_session:
            owners.append(target.Owner(decision.session_id, decision.typed_key, updated_at, write.started_at))
        if decision.write_typed:
            row = target.TypedRow(decision.typed_key, decision.session_id, write.typed_text, updated_at, write.status)
            typed.append(row)
    target.put_sessions(connection, owners)
    target.put_typed_rows(connection, typed)


def _writes(connection: sqlite3.Connection, planned: DatabasePlan, advance: Advance) -> Iterator[_Write]:
    """The rows to be written, read again from the sources, which are checked to be what was planned on."""
    for index, store in enumerate(planned.stores):
        wanted: list[Decision | None] = [None] * len(store.entries)
        for d in planned.decisions:
            if d.source is not None and d.source.store == index and (d.write_cache or d.write_typed):
                wanted[d.source.entry.index] = d
        for entry, raw in raw_entries(store):
            advance(len(raw))
            decision = wanted[entry.index]
            if decision is None:
                continue
            if not (entry.transforms or decision.folded):
                yield _Write(decision, raw, raw, entry.started_at, entry.status)
            elif (member := read_member(raw)) and (prepared := prepare(member)):
                typed_text = prepared.archived_text if decision.folded else prepared.stored
                yield _Write(decision, prepared.stored, typed_text, entry.started_at, entry.status)
    for decision in planned.decisions:
        if decision.source is None and (decision.write_cache or decision.write_typed):
            yield _write_of_row(connection, decision)


def _write_of_row(connection: sqlite3.Connection, decision: Decision) -> _Write:
    """The row that counts, to be copied into the shape that lacks it."""
    for stored in stored_texts(connection, decision.key):
        if sha256(stored).digest() == decision.sha256:
            member = read_member(stored)
            prepared = prepare(member) if member is not None else None
            started_at, status = (prepared.started_at, prepared.status) if prepared else (None, None)
            return _Write(decision, stored, stored, started_at, status)
    raise ChangedError("A row of {subject} changed after it was planned; plan again.", Name("session", decision.key))


def _preserve_rejects(planned: DatabasePlan, run: Run) -> None:
    identities = planned.identities
    wanted: dict[str, list[Reject]] = {}
    for reject in planned.rejects:
        if not reject.preserved:
            wanted.setdefault(reject.path, []).append(reject)
    for path, rejects in wanted.items():
        name = Name("store", path)
        require_same(name, identities[path], digest_now(path))
        with open_source(path, name) as stream:
            preserve(run.folder, path, stream, rejects)
