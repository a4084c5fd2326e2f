"""One page about a proof, rendered from its log alone, so that it cannot say more than the log.

Made to be pasted: the verdict first, then what to do; nothing but counts, digests, labels and our own words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from migrator.findings.checks import CHECKS
from migrator.model.conclusions import remedy
from migrator.model.verification import Verdict
from migrator.proofs.proof import Log, Problem
from migrator.proofs.proof_event import Event
from migrator.proofs.proof_events import NOT_TESTED, Json

_MOST_ROWS = 40
"""Rows of a table; the others are in the log."""


def summary_markdown(log: Log) -> str:
    """Render a log as one page of Markdown. Of a log with a problem it says so, and nothing else."""
    page = _broken_page(log.problems) if log.problems else _page(log.events, log.head)
    return "\n".join(page) + "\n"


def _broken_page(problems: Sequence[Problem]) -> Iterator[str]:
    yield from ("# broken log", "", "Do not rely on this log. Verify again, which writes a new one.", "")
    yield from (f"- {problem.sentence}" for problem in problems[:_MOST_ROWS])


def _page(events: Sequence[Event], head: str) -> Iterator[str]:
    begin, end = events[0], events[-1]
    totals = next(event for event in events if event.name == "totals")
    verdict = totals.word("verdict")
    damaged = totals.counts("verdicts")["quarantined"] + totals.counts("transcripts")["damaged"]
    yield from (f"# {verdict}", "", f"What to do: {remedy(verdict, damaged)}", "")
    yield f"- Command: `migrator {_text(begin.facts['command'])}`"
    yield f"- Exit code: {end.number('exit_code')}"
    yield "- " + ", ".join(f"{field}: {totals.number(field)}" for field in ("agents", "stores", "sessions"))
    yield f"- Ran with: {_text(_surroundings(begin))}"
    if "seconds" in end.facts:
        yield f"- Took: {_text(end.facts['seconds'])} seconds"
    yield f"- Log: {end.number('events')} lines, the last one has the hash `{head}`"
    yield from _trials(_named(events, "trial"), _named(events, "listed"))
    yield from _sessions(_named(events, "source"), totals)
    yield from _sources(_named(events, "source"))
    yield from _databases(_named(events, "database"))
    yield from _checks(_named(events, "check"))
    yield from _commands(_named(events, "step"))
    yield from _table("Transcripts", ("verdict", "number"), sorted(totals.counts("transcripts").items()))
    yield from _table("Findings", ("code", "number"), sorted(end.counts("findings").items()))
    yield from _list("Not tested", (NOT_TESTED[event.word("code")] for event in _named(events, "not-tested")))


def _named(events: Sequence[Event], name: str) -> list[Event]:
    return [event for event in events if event.name == name]


def _surroundings(begin: Event) -> list[Json]:
    words: list[Json] = [
        f"migrator {begin.word('tool')}",
        f"Python {begin.word('python')}",
        f"SQLite {begin.word('sqlite')}",
    ]
    words += [begin.word(field) for field in ("os", "machine", "filesystem") if field in begin.facts]
    releases = [begin.word(field) for field in ("openclaw_before", "openclaw") if field in begin.facts]
    return words + ([f"OpenClaw {' and '.join(releases)}"] if releases else [])


def _trials(trials: Sequence[Event], listed: Sequence[Event]) -> Iterator[str]:
    """What came of each way of upgrading, and how its sessions show in real releases."""
    rows: list[tuple[Json, ...]] = []
    for trial in trials:
        verdicts = ", ".join(f"{count} {word}" for word, count in trial.counts("verdicts").items() if count)
        events = f"{trial.number('present')} of {trial.number('events')}"
        rows.append((trial.facts["way"], trial.facts["verdict"], verdicts, events, ", ".join(trial.words("failed"))))
    yield from _table("Upgrades", ("migrated by", "verdict", "sessions", "events", "failed checks"), rows)
    shown = Counter((one.word("way"), place, one.word(place)) for one in listed for place in _LISTS)
    rows = [
        (way, _LISTS[place], seen, count) for (way, place, seen), count in sorted(shown.items()) if seen != "not-asked"
    ]
    yield from _table("Sessions that show", ("migrated by", "in", "how", "number"), rows)


_LISTS = {"before": "the old release, before", "after": "the new release", "gateway": "its gateway"}


def _commands(steps: Sequence[Event]) -> Iterator[str]:
    rows: list[tuple[Json, ...]] = []
    for step in steps:
        code = "ended by this program" if step.facts["exit_code"] is None else step.facts["exit_code"]
        files = [len(step.words(change)) for change in ("created", "changed", "removed")]
        rows.append(
            (step.word("way"), step.facts["command"], step.word("release"), code, step.facts["seconds"], *files)
        )
    heads = ("copy", "command", "release", "exit", "seconds", "created", "changed", "removed")
    yield from _table("Commands, and the files that they changed", heads, rows)


def _sessions(sources: Sequence[Event], totals: Event) -> Iterator[str]:
    verdicts = [verdict.value for verdict in Verdict if totals.counts("verdicts")[verdict.value]]
    rows: list[tuple[Json, ...]] = []
    for source in sorted(sources, key=lambda event: (event.word("agent"), event.word("store"))):
        counts = source.counts("verdicts")
        row = (source.facts["agent"], source.facts["store"], source.facts["entries"], source.facts["damaged"])
        rows.append((*row, *(counts[verdict] for verdict in verdicts)))
    if verdicts:
        counts = totals.counts("verdicts")
        rows.insert(0, ("all", "", totals.facts["sessions"], "", *(counts[verdict] for verdict in verdicts)))
    yield from _table("Sessions", ("agent", "store", "entries", "damaged", *verdicts), rows)


def _sources(sources: Sequence[Event]) -> Iterator[str]:
    rows: list[tuple[Json, ...]] = []
    for source in sources:
        before, after = source.facts["sha256_before"], source.facts["sha256_after"]
        same = before is not None and before == after
        rows.append((source.facts["store"], source.facts["size"], before, "the same" if same else after))
    yield from _table("Sources", ("store", "bytes", "SHA-256 before", "SHA-256 after"), rows)
    changes: Counter[str] = Counter()
    for source in sources:
        changes.update(source.counts("transforms"))
    yield from _table("Stored other than written", ("change", "entries"), sorted(changes.items()))


def _databases(databases: Sequence[Event]) -> Iterator[str]:
    fields = ("agent", "database", "shape", "version", "rows", "content_digest")
    rows = [tuple(database.facts[field] for field in fields) for database in databases]
    yield from _table("Databases", ("agent", "database", "shape", "schema", "sessions", "content digest"), rows)


def _checks(checks: Sequence[Event]) -> Iterator[str]:
    """Failed ones first, since only they ask for something."""
    ordered = sorted(checks, key=lambda check: (check.facts["passed"] is True, check.word("name")))
    rows: list[tuple[Json, ...]] = [
        ("passed" if c.facts["passed"] is True else "FAILED", CHECKS[c.word("name")], c.word("subject"))
        for c in ordered
    ]
    yield from _table("Checks", ("result", "check", "subject"), rows)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Json]]) -> Iterator[str]:
    if not rows:
        return
    yield from ("", f"## {title}", "", _row(heads), _row(["---"] * len(heads)))
    yield from map(_row, rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        yield from ("", "The other rows are in the log.")


def _row(cells: Sequence[Json]) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    lines = [f"- {item}" for item in items]
    if lines:
        yield from ("", f"## {title}", "", *lines)


def _text(value: Json) -> str:
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return "none" if value is None else str(value)
