"""Verdicts on state directories that were built after public reports, or written by real releases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.export import export
from migrator.commands.request import Request
from migrator.exporting.export_tree import Wish
from migrator.model.errors import RefusedError
from migrator.model.report import Report
from migrator.model.request import Selection, Surroundings
from migrator.model.verification import HistoryVerdict, HistoryVerification, Verdict, Verification
from migrator.sqlite.snapshot import open_snapshot

Unpack = Callable[[str], Path]


@pytest.fixture
def case(unpack: Unpack) -> Unpack:
    """Unpack a case by name; ``@STATE@`` in its text files becomes the place where it lies."""

    def unpack_case(name: str) -> Path:
        folder = unpack(name)
        for path in folder.rglob("*.json*"):
            if path.is_file() and b"@STATE@" in (text := path.read_bytes()):
                path.write_bytes(text.replace(b"@STATE@", str(folder).encode()))
        return folder

    return unpack_case


def request_for(state: Path) -> Request:
    """A request for one state directory, from somebody who has no other."""
    surroundings = Surroundings({}, "/home/user", str(state.parent), str(state.parent))
    return Request(Selection(state_dir=str(state)), surroundings)


def verify(state: Path, against: Path | None = None) -> tuple[Report, Verification]:
    """The report on a state directory, with the verification in it."""
    report = commands.verify(request_for(state), str(against) if against else None)
    assert report.verification is not None
    return report, report.verification


def histories(verification: Verification) -> list[HistoryVerification]:
    """The verdicts on all histories."""
    return [one for database in verification.databases for one in database.histories]


def test_the_labels_that_a_release_marks_as_context_are_a_named_change(case: Unpack) -> None:
    report, found = verify(case("context-labels") / "after", case("context-labels") / "before")
    assert report.exit_code == 0
    assert found.count(Verdict.TRANSFORMED) == 1
    [history] = histories(found)
    assert (history.present, history.events, dict(history.transforms)) == (3, 3, {"context-labels-marked": 1})


def test_a_session_of_another_agent_with_the_same_id_is_no_moved_one(case: Unpack) -> None:
    state = case("shared-session-id-false-moved")
    report, found = verify(state)
    assert report.exit_code == 1
    lost = [
        (source.agent, one.session.text)
        for database in found.databases
        for source in database.sources
        for one in source.verdicts
        if one.verdict is Verdict.MISSING
    ]
    assert lost == [("ops-team", "agent:ops-team:side")]
    assert commands.verify(request_for(state), accept=("moved",)).exit_code == 1
    commands.apply(request_for(state), None, yes=True)
    assert verify(state)[1].count(Verdict.MISSING) == 0
    assert commands.verify(request_for(state), accept=("moved",)).exit_code == 0


def test_histories_that_are_nowhere_are_counted_and_named(case: Unpack) -> None:
    state = case("restored-without-transcripts")
    keys = [f"agent:main:telegram:direct:{number}" for number in range(4)]
    scanned = commands.scan(request_for(state))
    assert [one.subject.text for one in scanned.forecast if one.code == "upgrade.hides-lost"] == keys
    planned = commands.plan(request_for(state))
    applied = commands.apply(request_for(state), None, yes=True)
    report, found = verify(state)
    for one in (scanned, planned, applied, report):
        assert [told.subject.text for told in one.findings if told.code == "entry.lost-history"] == keys
    assert (report.exit_code, found.count(Verdict.SAME)) == (0, 4)
    assert report.next_step.startswith("Look for the transcripts of 4 sessions")


@pytest.mark.parametrize("name", ["legacy-2026.6.1", "legacy-2026.7.1", "upgraded-2026.7.1-to-2026.9.6"])
def test_no_session_of_a_real_gateway_lacks_its_history(unpack: Unpack, name: str) -> None:
    findings = commands.scan(request_for(unpack(name))).findings
    assert not [one for one in findings if one.code == "entry.lost-history"]


def test_the_forecast_leaves_out_no_event_that_the_store_of_another_agent_claims(case: Unpack) -> None:
    state = case("cross-agent-sessionfile")
    report = commands.scan(request_for(state))
    assert not [one for one in report.forecast if one.code.startswith("upgrade.loses")]
    commands.apply(request_for(state), None, yes=True)
    verified, found = verify(state)
    assert verified.exit_code == 0
    assert sorted(one.present for one in histories(found)) == [5, 5, 7]


def codes(report: Report) -> list[str]:
    """The codes of the findings of a report, without repetitions, in order."""
    return list(dict.fromkeys(one.code for one in report.findings))


def keys_of_histories(state: Path) -> dict[str, int]:
    """How many events our database of the agent main has, by the key of the entry that has the session."""
    with open_snapshot(str(state / "agents" / "main" / "agent" / "openclaw-agent.sqlite")) as connection:
        return dict(
            connection.execute(
                "SELECT e.session_key, count(*) FROM session_entries e"
                " JOIN transcript_events t ON t.session_id = e.session_id GROUP BY e.session_key"
            )
        )


def test_an_id_that_entry_header_and_file_name_share_is_one_whatever_is_in_it(case: Unpack) -> None:
    state = case("session-id-with-colon")
    applied = commands.apply(request_for(state), None, yes=True)
    assert (applied.exit_code, codes(applied)) == (0, [])
    report, found = verify(state)
    assert (report.exit_code, found.count(Verdict.SAME), found.count(Verdict.EXTRA)) == (0, 3, 0)
    assert keys_of_histories(state) == dict.fromkeys(
        (
            "agent:main:explicit:agent:main:kv-prefix-marker-final-20260913",
            "agent:main:telegram:direct:123456",
            "agent:main:main",
        ),
        5,
    )


def test_a_session_id_in_the_place_of_an_entry_keeps_key_and_history_together(case: Unpack) -> None:
    state = case("winmap-string-entries")
    planned = commands.plan(request_for(state))
    assert codes(planned) == ["entry.only-session-id", "transcript.kept-with-key"]
    kept = {
        one.others[0].text: Path(one.subject.text).name for one in planned.findings if one.others[0].kind == "session"
    }
    assert kept == {
        "agent:main:main": "cd613e30-d8f1-4adf-91b7-584a2265b1f5.jsonl",
        "agent:main:telegram:direct:4711": "1e2feb89-414c-443c-9027-c4d1c386bbc4.jsonl",
    }
    assert commands.apply(request_for(state), None, yes=True).exit_code == 15
    assert set(keys_of_histories(state)) == {*kept, "agent:main:discord:channel:99"}
    assert commands.apply(request_for(state), None, yes=True).word == "already-migrated"
    assert verify(state)[1].count(Verdict.EXTRA) == 0


def test_what_a_compaction_began_anew_is_said_to_be_of_the_same_conversation(case: Unpack) -> None:
    planned = commands.plan(request_for(case("compaction-successors")))
    told = [(one.code, [other.text for other in one.others]) for one in planned.findings]
    assert told == [("transcript.relative", ["agent:main:signal:direct:+15550001"])] * 2


def test_a_transcript_that_somebody_moved_below_its_folder_is_found_for_its_entry(case: Unpack) -> None:
    state = case("codex-sidecar-and-topic-archive")
    planned = commands.plan(request_for(state))
    assert codes(planned) == ["transcript.recovered"]
    commands.apply(request_for(state), None, yes=True)
    assert keys_of_histories(state)["agent:main:slack:channel:c1:thread:1770929066.086619"] == 5


def test_what_a_release_saved_before_it_repaired_a_header_is_no_session_of_its_own(case: Unpack) -> None:
    state = case("corrupt-backup-of-a-transcript") / "state"
    assert commands.apply(request_for(state), None, yes=True).exit_code == 0
    report, found = verify(state)
    assert (report.exit_code, codes(report)) == (0, [])
    assert [(one.present, one.events) for one in histories(found)] == [(4, 4)]
    [backup] = (state / "agents/main/sessions").glob("*.corrupt-*")
    with backup.open("a") as stream:
        stream.write('{"type": "message", "id": "only-here"}\n')
    report, _ = verify(state)
    assert [(one.code, one.facts) for one in report.findings] == [("copy.events-only-here", (("count", 1),))]


def test_whole_records_on_a_line_of_two_writers_are_events(case: Unpack) -> None:
    state = case("two-records-on-a-line")
    assert commands.apply(request_for(state), None, yes=True).exit_code == 15
    report, found = verify(state)
    [history] = histories(found)
    assert (report.exit_code, history.present, history.events) == (0, 8, 8)
    assert sum(dict(history.counts).values()) == 8 + 1 + 2  # a blank line, and what is left of two records
    assert [one.facts for one in commands.scan(request_for(state)).forecast if one.code == "upgrade.loses-history"] == [
        (("count", 7),)
    ]


def test_a_transcript_without_a_header_that_a_release_imports_under_new_ids_is_found_by_its_content(
    case: Unpack,
) -> None:
    folder = case("header-made-up")
    report, found = verify(folder / "after", folder / "before")
    judged = {Path(one.transcript.text).stem[:8]: one for one in histories(found)}
    cut = judged.pop("10c7e667")
    assert (cut.verdict, cut.present, cut.events) == (HistoryVerdict.TRANSFORMED, 2, 2)
    assert dict(cut.transforms) == {"ids-made-up": 2}
    # What no entry claims 2026.8.2 puts into its import archive, and into no database.
    lost = {name for name, one in judged.items() if one.verdict is HistoryVerdict.ABSENT}
    assert (report.exit_code, lost) == (1, {"0519f29a", "1ed96fb3"})


def test_an_export_gives_a_history_that_begins_with_a_reset_the_header_that_older_releases_need(case: Unpack) -> None:
    state = case("sqlite-reset-without-header")
    out = state.parent / "out"
    report = export(request_for(state), str(out), Wish())
    assert [one.subject.text[:8] for one in report.findings if one.code == "export.header-added"] == ["f408ebce"]
    [path] = out.glob("agents/main/sessions/f408ebce*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["type"], one["id"]) for one in lines[:2]] == [("session", path.stem), ("reset", "a8ba160a")]
    assert lines[0]["timestamp"] == lines[1]["timestamp"]


def test_the_marker_that_a_beta_puts_in_the_place_of_a_file_is_a_named_change(case: Unpack) -> None:
    folder = case("upgraded-by-7.2-beta.1")
    report, found = verify(folder / "after", folder / "before")
    assert (report.exit_code, found.count(Verdict.TRANSFORMED)) == (0, 9)
    names = {one.transforms for d in found.databases for source in d.sources for one in source.verdicts}
    assert names == {("transcript-path-marked",)}


def test_a_database_of_an_agent_that_was_renamed_is_said_to_be_one_and_all_in_it_counts_as_there(case: Unpack) -> None:
    state = case("agent-renamed-with-database")
    report, found = verify(state)
    told = [
        (one.code, one.others[0].text) for one in report.findings if one.code.startswith("database.") and one.others
    ]
    assert told == [("database.agent-renamed", "ops-team")]
    assert found.count(Verdict.MISSING) + found.count_histories(HistoryVerdict.ABSENT) == 0
    [database] = [one for one in found.databases if "opsteam" in one.database.path]
    assert (database.rows, sum(one.present for one in database.histories)) == (2, 6)
    out = state.parent / "out"
    export(request_for(state), str(out), Wish())
    store = json.loads((out / "agents" / "opsteam" / "sessions" / "sessions.json").read_bytes())
    assert set(store) == {"agent:ops-team:main", "agent:ops-team:side"}


def test_no_session_of_a_renamed_agent_is_missing_by_what_was_there_before(case: Unpack) -> None:
    _, found = verify(case("agent-renamed-with-database"), case("upgraded-2026.6.1-to-2026.9.6"))
    assert found.count(Verdict.MISSING) + found.count(Verdict.CHANGED) == 0
    assert sum(one.events - one.present for one in histories(found)) == 0


def test_a_newer_schema_is_judged_by_its_columns_and_never_written(unpack: Unpack) -> None:
    state = unpack("upgraded-2026.6.1-to-2026.9.6")
    path = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"

    def run(database: Path, statement: str) -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(statement)
            connection.commit()

    run(path, "PRAGMA user_version = 24")
    run(path, "UPDATE schema_meta SET schema_version = 24 WHERE meta_key = 'primary'")
    run(path, "DELETE FROM session_nodes WHERE session_key = 'agent:main:incident-42'")
    report, found = verify(state)
    assert [one.facts for one in report.findings if one.code == "database.read-by-columns"] == [(("version", 24),)]
    assert (report.exit_code, found.count(Verdict.MISSING)) == (1, 1)
    assert [one.passed for d in found.databases if d.database.path == str(path) for one in d.checks] == [True] * 6
    before = path.read_bytes()
    assert commands.plan(request_for(state)).exit_code == 12
    with pytest.raises(RefusedError):
        commands.apply(request_for(state), None, yes=True)
    assert path.read_bytes() == before
    run(path, "ALTER TABLE session_nodes RENAME COLUMN entry_json TO entry_text")
    assert "database.newer-schema" in codes(verify(state)[0])
