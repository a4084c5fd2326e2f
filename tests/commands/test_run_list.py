"""``rollback`` alone lists the runs, with what each can still take back, and ends with the command that does it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli
from migrator.runs.run import RUNS
from tests.conftest import fingerprint
from tests.run_worlds import three_agents
from tests.worlds import World, cache_row, change


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return three_agents(tmp_path)


def listed(world: World) -> str:
    return run("rollback", "--state-dir", world.state, "--names", "clear").stdout


def last_command(text: str) -> list[str]:
    return shlex.split(text.splitlines()[-1])[1:]


def test_without_a_run_there_is_none_to_take_back(world: World) -> None:
    shown = run("rollback", "--state-dir", world.state)
    assert shown.exit_code == 0
    assert shown.stdout.endswith("no runs\n\nnext: Nothing to do: no run has written here.\n")


def test_runs_are_listed_with_date_state_and_what_they_take_back_and_the_last_line_does_it(world: World) -> None:
    run("apply", "--yes", "--state-dir", world.state)
    run("apply", "--yes", "--archive-sources", "--state-dir", world.state)
    before = fingerprint(world.state)
    text = listed(world)
    assert fingerprint(world.state) == before
    told = re.findall(
        r"^(\d{8}T\d{6}Z-\w+)  (\d{4}-\d\d-\d\d \d\d:\d\d) UTC, (.*)\n  rollback (.*)", text, re.MULTILINE
    )
    assert [state for *_, state, _ in told] == ["complete", "complete"]
    assert [does for *_, does in told] == [told[0][3], "removes 1 database, restores 2 databases as before"]
    assert re.fullmatch(r"puts \d+ sources back", told[0][3])
    assert told[0][1].replace("-", "").replace(" ", "T").replace(":", "") in told[0][0]
    assert last_command(text) == ["rollback", told[0][0], "--state-dir", str(world.state), "--names", "clear"]
    assert run(*last_command(text)).exit_code == 0
    assert "taken back" in listed(world)
    assert last_command(listed(world))[1] == told[1][0]
    assert run(*last_command(listed(world))).exit_code == 0
    assert listed(world).endswith("next: Nothing to do: every run was taken back.\n")


def test_a_run_that_would_be_refused_says_at_what_it_would_stop(world: World) -> None:
    run("apply", "--yes", "--state-dir", world.state)
    change(next((world.state / "agents").rglob("openclaw-agent.sqlite")), cache_row("agent:main:later", "{}"))
    assert "rollback refuses as it stands (rollback.database-changed)" in listed(world)
    assert run(*last_command(listed(world))).exit_code == 12


def test_a_run_whose_journal_makes_no_sense_is_listed_all_the_same(world: World) -> None:
    folder = world.state / RUNS / "20261122T120000Z-0123abcd"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text("?\n")
    assert "20261122T120000Z-0123abcd  2026-11-22 12:00 UTC, unreadable\n" in listed(world)


def test_after_an_apply_the_whole_command_that_takes_it_back_stands_in_one_line(world: World) -> None:
    applied = run("apply", "--yes", "--state-dir", world.state, "--names", "clear").stdout
    [line] = re.findall(r"^to take it back:\n  migrator (rollback .*)$", applied, re.MULTILINE)
    assert run(*shlex.split(line)).exit_code == 0


def test_the_list_is_data_as_well_and_has_labels_off_a_terminal(world: World) -> None:
    run("apply", "--yes", "--state-dir", world.state)
    shown = run("rollback", "--state-dir", world.state, "--format", "json").stdout
    report = json.loads(shown)
    assert str(world.state) not in shown
    assert (report["verdict"], report["exit_code"]) == ("listed", 0)
    [row] = report["runs"]
    assert row["takes_back"] == {"removed": 1, "restored": 2, "put_back": 0, "set_aside": 0}
    assert report["next_command"][:3] == ["migrator", "rollback", row["id"]]


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_page_has_the_list_as_a_table_with_what_taking_a_run_back_does(world: World, form: str) -> None:
    words = ("rollback", "--state-dir", world.state, "--format", form)
    assert "no runs" in run(*words).stdout
    run("apply", "--yes", "--state-dir", world.state)
    page = run(*words).stdout
    row = json.loads(run("rollback", "--state-dir", world.state, "--format", "json").stdout)["runs"][0]
    cells = [row["id"], f"{row['began'][:10]} {row['began'][11:16]} UTC", "complete"]
    cells.append("rollback removes 1 database, restores 2 databases as before")
    found = re.findall(r"<td[^>]*>([^<]*)</td>", page) if form == "html" else re.findall(r"^\| (.*) \|$", page, re.M)
    assert cells == found[:4] if form == "html" else " | ".join(cells) in found
    assert "no runs" not in page


def test_what_is_to_be_done_with_a_run_needs_a_run(world: World, tmp_path: Path) -> None:
    for words in (["--set-aside"], ["--evidence", tmp_path / "case"]):
        assert run("rollback", "--state-dir", world.state, *words).exit_code == 2
