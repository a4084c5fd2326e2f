"""The judge of the fault tests. It imports nothing of the program and does not know how it works, only what must hold.

Whatever happens to a run: sources stay byte for byte, or are moved whole into its folder; each database is wholly the
old one or wholly the new one; a proof that can be read is true; nothing appears elsewhere. And once a clean run has
passed, all is as after a run that nothing ever happened to, without leftovers.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

RUNS = "migrator-runs"
SCRATCH = "openclaw-session-migrator-"
SUCCESS = (0, 15)

Tree = dict[str, tuple[int, int, str]]
"""Mode, time and digest (or target of the link) of everything, by path relative to the root."""
Content = tuple[tuple[str, tuple[tuple[object, ...], ...]], ...]
"""Every table of a database with its rows."""


@dataclass(frozen=True)
class Reference:
    """What there was before, and what a run makes of it when nothing happens to it."""

    before: Tree
    old: dict[str, Content | None]
    new: dict[str, Content | None]
    sources: dict[str, str]
    after: frozenset[str]


def tree(root: Path) -> Tree:
    found: Tree = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files, ""]:
            path = os.path.join(folder, name) if name else folder
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            else:
                digest = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
            found[os.path.relpath(path, root)] = (status.st_mode, status.st_mtime_ns, digest)
    return found


def content(database: Path) -> Content | None:
    """The rows of a database, read from a copy of all its files; None if there is none."""
    if not database.exists():
        return None
    with tempfile.TemporaryDirectory(prefix="oracle-", dir="/tmp") as folder:
        for suffix in ("", "-wal", "-journal"):
            if os.path.exists(f"{database}{suffix}"):
                shutil.copy(f"{database}{suffix}", f"{folder}/copy{suffix}")
        with closing(sqlite3.connect(f"{folder}/copy")) as connection:
            connection.text_factory = bytes
            if connection.execute("PRAGMA integrity_check").fetchall() != [(b"ok",)]:
                return (("damaged", ()),)
            names = [
                name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            return tuple((name, tuple(sorted(_rows(connection, name), key=repr))) for name in sorted(names))


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """All rows; of the one that says whose database it is, without the times at which that was written."""
    columns = "meta_key, role, schema_version, agent_id" if table == "schema_meta" else "*"
    return connection.execute(f'SELECT {columns} FROM "{table}"').fetchall()


def reference(root: Path, after: Path, databases: list[str], sources: list[str]) -> Reference:
    """Learn from a tree before a run, and from a copy of it after a run that nothing happened to."""
    before = tree(root)
    return Reference(
        before,
        {path: content(root / path) for path in databases},
        {path: content(after / path) for path in databases},
        {path: before[path][2] for path in sources},
        frozenset(path for path in tree(after) if RUNS not in path),
    )


def violations(
    root: Path, expected: Reference, exit_code: int | None = None, said: str = "", *, proofs: bool = True
) -> Iterator[str]:
    """What must never be, whatever has happened to a run. ``exit_code`` is None if it was killed.

    While a run is taken back its proof is history: ``proofs`` says whether they must be true.
    """
    now = tree(root)
    moved = {(Path(path).name, facts[2]) for path, facts in now.items() if "/archive/" in path}
    for path, digest in expected.sources.items():
        here = now.get(path)
        if here is not None and here[2] != digest:
            yield f"source changed: {path}"
        if here is None and (Path(path).name, digest) not in moved:
            yield f"source lost: {path}"
    states = {path: content(root / path) for path in expected.old}
    for path, found in states.items():
        if found not in (expected.old[path], expected.new[path]):
            yield f"database neither old nor new: {path}"
    is_new = all(states[path] == expected.new[path] for path in states)
    is_proved = any(_claims_success(root / path) for path in now if path.endswith("apply.proof.jsonl"))
    if proofs and is_proved and not is_new:
        yield "a proof that is not true"
    if exit_code in SUCCESS and not (is_new and is_proved):
        yield "success was claimed, and there is no proof or no rows"
    known = {*expected.before, *expected.after}
    for path, facts in now.items():
        if path.startswith("state"):
            plain = path in expected.before and path not in expected.old and stat.S_ISREG(facts[0])
            if (
                plain
                and path not in expected.sources
                and not _belongs(path, expected)
                and facts[2] != expected.before[path][2]
            ):
                yield f"another file changed: {path}"
        elif path not in known and not path.startswith(f"tmp/{SCRATCH}"):
            yield f"a file outside: {path}"
    if "Traceback" in said:
        yield "a traceback"


def not_converged(root: Path, expected: Reference, exit_code: int) -> Iterator[str]:
    """What must not be once a clean run has passed over it."""
    if exit_code not in SUCCESS:
        yield f"the run after it ended with {exit_code}"
    yield from violations(root, expected, exit_code)
    now = {path for path in tree(root) if RUNS not in path}
    yield from (f"left over: {path}" for path in sorted(now - expected.after) if not _is_recent_scratch(root / path))
    yield from (f"missing: {path}" for path in sorted(expected.after - now))
    for path in tree(root):
        if RUNS in path and path.endswith(".tmp"):
            yield f"left over in a run: {path}"


def not_rolled_back(root: Path, expected: Reference, exit_code: int) -> Iterator[str]:
    """What must not be once a run was taken back: any difference at all, but for the folders of runs."""
    if exit_code != 0:
        yield f"the roll-back ended with {exit_code}"
    now = {path: facts for path, facts in tree(root / "state").items() if RUNS not in path}
    before = {os.path.relpath(p, "state"): facts for p, facts in expected.before.items() if p.split("/")[0] == "state"}
    for path in sorted(now.keys() | before.keys()):
        if now.get(path) != before.get(path):
            yield f"not as before: {path}"
    outside = {path for path in tree(root) if path.split("/")[0] != "state"} - expected.before.keys()
    yield from (f"left over outside: {path}" for path in sorted(outside) if not _is_recent_scratch(root / path))


def _claims_success(proof: Path) -> bool:
    try:
        lines = [json.loads(line) for line in proof.read_text().splitlines()]
    except ValueError:
        return False
    return bool(lines) and lines[-1].get("event") == "end" and lines[-1].get("exit_code") in SUCCESS


def _is_recent_scratch(path: Path) -> bool:
    """Whether it is a directory for temporary files that a killed process has left less than a minute ago.

    Another process might just have made it, so it is spared so long.
    """
    folder = next(
        (one for one in (path, *path.parents) if one.name.startswith(SCRATCH) and one.parent.name == "tmp"), None
    )
    return folder is not None and time.time() - folder.stat().st_mtime < 60


def _belongs(path: str, expected: Reference) -> bool:
    """Whether a file is the journal of a database."""
    return any(path.startswith(f"{database}-") for database in expected.old)
