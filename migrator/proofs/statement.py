"""A proof as an in-toto statement, rendered from its log alone: what it is about, and what was found out.

The fields are those of the in-toto attestation framework, Statement v1. It is not signed here; sign it with what you
sign your other attestations with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from migrator.proofs.proof import Log
from migrator.proofs.proof_event import Event
from migrator.proofs.proof_events import Json

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:openclaw-session-migrator:upgrade-proof:v1"


def statement_json(log: Log) -> str:
    """Render a log; a broken one makes a statement about nothing.

    The subjects are the manifest of all files of the state directory and the content of each database.
    """
    events = () if log.problems else log.events
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in _subjects(events)],
        "predicateType": PREDICATE_TYPE,
        "predicate": _predicate(events, log.head) if events else {},
    }
    return json.dumps(statement, indent=2) + "\n"


def _subjects(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    for event in events:
        if event.name == "begin" and event.word("manifest"):
            yield "source-manifest", event.word("manifest")
        if event.name == "source" and event.word("sha256_before"):
            yield event.word("store"), event.word("sha256_before")
        if event.name == "database" and event.word("content_digest"):
            yield f"content-of/{event.word('database')}", event.word("content_digest")


def _predicate(events: tuple[Event, ...], head: str) -> dict[str, Json]:
    begin, end = events[0], events[-1]
    totals = next(event for event in events if event.name == "totals")
    tools = ("tool", "python", "sqlite", "os", "machine", "filesystem", "openclaw_before", "openclaw")
    return {
        "log": {"sha256": head, "events": end.number("events")},
        "started": begin.at,
        "finished": end.at,
        "command": begin.facts["command"],
        "environment": {name: begin.facts[name] for name in tools if name in begin.facts},
        "verdict": totals.word("verdict"),
        "exitCode": end.number("exit_code"),
        "agents": totals.number("agents"),
        "sessions": totals.number("sessions"),
        "verdicts": dict(totals.counts("verdicts")),
        "transcripts": dict(totals.counts("transcripts")),
        "trials": [dict(event.facts) for event in events if event.name == "trial"],
        "checks": [dict(event.facts) for event in events if event.name == "check"],
        "findings": dict(end.counts("findings")),
        "notTested": [event.word("code") for event in events if event.name == "not-tested"],
    }
