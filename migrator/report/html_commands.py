"""The transcript of the commands that a proof of an upgrade has run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from migrator.model.words import Name
from migrator.report.markup import Markup, tag
from migrator.report.view import Namer, View


def commands_section(proved: dict[str, View], namer: Namer) -> Iterator[Markup]:
    """Each way of upgrading with its commands, in the order in which they ran."""
    yield tag("h2", "Commands that were run")
    yield tag("p", "Each ran on a private copy of the state directory, never on the original.")
    yield tag("pre", "\n".join(_transcript(cast(list[dict[str, View]], proved["steps"]), namer)))
    for trial in cast(list[dict[str, View]], proved["trials"]):
        yield tag("h3", f"Upgraded by {trial['way']}: {trial['verdict']} (exit {trial['exit_code']})")
        yield tag("pre", "\n".join(_transcript(cast(list[dict[str, View]], trial["steps"]), namer)))


def _transcript(steps: list[dict[str, View]], namer: Namer) -> Iterator[str]:
    for step in steps:
        words = (namer(word) if isinstance(word, Name) else str(word) for word in cast(list[View], step["command"]))
        release = f"  # release {step['release']}" if step["release"] else ""
        yield f"$ {' '.join(words)}{release}"
        for saying in cast(list[str], step["says"]):
            yield f"  it says: {saying}"
        for line in cast(list[Name], step["last_words"]):
            yield f"  {namer(line)}"
        code = "ended by this program" if step["exit_code"] is None else f"exit {step['exit_code']}"
        files = ", ".join(f"{change} {step[change]}" for change in ("created", "changed", "removed") if step[change])
        yield f"  {code}, {step['seconds']} s{'; files: ' + files if files else ''}"
