"""The parts of the README that are made from the program; ``scripts/readme`` writes them anew."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from migrator.cli import main as cli
from migrator.cli.help import EXIT_CODES
from migrator.findings.table import RULES
from migrator.model.counted import in_general
from migrator.model.glossary import WORDS
from migrator.model.upgrade import Way
from migrator.report.json_format import SCHEMA, schema
from tests.openclaw.releases import LEGACY, MATRIX, SCHEMAS, Pair, age
from tests.readme_sessions import CI, CLAIM, INTERRUPTED, RELEASE, SUPPORT, transcript

README = Path(__file__).parent.parent / "README.md"
FINDINGS = README.parent / "migrator" / "findings" / "README.md"
UPGRADES = README.parent / "migrator" / "upgrades" / "README.md"
RUNS = README.parent / "migrator" / "runs" / "README.md"
FLEETS = README.parent / "scripts" / "fleet" / "README.md"
OPTIONS = README.parent / "migrator" / "cli" / "README.md"
SCHEMA_FILE = README.parent / "migrator" / "report" / SCHEMA


def renewed(text: str, page: Path = README) -> str:
    """The text of a page with all its sections made anew. Raises ValueError where a section has no place."""
    for name, make in PAGES[page].items():
        text = _replaced(text, name, make())
    return text


def _replaced(text: str, name: str, body: str) -> str:
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    pieces = re.split(f"{start}.*?{end}", text, flags=re.DOTALL)
    if len(pieces) != 2:
        raise ValueError(f"the page has {len(pieces) - 1} places for {name}")
    return f"{pieces[0]}{start}{body}\n{end}{pieces[1]}"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    for name, command in cli.main.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", command.commands[inner]) for inner in command.commands)
        else:
            yield name, command


def _commands_table() -> str:
    rows = [f"| `migrator {name}` | {command.get_short_help_str(200)} |" for name, command in commands()]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def options_table() -> str:
    """One row for each option and meaning; ``all`` are the commands that take a state directory."""
    takers: dict[tuple[str, str], list[str]] = {}
    for name, command in commands():
        for option in command.params:
            if isinstance(option, click.Option):
                takers.setdefault((_spelled(option), option.help or ""), []).append(name)
    everywhere = takers[("--state-dir DIR", "OpenClaw's state directory.")]
    rows = []
    for (spelled, meaning), names in takers.items():
        if set(names) >= set(everywhere):
            names = ["all", *(name for name in names if name not in everywhere)]
        rows.append(f"| `{spelled}` | {', '.join(names)} | {meaning} |")
    return "\n".join(["| option | of | what it does |", "| --- | --- | --- |", *rows])


def _spelled(option: click.Option) -> str:
    """An option with its value, as a table cell can hold it."""
    if option.is_flag:
        return option.opts[0]
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    return f"{option.opts[0]} {' or '.join(map(str, choices)) or option.metavar}"


def _exit_codes_table() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["| exit | meaning |", "| --- | --- |", *rows])


def _findings_table() -> str:
    rows = [
        f"| `{code}` | {rule.severity.value} | {in_general(rule.sentence)} | {rule.remedy} |"
        for code, rule in sorted(RULES.items())
    ]
    table = "\n".join(["| code | severity | meaning | what to do |", "| --- | --- | --- | --- |", *rows])
    return table.replace("{subject}", "…").replace("{others}", "…")


def _words_table() -> str:
    rows = [f"| {word} | {meaning} |" for word, meaning in WORDS.items()]
    return "\n".join(["| word | meaning |", "| --- | --- |", *rows])


def _releases_table() -> str:
    files = "files | its state directories are migrated; it lists every session that was exported |"
    carried = "it upgrades what was migrated and lists every session; what it wrote is verified |"
    rows = [f"| {release} | {files}" for release in LEGACY]
    rows += [f"| {release} | SQLite, agent schema {schema} | {carried}" for release, schema in SCHEMAS.items()]
    return "\n".join(["| OpenClaw | keeps sessions in | what is tested |", "| --- | --- | --- |", *rows])


def _matrix_table() -> str:
    """Old releases down, new ones across; below it what is not complete, and why."""
    new = sorted({release for row in MATRIX.values() for release in row}, key=age)
    head = [f"| from | {' | '.join(f'to {release}' for release in new)} |", f"|{' --- |' * (len(new) + 1)}"]
    rows = []
    upgrades: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for old in sorted(MATRIX, key=age):
        cells = [_outcome(MATRIX[old].get(release)) for release in new]
        rows.append(f"| {old} | {' | '.join(cells)} |")
        for release, pair in sorted(MATRIX[old].items(), key=lambda one: age(one[0])):
            for way, found in pair.items():
                if found["why"]:
                    upgrades[_why(way, found)][old].append(release)
    said = [f"- {_named(of)}, {why}" for why, of in upgrades.items()]
    return "\n".join([*head, *rows, *(["", *said] if said else [])])


def _named(upgrades: dict[str, list[str]]) -> str:
    """Old releases that came to the same by the same new ones, such as "A, B to C"."""
    olds: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for old, new in upgrades.items():
        olds[tuple(new)].append(old)
    return "; ".join(
        f"{'every old release' if len(old) == len(MATRIX) else ', '.join(old)} to {', '.join(new)}"
        for new, old in olds.items()
    )


def _outcome(pair: Pair | None) -> str:
    """What came of a pair, in a word or two."""
    if pair is None:
        return ""
    ours, alone = (pair[way.value]["word"] for way in Way)
    if ours == alone:
        return "refused both ways" if ours == "not-upgraded" else ours
    return "complete with this program" if ours == "complete" else ours.replace("-", " ")


def _why(way: str, found: dict[str, Any]) -> str:
    with_whom = "with this program" if way == Way.MIGRATOR.value else "by itself"
    return f"{with_whom}: {found['word'].replace('-', ' ')} ({', '.join(found['why'])})"


SECTIONS: dict[str, Callable[[], str]] = {
    "words": _words_table,
    "session: claim": lambda: transcript(CLAIM),
    "commands": _commands_table,
    "exit codes": _exit_codes_table,
    "releases": _releases_table,
}
"""Every made section of the README by its name, which stands in the marks around it."""

PAGES = {
    README: SECTIONS,
    FINDINGS: {"findings": _findings_table},
    OPTIONS: {"options": options_table},
    UPGRADES: {"matrix": _matrix_table, "session: release engineer": lambda: transcript(RELEASE)},
    RUNS: {
        "session: support staff": lambda: transcript(SUPPORT),
        "session: interrupted": lambda: transcript(INTERRUPTED),
    },
    FLEETS: {"session: ci job": lambda: transcript(CI)},
}
"""The pages with such sections."""

if __name__ == "__main__":
    for page in PAGES:
        page.write_text(renewed(page.read_text(encoding="utf-8"), page), encoding="utf-8")
    SCHEMA_FILE.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
