"""Databases that are none, damaged ones, and ones that somebody has made otherwise."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.hostile.case import BAD, ENTRY, FIRST, MARK, OTHER, SECOND, Case, Found, member, of_database, text
from tests.sqlite_worlds import AUTH, CACHE, ENTRIES, EVENTS, META, SESSIONS, Fill, execute
from tests.worlds import World, auth_row, cache_row, change, fill_wal, owner

ONE = {FIRST: ENTRY}
BOTH = {FIRST: ENTRY, SECOND: OTHER}
ID = "bad-quokka"
UNREADABLE = of_database("database.unreadable")
UNKNOWN = of_database("database.unknown-shape", version=1)
BASE = (META, CACHE, AUTH)
TRIGGER = "CREATE TRIGGER t AFTER INSERT ON {} BEGIN SELECT 1; END"


def store(world: World) -> None:
    world.agent(BAD, text(member(FIRST, ENTRY)))


def database(
    name: str,
    make: Callable[[World, Path], object],
    *finds: Found,
    apply: int = 1,
    good: dict[str, str] | None = None,
) -> Case:
    """A good store whose database is ``make``'s work, a whole one with a row to begin with."""

    def build(world: World) -> None:
        store(world)
        make(world, made(world))

    return Case(f"database: {name}", build, finds, apply, good)


def made(world: World, *fills: Fill, version: int = 1, tables: tuple[str, ...] = BASE) -> Path:
    return world.database(BAD, owner(ID), cache_row(SECOND, OTHER), *fills, version=version, tables=tables)


def content(data: bytes) -> Callable[[World, Path], object]:
    return lambda _world, path: path.write_bytes(data)


def damaged(at: int, length: int = 1) -> Callable[[World, Path], object]:
    """All bits of some bytes are the other way round: that is never the same."""

    def damage(_world: World, path: Path) -> None:
        data = bytearray(path.read_bytes())
        place = at % len(data)
        data[place : place + length] = bytes(255 - byte for byte in data[place : place + length])
        path.write_bytes(data)

    return damage


def cut(length: int) -> Callable[[World, Path], object]:
    return lambda _world, path: path.write_bytes(path.read_bytes()[:length])


def sql(*statements: str) -> Callable[[World, Path], object]:
    """Statements that somebody has executed."""
    return lambda _world, path: change(path, *map(execute, statements))


def anew(*tables: str, version: int = 1, encoding: str = "UTF-8") -> Callable[[World, Path], object]:
    """Another database in its place."""

    def make(_world: World, path: Path) -> None:
        path.unlink()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA encoding = '{encoding}'")
            for table in tables:
                connection.execute(table)
            connection.execute(f"PRAGMA user_version = {version}")
        path.chmod(0o600)

    return make


def instead(make: Callable[[Path], object]) -> Callable[[World, Path], object]:
    """Something that is no file in its place."""

    def put(_world: World, path: Path) -> None:
        path.unlink()
        make(path)

    return put


def hot_journal(_world: World, path: Path) -> None:
    """A writer that was killed in the middle of a transaction: the journal has the pages from before."""
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("BEGIN")
        for number in range(200):
            connection.execute("INSERT INTO auth_profile_store VALUES (?, ?, 1)", (f"{MARK}-{number}", "x" * 500))
        shutil.copy2(copy, path)
        shutil.copy2(f"{copy}-journal", f"{path}-journal")
    for leftover in (copy, copy.with_name("copy-journal")):
        leftover.unlink(missing_ok=True)


def lone_wal(_world: World, path: Path) -> None:
    fill_wal(path, auth_row("x", "{}"))
    path.unlink()


def wal_of_another(world: World, path: Path) -> None:
    other = world.database(f"other {MARK}", owner(f"other-{MARK}"))
    fill_wal(other, auth_row("x", "{}"))
    shutil.copy2(f"{other}-wal", f"{path}-wal")


def leading_out(world: World, path: Path) -> None:
    path.rename(world.root / "outside.sqlite")
    path.symlink_to(world.root / "outside.sqlite")


def other_encoding(world: World, path: Path) -> None:
    anew(*BASE, encoding="UTF-16le")(world, path)
    change(path, owner(ID), cache_row(SECOND, OTHER))


def many_rows(_world: World, path: Path) -> None:
    change(path, *(cache_row(f"{MARK}-{number}", '{"updatedAt":1}', scope="other") for number in range(2000)))


def more(data: bytes) -> Callable[[World, Path], object]:
    return lambda _world, path: path.write_bytes(path.read_bytes() + data)


def beside(suffix: str, data: bytes) -> Callable[[World, Path], object]:
    return lambda _world, path: Path(f"{path}{suffix}").write_bytes(data)


def filled_wal(_world: World, path: Path) -> None:
    fill_wal(path, cache_row("w", OTHER))


def noise() -> bytes:
    return bytes(random.Random(7).randrange(256) for _ in range(8192))  # noqa: S311 - the same at each run


PUT = "INSERT INTO cache_entries VALUES ('session_entries', {}, {}, NULL, NULL, 3)"
VIEW = CACHE.replace("TABLE cache_entries", "TABLE hidden")
ENDLESS = """CREATE VIEW cache_entries AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT i AS scope, i AS key, i AS value_json, i AS blob, i AS expires_at, i AS updated_at FROM n"""
OTHER_KEY = CACHE.replace("PRIMARY KEY (scope, key)", "PRIMARY KEY (key)")
MORE = CACHE.replace("blob BLOB", "blob BLOB, note TEXT NOT NULL")
PICKY = CACHE.replace("value_json TEXT", "value_json TEXT CHECK (length(value_json) < 9)")
REFUSED = of_database("database.write-refused")
NEWER = of_database("database.newer-schema")
WRONG_OWNER = of_database("database.wrong-owner")
LINK_OUTSIDE = of_database("database.link-outside")
BAD_ROW = of_database("database.bad-row")

CASES = (
    database("no byte", content(b""), apply=0, good=ONE),
    database("text", content(b"no database\n" * 500), UNREADABLE),
    database("encrypted", content(noise()), UNREADABLE),
    database("NUL bytes", content(b"\0" * 8192), UNREADABLE),
    database("one byte", content(b"S"), UNREADABLE),
    database("nothing but the first line", content(b"SQLite format 3\0"), UNREADABLE),
    database("cut in the header", cut(50), UNREADABLE),
    database("cut behind the header", cut(100), UNREADABLE),
    database("cut in a page", cut(6000), UNREADABLE),
    database("cut behind the first page", cut(4096), UNREADABLE),
    database("the first page flipped", damaged(0, 4096), UNREADABLE),
    database("the magic word damaged", damaged(3), UNREADABLE),
    database("the page size damaged", damaged(16, 2), UNREADABLE),
    database("the format version damaged", damaged(18, 2), UNREADABLE),
    database("the schema damaged", damaged(100, 8), UNREADABLE),
    database("the second page flipped", damaged(4096, 4096), of_database("database.damaged-table", rows=0)),
    database("the last page flipped", damaged(-4096, 4096), REFUSED),
    database("garbage behind the last page", more(noise()), apply=0, good=BOTH),
    database("the free list damaged", damaged(32, 8), REFUSED),
    database("a hot journal", hot_journal, apply=0, good=BOTH),
    database("a journal of nonsense", beside("-journal", noise()), apply=0, good=BOTH),
    database("a filled wal", filled_wal, apply=0, good={**BOTH, "w": OTHER}),
    database("a wal of nonsense", beside("-wal", noise()), apply=0, good=BOTH),
    database("a wal of another database", wal_of_another, apply=0, good=BOTH),
    database("a wal without its database", lone_wal, of_database("database.only-journal")),
    database("a wal that is a directory", lambda _world, path: Path(f"{path}-wal").mkdir(), UNREADABLE),
    database("a wal that is a pipe", lambda _world, path: os.mkfifo(f"{path}-wal"), UNREADABLE),
    database("a newer schema", sql("PRAGMA user_version = 99"), NEWER),
    database(
        "a schema before time", sql("PRAGMA user_version = -1"), of_database("database.unknown-shape", version=-1)
    ),
    database("the newest schema number", sql("PRAGMA user_version = 2147483647"), NEWER),
    database(
        "a schema that never was", sql("PRAGMA user_version = 2"), of_database("database.unknown-shape", version=2)
    ),
    database("the schema of another shape", sql("PRAGMA user_version = 23"), of_database("database.unknown-shape")),
    database("another role", sql("UPDATE schema_meta SET role = 'global'"), of_database("database.wrong-role")),
    database("another owner", sql("UPDATE schema_meta SET agent_id = 'x'"), WRONG_OWNER),
    database("an owner that is a number", sql("UPDATE schema_meta SET agent_id = 42"), WRONG_OWNER),
    database("an owner that is a blob", sql("UPDATE schema_meta SET agent_id = X'ff00'"), WRONG_OWNER),
    database("no owner", sql("DELETE FROM schema_meta"), apply=0, good=BOTH),
    database(
        "a view in the place of a table", anew(META, VIEW, "CREATE VIEW cache_entries AS SELECT * FROM hidden"), UNKNOWN
    ),
    database("a view that never ends", anew(META, ENDLESS), UNKNOWN),
    database("a trigger", sql(TRIGGER.format("cache_entries")), UNKNOWN),
    database("a trigger on another table", sql(TRIGGER.format("auth_profile_store")), apply=0, good=BOTH),
    database("a generated column", anew(META, CACHE.replace("blob BLOB", "blob BLOB, extra TEXT AS (key)")), UNKNOWN),
    database("a generated value", anew(META, CACHE.replace("value_json TEXT", "value_json TEXT AS (key)")), UNKNOWN),
    database(
        "a virtual table", anew(META, "CREATE VIRTUAL TABLE cache_entries USING fts5(scope, key, value_json)"), UNKNOWN
    ),
    database(
        "another cache table", anew(META, "CREATE TABLE cache_entries (key TEXT PRIMARY KEY, value TEXT)"), UNKNOWN
    ),
    database("another primary key", anew(META, OTHER_KEY), UNKNOWN),
    database(
        "keys without regard to case", anew(META, CACHE.replace(" key TEXT", " key TEXT COLLATE NOCASE")), UNKNOWN
    ),
    database("a column more", sql("ALTER TABLE cache_entries ADD COLUMN note TEXT"), apply=0, good=BOTH),
    database("a column that must be filled", anew(META, MORE), REFUSED),
    database("a check that refuses", anew(META, PICKY), REFUSED),
    database("strict tables", anew(f"{META} STRICT", f"{CACHE} STRICT"), apply=0, good=ONE),
    database("tables without rowid", anew(f"{META} WITHOUT ROWID", f"{CACHE} WITHOUT ROWID"), apply=0, good=ONE),
    database("half of the typed tables", sql(SESSIONS), UNKNOWN),
    database("typed tables of fewer columns", sql(SESSIONS, ENTRIES, EVENTS), REFUSED),
    database("no tables that are known", anew("CREATE TABLE notes (text TEXT)"), UNKNOWN),
    database(
        "an index by the name of a table",
        anew(META, "CREATE TABLE x (y)", "CREATE INDEX cache_entries ON x (y)"),
        REFUSED,
    ),
    database("UTF-16", other_encoding, of_database("database.utf-16")),
    database(
        "text that is not UTF-8",
        sql(PUT.format("'b'", "CAST(X'22ff22' AS TEXT)")),
        apply=0,
        good={**BOTH, "b": '"\ufffd"'},
    ),
    database("a row that is a blob", sql(PUT.format("'b'", "X'7b7d'")), BAD_ROW, good={**BOTH, "b": "{}"}),
    database("a row of nothing", sql(PUT.format("'b'", "NULL")), apply=0, good={**BOTH, "b": ""}),
    database("a row that is no JSON", sql(PUT.format(f"'{FIRST}'", "'{'")), apply=0, good=BOTH),
    database(
        "a row that is too deep", sql(PUT.format("'d'", f"'{'[' * 9999}'")), apply=0, good={**BOTH, "d": "[" * 9999}
    ),
    database("a time that is endless", sql("UPDATE cache_entries SET updated_at = 9e999"), apply=1, good=BOTH),
    database("2,000 rows of others", many_rows, apply=0, good=BOTH),
    database("a directory", instead(Path.mkdir), UNREADABLE),
    database("a pipe", instead(os.mkfifo), UNREADABLE),
    database("a dangling link", instead(lambda path: path.symlink_to(f"nothing {MARK}")), UNREADABLE),
    database("a link to itself", instead(lambda path: path.symlink_to(path.name)), UNREADABLE),
    database("a link to a device", instead(lambda path: path.symlink_to("/dev/zero")), LINK_OUTSIDE),
    database("a link that leads out", leading_out, LINK_OUTSIDE),
)
