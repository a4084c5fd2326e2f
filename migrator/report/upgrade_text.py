"""An upgrade as text: the forecast, one line for each kind of thing, and the proof, one line for each command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.report.document import StepRow, TrialPart, UpgradePart
from migrator.report.groups import MOST_NAMES, command_line, merged
from migrator.report.layout import size
from migrator.report.parts import ForecastPart, ForeseenRow, Namer

_HEADS = {
    "blocks": "it would stop at this",
    "loses": "it would lose this",
    "hides": "it would not show this",
    "changes": "it would change this",
    "host": "this host",
}
_PLACES = {"before": "the old release", "after": "the new release", "gateway": "its gateway"}
_SHOWN_WELL = ("same", "renamed", "hidden", "not-asked")


def upgrade_lines(upgrade: ForecastPart, namer: Namer, most: int = MOST_NAMES) -> Iterator[str]:
    """What OpenClaw's own upgrade would do, with how many there are and the first names; an empty line first."""
    yield ""
    yield f"if OpenClaw ({upgrade.releases}) upgraded this by itself, as it stands:"
    kinds: dict[str, list[ForeseenRow]] = {}
    for finding in upgrade.forecast:
        kinds.setdefault(finding.code, []).append(finding)
    effect = remedy = None
    for code, findings in kinds.items():
        if findings[0].effect != effect:
            effect, remedy = findings[0].effect, None
            yield f"  {_HEADS[effect]}:"
        yield f"    {merged(findings, namer, most)} [{code}{'' if len(findings) == 1 else f', {len(findings):,}'}]"
        if findings[0].remedy != remedy:
            remedy = findings[0].remedy
            yield f"        {remedy}"
    if not kinds:
        yield "  nothing is known to go wrong"
    for filesystem in upgrade.filesystems:
        yield (
            f"  {filesystem.kind} filesystem of {namer(filesystem.place)}: "
            f"may need {size(filesystem.needed)}, {size(filesystem.free)} are free"
            f"{', read-only' if filesystem.read_only else ''}"
        )


def prove_lines(proved: UpgradePart, namer: Namer) -> Iterator[str]:
    """Each command, then what came of each way; an empty line first."""
    yield ""
    yield from _steps(proved.steps, namer)
    for trial in proved.trials:
        yield ""
        yield from _trial(trial, namer)
    if not proved.original_untouched:
        yield "the original has changed meanwhile"


def _trial(trial: TrialPart, namer: Namer) -> Iterator[str]:
    yield f"upgraded by {trial.way}: {trial.verdict}"
    yield from _steps(trial.steps, namer)
    for place, counts in trial.shown.items():
        if counts and set(counts) != {"not-asked"}:
            yield f"  shown by {_PLACES[place]}: " + ", ".join(f"{word} {n}" for word, n in counts.items())
    for one in trial.sessions:
        if one.after not in _SHOWN_WELL or one.gateway not in _SHOWN_WELL:
            yield f"  {one.after}, in the gateway {one.gateway}  {namer(one.session)}  {', '.join(one.differs)}"
    for check in trial.failed_checks:
        yield f"  failed check: {check}"


def _steps(steps: Sequence[StepRow], namer: Namer) -> Iterator[str]:
    for step in steps:
        release = f" ({step.release})" if step.release else ""
        yield f"  {words_of(step, namer)}{release}: {result_of(step)}"
        for saying in step.says:
            yield f"    it says: {saying}"
        for line in step.last_words:
            yield f"    {namer(line)}"


def words_of(step: StepRow, namer: Namer) -> str:
    """The command line of a step."""
    return command_line(step.command, namer)


def result_of(step: StepRow) -> str:
    """How a step ended, how long it took, and what it did to files."""
    code = "ended by this program" if step.exit_code is None else f"exit {step.exit_code}"
    counts = (("created", step.created), ("changed", step.changed), ("removed", step.removed))
    files = ", ".join(f"{change} {count}" for change, count in counts if count)
    return f"{code}, {step.seconds} s{'; files: ' + files if files else ''}"
