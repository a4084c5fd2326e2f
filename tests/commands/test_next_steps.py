"""What a report says is to be done next: it follows from what was found, in states that real releases wrote."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner

from migrator import commands
from migrator.cli.invocation import _ABOUT
from migrator.cli.main import main
from migrator.commands.request import Request
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import Verdict, Verification
from migrator.model.words import Name
from tests.conftest import fingerprint
from tests.planning.test_repair import header, said
from tests.worlds import World, entry

Unpack = Callable[[str], Path]


def quarantined(verification: Verification) -> Verification:
    """The same, with one entry more that is damaged."""
    first, *others = verification.databases
    source, *more = first.sources
    damaged = replace(source, counts=(*source.counts, (Verdict.QUARANTINED, 1)))
    return replace(verification, databases=(replace(first, sources=(damaged, *more)), *others))


def request(state: Path) -> Request:
    around = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return Request(Selection(state_dir=str(state)), around)


@pytest.mark.parametrize(
    ("fixture", "step"),
    [("legacy-2026.7.1", "plan"), ("upgraded-2026.7.1-to-2026.9.6", "verify")],
)
def test_after_a_scan_comes_a_plan_where_stores_are_live_and_else_a_verification(
    unpack: Unpack, fixture: str, step: str
) -> None:
    report = commands.scan(request(unpack(fixture)))
    assert f"migrator {step} " in report.next_step
    assert report.next_command[:2] == ("migrator", step)


def test_what_was_never_migrated_can_be_planned(unpack: Unpack) -> None:
    report = commands.verify(request(unpack("legacy-2026.7.1")))
    assert report.next_step.startswith("16 sessions and 24 events are in no database. See with ")


def test_events_that_are_missing_can_be_put_back_from_what_they_were_judged_by(unpack: Unpack) -> None:
    states = unpack("defect-malformed-line")
    report = commands.verify(request(states / "after"), str(states / "before"))
    assert report.next_step == (
        "18 events are in no database. See with migrator plan what can be put back, taken from what was judged by."
    )


def test_where_sessions_are_only_elsewhere_their_acceptance_is_what_is_left(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    report = commands.verify(request(state))
    assert (
        report.next_step == "Nothing is lost. If the sessions may stay where they are, run verify with --accept moved."
    )
    accepted = commands.verify(request(state), accept=("moved",))
    assert accepted.exit_code == 0
    assert replace(accepted, verification=quarantined(accepted.verification)).next_step.startswith(
        "Read the findings on damaged"
    )
    assert accepted.next_step.startswith("Nothing to do: every session is in its database, or where you accept it")


def test_what_is_to_be_done_next_is_a_command_that_can_be_pasted(unpack: Unpack) -> None:
    states, moved = unpack("defect-malformed-line"), unpack("upgraded-2026.7.1-to-2026.9.6")

    def typed(report: commands.Report) -> list[str]:
        return [word.text if isinstance(word, Name) else str(word) for word in report.next_command][1:]

    lost = commands.verify(request(states / "after"), str(states / "before"))
    named = ["--state-dir", str(states / "after"), "--from", str(states / "before")]
    assert typed(lost) == ["plan", *named]
    assert CliRunner().invoke(main, [*typed(lost), "--detailed-exitcode"]).exit_code == 1
    elsewhere = commands.verify(request(moved))
    assert CliRunner().invoke(main, typed(elsewhere)).exit_code == 0
    assert commands.verify(request(moved), accept=("moved",)).next_command == ()


def offered(said: str) -> list[str]:
    """The command that a report ends with, as a shell reads it, without the name of the program."""
    program, *words = shlex.split(said.splitlines()[-1])
    assert program == "migrator"
    return words


ABOUT = ["config", "agents", "stores", "backup", "follow", "expect_agents", "allow_empty", "names", "against", "accept"]


def about(words: list[str]) -> dict[str, object]:
    """What a command line says the command is about, as the real command reads it."""
    context = main.commands[words[0]].make_context(words[0], words[1:], parent=Context(main))
    return {name: value for name, value in context.params.items() if name in ABOUT and value}


NAMES = ["--names", "clear"]
GIVEN = {
    "scan": ["--agent", "main", "--expect-agents", "1", *NAMES],
    "plan": ["--agent", "main", "--agent", "Retired Agent", "--from", "BACKUP", *NAMES],
    "verify": ["--store", "STORE", "--config", "STATE/openclaw.json", "--follow", *NAMES],
}


@pytest.mark.parametrize("verb", GIVEN)
def test_the_next_command_is_about_what_the_user_has_selected(unpack: Unpack, tmp_path: Path, verb: str) -> None:
    state, backup = unpack("legacy-2026.6.1"), tmp_path / "back up"
    shutil.copytree(state, backup, symlinks=True)
    places = {"BACKUP": str(backup), "STORE": str(state / "agents" / "main" / "sessions" / "sessions.json")}
    given = [places.get(word, word.replace("STATE", str(state))) for word in GIVEN[verb]]
    said = CliRunner().invoke(main, [verb, "--state-dir", str(state), *given]).stdout
    next_one = offered(said)
    assert next_one[0] != verb
    assert about(next_one) == about([verb, *given])
    assert next_one[1:3] == ["--state-dir", str(state)] or next_one[1:4] == ["--yes", "--state-dir", str(state)]


def test_what_a_verification_was_judged_by_and_what_it_accepts_stays_in_the_next_one(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    given = ["--against", str(state), "--accept", "deleted", *NAMES]
    said = CliRunner().invoke(main, ["verify", "--state-dir", str(state), *given]).stdout
    next_one = offered(said)
    assert about(next_one) == {**about(["verify", *given]), "accept": ("moved", "deleted")}
    assert CliRunner().invoke(main, next_one).exit_code == 0


def test_a_run_that_wrote_outside_is_taken_back_outside_as_well(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    store = state / "agents" / "main" / "sessions" / "sessions.json"
    CliRunner().invoke(main, ["apply", "--yes", "--state-dir", str(state)])
    listed = CliRunner().invoke(main, ["rollback", "--state-dir", str(state), "--store", str(store), *NAMES]).stdout
    assert offered(listed)[-4:] == ["--store", str(store), *NAMES]
    assert CliRunner().invoke(main, offered(listed)).exit_code == 0


@pytest.mark.parametrize("agent", ["R&D $HOME", "it's", 'say "ho"', "a;b", "*", "-x", "back\\slash"])
def test_a_name_of_any_kind_is_one_word_of_the_command_in_a_shell(tmp_path: Path, agent: str) -> None:
    world = World(tmp_path)
    world.agent(agent, {"agent:main:a": entry("a", 5)})
    said = CliRunner().invoke(main, ["scan", "--state-dir", str(world.state), "--agent", agent, *NAMES]).stdout
    read = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {said.splitlines()[-1]}"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert read[read.index("--agent") + 1] == agent
    assert CliRunner().invoke(main, read[1:]).exit_code == 0


@pytest.mark.parametrize("saves", [True, False])
def test_a_plan_ends_with_the_command_that_carries_it_out(unpack: Unpack, tmp_path: Path, saves: bool) -> None:
    state, file = unpack("legacy-2026.6.1"), tmp_path / "the plan.json"
    output = ["--output", str(file)] if saves else []
    command = ["plan", "--state-dir", str(state), "--agent", "main", *NAMES, *output]
    said = CliRunner().invoke(main, command).stdout
    selected = ["--yes", "--state-dir", str(state), "--agent", "main"]
    assert offered(said) == ["apply", *([str(file)] if saves else selected), *NAMES]
    done = CliRunner().invoke(main, [*offered(said), "--format", "json"])
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["run"]["databases"]) == 1
    nothing_left = CliRunner().invoke(main, command).stdout
    assert offered(nothing_left) == ["verify", "--state-dir", str(state), "--agent", "main", *NAMES]


def test_a_scan_leads_to_a_plan_where_only_a_transcript_is_left(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {})
    store = world.store_path("main")
    (store.parent / "a.jsonl").write_text(f"{header('a')}\n{said(1)}\n")
    store.unlink()
    scanned = commands.scan(request(world.state))
    assert scanned.next_command[:2] == ("migrator", "plan")
    assert commands.plan(request(world.state)).next_command[:3] == ("migrator", "apply", "--yes")


def test_a_scan_leads_to_a_verification_once_all_is_migrated(unpack: Unpack) -> None:
    state = unpack("legacy-2026.7.1")
    commands.apply(request(state), None, True)
    assert commands.scan(request(state)).next_command[:2] == ("migrator", "verify")


def test_of_archives_of_deleted_sessions_alone_no_command_is_made(unpack: Unpack) -> None:
    state = unpack("only-deleted-archives-left")
    assert commands.scan(request(state)).next_command == ()
    assert commands.plan(request(state)).next_command == ()


@pytest.mark.parametrize("verb", ["scan", "plan", "verify", "apply"])
def test_where_there_is_nothing_to_do_there_is_no_command(tmp_path: Path, verb: str) -> None:
    words = [verb, "--state-dir", str(tmp_path), "--allow-empty", *(["--yes"] if verb == "apply" else [])]
    assert "\n  migrator " not in CliRunner().invoke(main, words).stdout


def test_a_scan_leads_to_a_plan_and_that_to_a_run_and_that_to_its_way_back(unpack: Unpack) -> None:
    state = unpack("legacy-2026.7.1")
    before, words, verbs = fingerprint(state), ["scan", "--state-dir", str(state), *NAMES], []
    while "rollback" not in verbs:
        verbs.append(words[0])
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0
        if words[0] == "apply":
            words = shlex.split(done.stdout.partition("to take it back:\n")[2].splitlines()[0])[1:]
        elif words[0] != "rollback":
            words = offered(done.stdout)
    assert verbs == ["scan", "plan", "apply", "rollback"]
    digests = [{path: one[3] for path, one in found.items()} for found in (before, fingerprint(state))]
    assert digests[0].items() <= digests[1].items()


@pytest.mark.parametrize(
    ("fixture", "words"),
    [
        ("upgraded-2026.7.1-to-2026.9.6", ["verify"]),
        ("upgraded-2026.7.1-to-2026.9.6", ["verify", "--accept", "moved"]),
        ("defect-malformed-line/after", ["verify", "--against", "before"]),
        ("defect-malformed-line/after", ["verify"]),
        ("restored-without-transcripts", ["apply", "--yes"]),
        ("legacy-2026.7.1", ["plan"]),
    ],
)
def test_the_summary_of_a_proof_says_the_same_as_the_report(
    unpack: Unpack, tmp_path: Path, fixture: str, words: list[str]
) -> None:
    name, _, below = fixture.partition("/")
    state = unpack(name) / below
    words = [str(state.parent / word) if word == "before" else word for word in words]
    command = [*words, "--state-dir", str(state), "--proof", str(tmp_path), "--format", "json"]
    report = json.loads(CliRunner().invoke(main, command).stdout)
    [summary] = tmp_path.glob("*.summary.md")
    assert f"\nWhat to do: {report['next_step']}\n" in summary.read_text()


def test_what_the_next_command_takes_over_are_parameters_of_a_command() -> None:
    assert {parameter.name for command in main.commands.values() for parameter in command.params} >= _ABOUT
