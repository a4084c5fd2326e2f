"""A view as text for a person: the verdict in one word first, what to do next last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from migrator.model.words import Name
from migrator.report.explain_text import explanation_lines
from migrator.report.groups import grouped, plural
from migrator.report.layout import PLAIN, Style, wrapped
from migrator.report.plan_text import plan_lines, run_lines
from migrator.report.prove_text import prove_lines
from migrator.report.scan_text import scan_lines
from migrator.report.upgrade_text import upgrade_lines
from migrator.report.verification_text import verification_lines
from migrator.report.view import Namer, View, message

_SEVERITIES = {"busy": "red", "refused": "red", "quarantined": "yellow", "warning": "yellow", "note": "faint"}


def render(view: dict[str, View], namer: Namer, style: Style = PLAIN) -> str:
    """The text, with a final newline."""
    return "\n".join(broken for line in _lines(view, namer, style) for broken in wrapped(line, style.width)) + "\n"


def error(view: dict[str, View], namer: Namer) -> str:
    """What a command says on stderr when it cannot go on."""
    return f"migrator {view['command']}: {message(view, namer)} (exit {view['exit_code']})\n"


def _lines(view: dict[str, View], namer: Namer, style: Style) -> Iterator[str]:
    totals = cast(dict[str, int], view["totals"])
    word = style.paint(str(view["verdict"]), _colour(view))
    agents, sessions = plural(totals["agents"], "agent"), plural(totals["sessions"], "session")
    yield f"{word}: migrator {view['command']}, {agents}, {sessions}"
    yield f"state directory {namer(cast(Name, view['state_dir']))} (from {view['state_dir_source']})"
    for unmet in cast(list[str], view["unmet"]):
        yield f"not as expected: {unmet}"
    if view["command"] == "scan":
        yield from scan_lines(cast(list[View], view["agents"]), namer, style)
    if "plan" in view and "run" not in view:
        yield from plan_lines(cast(dict[str, View], view["plan"]), namer, style)
    if "run" in view:
        yield from run_lines(cast(dict[str, View], view["run"]), namer, style)
    if "explanation" in view:
        yield from explanation_lines(cast(dict[str, View], view["explanation"]), namer)
    if "export" in view:
        yield from _export(cast(dict[str, View], view["export"]), namer)
    if "undone" in view:
        yield from _undone(cast(dict[str, int], view["undone"]))
    if "upgrade_proof" in view:
        yield from prove_lines(cast(dict[str, View], view["upgrade_proof"]), namer)
    if "verification" in view:
        yield from verification_lines(cast(dict[str, View], view["verification"]), namer, style)
    yield from _findings(cast(list[View], view["findings"]), namer, style)
    if "upgrade" in view:
        yield from upgrade_lines(cast(dict[str, View], view["upgrade"]), namer)
    yield ""
    if "parity" in view:
        yield str(cast(dict[str, View], view["parity"])["line"])
    yield f"{style.paint('next:', 'bold')} {view['next_step']}"


def _colour(view: dict[str, View]) -> str:
    if view["exit_code"] == 0:
        return "yellow" if view["verdict"] == "pending" else "green"
    return "yellow" if view["exit_code"] == 15 or view["verdict"] == "pending" else "red"


def _export(export: dict[str, View], namer: Namer) -> Iterator[str]:
    yield ""
    for database in cast(list[dict[str, View]], export["databases"]):
        counts = ", ".join(f"{database[name]} {name}" for name in ("sessions", "transcripts", "archives", "events"))
        yield f"+ {namer(cast(Name, database['place']))}: {counts}"
    yield f"into {namer(cast(Name, export['folder']))}"
    only = cast(dict[str, int], export["only_in_sqlite"])
    if only:
        counted = ", ".join(f"{word} {count}" for word, count in only.items() if count)
        yield f"has no legacy form, see only-in-sqlite.json: {counted}"


def _undone(undone: dict[str, int]) -> Iterator[str]:
    yield f"{plural(undone['removed'], 'database')} removed, {undone['restored']} restored"
    yield (
        f"{plural(undone['put_back'], 'source')} put back, {plural(undone['set_aside'], 'later file')} set aside "
        "in the folder of the run"
    )


def _findings(findings: list[View], namer: Namer, style: Style) -> Iterator[str]:
    groups = grouped(findings)
    if groups:
        yield ""
    for group in groups:
        count = f", {len(group.findings):,}" if len(group.findings) > 1 else ""
        yield style.paint(f"{group.severity} [{group.code}{count}]", _SEVERITIES[group.severity])
        yield f"  {group.sentence(namer)}"
        yield f"  {group.remedy}"
