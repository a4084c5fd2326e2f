"""State directories whose stores lie outside of ``agents/``: unpacked, and with a third agent that is the default."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

CONFIGURED = {
    "defect-shared-store": ("custom/all-sessions.sqlite", "custom/all-sessions.{}.sqlite"),
    "defect-templated-store": ("custom/main/openclaw-agent.sqlite", "custom/{0}/openclaw-agent.{0}.sqlite"),
}
"""The databases that 2026.8.2 and 2026.9.6 open for these: that of main, and that of any other agent."""


def add_default_agent(state: Path, name: str = "ops") -> None:
    """Add a third agent like ``work``, and make it the default."""

    def renamed(text: str) -> str:
        return text.replace(":work:", f":{name}:").replace("agents/work/", f"agents/{name}/")

    ids: dict[str, str] = {}
    folder = state / "agents" / name / "sessions"
    folder.mkdir(parents=True)
    for path in sorted((state / "agents" / "work" / "sessions").glob("*.jsonl")):
        ids[path.stem] = f"{path.stem[:-8]}{len(ids):08x}"
        (folder / f"{ids[path.stem]}.jsonl").write_text(path.read_text().replace(path.stem, ids[path.stem]))
    shared = state / "custom" / "all-sessions.json"
    source = shared if shared.exists() else state / "custom" / "work" / "sessions.json"
    found = {key: value for key, value in json.loads(source.read_text()).items() if ":work:" in key}
    text = renamed(json.dumps(found))
    for old, new in ids.items():
        text = text.replace(old, new)
    place = shared if shared.exists() else state / "custom" / name / "sessions.json"
    place.parent.mkdir(exist_ok=True)
    others = json.loads(shared.read_text()) if shared.exists() else {}
    place.write_text(json.dumps(others | json.loads(text), indent=2))
    path = state / "openclaw.json"
    settings = json.loads(path.read_text())
    settings["agents"]["list"] = [{"id": "main"}, {"id": name, "default": True}, {"id": "work"}]
    path.write_text(json.dumps(settings))


def sessions_in(database: Path) -> dict[str, str]:
    """The session ids in one of our databases, by key."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT session_key, session_id FROM session_entries"))


def events_in(database: Path) -> int:
    """How many events a database has, ours or a release's."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM transcript_events").fetchone()[0])


def owner_of(database: Path) -> str:
    """The agent that a database says it is of."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT agent_id FROM schema_meta WHERE meta_key = 'primary'"
        return str(connection.execute(query).fetchone()[0])
