"""A view as Markdown to be pasted: into a pull request, an issue, or a job summary. At most a few hundred lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from migrator.findings.checks import CHECKS
from migrator.report.agent_rows import STATES
from migrator.report.groups import cut, grouped, listed, plural
from migrator.report.layout import size
from migrator.report.scan_text import who
from migrator.report.verdict_words import SESSIONS, TRANSCRIPTS
from migrator.report.verification_text import database_state
from migrator.report.view import Namer, View, message


def render(view: dict[str, View], namer: Namer) -> str:
    """The page, with a final newline."""
    lines = _stopped(view, namer) if "message" in view else _lines(view, namer)
    return "\n".join(lines) + "\n"


def _stopped(view: dict[str, View], namer: Namer) -> Iterator[str]:
    yield from (f"## migrator {view['command']}: stopped (exit {view['exit_code']})", "", message(view, namer))


def _lines(view: dict[str, View], namer: Namer) -> Iterator[str]:
    totals = cast(dict[str, int], view["totals"])
    yield f"## migrator {view['command']}: {view['verdict']} (exit {view['exit_code']})"
    yield from ("", f"**What to do:** {view['next_step']}", "")
    for unmet in cast(list[str], view["unmet"]):
        yield f"- Not as expected: {unmet}"
    if "parity" in view:
        yield f"`{cast(dict[str, View], view['parity'])['line']}`"
    else:
        yield f"{plural(totals['agents'], 'agent')}, {plural(totals['sessions'], 'session')}"
    if "plan" in view and "run" not in view:
        yield from _plan(cast(dict[str, View], view["plan"]), namer)
    if "run" in view:
        yield from ("", f"Run `{cast(dict[str, View], view['run'])['id']}`")
    if "verification" in view:
        yield from _verification(cast(dict[str, View], view["verification"]), namer)
    else:
        yield from _agents(cast(list[dict[str, View]], view["agents"]), namer)
    yield from _findings("Findings", cast(list[View], view["findings"]), namer)
    if "upgrade" in view:
        upgrade = cast(dict[str, View], view["upgrade"])
        title = f"If OpenClaw ({upgrade['releases']}) upgraded this by itself"
        yield from _findings(title, cast(list[View], upgrade["forecast"]), namer)
    yield from ("", f"<sub>OpenClaw session migrator {view['tool']}; labels stand for names.</sub>")


def _agents(rows: list[dict[str, View]], namer: Namer) -> Iterator[str]:
    shown, rest = cut(rows, lambda row: list(STATES).index(str(row["state"])))
    cells = [
        [namer(who(row)), _size(row["store_bytes"]), row["schema"], row["sessions"], row["transcripts"], row["state"]]
        for row in shown
    ]
    heads = ("agent directory", "store", "schema", "sessions", "transcripts", "state")
    yield from _table("What is there", heads, cells, len(rest))


def _plan(plan: dict[str, View], namer: Namer) -> Iterator[str]:
    databases = cast(list[dict[str, View]], plan["databases"])
    shown, rest = cut(databases, lambda one: 0 if one["quarantine"] else 1 if one["pending"] else 2)
    cells: list[list[View]] = [
        [
            "create" if one["create"] else "change" if one["pending"] else "keep",
            namer(who(one)),
            *(cast(dict[str, int], one["actions"]).get(action, 0) for action in ("insert", "update", "complete")),
            one["new_events"],
            len(cast(list[View], one["quarantine"])),
        ]
        for one in shown
    ]
    heads = ("what", "agent directory", "new sessions", "updated", "completed", "new events", "quarantined")
    yield from _table("Plan", heads, cells, len(rest))


def _verification(verification: dict[str, View], namer: Namer) -> Iterator[str]:
    databases = cast(list[dict[str, View]], verification["databases"])
    shown, rest = cut(databases, lambda one: 1 if database_state(one) == "complete" else 0)
    cells: list[list[View]] = []
    for one in shown:
        numbers = cast(dict[str, tuple[int, int]], one["parity"])
        state = database_state(one)
        pairs = ("{:,}/{:,}".format(*numbers[what]) for what in ("sessions", "transcripts", "events"))
        cells.append([namer(who(one)), *pairs, state if state == "complete" else f"**{state}**"])
    yield from _table("Databases", ("agent directory", "sessions", "transcripts", "events", "state"), cells, len(rest))
    for title, words, field in (("Sessions", SESSIONS, "verdicts"), ("Transcripts", TRANSCRIPTS, "transcripts")):
        counts = cast(dict[str, int], verification[field])
        told: list[list[View]] = [[word, counts[word], meaning] for word, meaning in words.items() if counts.get(word)]
        yield from _table(title, ("verdict", "number", "meaning"), told)
    failed: list[list[View]] = [
        [check, CHECKS[check], listed([who(one) for one in databases if _fails(one, check)], namer) or "all"]
        for check in dict.fromkeys(cast(list[str], verification["failed_checks"]))
    ]
    yield from _table("Failed checks", ("check", "what should be true", "where it is not"), failed)


def _fails(database: dict[str, View], check: str) -> bool:
    return cast(dict[str, bool], database["checks"]).get(check) is False


def _findings(title: str, findings: Sequence[View], namer: Namer) -> Iterator[str]:
    cells: list[list[View]] = [
        [group.severity, f"`{group.code}`", len(group.findings), group.sentence(namer), group.remedy]
        for group in grouped(findings)
    ]
    yield from _table(title, ("severity", "code", "number", "the first", "what to do"), cells)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[View]], left_out: int = 0) -> Iterator[str]:
    if not rows:
        return
    yield from ("", f"### {title}", "", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|")
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    if left_out:
        yield from ("", f"... and {left_out:,} more, which need no look first.")


def _cell(value: View) -> str:
    return "-" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def _size(count: View) -> str:
    return size(count) if isinstance(count, int) else "-"
