"""Small state directories, built by hand, and readers of the result that share no code with the program.

Stores are given as raw bytes, as text of entries, or as plain values; databases as rows. What is read back is read
with ``json`` and ``sqlite3`` alone, so that a defect of the program cannot hide itself.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from urllib.parse import quote

from migrator.commands.request import Request
from migrator.model.report import ApplyReport, VerifyReport
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import EntryVerdict, Verdict
from tests import sqlite_worlds
from tests.conftest import fingerprint
from tests.sqlite_worlds import Fill, execute, insert

DATABASE = "openclaw-agent.sqlite"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
SESSION_SCOPE = "session_entries"

StoreContent = bytes | str | Mapping[str, object]
"""A store byte for byte, or as text, or as entries that are written the way OpenClaw writes them."""


@dataclass(frozen=True, slots=True)
class World:
    """A state directory below ``root``, with a home and a directory for temporary files of its own."""

    root: Path
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.root / "state"

    def agent(self, name: str | bytes, store: StoreContent | None = None) -> Path:
        """Make an agent directory, with a store if one is given."""
        folder = self.agent_path(name)
        if store is None:
            folder.mkdir(parents=True, exist_ok=True)
        else:
            self.store(folder / "sessions" / "sessions.json", store)
        return folder

    def agent_path(self, name: str | bytes) -> Path:
        return self.state / "agents" / os.fsdecode(name)

    def store_path(self, name: str | bytes) -> Path:
        return self.agent_path(name) / "sessions" / "sessions.json"

    def database_path(self, name: str | bytes) -> Path:
        return self.agent_path(name) / "agent" / DATABASE

    def root_store(self, store: StoreContent) -> Path:
        """Write the store of the time before there were agents."""
        return self.store(self.state / "sessions" / "sessions.json", store)

    def store(self, path: Path, content: StoreContent) -> Path:
        """Write a store anywhere."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store_bytes(content))
        path.chmod(0o600)
        return path

    def config(self, **settings: object) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "openclaw.json").write_text(json.dumps(settings))

    def database(
        self, name: str | bytes, *fills: Fill, version: int = 1, tables: tuple[str, ...] = sqlite_worlds.CACHE_ONLY
    ) -> Path:
        """Make an agent's database with the tables that PR 91322 had, unless others are named."""
        path = self.database_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        sqlite_worlds.make(path, version, tables, *fills)
        path.chmod(0o600)
        return path

    def request(self, cwd: Path | None = None, **selection: object) -> Request:
        """Ask for this state directory, or for what is selected in it."""
        home, temporary = self.root / "home", self.root / "tmp"
        for folder in (self.state, home, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        chosen = {"state_dir": str(self.state), **selection}
        surroundings = Surroundings(dict(self.env), str(home), str(cwd or home), str(temporary))
        return Request(Selection(**chosen), surroundings, clock=lambda: NOON)  # type: ignore[arg-type]

    def runs(self) -> list[Path]:
        """The folders of all runs so far."""
        return sorted(path for path in (self.state / "migrator-runs").glob("*") if path.is_dir())


def quarantined(run: Path) -> list[tuple[dict[str, object], bytes]]:
    """What a run has put into quarantine: each line of the index with the bytes that it speaks of."""
    folder = run / "quarantine"
    records = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    return [
        (record, (folder / record["file"]).read_bytes()[record["at"] : record["at"] + record["length"]])
        for record in records
    ]


@contextmanager
def fresh_world() -> Iterator[World]:
    """A world of its own for each example of a property, without the cost of durability."""
    with TemporaryDirectory(prefix="world-") as folder, patch("os.fsync"):
        yield World(Path(folder))


def entry(session_id: str | None = None, updated_at: object = None, **members: object) -> dict[str, object]:
    """An entry as a plain value; what is None is left out."""
    made: dict[str, object] = {}
    if session_id is not None:
        made["sessionId"] = session_id
    if updated_at is not None:
        made["updatedAt"] = updated_at
    return made | members


def store_bytes(content: StoreContent) -> bytes:
    """A store as OpenClaw lays it out: two spaces, raw UTF-8, no line end after the last brace."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return json.dumps(content, indent=2, ensure_ascii=False).encode()


def raw_store(entries: Mapping[str, str]) -> bytes:
    """A store whose entries are spelled exactly as given."""
    return b"{\n" + b",\n".join(f"  {json.dumps(key)}: {text}".encode() for key, text in entries.items()) + b"\n}"


def spans(store: bytes) -> dict[str, bytes]:
    """The raw bytes of each entry of a strict store, the last one of a key, found with the plain decoder."""
    text, decoder, found = store.decode(), json.JSONDecoder(), {}
    at = _solid(text, _solid(text, 0) + 1)
    while text[at] != "}":
        key, end = decoder.raw_decode(text, at)
        start = _solid(text, _solid(text, end) + 1)
        _, end = decoder.raw_decode(text, start)
        found[key] = text[start:end].encode()
        at = _solid(text, end)
        at = _solid(text, at + 1) if text[at] == "," else at
    return found


def _solid(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def verdicts(report: ApplyReport | VerifyReport) -> list[EntryVerdict]:
    """Every verdict but ``same``."""
    if report.verification is None:
        raise AssertionError("nothing was verified")
    return [one for database in report.verification.databases for source in database.sources for one in source.verdicts]


def count(report: ApplyReport | VerifyReport, verdict: Verdict) -> int:
    """How many entries have a verdict."""
    if report.verification is None:
        raise AssertionError("nothing was verified")
    return report.verification.count(verdict)


# rows of databases, to be put in


def owner(agent_id: str, role: str = "agent", version: int = 1) -> Fill:
    """The row that says whose database it is."""
    return insert("schema_meta", ("primary", role, version, agent_id, None, 5, 6))


def cache_row(key: str, text: str | Mapping[str, object], scope: str = SESSION_SCOPE) -> Fill:
    """A cache row, as PR 91322 writes entries and other things: dated as the entry is, else as of now."""
    stored = text if isinstance(text, str) else json.dumps(text)
    try:
        updated_at = json.loads(stored).get("updatedAt")
    except (ValueError, AttributeError):
        updated_at = None
    return insert("cache_entries", (scope, key, stored, None, None, updated_at if type(updated_at) is int else 7))


def auth_row(key: str, text: str) -> Fill:
    return insert("auth_profile_store", (key, text, 8))


def without_rows(table: str, where: str = "1") -> Fill:
    return execute(f"DELETE FROM {table} WHERE {where}")


def change(path: Path, *fills: Fill) -> None:
    """Change a finished database behind the program's back; constraints are not checked."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for fill in fills:
            fill(connection)


def fill_wal(path: Path, *fills: Fill) -> None:
    """Change a database in a way that leaves the change in ``-wal``, as a killed process does."""
    with TemporaryDirectory() as folder:
        copy = Path(folder, "copy.sqlite")
        shutil.copy2(path, copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            for fill in fills:
                fill(connection)
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{copy}{suffix}", f"{path}{suffix}")
                Path(f"{path}{suffix}").chmod(0o600)
    if Path(f"{path}-wal").stat().st_size == 0:
        raise AssertionError("the -wal is empty")


def files(folder: Path) -> dict[str, tuple[object, ...]]:
    """The fingerprint of all files below a folder; an undone change may still move the times of directories."""
    return {name: facts for name, facts in fingerprint(folder).items() if not stat.S_ISDIR(int(str(facts[0])))}


# rows of databases, read without the program


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database without touching it, all text as bytes."""
    uri = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.text_factory = bytes
        yield connection


def cache(path: Path) -> dict[str, bytes]:
    """The entries of a database by key, from its cache rows."""
    with reading(path) as connection:
        found = connection.execute("SELECT key, value_json FROM cache_entries WHERE scope = 'session_entries'")
        return {key.decode(): value for key, value in found}


def typed(path: Path) -> dict[str, bytes]:
    """The entries of a database by key, from its typed rows."""
    with reading(path) as connection:
        return {
            key.decode(): value
            for key, value in connection.execute("SELECT session_key, entry_json FROM session_entries")
        }


def table(path: Path, name: str, where: str = "1") -> list[tuple[object, ...]]:
    """Whole rows of a table, in the order of their ids."""
    with reading(path) as connection:
        return connection.execute(f"SELECT rowid, * FROM {name} WHERE {where} ORDER BY rowid").fetchall()


def scalar(path: Path, sql: str) -> object:
    """The one value that a query gives."""
    with reading(path) as connection:
        return connection.execute(sql).fetchone()[0]


def databases(state: Path) -> list[Path]:
    """Every SQLite file below a state directory, but for the backups of runs."""
    found = (Path(folder, name) for folder, _, names in os.walk(state) for name in names if ".sqlite" in name)
    return sorted(path for path in found if "migrator-runs" not in path.parts)
