"""Where the transcripts of many entries may be is what is worked out for each of them by itself."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.openclaw.places.session_files import transcript_candidates
from migrator.scanning.whereabouts import Whereabouts

STATE = "/home/somebody/.openclaw"
UUID = "01234567-89ab-4cde-8f01-23456789abcd"
OTHER = "fedcba98-7654-4321-8fed-cba987654321"

IDS = st.sampled_from(
    [
        UUID,
        OTHER,
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
NAMES = st.sampled_from(["{id}.jsonl", "{id}.jsonl ", f"{OTHER}.jsonl", "{id}-topic-1.jsonl", "custom.jsonl", ""])
FOLDERS = st.sampled_from([f"{STATE}/agents/main/sessions", f"{STATE}/sessions", "/mnt/agents/main/sessions", "/store"])
OWNERS = st.sampled_from([None, "main", "Old Agent"])


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
