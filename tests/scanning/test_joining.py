"""Several files of one session are one history, and OpenClaw shows of it what it would show of the own file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.model.inventory import FileIdentity, Run, Transcript
from migrator.openclaw.text.active_branch import active_branch, read_link
from migrator.scanning.joining import in_order, merged_hashes, order_of, runs_of, without
from migrator.sqlite.events import event_hash

Event = dict[str, object]

HEADER: Event = {"type": "session", "version": 3, "id": "s1"}


def message(name: str, parent: str | None, **more: object) -> Event:
    return {"type": "message", "id": name, "parentId": parent, "message": {"role": "user"}, **more}


def chain(names: str, behind: str | None = None) -> list[Event]:
    """Messages of which each is the child of the one before it."""
    return [message(name, parent) for name, parent in zip(names, [behind, *names], strict=False)]


def texts(events: Sequence[object]) -> list[bytes]:
    return [json.dumps(event).encode() for event in events]


def file_of(
    path: str, events: Sequence[object], named: str | None = "s1", last_ms: int = 0, kind: str = "transcript"
) -> Transcript:
    identity = FileIdentity(0, "", 0, 0, 0, 0, 1)
    hashes = b"".join(map(event_hash, texts(events)))
    return Transcript(path, "main", kind, identity, "s1", named, last_ms, (), (), hashes)


def joined(*files: Sequence[object]) -> tuple[list[object], bool]:
    """The events of several files in the order of their history, and whether others come into view."""
    history, apart, in_view = joined_but(*files)
    assert not apart
    return history, in_view


def joined_but(*files: Sequence[object]) -> tuple[list[object], tuple[int, ...], bool]:
    """The same with the numbers of the files that stay out."""
    transcripts = [file_of(str(number), events) for number, events in enumerate(files)]
    runs, apart, in_view = order_of(transcripts, lambda number: [read_link(text) for text in texts(files[number])])
    return [files[run.file][index] for run in runs for index in range(run.start, run.stop)], apart, in_view


def shown(events: Sequence[object]) -> list[object]:
    """What OpenClaw shows of a history."""
    return [events[index] for index in active_branch(map(read_link, texts(events)))]


def names(events: Sequence[object]) -> str:
    return "".join(str(event["id"]) for event in events if isinstance(event, dict) and event["type"] != "session")


def test_what_a_copy_went_on_with_stands_behind_its_parent_and_out_of_view() -> None:
    own = [HEADER, *chain("abcd")]
    copy = [HEADER, *chain("ab"), *chain("xy", "b")]
    history, in_view = joined(own, copy)
    assert (names(history), in_view) == ("abxycd", False)
    assert names(shown(history)) == "abcd"


def test_the_last_event_of_the_own_file_stays_last_even_if_a_copy_went_on_from_it() -> None:
    history, in_view = joined([HEADER, *chain("abc")], [HEADER, *chain("abcxy")])
    assert (names(history), names(shown(history)), in_view) == ("abxyc", "abc", False)


def test_copies_of_a_copy_each_add_what_is_new_in_them() -> None:
    own = [HEADER, *chain("abc")]
    copy = [HEADER, *chain("a"), *chain("xy", "a")]
    copy_of_the_copy = [HEADER, *chain("a"), *chain("x", "a"), *chain("z", "x")]
    history, _ = joined(own, copy, copy_of_the_copy)
    assert (names(history), names(shown(history))) == ("axyzbc", "abc")


def test_an_exact_copy_adds_nothing() -> None:
    own = [HEADER, *chain("abc")]
    assert joined(own, own, own[:2]) == (own, False)


def test_events_without_parents_stand_in_front_where_openclaw_shows_them() -> None:
    flat: list[Event] = [{"type": "message", "id": name, "message": {}} for name in "abc"]
    own = [HEADER, *flat]
    copy: list[Event] = [*own[:2], {"type": "message", "id": "x", "message": {}}]
    history, in_view = joined(own, copy)
    assert (history[0], names(history), names(shown(history)), in_view) == (HEADER, "xabc", "xabc", True)


def test_an_event_that_a_copy_has_with_another_content_does_not_take_the_place_of_the_own_one() -> None:
    own = [HEADER, *chain("abc")]
    copy = [HEADER, message("a", None), message("b", "a", edited=True), message("c", "b")]
    history, _ = joined(own, copy)
    assert len(history) == 5
    assert shown(history) == own[1:]


@pytest.mark.parametrize(
    ("files", "named", "own"),
    [
        (("s1 2.jsonl", "s1.jsonl", "0-s1.jsonl"), (), "s1.jsonl"),
        (("s1-topic-4.jsonl", "s1.jsonl"), ("s1-topic-4.jsonl",), "s1-topic-4.jsonl"),
        (("s1.jsonl", "zz.jsonl"), ("zz.jsonl",), "zz.jsonl"),
    ],
    ids=["by-name", "by-entry", "by-entry-with-any-name"],
)
def test_the_own_file_is_the_one_that_the_entry_names_else_the_one_named_after_the_session(
    files: tuple[str, ...], named: tuple[str, ...], own: str
) -> None:
    first, *others = in_order("s1", [file_of(name, [], named=None) for name in files], named)
    assert first.path == own
    assert [file.path for file in others] == sorted(set(files) - {own})


def test_of_files_with_other_names_the_newest_is_the_own_one_and_a_live_one_comes_before_one_that_was_set_aside() -> (
    None
):
    old, new = file_of("a.jsonl", [], named=None, last_ms=1), file_of("b.jsonl", [], named=None, last_ms=2)
    aside = file_of("s1.jsonl", [], last_ms=3, kind="imported-transcript")
    assert [file.path for file in in_order("s1", [aside, old, new])] == ["b.jsonl", "a.jsonl", "s1.jsonl"]
    assert in_order("s1", []) == ()


IDS = st.sampled_from("abcdefgh")
REFERENCES = st.one_of(st.none(), IDS)
MEMBERS: dict[str, st.SearchStrategy[object]] = {
    "type": st.sampled_from(["message"] * 6 + ["custom", "leaf", "reset", "label", "session", "compaction", "other"]),
    "n": st.integers(0, 1),
}
MAYBE: dict[str, st.SearchStrategy[object]] = {
    "id": IDS,
    "parentId": REFERENCES,
    "targetId": REFERENCES,
    "appendParentId": REFERENCES,
    "appendMode": st.sampled_from(["side", "x"]),
    "message": st.just({}),
}
ANY_EVENT = st.fixed_dictionaries(MEMBERS, optional=MAYBE)
LINKED = st.tuples(IDS, REFERENCES, st.integers(0, 1)).map(lambda one: message(one[0], one[1], n=one[2]))


@st.composite
def copies(draw: st.DrawFn, event: st.SearchStrategy[Event]) -> list[list[Event]]:
    """A file, and others that begin as one that is there already and go on in their own way."""
    files = [[HEADER, *draw(st.lists(event, min_size=1, max_size=7))]]
    for _ in range(draw(st.integers(1, 3))):
        begun = draw(st.sampled_from(files))
        kept = begun[: draw(st.integers(0, len(begun)))]
        files.append([*kept, *draw(st.lists(event, max_size=4))])
    return files


@pytest.mark.parametrize("event", [LINKED, ANY_EVENT], ids=["linked", "any"])
@given(st.data())
def test_the_active_branch_is_that_of_the_own_file_and_no_event_is_lost(
    event: st.SearchStrategy[Event], data: st.DataObject
) -> None:
    files = data.draw(copies(event))
    history, apart, in_view = joined_but(*files)
    wanted: Counter[bytes] = Counter()
    for number, events in enumerate(files):
        wanted |= Counter(texts(events)) if number not in apart else Counter()
    assert Counter(texts(history)) == wanted
    own, all_shown = shown(files[0]), shown(history)
    assert all_shown[len(all_shown) - len(own) :] == own
    assert in_view == (len(all_shown) > len(own))
    if len(files[0]) > 1:
        remaining = iter(history)
        assert all(any(one is event for one in remaining) for event in files[0])
        assert history[-1] is files[0][-1]


def test_a_file_that_would_change_what_is_shown_stays_out_and_the_others_do_not() -> None:
    own: list[object] = [HEADER, {"type": "message", "message": {"role": "user"}}]
    with_ids = [HEADER, *chain("ab")]
    other = [HEADER, {"type": "message", "message": {"role": "assistant"}}]
    history, apart, in_view = joined_but(own, with_ids, other)
    assert (history, apart, in_view) == ([HEADER, other[1], own[1]], (1,), True)


@given(copies(LINKED), st.data())
def test_a_history_can_be_taken_up_anywhere(files: list[list[Event]], data: st.DataObject) -> None:
    transcripts = [file_of(str(number), events) for number, events in enumerate(files)]
    runs = runs_of(transcripts)
    whole = merged_hashes(transcripts, runs)
    stored = whole[: 8 * data.draw(st.integers(0, len(whole) // 8))]
    assert stored + merged_hashes(transcripts, without(transcripts, runs, stored)) == whole
    assert all(isinstance(run, Run) and run.start < run.stop for run in runs)
