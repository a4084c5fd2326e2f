"""The proof of an upgrade as text: one line for each command, then what came of each way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from migrator.model.words import Name
from migrator.report.view import Namer, View

_SHOWN_WELL = ("same", "renamed", "hidden")


def prove_lines(proved: dict[str, View], namer: Namer) -> Iterator[str]:
    """The lines, an empty one first."""
    yield ""
    yield from _steps(cast(list[dict[str, View]], proved["steps"]), namer)
    for trial in cast(list[dict[str, View]], proved["trials"]):
        yield ""
        yield f"upgraded by {trial['way']}: {trial['verdict']}"
        yield from _steps(cast(list[dict[str, View]], trial["steps"]), namer)
        for place, counts in cast(dict[str, dict[str, int]], trial["shown"]).items():
            if counts and set(counts) != {"not-asked"}:
                yield f"  shown by {_PLACES[place]}: " + ", ".join(f"{word} {n}" for word, n in counts.items())
        for one in cast(list[dict[str, View]], trial["sessions"]):
            if any(one[place] not in (*_SHOWN_WELL, "not-asked") for place in ("after", "gateway")):
                name, differs = namer(cast(Name, one["session"])), ", ".join(cast(list[str], one["differs"]))
                yield f"  {one['after']}, in the gateway {one['gateway']}  {name}  {differs}"
        for check in cast(list[str], trial["failed_checks"]):
            yield f"  failed check: {check}"
    if not proved["original_untouched"]:
        yield "the original has changed meanwhile"


_PLACES = {"before": "the old release", "after": "the new release", "gateway": "its gateway"}


def _steps(steps: list[dict[str, View]], namer: Namer) -> Iterator[str]:
    for step in steps:
        words = (namer(word) if isinstance(word, Name) else str(word) for word in cast(list[View], step["command"]))
        release = f" ({step['release']})" if step["release"] else ""
        code = "ended by this program" if step["exit_code"] is None else f"exit {step['exit_code']}"
        files = ", ".join(f"{change} {step[change]}" for change in ("created", "changed", "removed") if step[change])
        yield f"  {' '.join(words)}{release}: {code}, {step['seconds']} s{'; files: ' + files if files else ''}"
        for saying in cast(list[str], step["says"]):
            yield f"    it says: {saying}"
        for line in cast(list[Name], step["last_words"]):
            yield f"    {namer(line)}"
