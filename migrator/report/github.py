"""A view as workflow commands of GitHub actions: one annotation for each code, since a step shows ten of a kind.

The page for ``$GITHUB_STEP_SUMMARY`` is the one of :mod:`migrator.report.markdown`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from migrator.report.groups import grouped, plural
from migrator.report.verification_text import failed_check_lines
from migrator.report.view import Namer, View, message

_LEVELS = {"busy": "error", "refused": "error", "quarantined": "warning", "warning": "warning", "note": "notice"}


def render(view: dict[str, View], namer: Namer) -> str:
    """The commands, one a line, the verdict last, with a final newline."""
    return "\n".join(_lines(view, namer)) + "\n"


def _lines(view: dict[str, View], namer: Namer) -> Iterator[str]:
    command = f"migrator {view['command']}"
    if "message" in view:
        yield _annotation("error", f"{command}: stopped", f"{message(view, namer)} (exit {view['exit_code']})")
        return
    for group in grouped(cast(list[View], view["findings"])):
        title = f"{group.code} ({plural(len(group.findings), 'finding')})"
        yield _annotation(_LEVELS[group.severity], title, f"{group.sentence(namer)} {group.remedy}")
    level = "notice" if view["exit_code"] == 0 else "warning" if view["exit_code"] == 15 else "error"
    if "verification" in view:
        for line in failed_check_lines(cast(dict[str, View], view["verification"]), namer):
            yield _annotation(level, f"{command}: failed check", line)
    told = [*(f"Not as expected: {unmet}." for unmet in cast(list[str], view["unmet"])), str(view["next_step"])]
    if "parity" in view:
        told.append(str(cast(dict[str, View], view["parity"])["line"]))
    yield _annotation(level, f"{command}: {view['verdict']} (exit {view['exit_code']})", "\n".join(told))


def _annotation(level: str, title: str, text: str) -> str:
    name = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={name}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
