"""A program of its own: the least that any migration must do, as a measure for ours.

    python floor.py INDEX

Reads every byte of the sources three times (a plan, an execution and a verification each have to), and writes the
rows of all databases, which were split beforehand: one prepared statement per table, one transaction per database,
our tables and pragmas, and a flush. Prints seconds, CPU seconds and peak bytes of that as JSON; start-up and the
reading of the index are not counted.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmark.worlds import Part
from migrator.sqlite.target import create_tables

_BLOCK = 1 << 20
_CACHE = "INSERT INTO cache_entries (scope, key, value_json, updated_at) VALUES ('session_entries', ?, ?, ?)"
_SESSION = "INSERT INTO sessions (session_id, session_key, created_at, updated_at) VALUES (?, ?, ?, ?)"
_ENTRY = "INSERT INTO session_entries (session_key, session_id, entry_json, updated_at) VALUES (?, ?, ?, ?)"
_ROUTE = "INSERT INTO session_routes (session_key, session_id, updated_at) VALUES (?, ?, ?)"
_EVENT = "INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES (?, ?, ?, ?)"
_IDENTITY = (
    "INSERT INTO transcript_event_identities (session_id, event_id, seq, event_type, parent_id, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


def main() -> None:
    """Do it, and print what it took."""
    parts: list[Part] = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - made by the benchmark
    begun, cpu = time.perf_counter(), time.process_time()
    for part in parts:
        for path in (part.store, *(path for path, _, _ in part.transcripts)):
            for _ in range(2):
                _read(path)
        _write(part)
    taken = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    print(json.dumps({**taken, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def _read(path: str) -> None:
    with Path(path).open("rb", buffering=0) as stream:
        while stream.read(_BLOCK):
            pass


def _write(part: Part) -> None:
    Path(part.database).parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(part.database, isolation_level=None)) as connection:
        for pragma in ("foreign_keys = ON", "journal_mode = OFF", "synchronous = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA defer_foreign_keys = ON")
        create_tables(connection)
        cursors = [connection.cursor() for _ in range(4)]
        for key, session_id, updated_at, text in _entries(part):
            cursors[0].execute(_CACHE, (key, text, updated_at))
            cursors[1].execute(_SESSION, (session_id, key, updated_at, updated_at))
            cursors[2].execute(_ENTRY, (key, session_id, text, updated_at))
            cursors[3].execute(_ROUTE, (key, session_id, updated_at))
        for path, session_id, events in part.transcripts:
            lines = Path(path).read_text("utf-8").split("\n")
            connection.executemany(
                _EVENT, ((session_id, seq, lines[seq], at) for seq, (_, _, _, at) in enumerate(events))
            )
            connection.executemany(
                _IDENTITY,
                ((session_id, name, seq, kind, parent, at) for seq, (name, kind, parent, at) in enumerate(events)),
            )
        connection.execute("COMMIT")
    handle = os.open(part.database, os.O_RDWR)
    os.fsync(handle)
    os.close(handle)


def _entries(part: Part) -> Iterator[tuple[str, str, int, str]]:
    """The third reading of a store, in one go over its entries."""
    with Path(part.store).open("rb") as stream:
        for key, session_id, updated_at, offset, length in part.rows:
            stream.read(offset - stream.tell())
            yield key, session_id, updated_at, stream.read(length).decode()
        stream.read()


if __name__ == "__main__":
    main()
