"""What makes a release leave a session out, or contradicts an event, is found in what real releases wrote.

Rows of a damaged page hold what their table forbids; they are no agreement, and no crash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.request import Request
from migrator.model.report import VerifyReport
from migrator.model.request import Selection, Surroundings
from migrator.verification.node_projections import nodes_agree
from migrator.verification.parity import parity

Unpack = Callable[[str], Path]

GOOD = ("agent:main:one", b'{"sessionId":"one","updatedAt":5}', 1, "one", 5, None)


def verify(state: Path) -> VerifyReport:
    request = Request(Selection(state_dir=str(state)), Surroundings({}, "/home/user", str(state), str(state)))
    return commands.verify(request, accept=("moved",))


def damage(state: Path, sql: str) -> None:
    """Change the database of ``main`` behind the back of its triggers and constraints, as damage does."""
    path = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        size = lambda text: None if text is None else len(text if isinstance(text, bytes) else text.encode())  # noqa: E731
        connection.create_function("octet_length", 1, size, deterministic=True)
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        if not sql.startswith(("UPDATE", "DELETE", "INSERT")):
            connection.execute(sql)
            return
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        assert connection.execute(sql).rowcount == 1
        for _, made in triggers:
            connection.execute(made)


@pytest.mark.parametrize(
    ("check", "sql"),
    [
        ("rows-visible", f"UPDATE session_nodes SET {change} WHERE rowid = 3")
        for change in (
            "current_session_id = current_session_id || 'x'",
            "updated_at = updated_at + 1",
            "entry_valid = 0",
            "entry_valid = -1",
            "spawned_by = 'agent:main:main'",
            "parent_session_key = 'agent:main:main'",
            "fork_source_session_key = 'agent:main:main'",
            "archived_at = 1",
            "label = 'another'",
            "pinned_at = 1",
            "session_key = 'Agent:main:' || session_key",
            'entry_json = replace(entry_json, \'"sessionId":"\', \'"sessionId":"x\')',
        )
    ]
    + [
        (
            "rows-visible",
            "DELETE FROM session_windows WHERE session_id = (SELECT current_session_id FROM session_nodes)",
        ),
        (
            "rows-visible",
            "UPDATE session_windows SET session_key = 'agent:main:main'"
            " WHERE session_id = (SELECT current_session_id FROM session_nodes WHERE session_key <> 'agent:main:main')",
        ),
        ("columns-agree", "UPDATE schema_meta SET schema_version = 22 WHERE meta_key = 'primary'"),
        ("columns-agree", "UPDATE transcript_events SET created_at = created_at + 1 WHERE seq = 3"),
        ("columns-agree", "UPDATE transcript_events SET event_utf8_bytes = event_utf8_bytes + 1 WHERE seq = 3"),
        ("columns-agree", "UPDATE transcript_event_identities SET event_id = event_id || 'x' WHERE seq = 3"),
        ("columns-agree", "UPDATE transcript_event_identities SET event_type = 'custom' WHERE seq = 5"),
        ("columns-agree", "UPDATE transcript_event_identities SET parent_id = 'x' WHERE seq = 3"),
        ("columns-agree", "UPDATE transcript_event_identities SET seq = 99 WHERE seq = 3"),
        ("columns-agree", "DELETE FROM transcript_event_identities WHERE seq = 3"),
        ("columns-agree", "DELETE FROM session_transcript_active_events WHERE active_position = 1"),
        ("columns-agree", "UPDATE session_transcript_active_events SET message_position = 9 WHERE active_position = 1"),
        ("columns-agree", "UPDATE session_transcript_index_state SET active_message_count = 1"),
        ("rows-visible", "UPDATE session_key_contract SET main_key = 'work'"),
        ("rows-visible", "DELETE FROM session_key_contract"),
        ("rows-visible", "DROP TRIGGER session_windows_canonical_pending_after_update"),
        ("rows-visible", "DROP INDEX idx_agent_session_nodes_active"),
        ("rows-visible", "CREATE TRIGGER one_more AFTER DELETE ON session_nodes BEGIN SELECT 1; END"),
    ],
)
def test_a_column_that_contradicts_its_text_is_found(unpack: Unpack, check: str, sql: str) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    damage(state, sql)
    report = verify(state)
    assert report.exit_code == 1
    assert report.verification is not None
    assert check in report.verification.failed_checks


@pytest.mark.parametrize(
    "name", ["upgraded-2026.6.1-to-2026.9.6", "upgraded-2026.7.1-to-2026.9.6", "defect-stale-store/before"]
)
def test_what_real_releases_wrote_is_visible_and_agrees(unpack: Unpack, name: str) -> None:
    folder, *rest = name.split("/")
    report = verify(unpack(folder).joinpath(*rest))
    assert report.verification is not None
    assert report.verification.failed_checks in ((), ("no-sibling-directories",))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "INSERT INTO session_nodes SELECT 'agent:main:another', current_session_id, entry_json, {rest}"
            " FROM session_nodes WHERE session_key = 'agent:main:main'",
            "extra 1 session with 0 events",
        ),
        (
            "INSERT INTO transcript_events SELECT session_id, seq + 100, event_json, {rest}"
            " FROM transcript_events WHERE seq = 3",
            "extra 0 sessions with 1 event",
        ),
    ],
)
def test_what_no_source_explains_is_counted(unpack: Unpack, sql: str, words: str) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    table = sql.split()[2]
    with closing(sqlite3.connect(state / "agents/main/agent/openclaw-agent.sqlite")) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    damage(state, sql.format(rest=", ".join(names[3:])))
    verification = verify(state).verification
    assert verification is not None
    assert str(parity(verification)).endswith(words)


@pytest.mark.parametrize("value", [None, 7, 1.5, b"agent:main:one"])
@pytest.mark.parametrize("column", [0, 1, 3, 4, 5])
def test_a_node_with_a_value_of_any_type_is_judged(column: int, value: object) -> None:
    row = [*GOOD[:column], value, *GOOD[column + 1 :]]
    with closing(sqlite3.connect(":memory:")) as connection:
        columns = "session_key, entry_json, entry_valid, current_session_id, updated_at, spawned_by"
        connection.execute(f"CREATE TABLE session_nodes ({columns})")
        connection.execute("INSERT INTO session_nodes VALUES (?, ?, ?, ?, ?, ?)", row)
        assert all(nodes_agree(connection, "main")) is (row == [*GOOD])
