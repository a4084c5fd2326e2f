"""Proving an upgrade with a launcher of our own in the place of a real release: it keeps, loses, hides or changes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.model.errors import BusyError, RefusedError, UsageError
from migrator.model.progress import Progress
from migrator.model.report import ProveReport
from migrator.model.upgrade import Part, Seen, Trial, Way
from migrator.model.verification import Verdict
from migrator.model.words import Finding, Name
from migrator.privacy.labels import Labels
from migrator.proofs import evidence
from migrator.proofs.bundle import render
from migrator.upgrades.prove import Question, prove
from migrator.upgrades.trial import Case
from migrator.upgrades.trial import run as run_trial
from tests.conftest import fingerprint
from tests.fake_release import fake_release
from tests.proof_logs import KEY, START, Clock, check_log
from tests.worlds import World, entry

OURS, THEIRS, BOTH = (Way.MIGRATOR,), (Way.OPENCLAW,), (Way.MIGRATOR, Way.OPENCLAW)
DAY = 24 * 60 * 60 * 1000
MAIN, LABELLED, CRON = "agent:main:main", "agent:main:direct:+15551234567", "agent:main:cron:j:run:1"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three sessions of a configured agent, one with a history, and one of an agent that is not configured."""
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    world = World(tmp_path / "world")
    full = entry("s1", 5, model="m", modelProvider="p", totalTokens=46)
    store = {MAIN: full, LABELLED: entry("s2", 6, label="a friend"), CRON: entry("s3", 7)}
    sessions = world.agent("main", store) / "sessions"
    lines = [{"type": "session", "version": 3, "id": "s1"}]
    lines += [{"type": "message", "id": str(n), "message": {"role": "user", "content": f"word {n}"}} for n in range(3)]
    (sessions / "s1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    world.agent("idle", {"agent:idle:main": entry("s4", 8)})
    world.config(agents={"list": [{"id": "main"}]})
    return world


def proved(
    world: World, ways: tuple[Way, ...] = OURS, twist: str = "", before: bool = False, version: str = "2026.9.6"
) -> ProveReport:
    after = fake_release(world.root / "after", twist, version)
    old = str(fake_release(world.root / "before", "rows = []", "2026.7.1")) if before else None
    return prove(world.request(), Question(ways, old, str(after)))


def trial(report: ProveReport) -> Trial:
    assert report.upgrade is not None
    return report.upgrade.trials[0]


def failed(report: ProveReport) -> list[str]:
    return [check.name for check in trial(report).checks if not check.passed]


def test_an_upgrade_that_keeps_everything_is_proved_and_the_original_untouched(world: World) -> None:
    request, before = world.request(), fingerprint(world.state)
    after = fake_release(world.root / "after")
    report = prove(request, Question(OURS, new=str(after)))
    assert (report.word, report.exit_code, failed(report)) == ("proved", 0, [])
    assert fingerprint(world.state) == before
    assert report.upgrade is not None
    assert (report.upgrade.after, report.upgrade.before, report.upgrade.untouched) == ("2026.9.6", None, True)
    seen = {one.session.text: (one.after, one.gateway) for one in trial(report).sessions}
    assert seen == {
        MAIN: (Seen.SAME, Seen.SAME),
        LABELLED: (Seen.SAME, Seen.SAME),
        CRON: (Seen.SAME, Seen.HIDDEN),
    }
    assert not list(Path(request.surroundings.tmp).iterdir())


def test_another_command_that_tidies_up_leaves_the_private_copies_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidy = "import sys; from migrator import filesystem as f; f._SPARED = -1; f.remove_stale_scratch(sys.argv[1])"

    def tidy_up_and_run(case: Case, way: Way, folder: Path) -> Trial:
        subprocess.run([sys.executable, "-c", tidy, str(folder.parent)], check=True)
        return run_trial(case, way, folder)

    monkeypatch.setattr("migrator.upgrades.trial.run", tidy_up_and_run)
    assert prove(world.request(), Question(OURS, without_release=True)).exit_code == 0


def test_each_command_is_recorded_with_its_counts_and_the_files_that_it_changed(world: World) -> None:
    report = proved(world, before=True)
    assert report.upgrade is not None
    assert [(one.part, one.command[:2]) for one in report.upgrade.records] == [
        (Part.SCAN, ("migrator", "scan")),
        (Part.SCAN, ("migrator", "plan")),
        (Part.BEFORE, ("openclaw", "sessions")),
    ]
    records = trial(report).records
    assert [(one.part, one.command[1]) for one in records] == [
        (Part.MIGRATE, "apply"),
        (Part.AGAIN, "apply"),
        (Part.AFTER, "--version"),
        (Part.AFTER, "doctor"),
        (Part.AFTER, "sessions"),
        (Part.VERIFY, "verify"),
        (Part.AGAIN, "doctor"),
        (Part.AGAIN, "verify"),
        (Part.AFTER, "status"),
        (Part.AFTER, "gateway"),
        (Part.AFTER, "gateway"),
        (Part.AFTER, "gateway"),
    ]
    applied, repeated, _started, doctor, listed = records[:5]
    assert "agents/main/sessions/sessions.json" in applied.files.removed
    assert "agents/main/agent/openclaw-agent.sqlite" in applied.files.created
    assert dict(applied.counts)["events_arrived"] == 4
    assert repeated.files.created == repeated.files.changed == repeated.files.removed == ()
    assert doctor.files.created == ("doctor-was-here",)
    assert dict(listed.counts) == {"listed": 4}
    assert records[10].command == ("openclaw", "gateway", "call", "chat.history", Name("session", MAIN))


def test_the_terminal_shows_start_doctor_sessions_and_status_of_each_way_as_a_reviewer_asks_for_them(
    world: World,
) -> None:
    report = proved(world, BOTH, version="2026.9.6")
    log = evidence.record(report, ("migrator", "prove", "--with", "both"), Labels(KEY).of, Clock(), START)
    text = render(log.lines())["terminal.txt"].decode()
    ours, theirs = text.split("# the copy")[1:]
    asked = [
        "$ openclaw --version  # OpenClaw 2026.9.6",
        "$ openclaw doctor --fix --non-interactive  # OpenClaw 2026.9.6",
        "$ openclaw sessions --json --all-agents --limit all  # OpenClaw 2026.9.6",
        "$ openclaw status --json  # OpenClaw 2026.9.6",
    ]
    for way in (ours, theirs):
        shown = dict.fromkeys(line for line in way.splitlines() if line in asked)
        assert list(shown) == asked


VANISH = 'if words[:1] == ["doctor"]:\n    import shutil; sys.exit(shutil.rmtree(state))'


class Told(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def over(self, what: str) -> None:
        self.lines.append(what)


def test_who_waits_is_told_of_each_command_that_is_over_in_words_of_ours(world: World) -> None:
    told = Told()
    after = fake_release(world.root / "after")
    report = prove(replace(world.request(), progress=told), Question(OURS, new=str(after)))
    assert len(told.lines) == 2 + len(trial(report).records)
    assert re.fullmatch(r"openclaw doctor --fix --non-interactive: exit 0, \d+ s", told.lines[5])
    assert not [line for line in told.lines if str(world.root) in line or MAIN in line]


LOSE = 'if words[:1] == ["doctor"]:\n    os.remove(state + "/agents/main/agent/openclaw-agent.sqlite")'


@pytest.mark.parametrize(
    ("twist", "checks"),
    [
        ("rows = [row for row in rows if row['key'] != 'agent:main:main']", ["openclaw-reads", "gateway-answers"]),
        ("rows = [row | {'sessionId': 'x'} for row in rows]", ["openclaw-reads", "gateway-answers"]),
        ("rows = [row | {'label': 'x'} for row in rows]", ["openclaw-reads"]),
        ("rows = [row | {'totalTokens': 46.0} for row in rows]", ["openclaw-reads"]),
        ("rows = [{k: v for k, v in row.items() if k != 'model'} for row in rows]", ["openclaw-reads"]),
        ("histories = {key: history[1:] for key, history in histories.items()}", ["gateway-history"]),
        ("if words[:1] == ['status']:\n    sys.exit(1)", ["openclaw-status"]),
        ("if words[:1] == ['sessions']:\n    sys.exit(1)", ["openclaw-reads"]),
        ("if words[:2] == ['gateway', 'run']:\n    sys.exit(1)", ["gateway-answers", "openclaw-status"]),
        (VANISH, ["openclaw-reads", "gateway-answers", "gateway-history"]),
        (LOSE, ["openclaw-reads", "gateway-answers", "gateway-history"]),
    ],
)
def test_whatever_a_release_does_not_show_as_it_was_is_a_difference(
    world: World, twist: str, checks: list[str]
) -> None:
    report = proved(world, twist=twist)
    assert (report.word, report.exit_code) == ("differences", 1)
    assert failed(report) == checks


def test_what_a_failed_command_says_is_kept_for_the_terminal_and_known_sayings_for_the_proof(world: World) -> None:
    report = proved(world, twist="if words[:1] == ['doctor']:\n    sys.exit('Invalid session ID: canary')")
    doctor = next(one for one in trial(report).records if one.command[1] == "doctor")
    assert (doctor.exit_code, doctor.sayings) == (1, ("invalid-session-id",))
    assert doctor.last_words == "Invalid session ID: canary\n"


def test_an_upgrade_that_moves_something_at_its_second_run_is_a_difference(world: World) -> None:
    once = 'if words[:1] == ["doctor"] and os.path.exists(state + "/doctor-was-here"):\n    '
    report = proved(world, twist=once + 'os.remove(state + "/agents/main/agent/openclaw-agent.sqlite")')
    assert (report.word, failed(report)[0]) == ("differences", "second-run")


def test_what_a_gateway_tidies_away_when_it_starts_is_no_loss_of_the_upgrade(world: World) -> None:
    tidy = 'if words[:2] == ["gateway", "run"]:\n    '
    report = proved(world, twist=tidy + 'os.remove(state + "/agents/main/agent/openclaw-agent.sqlite")')
    verification = trial(report).verification
    assert verification is not None
    assert verification.count(Verdict.MISSING) == 0


IDLE, RECENT, PERSONS = "agent:main:subagent:idle", "agent:main:subagent:recent", "agent:main:direct:1"
BOARD, TIMELESS = "agent:main:dashboard:b", "agent:main:subagent:timeless"
HIDE = """if words[:3] == ["gateway", "call", "sessions.list"]:
    rows = []"""


def test_a_gateway_may_hide_only_what_is_of_no_person_and_has_been_idle_for_long(world: World) -> None:
    now = world.request().now_ms()
    recent = {RECENT: entry("r", now - 8 * DAY), PERSONS: entry("p", 5), TIMELESS: {"sessionId": "t"}}
    world.agent("main", {IDLE: entry("i", now - 31 * DAY), BOARD: entry("b", now - 8 * DAY), **recent})
    seen = {one.session.text: one.gateway for one in trial(proved(world, twist=HIDE)).sessions}
    assert seen == {IDLE: Seen.HIDDEN, BOARD: Seen.HIDDEN, **dict.fromkeys(recent, Seen.MISSING)}


MOVE = 'if words[:1] == ["doctor"]:\n    os.rename(state + "/agents/Idle One", state + "/agents/idle-one")'


@pytest.mark.parametrize(("accept", "word", "code"), [((), "differences", 1), (("moved",), "proved", 0)])
def test_sessions_that_moved_are_no_difference_only_for_who_accepts_that(
    world: World, accept: tuple[str, ...], word: str, code: int
) -> None:
    world.agent("Idle One", {"agent:idle-one:main": entry("s5", 9)})
    once = MOVE.replace("words[:1]", 'os.path.exists(state + "/agents/Idle One") and words[:1]')
    report = prove(world.request(), Question(OURS, new=str(fake_release(world.root / "after", once)), accept=accept))
    assert (report.word, report.exit_code) == (word, code)
    assert ("add --accept moved." in report.next_step) is (not accept)
    assert report.verification is not None
    assert report.verification.count(Verdict.MOVED) == 1
    assert "idle-one" in {agent.directory for agent in report.inventory.agents}
    command = ("migrator", "prove", *(("--accept", "moved") if accept else ()))
    lines = evidence.record(report, command, Labels(KEY).of, Clock(), START).lines()
    assert check_log(lines) == ()
    files = render(lines)
    assert f"\nWhat to do: {report.next_step}\n" in files["summary.md"].decode()
    assert f"\n{report.word}: {report.next_step}\n" in files["terminal.txt"].decode()


def test_both_ways_are_tried_on_the_same_state_and_the_first_one_counts(world: World) -> None:
    report = proved(world, BOTH)
    assert report.upgrade is not None
    assert [(one.way, one.word) for one in report.upgrade.trials] == [
        (Way.MIGRATOR, "proved"),
        (Way.OPENCLAW, "differences"),  # this one imports nothing
    ]
    assert report.exit_code == 0
    assert report.upgrade.trials[1].records[0].part is Part.MIGRATE
    assert Counter(one.after for one in report.upgrade.trials[1].sessions) == {Seen.MISSING: 3}


@pytest.mark.parametrize(("accepted", "exit_code"), [(False, 12), (True, 0)])
def test_without_openclaw_everything_else_is_done_and_no_upgrade_is_called_proved(
    world: World, accepted: bool, exit_code: int
) -> None:
    report = prove(world.request(), Question(OURS, without_release=accepted))
    assert (report.word, report.exit_code) == ("not-tried", exit_code)
    assert {one.command[0] for one in trial(report).records} == {"migrator"}
    assert {one.after for one in trial(report).sessions} == {Seen.NOT_ASKED}


REFUSE = 'if words[:1] == ["doctor"]: sys.exit("FsSafeError: native no-replace move is unavailable")'


@pytest.mark.parametrize("way", Way)
def test_a_release_that_does_not_upgrade_the_copy_has_lost_nothing_and_says_why(world: World, way: Way) -> None:
    report = proved(world, (way,), REFUSE)
    assert (report.word, report.exit_code) == ("not-upgraded", 12)
    said = {saying for record in trial(report).records for saying in record.sayings}
    assert said == {"file-helper-missing"}
    command = ("migrator", "prove")
    assert check_log(evidence.record(report, command, Labels(KEY).of, Clock(), START).lines()) == ()


def test_a_release_that_fails_and_takes_sessions_with_it_is_a_difference(world: World) -> None:
    harm = 'if words[:1] == ["doctor"]: os.remove(state + "/agents/main/agent/openclaw-agent.sqlite")\n' + REFUSE
    assert proved(world, OURS, harm).word == "differences"


def test_a_release_that_needs_another_node_is_refused_with_that_sentence(world: World) -> None:
    version = '") or "openclaw: Node.js >=24 is required (current: v20.1.0).'
    with pytest.raises(RefusedError, match="needs another version of Node"):
        proved(world, version=version)


def test_a_release_is_found_by_its_number_where_it_is_installed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_CACHE", str(world.root / "cache"))
    with pytest.raises(UsageError, match="--install"):
        prove(world.request(), Question(OURS, new="2026.9.6"))
    fake_release(world.root / "cache").rename(world.root / "cache" / "run-2026.9.6")
    assert prove(world.request(), Question(OURS, new="2026.9.6")).word == "proved"


def test_the_old_release_shows_what_there_was_before(world: World) -> None:
    report = proved(world, before=True)
    assert {one.before for one in trial(report).sessions} == {Seen.MISSING}  # this one lists nothing
    assert (report.word, report.exit_code) == ("proved", 0)


def test_quarantined_lines_are_said_in_the_exit_code(world: World) -> None:
    with (world.agent_path("main") / "sessions" / "s1.jsonl").open("a") as stream:
        stream.write("{broken\n")
    assert (proved(world).word, proved(world).exit_code) == ("quarantined", 15)


def test_an_original_that_changes_meanwhile_proves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(case: Case, way: Way, folder: Path) -> Trial:
        (world.state / "new").touch()
        return run_trial(case, way, folder)

    monkeypatch.setattr("migrator.upgrades.trial.run", run)
    report = prove(world.request(), Question(OURS))
    assert (report.word, report.exit_code) == ("changed", 13)


def test_a_live_writer_stops_it_before_anything_is_copied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = Finding("lock.live", Name("lock", "sessions.json.lock"), (("pid", 1),))
    monkeypatch.setattr("migrator.scanning.scanner.live_writers", lambda *_arguments: (alive,))
    monkeypatch.setattr("migrator.upgrades.private_copy.copy_tree", pytest.fail)
    with pytest.raises(BusyError) as stopped:
        prove(world.request(), Question(OURS))
    assert stopped.value.sentence.startswith("Process 1 is writing: ")
    assert "{pid}" not in stopped.value.sentence


def test_an_installation_that_reaches_out_of_its_state_directory_is_refused(world: World) -> None:
    world.config(session={"store": str(world.root / "elsewhere" / "sessions.json")})
    world.store(world.root / "elsewhere" / "sessions.json", {MAIN: entry("s1", 5)})
    with pytest.raises(RefusedError, match="lies outside"):
        prove(world.request(), Question(OURS))


def test_too_little_space_for_the_copies_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.upgrades.private_copy.free_bytes", lambda _path: 10)
    with pytest.raises(RefusedError, match="TMPDIR"):
        prove(world.request(), Question(OURS))


def test_an_unmet_expectation_is_refused(world: World) -> None:
    with pytest.raises(RefusedError, match="expected 99"):
        prove(replace(world.request(), expect_sessions=99), Question(OURS))


def test_a_launcher_that_is_none_is_a_usage_error(world: World, tmp_path: Path) -> None:
    silent = fake_release(tmp_path / "silent", version="")
    shutil.copy("/bin/true", silent)
    with pytest.raises(UsageError):
        prove(world.request(), Question(OURS, new=str(tmp_path / "nowhere")))
    with pytest.raises(RefusedError, match="does not say which release"):
        prove(world.request(), Question(OURS, new=str(silent)))
    with pytest.raises(UsageError, match="--new"):
        prove(world.request(), Question(THEIRS))


@pytest.mark.parametrize("place", ["custom/sessions.json", "agents/main/sessions/sessions.json"])
def test_a_store_that_is_named_by_its_whole_path_is_never_taken_from_the_original(world: World, place: str) -> None:
    store = world.state / place
    if not store.exists():
        world.store(store, {MAIN: entry("s5", 9)})
    world.config(agents={"list": [{"id": "main"}]}, session={"store": str(store)})
    request, before = world.request(), fingerprint(world.state)
    report = prove(request, Question(OURS))
    assert (report.word, report.upgrade is not None and report.upgrade.untouched) == ("not-tried", True)
    assert fingerprint(world.state) == before
