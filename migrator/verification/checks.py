"""What must hold of a database, and of a whole state directory, besides the sessions themselves."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from migrator.model.inventory import Database, Inventory, Shape
from migrator.model.verification import Check
from migrator.openclaw.places.paths import normalize_agent_id
from migrator.openclaw.text.entry import archived_text, finite_number, members
from migrator.planning.folding import recovered_keys
from migrator.scanning.session_reader import stored_text
from migrator.sqlite.rows import columns
from migrator.verification.node_projections import node_columns_agree, nodes_visible
from migrator.verification.projections import columns_agree


def database_checks(
    database: Database,
    connection: sqlite3.Connection,
    source_keys: Collection[str],
    problems: Callable[[], Iterable[tuple[str, int]]],
    event_columns: Mapping[bytes, bytes],
    main_key: str,
) -> Iterator[Check]:
    """The checks of one database.

    ``source_keys`` are the sessions that its sources have. ``problems`` waits for what SQLite's own checks find.
    ``event_columns`` are as :func:`columns_agree` takes them, ``main_key`` is the configured name of main sessions.
    """
    yield Check("owner", database.owner == database.agent_id)  # releases refuse any other spelling
    if database.shape is Shape.V1:
        yield Check("user-version", database.version == 1)
        yield Check("shapes-agree", _passes(lambda: _shapes_agree(database, connection, source_keys)))
        yield Check("columns-agree", _passes(lambda: columns_agree(connection, database, event_columns)))
    elif database.shape is Shape.NODES:
        yield Check("rows-visible", _passes(lambda: nodes_visible(connection, main_key)))
        yield Check("columns-agree", _passes(lambda: node_columns_agree(connection)))
    found = dict(problems())
    yield Check("integrity", "database.integrity" not in found)
    yield Check("foreign-keys", "database.foreign-key" not in found)
    if os.name == "posix":
        yield Check("file-mode", stat.S_IMODE(Path(database.path).stat().st_mode) & 0o077 == 0)


def _passes(check: Callable[[], bool]) -> bool:
    """Whether a check holds; where a damaged page stops it, it does not."""
    try:
        return check()
    except sqlite3.DatabaseError:
        return False


def _shapes_agree(database: Database, connection: sqlite3.Connection, source_keys: Collection[str]) -> bool:
    """Whether every session that a source has is in both shapes, with the same text if its id is usable.

    A session that an upgrade would fold away has its typed row under a recovered key, marked as archived. Only a
    database without the typed tables, as PR 91322 made them, may do without the typed rows.
    """
    cache = {row.key: row for row in database.cache_rows}
    typed = {row.key: row for row in database.typed_rows}
    has_typed_tables = bool(columns(connection, "session_entries"))
    for key in source_keys:
        row, twin = cache.get(key), typed.get(key)
        if row is None:
            if twin is not None:
                return False
        elif twin is not None:
            if twin.sha256 != row.sha256 and row.session_id is not None:
                return False
        elif row.session_id is not None and has_typed_tables:
            places = recovered_keys(database.agent_id, row.session_id, key)
            wanted = _archived_sha256(connection, key)
            if not any(place in typed and typed[place].sha256 == wanted for place in places):
                return False
    return True


def _archived_sha256(connection: sqlite3.Connection, key: str) -> bytes:
    text = stored_text(connection, key, Shape.V1) or b""
    entry = members(text)
    return sha256(archived_text(text, finite_number(entry.get("updatedAt")), entry)).digest() if entry else b""


def state_checks(inventory: Inventory) -> Iterator[Check]:
    """The checks of the whole: no database lies where nobody has a session to put there."""
    sources = {store.agent for store in inventory.stores if store.agent is not None}
    twins = {normalize_agent_id(name) for name in sources if normalize_agent_id(name) != name}
    filled = [database for database in inventory.databases if database.cache_rows or database.typed_rows]
    owned = {database.directory for database in filled}
    yield Check("no-sibling-directories", not (twins & owned) - sources)
    expected = {os.path.realpath(store.database) for store in inventory.stores}
    strays = {
        file.path
        for agent in inventory.agents
        for file in agent.files
        if os.path.dirname(file.path) == os.path.join(agent.path, "sessions")
        and fnmatchcase(os.path.basename(file.path), "openclaw-session-store-*.sqlite")
        and os.path.realpath(file.path) not in expected
    }
    yield Check("no-stray-databases", not strays)
