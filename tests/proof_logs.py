"""Proof logs for tests: a clock that can be set, and a small run that proves two sessions of two agents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

from migrator.findings.checks import STATE_CHECKS, checks_of
from migrator.model.inventory import Shape
from migrator.model.plan import Action
from migrator.model.upgrade import Part, Seen, Way
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.openclaw.text.transcript import LineKind
from migrator.privacy.labels import Labels, Namer
from migrator.proofs.log import Problem, ProofLog, read_log

KEY = bytes(range(32))
START = datetime(2026, 11, 22, 10, 15, 30, 123456, timezone.utc)
PHONE = "491511234567"

Events = list[tuple[str, dict[str, Any]]]


class Clock:
    """Ticks by 20 ms each time it is read."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=20)
        return self.now


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def a_run() -> Events:
    """An ``apply`` on two agents with two stores and two databases, three entries, and one extra row."""
    return [
        (
            "begin",
            {
                "verb": "apply",
                "command": ["apply", "--state-dir", Name("path", "/home/alice/.openclaw"), "--expect-agents", 2],
                "tool": "0.1.0",
                "python": "3.11.2",
                "sqlite": "3.40.1",
                "os": "Linux",
                "machine": "x86_64",
                "filesystem": "ext4",
                "plan": digest("plan"),
            },
        ),
        ("source", a_source("Alice Private", entries=2, verdicts={Verdict.SAME: 2})),
        ("source", a_source("ops", entries=1, verdicts={Verdict.EQUAL: 1})),
        ("database", a_database("Alice Private", rows=2, verdicts={Verdict.SAME: 2}, actions={Action.INSERT: 2})),
        (
            "database",
            a_database("ops", rows=2, verdicts={Verdict.EQUAL: 1, Verdict.EXTRA: 1}, actions={Action.SAME: 1}),
        ),
        ("transcript", a_transcript()),
        (
            "finding",
            {
                "code": "agent.no-round-trip",
                "subject": Name("agent", "Alice Private"),
                "facts": {"offset": 12, "updated_at": 1.5},
                "others": [Name("session", f"agent:main:telegram:direct:{PHONE}")],
            },
        ),
        ("check", {"name": "integrity", "passed": True, "subject": Name("database", "ops")}),
        ("check", {"name": "sources-unchanged", "passed": True}),
        ("not-tested", {"code": "power-loss"}),
        ("not-tested", {"code": "openclaw-reads"}),
        *(
            ("check", {"name": name, "passed": True, "subject": Name("database", agent)})
            for agent in ("Alice Private", "ops")
            for name in sorted(checks_of(Shape.V1, has_modes=True))
            if (agent, name) != ("ops", "integrity")
        ),
        *(("check", {"name": name, "passed": True}) for name in STATE_CHECKS),
        *(("agent", an_agent(agent)) for agent in ("Alice Private", "ops")),
        (
            "totals",
            {
                "verdict": "proved",
                "verdicts": {Verdict.SAME: 2, Verdict.EQUAL: 1, Verdict.EXTRA: 1, Verdict.MISSING: 0},
                "actions": {Action.INSERT: 2, Action.SAME: 1},
                "transcripts": {HistoryVerdict.CONTAINED: 1},
            },
        ),
        ("end", {"exit_code": 0}),
    ]


def a_scan() -> Events:
    """The same two stores as a scan finds them: nothing is planned or judged."""
    events = [event for event in a_run() if event[0] not in ("transcript", "check")]
    facts_of(events, "begin").pop("plan")
    facts_of(events, "begin").update(verb="scan", command=["scan"])
    for event, facts in events:
        if event in ("source", "database", "totals"):
            del facts["verdicts"]
            facts.pop("actions", None)
            facts.pop("extra_events", None)
        if event == "database":
            facts.update(content_digest=None, transcripts=0, events=0, written=False)
    facts_of(events, "totals").pop("transcripts")
    facts_of(events, "totals").update(verdict="scanned")
    events[-2:-2] = [("not-tested", {"code": "transcripts"}), ("check", {"name": "sources-unchanged", "passed": True})]
    return events


def an_upgrade() -> Events:
    """The same two sessions through an upgrade, as ``prove`` records it: a command, a listed session, a verdict."""
    events = a_run()
    facts_of(events, "begin").update(verb="prove", command=["prove", "--with", "migrator"], openclaw="2026.9.6")
    facts_of(events, "begin").update(openclaw_before="2026.7.1", manifest=digest("manifest"))
    at = next(place for place, (name, _) in enumerate(events) if name == "finding")
    step = {
        "part": Part.AFTER,
        "way": Way.MIGRATOR,
        "release": "2026.9.6",
        "command": ["openclaw", "gateway", "call", "chat.history", Name("session", "ops")],
        "exit_code": 0,
        "seconds": 0.3,
        "counts": {"messages": 3},
        "created": [Name("file", "new")],
        "changed": [Name("database", "ops")],
        "removed": [Name("store", "old")],
        "sayings": ["run-doctor"],
    }
    listed = {
        "way": Way.MIGRATOR,
        "session": Name("session", "ops"),
        "session_id": Name("session-id", "s1"),
        "before": Seen.NOT_ASKED,
        "after": Seen.SAME,
        "gateway": Seen.HIDDEN,
        "differs": ["model"],
        "tokens": 46,
    }
    totals = facts_of(events, "totals")
    totals["verdict"] = "differences"
    facts_of(events, "end").update(exit_code=1)
    outcome = {
        "way": Way.MIGRATOR,
        "verdict": "differences",
        "exit_code": 1,
        "isolated": True,
        "confined": True,
        "links_left_out": 0,
        "steps": 1,
        "listed": 1,
        "before": {Seen.NOT_ASKED: 1},
        "after": {Seen.SAME: 1},
        "gateway": {Seen.HIDDEN: 1},
        "sessions": 3,
        "events": 3,
        "present": 3,
        "verdicts": totals["verdicts"],
        "transcripts": totals["transcripts"],
        "failed": ["second-run"],
    }
    own = {"counts": {}, "created": [], "changed": [], "removed": [], "sayings": [], "exit_code": 0, "seconds": 0}
    steps = [
        {"part": Part.SCAN, "way": None, "release": None, "command": ["migrator", "scan"], **own},
        {"part": Part.SCAN, "way": None, "release": None, "command": ["migrator", "plan"], **own},
        {"part": Part.BEFORE, "way": None, "release": "2026.7.1", "command": ["openclaw", "sessions"], **own},
    ]
    events[at:at] = [*(("step", one) for one in (step, *steps)), ("listed", listed), ("trial", outcome)]
    events.remove(("not-tested", {"code": "openclaw-reads"}))
    checks = ("original-untouched", "openclaw-upgrades", "openclaw-reads", "openclaw-status", "gateway-answers")
    events[-2:-2] = [("check", {"name": name, "passed": True}) for name in (*checks, "gateway-history")]
    events[-2:-2] = [("check", {"name": "second-run", "passed": False})]
    return events


def a_source(agent: str, entries: int, verdicts: Mapping[Verdict, int]) -> dict[str, Any]:
    return {
        "store": Name("store", f"/home/alice/.openclaw/agents/{agent}/sessions/sessions.json"),
        "agent": Name("agent", agent),
        "database": Name("database", agent),
        "size": 123_456,
        "sha256_before": digest(agent),
        "sha256_after": digest(agent),
        "entries": entries,
        "damaged": 0,
        "quarantined": verdicts.get(Verdict.QUARANTINED, 0),
        "transforms": {},
        "verdicts": verdicts,
    }


def an_agent(agent: str) -> dict[str, Any]:
    return {"agent": Name("agent", agent), "stores": 1, "databases": 1}


def a_database(agent: str, rows: int, verdicts: Mapping[Verdict, int], actions: Mapping[Action, int]) -> dict[str, Any]:
    return {
        "database": Name("database", agent),
        "agent": Name("agent", agent),
        "shape": Shape.V1,
        "version": 1,
        "content_digest": digest(f"content of {agent}"),
        "rows": rows,
        "sources": 1,
        "transcripts": int(agent == "ops"),
        "events": 3 if agent == "ops" else 0,
        "extra_events": 0,
        "written": agent != "ops",
        "verdicts": verdicts,
        "actions": actions,
    }


def a_transcript() -> dict[str, Any]:
    return {
        "transcript": Name("transcript", "/home/alice/.openclaw/agents/ops/sessions/one.jsonl"),
        "database": Name("database", "ops"),
        "verdict": HistoryVerdict.CONTAINED,
        "events": 3,
        "present": 3,
        "lines": {LineKind.HEADER: 1, LineKind.MESSAGE: 2, LineKind.BLANK: 1},
    }


def facts_of(events: Events, name: str, number: int = 0) -> dict[str, Any]:
    """The facts of the n-th event with a name, to be changed in place."""
    return [facts for event, facts in events if event == name][number]


def written(events: Iterable[tuple[str, dict[str, Any]]], namer: Namer | None = None) -> ProofLog:
    """A log of these events."""
    log = ProofLog(namer or Labels(KEY).of, Clock())
    for event, facts in events:
        log.add(event, **facts)
    return log


def secrets() -> Iterator[str]:
    """The names that ``a_run`` is about."""
    yield f"agent:main:telegram:direct:{PHONE}"
    for agent in ("Alice Private", "ops"):
        yield f"/home/alice/.openclaw/agents/{agent}/sessions/sessions.json"


def judged(verb: str, stores: Mapping[str, Mapping[Verdict, int]], word: str, code: int) -> Events:
    """A complete log of a verb that judges so many stores, each in its own agent directory and database."""
    total: Counter[Verdict] = Counter()
    for verdicts in stores.values():
        total.update(verdicts)
    plans = verb == "apply"
    begin = facts_of(a_run(), "begin") | {"verb": verb, "command": [verb]}
    finding = {"code": "entry.not-object", "subject": Name("session", "x"), "facts": {}, "others": []}
    databases = [a_database(name, sum(verdicts.values()), verdicts, {}) for name, verdicts in stores.items()]
    for facts in databases:
        facts.update(transcripts=0, events=0, written=plans)
    if not plans:
        begin.pop("plan")
    totals: dict[str, Any] = {"verdict": word, "verdicts": total, "transcripts": {}}
    return [
        ("begin", begin),
        *(("source", a_source(name, sum(verdicts.values()), verdicts)) for name, verdicts in stores.items()),
        *(("database", facts if plans else without(facts, "actions")) for facts in databases),
        *([("finding", finding)] if total[Verdict.QUARANTINED] else []),
        *(event for event in a_run() if event[0] == "not-tested"),
        *(
            ("check", {"name": name, "passed": True, "subject": Name("database", agent)})
            for agent in stores
            for name in sorted(checks_of(Shape.V1, has_modes=True))
        ),
        *(("check", {"name": name, "passed": True}) for name in (*STATE_CHECKS, "sources-unchanged")),
        *(("agent", an_agent(name)) for name in stores),
        ("totals", totals | ({"actions": {}} if plans else {})),
        ("end", {"exit_code": code}),
    ]


def without(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in facts.items() if field != name}


def check_log(lines: Iterable[str]) -> tuple[Problem, ...]:
    """Say what is wrong with a log."""
    return tuple(read_log(lines).problems)
