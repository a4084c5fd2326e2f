"""The README and the program cannot drift apart: what is made from the program is compared here."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from migrator import cli
from migrator.errors import MigratorError
from tests import readme
from tests.readme import SECTIONS, commands, renewed

ROOT = readme.README.parent
README = readme.README.read_text(encoding="utf-8")


def test_the_readme_says_what_the_program_says() -> None:
    assert renewed(README) == README, "run scripts/readme"


@pytest.mark.parametrize("name", SECTIONS)
def test_a_part_of_the_readme_that_went_stale_is_noticed(name: str) -> None:
    stale = README.replace(f"<!-- end of {name} -->", f"stale\n<!-- end of {name} -->")
    assert renewed(stale) == renewed(README) != stale


def test_a_part_that_has_no_place_in_the_readme_is_noticed() -> None:
    with pytest.raises(ValueError, match="0 places for options"):
        renewed(README.replace("<!-- options -->", ""))


def test_every_option_of_every_command_stands_in_the_table_with_its_meaning() -> None:
    table = SECTIONS["options"]()
    for name, command in commands():
        for option in command.params:
            if isinstance(option, click.Option):
                row = next(
                    row for row in table.splitlines() if f"| `{option.opts[0]}" in row and str(option.help) in row
                )
                assert name in row.split("|")[2].strip().split(", ") or row.split("|")[2].strip() == "all"


def test_every_option_of_every_command_has_a_help_text() -> None:
    for name, command in commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (name, parameter.name)


@pytest.mark.parametrize("name", [name for name, _ in commands()])
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
