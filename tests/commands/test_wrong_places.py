"""What is named as a state directory and is none is called what it is, with the command that was meant."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli
from migrator.commands.request import require_no_wrong_place
from migrator.scanning.discovery import is_state_directory, walk
from tests.conftest import fingerprint

Unpack = Callable[[str], Path]
MEANT = "This was probably meant:"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def commands_in(said: str) -> list[list[str]]:
    """The command lines that are offered, as words without the name of the program."""
    lines = said.partition(MEANT)[2].strip().splitlines()
    return [shlex.split(line)[1:] for line in lines]


WRONG = {
    "agents": ("has the agent directories of", []),
    "agents/main": ("is an agent directory of", ["--agent", "main"]),
    "agents/Retired Agent": ("is an agent directory of", ["--agent", "Retired Agent"]),
    "agents/main/sessions": ("is a folder in", ["--agent", "main"]),
    "agents/main/sessions/sessions.json": ("is a file of", ["--agent", "main"]),
    "openclaw.json": ("is a file of", []),
}


@pytest.mark.parametrize("verb", ["scan", "plan", "verify", "apply"])
@pytest.mark.parametrize("below", WRONG)
def test_a_place_in_a_state_directory_is_named_and_the_command_that_was_meant_works(
    unpack: Unpack, verb: str, below: str
) -> None:
    state = unpack("legacy-2026.6.1")
    before = fingerprint(state)
    words = [verb, "--names", "clear", *(["--yes"] if verb == "apply" else [])]
    wrong = run(*words, "--state-dir", state / below)
    says, agent = WRONG[below]
    assert wrong.exit_code == 10
    assert f"{says} the state directory {state}." in wrong.stderr
    assert fingerprint(state) == before
    [meant] = commands_in(wrong.stderr)
    assert meant == [*words, "--state-dir", str(state), *agent]
    assert run(*meant).exit_code in (0, 1)


def test_a_database_is_a_file_of_its_agent(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    database = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    said = run("verify", database, "--names", "clear").stderr
    assert commands_in(said) == [["verify", "--names", "clear", "--state-dir", str(state), "--agent", "main"]]


def test_of_state_directories_one_level_down_each_is_offered(unpack: Unpack) -> None:
    folder = unpack("defect-malformed-line")
    said = run("scan", folder, "--names", "clear")
    assert said.exit_code == 10
    assert "is no state directory, but 2 lie in it: " in said.stderr
    assert [words[-1] for words in commands_in(said.stderr)] == [str(folder / "after"), str(folder / "before")]


def test_in_a_home_the_state_directory_is_found(unpack: Unpack, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    unpack("legacy-2026.6.1").rename(home / ".openclaw")
    said = run("scan", "--state-dir", home, "--names", "clear", "--expect-agents", 3)
    [meant] = commands_in(said.stderr)
    assert meant == ["scan", "--expect-agents", "3", "--names", "clear", "--state-dir", str(home / ".openclaw")]
    assert run(*meant).exit_code == 0


def test_what_is_judged_by_can_be_the_wrong_place_as_well(unpack: Unpack) -> None:
    folder = unpack("defect-malformed-line")
    said = run("verify", folder / "after", "--against", folder, "--names", "clear")
    assert [words[-2:] for words in commands_in(said.stderr)] == [
        ["--against", str(folder / "after")],
        ["--against", str(folder / "before")],
    ]


def test_a_file_that_lies_in_no_state_directory_can_be_taken_from(unpack: Unpack, tmp_path: Path) -> None:
    state, alone = unpack("legacy-2026.6.1"), tmp_path / "alone.json"
    (state / "agents" / "main" / "sessions" / "sessions.json").rename(alone)
    said = run("scan", alone, "--names", "clear")
    assert (said.exit_code, MEANT in said.stderr) == (10, False)
    assert "run plan with --from and this path" in said.stderr
    assert "12 sessions" in run("plan", "--state-dir", state, "--from", alone, "--agent", "main").stdout


def test_off_a_terminal_a_wrong_place_has_labels_and_json_has_the_words_of_the_command(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    said = run("scan", "--state-dir", state / "agents" / "Retired Agent", "--format", "json")
    assert "Retired" not in said.output
    assert str(state) not in said.output
    meant = json.loads(said.stdout)["meant"]
    assert [words[:2] for words in meant] == [["migrator", "scan"]]
    assert meant[0][-2] == "--agent"


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_page_offers_the_commands_that_were_meant(unpack: Unpack, form: str) -> None:
    folder = unpack("defect-malformed-line")
    page = run("scan", folder, "--names", "clear", "--format", form).stdout
    _, meant, offered = page.partition(MEANT)
    assert meant
    for state in ("after", "before"):
        command = f"migrator scan --format {form} --names clear --state-dir {folder / state}"
        assert f"<pre>{command}</pre>" in offered if form == "html" else f"\n    {command}\n" in offered
    assert MEANT not in run("scan", folder / "after", "--format", form).stdout


@pytest.mark.parametrize("fixture", ["legacy-2026.6.1", "nested-state-dirs", "upgraded-2026.7.1-to-2026.9.6"])
def test_a_state_directory_is_no_wrong_place_whatever_lies_in_it(unpack: Unpack, fixture: str) -> None:
    state = unpack(fixture)
    assert MEANT not in run("scan", state if (state / "agents").is_dir() else state / "state").stderr


@pytest.mark.parametrize(
    ("made", "is_one"),
    [
        ("agents/main/sessions/sessions.json", True),
        ("agents/main/agent/openclaw-agent.sqlite", True),
        ("agents/main/notes/sessions.json", False),
        ("agents/sessions.json", False),
        ("agent/main/sessions/sessions.json", False),
    ],
)
def test_what_is_offered_as_a_state_directory_is_one_where_it_lies_in_another(
    tmp_path: Path, made: str, is_one: bool
) -> None:
    inner = tmp_path / "box" / "inner"
    (inner / made).parent.mkdir(parents=True)
    for path in (inner / made, inner / "kept.json"):
        path.write_text('{"agent:main:main": {"sessionId": "a", "updatedAt": 1}}')
    offered = commands_in(run("scan", tmp_path / "box", "--names", "clear").stderr)
    assert [words[-1] for words in offered] == ([str(inner)] if is_one else [])
    [kept] = [one for one in walk(str(tmp_path / "box")).found if one.path == str(inner / "kept.json")]
    assert kept.root == (str(inner) if is_one else None)


def test_an_agent_that_may_not_be_looked_at_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for agent in ("closed", "open"):
        (tmp_path / "agents" / agent / "sessions").mkdir(parents=True)
    listed = os.listdir

    def refusing(path: str | Path) -> list[str]:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "listdir", refusing)
    assert is_state_directory(str(tmp_path))


def test_the_time_before_there_were_agents_is_no_wrong_place_and_its_folder_is(tmp_path: Path) -> None:
    store = tmp_path / "old" / "sessions" / "sessions.json"
    store.parent.mkdir(parents=True)
    store.write_text('{"agent:main:main": {"sessionId": "a", "updatedAt": 1}}')
    assert run("scan", tmp_path / "old").exit_code == 0
    said = run("scan", store.parent, "--names", "clear").stderr
    assert commands_in(said) == [["scan", "--names", "clear", "--state-dir", str(tmp_path / "old")]]


def test_the_directory_is_named_once(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    for verb in ("scan", "verify"):
        assert run(verb, state).exit_code == run(verb, "--state-dir", state).exit_code
        assert run(verb, state, "--state-dir", state).exit_code == 2


def test_the_directory_as_an_argument_stands_in_a_proof_as_a_label(unpack: Unpack, tmp_path: Path) -> None:
    state = unpack("upgraded-2026.7.1-to-2026.9.6")
    proof = tmp_path / "proof"
    assert run("verify", state, "--accept", "moved", "--all", "--proof", proof).exit_code == 0
    log = proof / "verify.proof.jsonl"
    assert run("proof", "check", log).exit_code == 0
    assert str(state) not in log.read_text()


def test_a_place_that_may_not_be_looked_into_is_left_to_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.stat

    def closed(path: str | Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if Path(path).parent == tmp_path:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "stat", closed)
    require_no_wrong_place(str(tmp_path))
