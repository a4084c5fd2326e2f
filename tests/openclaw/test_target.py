"""What the release that it is for does with a database that only our writers made.

What later releases do with one is in ``test_prove.py``.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from migrator.sqlite import cache_rows, target, typed_entries
from migrator.sqlite.events import put_events
from tests.openclaw.conftest import Release
from tests.sqlite_worlds import NewEvent

pytestmark = pytest.mark.openclaw

NOW = 1_790_000_000_000
SESSIONS = 10
EVENTS = 7


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with nothing but the database of agent ``main``: ten sessions, seven events each."""
    database = tmp_path / "state" / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        target.create_tables(connection)
        target.stamp_owner(connection, "main", NOW)
        for key, session_id in expected_sessions().items():
            text = json.dumps({"sessionId": session_id, "updatedAt": NOW, "label": key})
            cache_rows.put_cache_rows(connection, [(key, text, NOW)])
            typed_entries.put_sessions(connection, [typed_entries.Owner(session_id, key, NOW, NOW)])
            typed_entries.put_typed_rows(connection, [typed_entries.TypedRow(key, session_id, text, NOW)])
            lines = list(transcript(session_id))
            put_events(
                connection,
                [NewEvent(session_id, seq, json.dumps(line).encode(), NOW) for seq, line in enumerate(lines)],
            )
    return tmp_path / "state"


def expected_sessions() -> dict[str, str]:
    """Session ids by session key."""
    return {f"agent:main:session-{n}": str(uuid.UUID(int=n, version=4)) for n in range(SESSIONS)}


def transcript(session_id: str) -> Iterator[dict[str, object]]:
    """A header and a chain of messages."""
    when = "2026-09-21T14:13:20.000Z"
    yield {"type": "session", "version": 3, "id": session_id, "timestamp": when, "cwd": "/home/user"}
    parent = None
    for number in range(1, EVENTS):
        role = "user" if number % 2 else "assistant"
        message = {"role": role, "content": [{"type": "text", "text": f"message {number}"}], "timestamp": NOW}
        event_id = f"{number:08x}"
        yield {"type": "message", "id": event_id, "parentId": parent, "timestamp": when, "message": message}
        parent = event_id


def read(state: Path, query: str) -> list[tuple[object, ...]]:
    """Ask the database of agent ``main``."""
    database = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_2026_7_1_leaves_the_rows_and_the_version_alone(openclaw: Callable[[str], Release], state: Path) -> None:
    queries = [
        "SELECT * FROM cache_entries ORDER BY key",
        "SELECT * FROM sessions ORDER BY session_id",
        "SELECT * FROM session_entries ORDER BY session_key",
        "SELECT * FROM session_routes ORDER BY session_key",
        "SELECT * FROM transcript_events ORDER BY session_id, seq",
        "PRAGMA user_version",
    ]
    before = [read(state, query) for query in queries]
    assert openclaw("2026.7.1").run("doctor", "--fix", "--non-interactive", state=state).returncode == 0
    assert [read(state, query) for query in queries] == before
