"""The README and the program cannot drift apart: its tables are made from the program, and compared here."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from migrator import cli
from migrator.errors import MigratorError
from migrator.findings import RULES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    """What stands between the marks of a section of the README."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", README, re.DOTALL)
    assert found, name
    return found[1].strip()


def all_commands() -> list[tuple[str, click.Command]]:
    found = []
    for name, command in cli.main.commands.items():
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", command.commands[inner]) for inner in command.commands]
        else:
            found.append((name, command))
    return found


def commands_table() -> str:
    rows = ["| command | what it does |", "| --- | --- |"]
    rows += [f"| `migrator {name}` | {command.get_short_help_str(200)} |" for name, command in all_commands()]
    return "\n".join(rows)


def exit_codes_table() -> str:
    rows = ["| exit | meaning |", "| --- | --- |"]
    rows += [f"| {code} | {meaning} |" for code, meaning in cli.EXIT_CODES.items()]
    return "\n".join(rows)


def findings_table() -> str:
    rows = ["| code | severity | meaning | what to do |", "| --- | --- | --- | --- |"]
    rows += [
        f"| `{code}` | {rule.severity.value} | {rule.sentence} | {rule.remedy} |"
        for code, rule in sorted(RULES.items())
    ]
    return "\n".join(rows).replace("{subject}", "…").replace("{others}", "…")


@pytest.mark.parametrize(
    ("name", "table"),
    [("commands", commands_table), ("exit codes", exit_codes_table), ("findings", findings_table)],
)
def test_the_readme_has_the_table_that_the_program_makes(name: str, table: object) -> None:
    assert callable(table)
    assert section(name) == table()


def test_every_option_of_every_command_has_a_help_text() -> None:
    for name, command in all_commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (name, parameter.name)


@pytest.mark.parametrize("name", [name for name, _ in all_commands()])
def test_the_help_of_each_command_states_its_exit_codes(name: str) -> None:
    text = CliRunner().invoke(cli.main, [*name.split(), "--help"]).output
    assert "Exit codes:" in text
    assert "15" in text


def test_every_error_class_has_a_documented_exit_code() -> None:
    def classes(base: type[MigratorError]) -> list[type[MigratorError]]:
        return [base, *(one for child in base.__subclasses__() for one in classes(child))]

    for one in classes(MigratorError):
        assert one.exit_code in cli.EXIT_CODES, one


@pytest.mark.parametrize("line", re.findall(r"^(?:migrator|\w+=\S+ migrator) (.+?)\s*(?:#.*)?$", README, re.MULTILINE))
def test_each_command_line_in_the_readme_is_one_that_the_program_takes(line: str) -> None:
    words = [word.strip('"') for word in line.split()]
    command: click.Command = cli.main
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context("migrator", words, resilient_parsing=False)


def test_the_two_commands_of_the_readme_exist_and_can_be_run() -> None:
    for script in ("scripts/demo", "scripts/test"):
        assert f"python3 {script}" in README
        assert (ROOT / script).stat().st_mode & 0o111
