from __future__ import annotations

from migrator.model.explanation import Event, Explanation, Place
from migrator.model.words import Name
from migrator.report.building import explanation_part
from migrator.report.text import explanation_lines

DATABASE, STORE = Name("database", "/d"), Name("store", "/s")


def text(*places: Place, events: tuple[Event, ...] = (), advice: tuple[str, ...] = ("fine",)) -> list[str]:
    explanation = explanation_part(Explanation((), places, events, advice))
    return list(explanation_lines(explanation, lambda name: f"<{name.text}>"))


def test_a_verdict_is_said_in_words_with_how_much_is_there() -> None:
    cut = Place("transcript", Name("transcript", "/t"), count=21, present=3, verdict="extends", digest="ab", time=1000)
    assert text(cut)[1:6] == [
        "transcript",
        "    in </t>",
        "    extends: the file has events that the database lacks",
        "    21 events, 3 of them in a database, updated 1970-01-01T00:00:01Z",
        "    sha256 ab",
    ]


def test_what_is_elsewhere_is_named_and_an_archive_is_told_apart_from_a_live_database() -> None:
    for place, words in (
        (DATABASE, "it is in </d>"),
        (Name("archive", "/d"), "the archive of deleted sessions of </d>"),
    ):
        [line] = [line for line in text(Place("entry", STORE, verdict="moved", elsewhere=(place,))) if "moved" in line]
        assert line.endswith(words)
        assert "another agent" not in line


def test_each_kind_of_place_counts_its_own_and_the_past_and_the_advice_follow() -> None:
    found = text(Place("store", STORE, count=2), Place("database", DATABASE, count=3), events=(Event(0, "x", STORE),))
    assert "    2 entries" in found
    assert "    3 sessions" in found
    assert found[-3:] == ["1970-01-01T00:00:00Z  x  </s>", "", "Nothing to do: all of it is where it should be."]
