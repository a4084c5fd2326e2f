"""Views of reports as plain values, for tests of formats."""

from __future__ import annotations

from migrator.model.words import Finding, Name
from migrator.report.view import View, of_finding


def label(name: Name) -> str:
    """A namer whose labels show what they stand for."""
    return f"<{name.text}>"


def agent(directory: str, state: str = "legacy", **changes: View) -> dict[str, View]:
    """A row of a scan."""
    return {
        "agent": Name("agent", directory),
        "store": Name("store", f"/{directory}/sessions.json"),
        "store_kind": "agent",
        "store_bytes": 12345,
        "problems": 0,
        "database": None,
        "database_bytes": None,
        "shape": None,
        "schema": None,
        "entries": 12,
        "rows": 0,
        "sessions": 12,
        "transcripts": 3,
        "state": state,
        **changes,
    }


_NOTHING: dict[str, View] = {"transforms": [], "differences": [], "places": []}


def verified(directory: str, *entries: tuple[str, str], **changes: View) -> dict[str, View]:
    """A verified database; ``entries`` are sessions with their verdicts."""
    pair = (12, 12)
    return {
        "agent": Name("agent", directory),
        "database": Name("database", f"/{directory}.sqlite"),
        "complete": not entries,
        "parity": {"sessions": pair, "transcripts": pair, "events": pair},
        "verdicts": {"same": 12},
        "checks": {"integrity": True},
        "entries": [{"session": Name("session", one), "verdict": verdict, **_NOTHING} for one, verdict in entries],
        "transcripts": [],
        "extra": [],
        **changes,
    }


def report(command: str, exit_code: int = 0, *findings: Finding, **sections: View) -> dict[str, View]:
    """A whole view; sections by their names."""
    return {
        "command": command,
        "verdict": "proved" if exit_code == 0 else "differences",
        "exit_code": exit_code,
        "tool": "0.1.0",
        "next_step": "Nothing.",
        "unmet": [],
        "state_dir": Name("path", "/state"),
        "state_dir_source": "--state-dir",
        "totals": {"agents": 1, "sessions": 12},
        "agents": [],
        "findings": [of_finding(one) for one in findings],
        **sections,
    }


def verification(*databases: dict[str, View], **changes: View) -> dict[str, View]:
    """The section of a verification."""
    return {
        "verdicts": {"same": 12},
        "transcripts": {},
        "checks": {"sources-unchanged": True},
        "failed_checks": [],
        "databases": list(databases),
        **changes,
    }
