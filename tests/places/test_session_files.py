from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.findings.table import RULES
from migrator.model.words import Severity
from migrator.openclaw.places.session_files import (
    FileKind,
    Whereabouts,
    classify,
    transcript_candidates,
    transcript_session_id,
)

UUID = "9da009be-5e78-4508-86de-66c76376dc07"
OTHER_UUID = "bf7d99de-cbaa-4e4e-8271-e91255f3b44e"
TIME = "2026-11-22T11-05-59.946Z"
STATE = "/home/user/.openclaw"
BASE = f"{STATE}/agents/main/sessions"

KINDS = {
    "sessions.json": FileKind.STORE,
    f"{UUID}.jsonl": FileKind.TRANSCRIPT,
    f"{UUID}-topic-77.jsonl": FileKind.TRANSCRIPT,
    f"2026-11-22T11-05-59-946Z_{UUID}.jsonl": FileKind.TRANSCRIPT,
    f"{UUID}.legacy-1795345409664.jsonl": FileKind.TRANSCRIPT,
    "my notes.jsonl": FileKind.TRANSCRIPT,
    "with\nline feed.jsonl": FileKind.TRANSCRIPT,
    f"--home-user-work--/{UUID}.jsonl": FileKind.TRANSCRIPT,
    f"{UUID}.jsonl.deleted.{TIME}": FileKind.ARCHIVE_DELETED,
    f"{UUID}.jsonl.deleted.2026-11-22T11-05-59Z": FileKind.ARCHIVE_DELETED,
    f"{UUID}.jsonl.deleted.{TIME}.3c4d0685605e4abb8ec62cdcf7bff3f2.zst": FileKind.ARCHIVE_DELETED,
    f"{UUID}-topic-1.jsonl.reset.{TIME}": FileKind.ARCHIVE_RESET,
    f"{UUID}.jsonl.reset.{TIME}.zst": FileKind.ARCHIVE_RESET,
    f"{UUID}.jsonl.bak.{TIME}": FileKind.ARCHIVE_BAK,
    f"cold/{'0a' * 32}.jsonl.zst": FileKind.COLD_ARCHIVE,
    f"{UUID}.checkpoint.{OTHER_UUID}.jsonl": FileKind.CHECKPOINT,
    f"{UUID}.checkpoint.{OTHER_UUID}.jsonl.deleted.{TIME}": FileKind.CHECKPOINT,
    f"{UUID}.trajectory.jsonl": FileKind.TRAJECTORY,
    f"{UUID}.trajectory.jsonl.deleted.{TIME}": FileKind.TRAJECTORY,
    f"{UUID}.trajectory-path.json": FileKind.TRAJECTORY_POINTER,
    f"{UUID}.jsonl.bak-4242-1795345409664": FileKind.REPAIR_BACKUP,
    f"{UUID}.jsonl.broken-1795345409664": FileKind.REPAIR_BACKUP,
    f"{UUID}.jsonl.corrupt-2026-11-29T02-23-33-020Z-fef53f4b.jsonl": FileKind.REPAIR_BACKUP,
    f"{UUID}.jsonl.codex-app-server.json": FileKind.CODEX_BINDING,
    f"{UUID}.jsonl.pre-doctor-branch-repair-2026-11-22T11-05-59-946Z.bak": FileKind.REPAIR_BACKUP,
    f"{UUID}.jsonl.pre-doctor-openai-codex-repair-2026-11-22T11-05-59-946Z.bak": FileKind.REPAIR_BACKUP,
    f"{UUID}.jsonl.lock": FileKind.LOCK,
    "sessions.json.lock": FileKind.LOCK,
    f"sessions.json.4242.{UUID}.tmp": FileKind.TEMPORARY,
    f"sessions.json.{UUID}.tmp": FileKind.TEMPORARY,
    f"sessions.json.4242.{UUID}.downgrade-rescue.tmp": FileKind.TEMPORARY,
    f"{UUID}.jsonl.repair.4242.{OTHER_UUID}.tmp": FileKind.TEMPORARY,
    "sessions.json.bak.1795345409664": FileKind.STORE_BACKUP,
    "sessions.json.bak": FileKind.STORE_BACKUP,
    "sessions.json.corrupt-1795345409664": FileKind.STORE_CORRUPT,
    f"skills-prompts/sha256/7f/{'7f' * 32}.txt": FileKind.PROMPT_BLOB,
    f"agent_main_main.{UUID}.jsonl.imported-1795345409656": FileKind.IMPORTED_TRANSCRIPT,
    f"agent_main_main.{UUID}.jsonl.imported-1795345409656.3": FileKind.IMPORTED_TRANSCRIPT,
    f"archive-tier.{UUID}-topic-7.jsonl.imported-1795345409656": FileKind.IMPORTED_TRANSCRIPT,
    f"agent_main_main.{'x' * 160}.imported-1795345409656": FileKind.IMPORTED_TRANSCRIPT,
    f"agent_main_main.{UUID}.trajectory.jsonl.imported-1795345409656": FileKind.TRAJECTORY,
    f"agent_main_main.{UUID}.trajectory-path.json.imported-1795345409656": FileKind.TRAJECTORY_POINTER,
    f"archive-tier.{UUID}.jsonl.deleted.{TIME}.imported-1795345409656": FileKind.ARCHIVE_DELETED,
    "legacy-store.sessions.json.imported-1795345409956": FileKind.IMPORTED_STORE,
    "legacy-store.chats.imported-1795345409956.1": FileKind.IMPORTED_STORE,
    "": FileKind.UNKNOWN,
    ".": FileKind.UNKNOWN,
    "notes.txt": FileKind.UNKNOWN,
    "sessions.json.migrated": FileKind.UNKNOWN,
    "Sessions.json": FileKind.UNKNOWN,
    f"{UUID}.JSONL": FileKind.UNKNOWN,
    f"{UUID}.jsonl.deleted.yesterday": FileKind.UNKNOWN,
    f"{UUID}.jsonl.deleted.{TIME}\n": FileKind.UNKNOWN,
    f"{'7f' * 32}.txt": FileKind.UNKNOWN,
    "agent_main_main.notes.txt.imported-1795345409656": FileKind.UNKNOWN,
}


IDS = st.sampled_from(
    [
        UUID,
        OTHER_UUID,
        "plain",
        "a-b",
        "é",
        "x_y",
        f"{UUID}-topic-5",
        f"{UUID}.legacy-1",
        "a.trajectory",
        "..",
        "a/b",
        "",
        "sessions",
    ]
)
HEADS = st.sampled_from(
    [
        "",
        "./",
        "../",
        "../sessions/",
        " ",
        "sqlite:",
        "C:\\old\\",
        f"{STATE}/agents/main/sessions/",
        f"{STATE}/agents/Old Agent/sessions/",
        "/old/home/.openclaw/agents/main/sessions/",
        "/old/home/agents/a/sessions/../../b/sessions/",
        f"{STATE}/sessions/",
        "/elsewhere/",
        "nul\0/",
    ]
)
NAMES = st.sampled_from(["{id}.jsonl", "{id}.jsonl ", f"{OTHER_UUID}.jsonl", "{id}-topic-1.jsonl", "custom.jsonl", ""])
FOLDERS = st.sampled_from([f"{STATE}/agents/main/sessions", f"{STATE}/sessions", "/mnt/agents/main/sessions", "/store"])
OWNERS = st.sampled_from([None, "main", "Old Agent"])


@pytest.mark.parametrize(("relative", "kind"), KINDS.items())
def test_every_name_has_one_class(relative: str, kind: FileKind) -> None:
    assert classify(relative) is kind


def test_the_examples_cover_every_class() -> None:
    assert set(KINDS.values()) == set(FileKind)


def test_a_store_with_another_name_has_neighbours_of_that_name() -> None:
    names = ("chats.jsonl", "chats.jsonl.bak.17", "chats.jsonl.corrupt-17", f"chats.jsonl.4242.{UUID}.tmp")
    assert [classify(name, "chats.jsonl") for name in names] == [
        FileKind.STORE,
        FileKind.STORE_BACKUP,
        FileKind.STORE_CORRUPT,
        FileKind.TEMPORARY,
    ]
    assert classify("chats.jsonl") is FileKind.TRANSCRIPT
    assert classify("sessions.json", "chats.jsonl") is FileKind.STORE


@given(st.text(), st.text())
def test_any_name_can_be_classified(relative: str, store_name: str) -> None:
    assert isinstance(classify(relative, store_name), FileKind)
    session_id, topic = transcript_session_id(relative)
    assert topic is None or session_id is not None


def test_files_without_a_known_class_are_worth_a_note() -> None:
    assert RULES["file.unknown-class"].severity is Severity.NOTE


@pytest.mark.parametrize(
    "archive",
    ["legacy-2026.6.1", "legacy-2026.7.1", "upgraded-2026.7.1-to-2026.9.6", "defect-both-spellings"],
)
def test_every_file_of_a_real_sessions_directory_is_known(unpack: Callable[[str], Path], archive: str) -> None:
    folders = {"sessions", "session-sqlite-import-archive"}
    seen = set()
    for folder in [path for path in unpack(archive).rglob("*") if path.name in folders and path.is_dir()]:
        for path in folder.rglob("*"):
            if path.is_file():
                kind = classify(str(path.relative_to(folder)))
                assert kind is not FileKind.UNKNOWN, path
                seen.add(kind)
    assert seen & {FileKind.TRANSCRIPT, FileKind.IMPORTED_TRANSCRIPT}


@pytest.mark.parametrize(
    ("name", "implied"),
    {
        f"{UUID}.jsonl": (UUID, None),
        "probe-openai-1.jsonl": ("probe-openai-1", None),
        f"{UUID}-topic-77.jsonl": (UUID, "77"),
        f"{UUID}-topic-a%2Fb-topic-c.jsonl": (UUID, "a/b-topic-c"),
        f"{UUID}-topic-.jsonl": (f"{UUID}-topic-", None),
        f"2026-11-22T11-05-59-946Z_{UUID}.jsonl": (UUID, None),
        f"{UUID}.legacy-1795345409664.jsonl": (UUID, None),
        f"{UUID}.jsonl.deleted.{TIME}": (UUID, None),
        f"{UUID}-topic-5.jsonl.reset.{TIME}.3c4d0685605e4abb8ec62cdcf7bff3f2.zst": (UUID, "5"),
        f"agent_main_whatsapp_group_120361_g.us.{UUID}.jsonl.imported-1795345409661": (UUID, None),
        f"agent_main_x.{UUID}-topic-1700.0001.jsonl.imported-1795345409661.2": (UUID, "1700.0001"),
        f"agent_main_x.2026-11-22T11-05-59-946Z_{UUID}.jsonl.imported-1795345409661": (UUID, None),
        f"archive-tier.{UUID}.jsonl.deleted.{TIME}.imported-1795345409661": (UUID, None),
        "archive-tier.my.chat.jsonl.imported-1795345409661": ("my.chat", None),
        "agent_main_main.probe-1.jsonl.imported-1795345409661": ("probe-1", None),
        "agent_main_a.b.c.jsonl.imported-1795345409661": (None, None),
        "my notes.jsonl": (None, None),
        " padded.jsonl": (None, None),
        " padded-topic-5.jsonl": (None, None),
        ".jsonl": (None, None),
        f"{UUID}.trajectory.jsonl": (None, None),
        f"{UUID}.checkpoint.{OTHER_UUID}.jsonl": (None, None),
        f"{UUID}.jsonl.lock": (None, None),
        "sessions.json": (None, None),
    }.items(),
)
def test_a_transcript_name_implies_a_session(name: str, implied: tuple[str | None, str | None]) -> None:
    assert transcript_session_id(name) == implied


def test_real_import_archives_imply_the_sessions_that_their_headers_name(
    unpack: Callable[[str], Path],
) -> None:
    names = 0
    for path in unpack("defect-both-spellings").rglob("*.jsonl.imported-*"):
        session_id, _ = transcript_session_id(path.name)
        assert session_id is not None
        assert f'"id":"{session_id}"' in path.read_text().splitlines()[0].replace('"id": "', '"id":"')
        names += 1
    assert names > 0


def candidates(
    session_file: object, session_id: str = UUID, store_dir: str = BASE, agent: str | None = "main"
) -> tuple[str, ...]:
    return transcript_candidates(session_file, session_id, store_dir, STATE, agent)


def older(name: str = f"{UUID}.jsonl") -> tuple[str, ...]:
    return (f"{STATE}/sessions/{name}",)


@pytest.mark.parametrize(
    "session_file",
    [
        None,
        "",
        "  \ufeff",
        5,
        ["x.jsonl"],
        f"sqlite:main:{UUID}:{BASE}/sessions.json",
        "a\0b.jsonl",
        "\ud800.jsonl",
    ],
)
def test_without_a_usable_pointer_the_transcript_is_named_after_the_session(session_file: object) -> None:
    assert candidates(session_file) == (f"{BASE}/{UUID}.jsonl", f"{STATE}/sessions/{UUID}.jsonl")


@pytest.mark.parametrize(
    ("session_file", "first"),
    {
        "x.jsonl": f"{BASE}/x.jsonl",
        " x.jsonl\n": f"{BASE}/x.jsonl",
        "a/b.jsonl": f"{BASE}/a/b.jsonl",
        "~/x.jsonl": f"{BASE}/~/x.jsonl",
        "./a/../x.jsonl": f"{BASE}/x.jsonl",
        f"{BASE}/deep/x.jsonl": f"{BASE}/deep/x.jsonl",
        f"{STATE}/agents/ops/sessions/x.jsonl": f"{STATE}/agents/ops/sessions/x.jsonl",
    }.items(),
)
def test_the_first_candidate_is_where_openclaw_itself_reads(session_file: str, first: str) -> None:
    assert candidates(session_file)[0] == first


@pytest.mark.parametrize(
    "session_file",
    [
        "../../../openclaw.json",
        "../../ops/sessions/x.jsonl",
        "../../../agents/ops/sessions/x.jsonl",
        "/etc/passwd",
        f"{STATE}/openclaw.json",
        f"{BASE}/../../../../other/x.jsonl",
        f"{STATE}/agents/Retired Agent/sessions/x.jsonl",
        ".",
        "..",
        "/",
    ],
)
def test_a_pointer_that_openclaw_would_not_follow_comes_after_the_store_directory(session_file: str) -> None:
    found = candidates(session_file)
    assert Path(found[0]).parent == Path(BASE)
    assert f"{BASE}/{UUID}.jsonl" in found[:2]
    assert f"{STATE}/openclaw.json" not in found


def test_a_moved_state_directory_is_searched_at_its_new_place() -> None:
    assert candidates("/old/home/.clawdbot/agents/ops/sessions/deep/x.jsonl", agent="other") == (
        f"{BASE}/x.jsonl",
        f"{BASE}/{UUID}.jsonl",
        f"{STATE}/agents/ops/sessions/deep/x.jsonl",
        f"{STATE}/sessions/x.jsonl",
        f"{STATE}/sessions/{UUID}.jsonl",
        f"{STATE}/agents/other/sessions/x.jsonl",
        f"{STATE}/agents/other/sessions/{UUID}.jsonl",
    )


def test_a_pointer_to_a_sessions_directory_leads_to_no_directory() -> None:
    assert f"{STATE}/agents/ops/sessions" not in candidates("/old/.openclaw/agents/ops/sessions")


def test_a_path_from_windows_is_understood_everywhere() -> None:
    found = candidates(r"C:\Users\me\.openclaw\agents\ops\sessions\x.jsonl")
    assert f"{BASE}/x.jsonl" in found
    assert f"{STATE}/agents/ops/sessions/x.jsonl" in found


def test_a_pointer_to_the_file_of_another_session_is_stale() -> None:
    assert candidates(f"{OTHER_UUID}.jsonl")[:2] == (f"{BASE}/{UUID}.jsonl", f"{BASE}/{OTHER_UUID}.jsonl")
    assert candidates(f"{UUID}-topic-5.jsonl")[0] == f"{BASE}/{UUID}-topic-5.jsonl"
    assert candidates("custom.jsonl")[0] == f"{BASE}/custom.jsonl"


@pytest.mark.parametrize("session_id", ["../../evil", "telegram:123", "", "a" * 129, f"x.checkpoint.{UUID}", ".hidden"])
def test_a_session_id_that_can_name_no_transcript_has_no_candidates(session_id: str) -> None:
    assert candidates("x.jsonl", session_id) == ()


def test_a_store_outside_the_state_directory_has_its_transcripts_beside_it() -> None:
    found = candidates("x.jsonl", store_dir="/data/chats", agent=None)
    assert found == ("/data/chats/x.jsonl", f"/data/chats/{UUID}.jsonl", *older("x.jsonl"), *older())


@given(st.text() | st.lists(st.sampled_from(["..", "agents", "sessions", "x", "", "/", "C:\\", "~"])).map("/".join))
def test_no_candidate_leaves_the_state_and_store_directories(session_file: str) -> None:
    for path in candidates(session_file, store_dir="/data/chats", agent="../../.."):
        assert os.path.normpath(path) == path
        assert path.startswith((f"{STATE}/", "/data/chats/"))


@settings(max_examples=200)
@given(st.lists(st.tuples(st.none() | st.tuples(HEADS, NAMES), IDS, FOLDERS, OWNERS), min_size=1, max_size=8))
def test_entries_of_one_form_are_looked_for_where_each_by_itself_is(
    entries: list[tuple[tuple[str, str] | None, str, str, str | None]],
) -> None:
    places = Whereabouts(STATE)
    for pointer, session_id, folder, owner in entries:
        session_file = None if pointer is None else pointer[0] + pointer[1].replace("{id}", session_id)
        found, folders = places.entry(session_file, session_id, folder, owner)
        expected = list(transcript_candidates(session_file, session_id, folder, STATE, owner))
        if session_file:
            expected.append(os.path.normpath(os.path.join(folder, session_file)))
        expected = [*dict.fromkeys([*expected, os.path.join(folder, f"{session_id}.jsonl")])]
        assert list(found) == expected
        assert folders == sorted({folder, *map(os.path.dirname, expected)})
