"""Rolling back: the tree is what it was before the run, and nothing that others have written is lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator import commands
from migrator.cli import main as cli
from migrator.commands.rollback import rollback
from migrator.model.errors import BusyError
from migrator.model.report import Undone
from migrator.runs.run import RUNS, locked
from migrator.runs.run_record import all_records
from tests.conftest import FIXTURES, fingerprint
from tests.run_worlds import apply, only_run, roll_back, three_agents, tree
from tests.sqlite_worlds import execute as sql
from tests.worlds import World, auth_row, change, entry, fill_wal

FIXTURE_NAMES = sorted(path.name.removesuffix(".tar.xz") for path in FIXTURES.glob("*.tar.xz"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return three_agents(tmp_path)


def codes(report: commands.Report) -> set[str]:
    return {finding.code for finding in report.findings if finding.code.startswith("rollback.")}


@pytest.mark.parametrize(
    ("options", "evidence"),
    [
        ([], False),
        (["--archive-sources"], True),
        *(pytest.param(*one, marks=pytest.mark.exhaustive) for one in (([], True), (["--archive-sources"], False))),
    ],
)
@pytest.mark.parametrize("name", FIXTURE_NAMES)
def test_apply_and_rollback_leave_every_fixture_as_it_was(
    unpack: Callable[[str], Path], tmp_path: Path, name: str, options: list[str], evidence: bool
) -> None:
    """Where the sources are says nothing about what becomes of the evidence: by default each is tried once."""
    state = unpack(name)
    state = next((path.parent for path in [state / "agents", *state.rglob("agents")] if path.is_dir()), state)
    before, all_before = tree(state), fingerprint(state)
    applied = run("apply", "--yes", "--state-dir", state, *options)
    if not (state / RUNS).exists():
        assert applied.exit_code in (0, 1, 10, 12), applied.stderr
        return
    moved = ["--evidence", tmp_path / "kept"] if evidence else []
    taken_back = run("rollback", only_run(state).name, "--state-dir", state, *moved)
    assert (taken_back.exit_code, taken_back.stderr) == (0, "")
    assert tree(state) == before
    if evidence:
        assert fingerprint(state) == all_before
    [folder] = (tmp_path / "kept").iterdir() if evidence else [only_run(state)]
    assert run("proof", "check", folder / "rollback.proof.jsonl").exit_code == 0
    assert run("proof", "check", folder / "apply.proof.jsonl").exit_code == 0


def test_while_another_run_is_at_work_nothing_is_read_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(world)
    before = tree(world.state)

    def read(*_arguments: object, **_named: object) -> None:
        raise AssertionError("time was spent on what the other run changes")

    for verb in ("apply", "rollback"):
        monkeypatch.setattr(import_module(f"migrator.commands.{verb}"), "take_inventory", read)
    with locked(world.state):
        for act in (apply, roll_back):
            with pytest.raises(BusyError):
                act(world)
    assert tree(world.state) == before


@pytest.mark.parametrize("archive", [False, True])
def test_created_and_changed_databases_and_archived_sources_are_taken_back(world: World, archive: bool) -> None:
    before = tree(world.state)
    report = apply(world, archive)
    assert (report.exit_code, len(report.outcomes)) == (15, 3)
    taken_back = roll_back(world)
    assert (taken_back.word, taken_back.exit_code, codes(taken_back)) == ("rolled-back", 0, set())
    assert taken_back.undone == Undone(removed=1, restored=2, put_back=6 if archive else 0, set_aside=0)
    assert tree(world.state) == before


def test_after_a_rollback_the_same_plan_can_be_applied_again(world: World, tmp_path: Path) -> None:
    plan = str(tmp_path / "plan.json")
    commands.plan(world.request(), plan_file=plan)
    apply(world)
    first = tree(world.state)
    roll_back(world)
    commands.apply(world.request(), None, yes=True, archive=True)
    assert {path: facts[3] for path, facts in tree(world.state).items()} == {
        path: facts[3] for path, facts in first.items()
    }


def test_a_rollback_that_is_done_changes_nothing_when_it_is_asked_for_again(world: World) -> None:
    apply(world)
    roll_back(world)
    before = tree(world.state)
    assert roll_back(world).exit_code == 0
    assert tree(world.state) == before


def test_the_copy_of_a_state_directory_is_rolled_back_in_its_own_place(world: World, tmp_path: Path) -> None:
    before = {path.removeprefix(str(world.state)): facts for path, facts in tree(world.state).items()}
    apply(world)
    applied = fingerprint(world.state)
    copy = tmp_path / "copy"
    shutil.copytree(world.state, copy, symlinks=True)
    run_folder = only_run(copy)
    assert run("rollback", run_folder).exit_code == 0
    after = {path.removeprefix(str(copy)): facts for path, facts in tree(copy).items()}
    assert after == before
    assert fingerprint(world.state) == applied


# what others have written since

LATER: dict[str, tuple[Callable[[World], object], str]] = {
    "a created database": (
        lambda world: change(world.database_path("new"), auth_row("q", "{}")),
        "rollback.database-changed",
    ),
    "a changed database": (
        lambda world: change(world.database_path("old"), sql("UPDATE cache_entries SET value_json = '{}'")),
        "rollback.database-changed",
    ),
    "rows in a -wal": (
        lambda world: fill_wal(world.database_path("new"), auth_row("q", "{}")),
        "rollback.database-changed",
    ),
    "a database that is gone": (lambda world: world.database_path("old").unlink(), "rollback.database-gone"),
    "a database that is none": (
        lambda world: world.database_path("old").write_bytes(b"x" * 9000),
        "rollback.database-unreadable",
    ),
    "a new store": (lambda world: world.agent("new", {"c": entry("s3", 1)}), "rollback.place-taken"),
    "an archived source that was changed": (
        lambda world: next(only_run(world.state).glob("archive/*/sessions.json")).write_bytes(b"{}"),
        "rollback.archive-changed",
    ),
    "an archived source that is gone": (
        lambda world: next(only_run(world.state).glob("archive/*/sessions.json")).unlink(),
        "rollback.source-gone",
    ),
}


@pytest.mark.parametrize("what", LATER)
def test_what_was_written_since_is_named_and_nothing_is_touched(world: World, what: str) -> None:
    apply(world)
    later, code = LATER[what]
    later(world)
    before = fingerprint(world.state)
    report = roll_back(world)
    assert (report.word, report.exit_code, codes(report)) == ("refused", 12, {code})
    assert fingerprint(world.state) == before


@pytest.mark.parametrize("what", LATER)
def test_told_to_go_on_it_keeps_what_was_written_since(world: World, what: str) -> None:
    before, database = tree(world.state), world.database_path("new")
    apply(world)
    LATER[what][0](world)
    later = {path: path.read_bytes() for path in (database, world.database_path("old")) if path.exists()}
    report = roll_back(world, set_aside=True)
    lost = {"an archived source that was changed", "an archived source that is gone"}
    assert report.exit_code == (1 if what in lost else 0)
    if what not in lost:
        assert tree(world.state) == before
    kept = [path.read_bytes() for path in only_run(world.state).glob("set-aside/*/*")]
    if LATER[what][1] in ("rollback.database-changed", "rollback.database-unreadable"):
        assert any(content in kept for content in later.values())
    if what == "a new store":
        assert [json.loads(content).keys() for content in kept] == [{"c"}]


def test_reading_or_settling_a_database_is_no_writing(world: World) -> None:
    before = tree(world.state)
    apply(world)
    for name in ("new", "old"):
        change(world.database_path(name), sql("PRAGMA journal_mode = WAL"), sql("ANALYZE"))
    assert roll_back(world).exit_code == 0
    assert tree(world.state) == before


def test_runs_are_taken_back_from_the_last_to_the_first(world: World) -> None:
    before = tree(world.state)
    apply(world, archive=False)
    between = tree(world.state)
    world.agent("new", {"a": entry("s-new", 50), "b": entry("t-new", 6), "bad": None})
    second = tree(world.state)
    apply(world, archive=False)
    first, last = (record.folder for record in all_records(world.state))
    report = roll_back(world, first)
    assert codes(report) == {"rollback.later-run", "rollback.database-changed"}
    assert roll_back(world, last).exit_code == 0
    assert tree(world.state) == second
    assert roll_back(world, first).exit_code == 0
    sources = {path for path in before if "sessions.json" in path or path.endswith("agents/new/sessions/.")}
    assert {p: f for p, f in tree(world.state).items() if p not in sources} == {
        p: f for p, f in before.items() if p not in sources
    }
    assert between.keys() == second.keys()


def test_a_journal_from_elsewhere_cannot_write_outside_of_the_state_directory(world: World, tmp_path: Path) -> None:
    apply(world)
    journal = only_run(world.state) / "journal.jsonl"
    for target in ("../home/.profile", str(tmp_path / "home" / ".profile")):
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        for line in lines:
            if line["step"] == "archive":
                line["source"] = target
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        before = fingerprint(tmp_path)
        assert codes(roll_back(world, set_aside=True)) >= {"rollback.outside"}
        assert fingerprint(tmp_path) == before


def test_what_a_user_keeps_among_the_runs_stays_when_the_last_one_is_moved_out(world: World, tmp_path: Path) -> None:
    apply(world)
    mine = world.state / RUNS / "notes.txt"
    mine.touch()
    assert roll_back(world, evidence=str(tmp_path / "kept")).exit_code == 0
    assert [path for path in mine.parent.iterdir() if path.name != ".lock"] == [mine]


def test_a_run_that_lies_elsewhere_is_none_because_its_paths_lead_to_other_places(world: World, tmp_path: Path) -> None:
    apply(world)
    assert roll_back(world, evidence=str(tmp_path / "deep" / "kept")).exit_code == 0
    [folder] = (tmp_path / "deep" / "kept").iterdir()
    before = fingerprint(tmp_path)
    assert run("rollback", folder, "--state-dir", world.state, "--evidence", tmp_path / "again").exit_code == 2
    assert fingerprint(tmp_path) == before


def test_a_link_from_the_place_of_a_source_to_its_archive_costs_no_source(world: World) -> None:
    apply(world)
    [first, *_] = sorted((only_run(world.state) / "archive").iterdir())
    [archived] = first.iterdir()
    content = archived.read_bytes()
    sessions = world.store_path("new").parent
    sessions.rename(sessions.with_name("earlier"))
    sessions.symlink_to(first)
    assert codes(roll_back(world)) >= {"rollback.place-taken"}
    assert archived.read_bytes() == content


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only the superuser gives files away")
def test_the_superuser_gives_nobody_what_a_link_in_a_run_leads_to(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch()
    apply(world)
    (only_run(world.state) / "link").symlink_to(secret)
    os.chown(world.state, 1234, 1234)
    roll_back(world)
    assert secret.stat().st_uid == 0


def test_a_store_outside_is_put_back_if_it_is_named(world: World, tmp_path: Path) -> None:
    store = world.store(tmp_path / "elsewhere" / "sessions.json", {"k": entry("s1", 5)})
    before = fingerprint(store.parent)
    commands.apply(world.request(stores=(str(store),), agents=("main",)), None, yes=True, archive=True)
    assert fingerprint(store.parent) != before
    assert codes(roll_back(world)) == {"rollback.outside"}
    assert rollback(world.request(stores=(str(store),)), str(world.runs()[0])).exit_code == 0
    assert fingerprint(store.parent) == before


@pytest.mark.parametrize("name", ["nothing", "../../etc", "", "."])
def test_a_run_that_is_none_is_a_usage_error(world: World, name: str) -> None:
    result = run("rollback", name, "--state-dir", world.state)
    assert result.exit_code == 2
    assert not (world.state / RUNS).exists()


@pytest.mark.parametrize("damage", [b"\xff\n", b'{"step": "archive"}\n', b'{"step": "backup", "database": 5}\n'])
def test_a_damaged_journal_is_not_acted_on(world: World, damage: bytes) -> None:
    apply(world)
    folder = only_run(world.state)
    (folder / "journal.jsonl").write_bytes(damage + (folder / "journal.jsonl").read_bytes() + damage[:5])
    before = tree(world.state)
    result = run("rollback", folder)
    if damage == b"\xff\n":
        assert result.exit_code == 0, result.stderr
    else:
        assert (result.exit_code, tree(world.state)) == (2, before)
