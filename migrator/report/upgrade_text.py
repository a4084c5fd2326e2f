"""The forecast of an upgrade as text: one line for each kind of thing, with how many there are and the first names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from migrator.model.words import Name
from migrator.report.groups import merged
from migrator.report.layout import size
from migrator.report.view import Namer, View

_HEADS = {
    "blocks": "it would stop at this",
    "loses": "it would lose this",
    "hides": "it would not show this",
    "changes": "it would change this",
    "host": "this host",
}


def upgrade_lines(upgrade: dict[str, View], namer: Namer) -> Iterator[str]:
    """The lines, an empty one first."""
    yield ""
    yield f"if OpenClaw ({upgrade['releases']}) upgraded this by itself, as it stands:"
    kinds: dict[str, list[dict[str, View]]] = {}
    for finding in cast(list[dict[str, View]], upgrade["forecast"]):
        kinds.setdefault(str(finding["code"]), []).append(finding)
    effect = remedy = None
    for code, findings in kinds.items():
        if findings[0]["effect"] != effect:
            effect, remedy = findings[0]["effect"], None
            yield f"  {_HEADS[str(effect)]}:"
        yield f"    {merged(findings, namer)} [{code}{'' if len(findings) == 1 else f', {len(findings):,}'}]"
        if findings[0]["remedy"] != remedy:
            remedy = findings[0]["remedy"]
            yield f"        {remedy}"
    if not kinds:
        yield "  nothing is known to go wrong"
    for filesystem in cast(list[dict[str, View]], upgrade["filesystems"]):
        yield (
            f"  {filesystem['kind']} filesystem of {namer(cast(Name, filesystem['place']))}: "
            f"may need {size(cast(int, filesystem['needed']))}, {size(cast(int, filesystem['free']))} are free"
            f"{', read-only' if filesystem['read_only'] else ''}"
        )
