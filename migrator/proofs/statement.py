"""A proof as an in-toto statement, rendered from its log alone: what it is about, and what was found out.

The fields are those of the in-toto attestation framework, Statement v1. It is not signed here; sign it with what you
sign your other attestations with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from msgspec import UNSET, to_builtins

from migrator.proofs.log import Log
from migrator.proofs.vocabulary import Check, Database, NotTested, Source, Trial, given

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:openclaw-session-migrator:upgrade-proof:v1"


def statement_json(log: Log) -> str:
    """Render a log; a broken one makes a statement about nothing.

    The subjects are the manifest of all files of the state directory and the content of each database.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in _subjects(log)],
        "predicateType": PREDICATE_TYPE,
        "predicate": {} if log.problems else _predicate(log),
    }
    return json.dumps(statement, indent=2) + "\n"


def _subjects(log: Log) -> Iterator[tuple[str, str]]:
    if log.problems:
        return
    if isinstance(log.begin.manifest, str):
        yield "source-manifest", log.begin.manifest
    for source in log.of(Source):
        if source.sha256_before is not None:
            yield source.store, source.sha256_before
    for database in log.of(Database):
        if database.content_digest is not None:
            yield f"content-of/{database.database}", database.content_digest


def _predicate(log: Log) -> dict[str, object]:
    begin, totals, end = log.begin, log.totals, log.end
    tools = ("tool", "python", "sqlite", "os", "machine", "filesystem", "openclaw_before", "openclaw")
    return {
        "log": {"sha256": log.head, "events": end.events},
        "started": begin.at,
        "finished": end.at,
        "command": begin.command,
        "environment": {name: getattr(begin, name) for name in tools if getattr(begin, name) is not UNSET},
        "verdict": totals.verdict,
        "exitCode": end.exit_code,
        "agents": totals.agents,
        "sessions": totals.sessions,
        "verdicts": given(totals.verdicts, {}),
        "transcripts": given(totals.transcripts, {}),
        "trials": [_facts(trial) for trial in log.of(Trial)],
        "checks": [_facts(check) for check in log.of(Check)],
        "findings": end.findings,
        "notTested": [one.code for one in log.of(NotTested)],
    }


def _facts(event: Trial | Check) -> dict[str, object]:
    plain: dict[str, object] = to_builtins(event)
    return {name: value for name, value in plain.items() if name not in ("event", "n", "prev", "at")}
