"""The README and the program cannot drift apart: what is made from the program is compared here."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from migrator import __version__
from migrator.cli import main as cli
from migrator.cli.help import EXIT_CODES, HELP
from migrator.model.errors import MigratorError
from migrator.model.glossary import WORDS
from tests import readme
from tests.openclaw.releases import LEGACY, SCHEMAS
from tests.readme import PAGES, SECTIONS, commands, options_table, renewed

ROOT = readme.README.parent
README = readme.README.read_text(encoding="utf-8")


def test_the_readme_says_what_the_program_says() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert renewed(text, page) == text, "run scripts/readme"


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [page for page in ROOT.rglob("*.md") if not {"node_modules", ".venv"} & set(page.parts)]
    assert len(pages) > 8
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (page.parent / link).exists(), (page, link)


def slug(heading: str) -> str:
    """The anchor that a heading of a page has on the usual hosts."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def test_every_link_to_a_part_of_a_page_finds_its_heading() -> None:
    found = 0
    for page in (readme.README, *(ROOT / "migrator").rglob("*.md"), *(ROOT / "scripts").rglob("*.md")):
        for link, anchor in re.findall(r"\]\(([\w./-]*\.md)#([\w-]+)\)", page.read_text(encoding="utf-8")):
            text = (page.parent / link).read_text(encoding="utf-8")
            assert anchor in map(slug, re.findall(r"^#+ (.*)$", text, re.MULTILINE)), (page, link, anchor)
            found += 1
    assert found > 5


def test_the_readme_is_one_that_a_person_reads_to_its_end() -> None:
    assert 15_000 <= len(README.encode()) <= 20_000


def test_the_readme_says_before_all_else_what_it_is_not_how_to_get_it_and_what_to_stop() -> None:
    first = README[: README.index("## Words")]
    for said in (
        "no official tool",
        "pipx install .",
        "uv tool install .",
        "uvx --from .",
        "scripts/zipapp",
        "docker build",
    ):
        assert said in first
    assert "openclaw-session-migrator" in first
    assert "externally-managed-environment" in first
    assert "systemctl --user stop openclaw-gateway.service" in first
    assert "docker compose stop openclaw-gateway" in first
    safety = first[first.index("## Is it safe?") : first.index("What that means exactly")]
    assert len(re.findall(r"^\d\. ", safety, re.MULTILINE)) == 5


def test_each_of_the_four_jobs_is_one_command_with_two_options_at_most() -> None:
    jobs = README[README.index("## Four jobs") :].split("```")[1].strip().splitlines()
    assert len(jobs) == 4
    for line in jobs:
        said, _, question = line.partition("#")
        assert question
        assert said.startswith("migrator ")
        assert len(re.findall(r" --\w", said)) <= 2


def test_the_changelog_has_the_version_of_the_program() -> None:
    assert f"\n## {__version__}," in (ROOT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_table_of_fixtures_names_every_one() -> None:
    table = (ROOT / "fixtures" / "README.md").read_text(encoding="utf-8")
    for archive in (ROOT / "fixtures").glob("*.tar.xz"):
        assert f"`{archive.name.removesuffix('.tar.xz')}`" in table, archive.name


@pytest.mark.parametrize("name", SECTIONS)
def test_a_part_of_the_readme_that_went_stale_is_noticed(name: str) -> None:
    stale = README.replace(f"<!-- end of {name} -->", f"stale\n<!-- end of {name} -->")
    assert renewed(stale) == renewed(README) != stale


def test_a_part_that_has_no_place_in_the_readme_is_noticed() -> None:
    with pytest.raises(ValueError, match="0 places for words"):
        renewed(README.replace("<!-- words -->", ""))


def test_every_option_of_every_command_stands_in_the_table_with_its_meaning() -> None:
    table = options_table()
    for name, command in commands():
        for option in command.params:
            if isinstance(option, click.Option):
                row = next(
                    row for row in table.splitlines() if f"| `{option.opts[0]}" in row and str(option.help) in row
                )
                of = row.split("|")[2].strip().split(", ")
                assert name in of or ("all" in of and any(one.name == "state_dir" for one in command.params))


def test_every_option_of_every_command_has_a_help_text() -> None:
    for name, command in commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (name, parameter.name)


def help_of(command: str) -> str:
    return CliRunner().invoke(cli.main, [*command.split(), "--help"], terminal_width=80).output


def takes(line: str) -> None:
    """Raise click's usage error unless the program takes the command line."""
    words = [word.strip('"') for word in line.split()]
    command: click.Command = cli.main
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context("migrator", words, resilient_parsing=False)


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_the_help_of_each_command_is_one_sentence_examples_and_its_own_exit_codes(
    name: str, command: click.Command
) -> None:
    shown, own = help_of(name), HELP[name]
    assert re.fullmatch(r"[^.]+(\.\w+[^.]*)*\.", (command.help or "").strip()), "one sentence"
    codes = re.findall(r"^    (\d+) ", shown[shown.index("Exit codes:") :], re.MULTILINE)
    assert codes == [str(code) for code in sorted(own.codes)]
    assert set(own.meanings) <= set(own.codes) <= set(EXIT_CODES)
    assert own.examples
    for line, _ in own.examples:
        assert f"  migrator {line}" in shown
        takes(line.split(" > ")[0])
    assert max(map(len, shown.splitlines())) <= 80


def test_the_help_explains_our_words_and_where_names_are_shown_in_clear() -> None:
    shown = help_of("")
    assert all(meaning in shown for meaning in (*WORDS.values(), *EXIT_CODES.values()))
    assert max(map(len, shown.splitlines())) <= 80
    assert "in clear on your own terminal only" in " ".join(shown.split())


def test_every_error_class_has_a_documented_exit_code() -> None:
    def classes(base: type[MigratorError]) -> list[type[MigratorError]]:
        return [base, *(one for child in base.__subclasses__() for one in classes(child))]

    for one in classes(MigratorError):
        assert one.exit_code in EXIT_CODES, one


@pytest.mark.parametrize("line", re.findall(r"^(?:migrator|\w+=\S+ migrator) (.+?)\s*(?:#.*)?$", README, re.MULTILINE))
def test_each_command_line_in_the_readme_is_one_that_the_program_takes(line: str) -> None:
    takes(line)


def test_the_two_commands_of_the_readme_exist_and_can_be_run() -> None:
    for script in ("scripts/demo", "scripts/test"):
        assert f"python3 {script}" in README
        assert (ROOT / script).stat().st_mode & 0o111


def test_ci_installs_the_releases_that_the_readme_calls_supported() -> None:
    installed = re.search(
        r"^for release in (.*); do$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert installed
    assert installed[1].split() == [*LEGACY, *SCHEMAS]
