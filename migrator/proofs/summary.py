"""One page about a proof, rendered from its log alone, so that it cannot say more than the log.

Made to be pasted: the verdict first, then what to do; nothing but counts, digests, labels and our own words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from migrator.findings.checks import CHECKS, NOT_TESTED
from migrator.model.conclusions import Tally, after_judging, remedy
from migrator.model.counted import plural
from migrator.model.upgrade import Seen
from migrator.model.verification import LOST, HistoryVerdict, Verdict
from migrator.proofs.log import Log, Problem
from migrator.proofs.sums import seconds_between
from migrator.proofs.vocabulary import Begin, Check, Database, Listed, NotTested, Source, Step, Totals, Trial, given

_MOST_ROWS = 40
"""Rows of a table; the others are in the log."""

_Cell = str | int | float | None | Sequence["_Cell"]


def summary_markdown(log: Log) -> str:
    """Render a log as one page of Markdown. Of a log with a problem it says so, and nothing else."""
    return "\n".join(_broken_page(log.problems) if log.problems else _page(log)) + "\n"


def _broken_page(problems: Sequence[Problem]) -> Iterator[str]:
    yield from ("### broken log", "", "Do not rely on this log. Verify again, which writes a new one.", "")
    yield from (f"- {problem.sentence}" for problem in problems[:_MOST_ROWS])


def _page(log: Log) -> Iterator[str]:
    """What was proved, what failed and what was not tried; all that bears it out is folded in."""
    begin, totals, end = log.begin, log.totals, log.end
    transcripts = given(totals.transcripts, {})
    yield from (f"### {totals.verdict}", "", " ".join(_claim(begin, totals)), "")
    yield f"What to do: {next_step(log)}"
    yield from _failed(log.of(Check))
    yield from _list("Not tested", (NOT_TESTED[one.code] for one in log.of(NotTested)))
    yield from ("", "<details><summary>Everything else that the log says</summary>", "")
    yield f"- Command: `migrator {_text(begin.command)}`"
    yield f"- Exit code: {end.exit_code}"
    yield f"- Ran with: {' '.join(_surroundings(begin))}"
    yield f"- Started: {begin.at}, took {seconds_between(begin.at, end.at):.1f} seconds"
    yield f"- Log: {plural(end.events, 'line')}, the last one has the hash `{log.head}`"
    yield from _trials(log.of(Trial), log.of(Listed))
    yield from _sessions(log.of(Source), totals)
    yield from _sources(log.of(Source))
    yield from _databases(log.of(Database))
    yield from _checks(log.of(Check))
    yield from _commands(log.of(Step))
    yield from _table("Transcripts", ("verdict", "number"), sorted(transcripts.items()))
    yield from _table("Findings", ("code", "number"), sorted(end.findings.items()))
    yield from ("", "</details>")


def _claim(begin: Begin, totals: Totals) -> Iterator[str]:
    """Say in one sentence what was done, and where the sessions and events are."""
    releases = [one for one in (begin.openclaw_before, begin.openclaw) if isinstance(one, str)]
    if begin.verb == "prove":
        yield f"Upgrade of a copy{' from' if len(releases) == 2 else ''} {' to '.join(releases) or 'by no OpenClaw'}:"
    verdicts = given(totals.verdicts, None)
    if verdicts is None:
        agents, stores = plural(totals.agents, "agent"), plural(totals.stores, "store")
        yield f"{plural(totals.sessions, 'session')} of {agents} in {stores}; nothing was compared."
        return
    moved, deleted = (verdicts.get(word, 0) for word in (Verdict.MOVED, Verdict.DELETED))
    lost = sum(count for word, count in verdicts.items() if word in LOST) - moved - deleted
    there, sessions = totals.sessions - moved - deleted - lost, plural(totals.sessions, "session")
    yield f"{there} of {sessions} of {plural(totals.agents, 'agent')} and"
    yield f"{totals.present} of {plural(totals.events, 'event')} are where they were;"
    if deleted:
        yield f"OpenClaw deleted {plural(deleted, 'session')};"
    yield f"{plural(moved, 'session')} moved, {lost} {'is' if lost == 1 else 'are'} lost or changed."


def _failed(checks: Sequence[Check]) -> Iterator[str]:
    failed = Counter(CHECKS[check.name] for check in checks if not check.passed)
    yield from _list(
        "Failed checks", (f"{words} ({count} times)" if count > 1 else words for words, count in failed.items())
    )


def _surroundings(begin: Begin) -> Iterator[str]:
    yield from (f"migrator {begin.tool}", f"Python {begin.python}", f"SQLite {begin.sqlite}")
    yield from (begin.os, begin.machine, begin.filesystem)
    if releases := [one for one in (begin.openclaw_before, begin.openclaw) if isinstance(one, str)]:
        yield f"OpenClaw {' and '.join(releases)}"


def _trials(trials: Sequence[Trial], listed: Sequence[Listed]) -> Iterator[str]:
    """What came of each way of upgrading, and how its sessions show in real releases."""
    rows: list[tuple[_Cell, ...]] = []
    for trial in trials:
        verdicts = ", ".join(f"{count} {word.value}" for word, count in trial.verdicts.items() if count)
        rows.append((trial.way, trial.verdict, verdicts, f"{trial.present} of {trial.events}", ", ".join(trial.failed)))
    yield from _table("Upgrades", ("migrated by", "verdict", "sessions", "events", "failed checks"), rows)
    shown = Counter(
        (one.way, place, seen)
        for one in listed
        for place, seen in (
            ("the old release, before", one.before),
            ("the new release", one.after),
            ("its gateway", one.gateway),
        )
        if seen is not Seen.NOT_ASKED
    )
    rows = [(*key, count) for key, count in sorted(shown.items())]
    yield from _table("Sessions that show", ("migrated by", "in", "how", "number"), rows)


def _commands(steps: Sequence[Step]) -> Iterator[str]:
    rows: list[tuple[_Cell, ...]] = []
    for step in steps:
        code = "ended by this program" if step.exit_code is None else step.exit_code
        files = (len(step.created), len(step.changed), len(step.removed))
        rows.append((step.way or "", step.command, step.release or "", code, step.seconds, *files))
    heads = ("copy", "command", "release", "exit", "seconds", "created", "changed", "removed")
    yield from _table("Commands, and the files that they changed", heads, rows)


def _sessions(sources: Sequence[Source], totals: Totals) -> Iterator[str]:
    sums = given(totals.verdicts, {})
    verdicts = [verdict for verdict in Verdict if sums.get(verdict)]
    rows: list[tuple[_Cell, ...]] = []
    for source in sorted(sources, key=lambda source: (source.agent or "", source.store)):
        counts = given(source.verdicts, {})
        row = (source.agent, source.store, source.entries, source.damaged)
        rows.append((*row, *(counts.get(verdict, 0) for verdict in verdicts)))
    if verdicts:
        rows.insert(0, ("all", "", totals.sessions, "", *(sums[verdict] for verdict in verdicts)))
    yield from _table("Sessions", ("agent", "store", "entries", "damaged", *verdicts), rows)


def _sources(sources: Sequence[Source]) -> Iterator[str]:
    changes: Counter[str] = Counter()
    rows: list[tuple[_Cell, ...]] = []
    for source in sources:
        changes.update(source.transforms)
        after = "the same" if source.is_unchanged else source.sha256_after
        rows.append((source.store, source.size, source.sha256_before, after))
    yield from _table("Sources", ("store", "bytes", "SHA-256 before", "SHA-256 after"), rows)
    yield from _table("Stored other than written", ("change", "entries"), sorted(changes.items()))


def _databases(databases: Sequence[Database]) -> Iterator[str]:
    rows = [(one.agent, one.database, one.shape, one.version, one.rows, one.content_digest) for one in databases]
    yield from _table("Databases", ("agent", "database", "shape", "schema", "sessions", "content digest"), rows)


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    """Failed ones first, since only they ask for something."""
    ordered = sorted(checks, key=lambda check: (check.passed, check.name))
    rows = [("passed" if one.passed else "FAILED", CHECKS[one.name], given(one.subject, "")) for one in ordered]
    yield from _table("Checks", ("result", "check", "subject"), rows)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[_Cell]]) -> Iterator[str]:
    if not rows:
        return
    yield from ("", f"#### {title}", "", _row(heads), _row(["---"] * len(heads)))
    yield from map(_row, rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        yield from ("", "The other rows are in the log.")


def _row(cells: Sequence[_Cell]) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    lines = [f"- {item}" for item in items]
    if lines:
        yield from ("", f"#### {title}", "", *lines)


def _text(value: _Cell) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return " ".join(map(_text, value))
    return "none" if value is None else str(value)


def next_step(log: Log) -> str:
    """The sentence for a log without problems."""
    totals, verdicts = log.totals, given(log.totals.verdicts, {})
    failed = frozenset(check.name for check in log.of(Check) if not check.passed)
    damaged = verdicts.get(Verdict.QUARANTINED, 0) + given(totals.transcripts, {}).get(HistoryVerdict.DAMAGED, 0)
    usual = remedy(totals.verdict, damaged, log.end.findings.get("entry.lost-history", 0))
    found = Tally(verdicts, totals.events - totals.present, failed, "--against" in log.begin.command)
    return after_judging(log.begin.verb, totals.verdict, usual, found)
