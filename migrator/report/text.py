"""A view as text for a person: the verdict first, what to do last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

from migrator.model import Name
from migrator.report.upgrade_text import upgrade_lines
from migrator.report.view import Namer, View, sentence

FINDINGS_PER_CODE = 10
"""How many findings of one code are shown one by one; the rest is counted. The json format has them all."""

_COLUMNS = ("agent", "entries", "problems", "transcripts", "shape", "schema", "rows")


def render(view: dict[str, View], namer: Namer) -> str:
    """The text, with a final newline."""
    return "\n".join(_lines(view, namer)) + "\n"


def error(view: dict[str, View], namer: Namer) -> str:
    """What a command says on stderr when it cannot go on."""
    subject, message = view["subject"], str(view["message"])
    named = message.format(subject=namer(subject)) if isinstance(subject, Name) else message
    return f"migrator {view['command']}: {named} (exit {view['exit_code']})\n"


def _lines(view: dict[str, View], namer: Namer) -> Iterator[str]:
    totals = cast(dict[str, View], view["totals"])
    yield f"{view['command']}: {view['verdict']}"
    yield (
        f"state directory {namer(cast(Name, view['state_dir']))} (from {view['state_dir_source']}), "
        f"{totals['agents']} agents, {totals['sessions']} sessions"
    )
    for unmet in cast(list[str], view["unmet"]):
        yield f"not as expected: {unmet}"
    yield ""
    yield from _table(cast(list[dict[str, View]], view["agents"]), namer)
    if "plan" in view:
        yield from _plan(cast(dict[str, View], view["plan"]), namer)
    if "run" in view:
        yield from _run(cast(dict[str, View], view["run"]), namer)
    if "export" in view:
        yield from _export(cast(dict[str, View], view["export"]), namer)
    if "undone" in view:
        yield from _undone(cast(dict[str, int], view["undone"]))
    if "verification" in view:
        yield from _verification(cast(dict[str, View], view["verification"]), namer)
    yield from _findings(cast(list[dict[str, View]], view["findings"]), namer)
    if "upgrade" in view:
        yield from upgrade_lines(cast(dict[str, View], view["upgrade"]), namer)
    yield ""
    yield str(view["next_step"])
    if "parity" in view:
        yield str(cast(dict[str, View], view["parity"])["line"])


def _table(rows: list[dict[str, View]], namer: Namer) -> Iterator[str]:
    if not rows:
        return
    cells = [list(_COLUMNS)]
    for row in rows:
        who = row["agent"] or row["store"] or row["database"]
        cells.append([namer(cast(Name, who)), *("-" if row[c] is None else str(row[c]) for c in _COLUMNS[1:])])
    widths = [max(len(line[column]) for line in cells) for column in range(len(_COLUMNS))]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _plan(plan: dict[str, View], namer: Namer) -> Iterator[str]:
    yield ""
    for database in cast(list[dict[str, View]], plan["databases"]):
        actions = cast(dict[str, int], database["actions"])
        quarantine = cast(list[View], database["quarantine"])
        verb = "create" if database["create"] else "change" if database["pending"] else "leave"
        counts = ", ".join(f"{action} {count}" for action, count in actions.items()) or "no sessions"
        yield (
            f"{verb} {namer(cast(Name, database['database']))}: {counts}, quarantine {len(quarantine)}, "
            f"{database['expected_rows']} rows afterwards, at most {database['peak_bytes']} bytes of disk"
        )


def _run(run: dict[str, View], namer: Namer) -> Iterator[str]:
    yield ""
    for database in cast(list[dict[str, View]], run["databases"]):
        verb = "created" if database["created"] else "changed"
        yield f"{verb} {namer(cast(Name, database['database']))}: {database['rows_written']} rows written"
    yield f"run {run['id']}, in the folder {namer(cast(Name, run['folder']))}"
    if run["archived_sources"]:
        yield f"{run['archived_sources']} sources moved into the run folder"


def _export(export: dict[str, View], namer: Namer) -> Iterator[str]:
    yield ""
    for database in cast(list[dict[str, View]], export["databases"]):
        counts = ", ".join(f"{database[name]} {name}" for name in ("sessions", "transcripts", "archives", "events"))
        yield f"wrote {namer(cast(Name, database['place']))}: {counts}"
    yield f"into {namer(cast(Name, export['folder']))}"
    only = cast(dict[str, int], export["only_in_sqlite"])
    if only:
        yield "has no legacy form, see only-in-sqlite.json: " + _counted(only)


def _undone(undone: dict[str, int]) -> Iterator[str]:
    yield f"{undone['removed']} databases removed, {undone['restored']} restored"
    yield f"{undone['put_back']} sources put back, {undone['set_aside']} later files set aside in the run folder"


def _verification(verification: dict[str, View], namer: Namer) -> Iterator[str]:
    yield ""
    verdicts = cast(dict[str, int], verification["verdicts"])
    histories = cast(dict[str, int], verification["transcripts"])
    yield "sessions: " + _counted(verdicts)
    yield "transcripts: " + _counted(histories)
    for check in cast(list[str], verification["failed_checks"]):
        yield f"failed check: {check}"
    for database in cast(list[dict[str, View]], verification["databases"]):
        for entry in cast(list[dict[str, View]], database["entries"]):
            why = ", ".join(cast(list[str], entry["transforms"]))
            places = " ".join(namer(place) for place in cast(list[Name], entry["places"]))
            yield (
                f"  {entry['verdict']}  {namer(cast(Name, entry['session']))}"
                f"{'  by ' + why if why else ''}{'  to ' + places if places else ''}"
            )
            for difference in cast(list[dict[str, View]], entry["differences"]):
                path = cast(list[Name | int], difference["path"])
                steps = "/".join(namer(step) if isinstance(step, Name) else str(step) for step in path)
                yield f"    {difference['kind']}  {steps}"
        for history in cast(list[dict[str, View]], database["transcripts"]):
            if history["verdict"] != "contained":
                where = f", first at line {history['first_missing_line']}" if history["first_missing_line"] else ""
                yield (
                    f"  {history['verdict']}  {namer(cast(Name, history['transcript']))}  "
                    f"{history['present']} of {history['events']} events{where}"
                )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{word} {count}" for word, count in counts.items() if count) or "none"


def _findings(findings: list[dict[str, View]], namer: Namer) -> Iterator[str]:
    if findings:
        yield ""
    shown: Counter[str] = Counter()
    for finding in findings:
        code = str(finding["code"])
        shown[code] += 1
        if shown[code] <= FINDINGS_PER_CODE:
            yield f"{finding['severity']}: {sentence(finding, namer)} [{code}]"
            yield f"    {finding['remedy']}"
    for code, count in shown.items():
        if count > FINDINGS_PER_CODE:
            yield f"... and {count - FINDINGS_PER_CODE} more of {code}"
