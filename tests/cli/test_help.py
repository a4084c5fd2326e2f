"""Help: of a command, of a word, and in which order the options stand."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli
from migrator.cli.shared_options import COMMON
from tests.readme import commands


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments), prog_name="migrator", terminal_width=80)


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_help_of_a_command_is_what_the_command_says_itself(name: str, command: click.Command) -> None:
    shown = run("help", *name.split())
    assert shown.exit_code == 0
    assert shown.output == run(*name.split(), "--help").output
    assert str(command.help).split(".")[0].split()[0] in shown.output


def test_help_alone_is_that_of_the_program() -> None:
    assert run("help").output == run("--help").output


@pytest.mark.parametrize("word", ["upgrade.loses-history", "15", "moved", "title-filled"])
def test_help_of_a_word_is_what_explain_says_of_it(word: str) -> None:
    assert run("help", word).output == run("explain", word).output


@pytest.mark.parametrize(("typed", "meant"), [("verfy", "verify"), ("upgrade.lose-history", "upgrade.loses-history")])
def test_help_of_nothing_known_suggests_what_is_spelled_like_it(typed: str, meant: str) -> None:
    shown = run("help", typed)
    assert shown.exit_code == 2
    assert meant in shown.stderr
    assert typed not in shown.stderr.split()


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_what_a_command_is_about_stands_before_what_all_take(name: str, command: click.Command) -> None:
    shown = run(*name.split(), "--help").output
    own, found, common = shown.partition("Common options:")
    for option in command.params:
        if isinstance(option, click.Option):
            block = common if option.name in COMMON else own
            assert f"  {option.opts[0]} " in block, option.name
    assert "--help" in (common if found else own)
