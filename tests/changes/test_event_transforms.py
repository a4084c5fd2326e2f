from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from migrator.openclaw.changes.event_transforms import EVENT_TRANSFORMS, normal_event
from migrator.openclaw.changes.message_repairs import MARK
from migrator.openclaw.changes.transforms import explain_event

_Object = dict[str, Any]

SESSION = "s-1"
HEADER = {"type": "session", "version": 3, "id": SESSION, "timestamp": "2026-01-01", "cwd": "/w"}
PREFIX = "0123456789abcdef"


def message(**fields: object) -> _Object:
    """Make an event of type message."""
    return {"type": "message", "id": "a", "parentId": None, "timestamp": "t", "message": fields}


def texts(*parts: str) -> list[_Object]:
    """Make a content of text parts."""
    return [{"type": "text", "text": part} for part in parts]


CASES: tuple[tuple[str, _Object, _Object], ...] = (
    ("javascript-numbers", {"type": "x", "n": Decimal("1.0")}, {"type": "x", "n": 1}),
    ("text-content-wrapped", message(role="assistant", content="a"), message(role="assistant", content=texts("a"))),
    (
        "tool-result-wrapped",
        message(role="toolResult", content={"a": 1}),
        message(role="toolResult", content=[{"a": 1}]),
    ),
    ("header-canonical", {**HEADER, "id": "old", "sessionId": "old", "cwd": None}, {**HEADER, "cwd": ""}),
    ("header-canonical", {"type": "session", "version": 3}, {**HEADER, "timestamp": "", "cwd": ""}),
    ("hook-type-filled", message(role="custom", content="c"), message(role="custom", content="c", customType="hook")),
    ("version-raised", {**HEADER, "version": 2}, HEADER),
    (
        "ids-made-up",
        {"type": "label", "id": "x"},
        {"type": "label", "id": f"{PREFIX}-a", "parentId": f"{PREFIX}-9"},
    ),
    (
        "ids-made-up",
        {"type": "compaction", "firstKeptEntryIndex": 10},
        {"type": "compaction", "id": f"{PREFIX}-b", "parentId": f"{PREFIX}-a", "firstKeptEntryId": f"{PREFIX}-a"},
    ),
    (
        "ids-made-up",
        {"type": "compaction", "firstKeptEntryIndex": 10},
        {"type": "compaction", "id": f"{PREFIX}-1", "parentId": None},
    ),
    (
        "hook-message-renamed",
        message(role="hookMessage", content="c", customType="x"),
        message(role="custom", content="c", customType="x"),
    ),
    (
        "codex-provider-renamed",
        message(provider=" OpenAI-Codex", api="openai-codex-responses"),
        message(provider="openai", api="openai-chatgpt-responses"),
    ),
    ("media-folded", message(MediaPath="/a"), message(__openclaw={"media": [{"path": "/a"}]})),
    (
        "context-labels-marked",
        message(role="user", content="Chat history since last reply (untrusted, for context):\na"),
        message(role="user", content=f"Chat history since last reply: {MARK}\na"),
    ),
    (
        "reactions-dropped",
        message(role="assistant", content=texts("[[react: x ]] Nice")),
        message(role="assistant", content=texts("Nice")),
    ),
    (
        "directives-moved",
        message(role="assistant", content=texts("[[reply_to_current]] a  b")),
        message(role="assistant", content=texts("a b"), openclawDelivery={"replyToCurrent": True}),
    ),
)


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_a_transform_explains_what_it_is_for(name: str, source: _Object, stored: _Object) -> None:
    assert explain_event(source, stored, SESSION) == (name,)


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_no_transform_explains_another_loss_beside_it(name: str, source: _Object, stored: _Object) -> None:
    assert explain_event({**source, "extra": 1}, stored, SESSION) is None


def test_every_transform_has_a_case() -> None:
    elsewhere = {"replay-checkpoint-dropped"}

    assert {case[0] for case in CASES} | elsewhere == {transform.name for transform in EVENT_TRANSFORMS}


@pytest.mark.parametrize("kind", ["anthropic-compaction", "other"])
def test_a_checkpoint_goes_only_with_a_content_that_is_rewritten(kind: str) -> None:
    replay = {"type": kind}
    plain = message(role="assistant", content="a", providerReplay=replay)
    wrapped = message(role="assistant", content=texts("a"), providerReplay=replay)
    without = message(role="assistant", content=texts("a"))

    known = ("replay-checkpoint-dropped", "text-content-wrapped")
    assert explain_event(plain, without, SESSION) == (known if kind == "anthropic-compaction" else None)
    assert explain_event(wrapped, without, SESSION) is None
    assert normal_event(plain, SESSION) == (without if kind == "anthropic-compaction" else wrapped)


@pytest.mark.parametrize(
    ("source", "stored"),
    [
        (HEADER, {**HEADER, "id": "other"}),
        (HEADER, {**HEADER, "version": 4}),
        ({**HEADER, "version": 4}, HEADER),
        (HEADER, {**HEADER, "cwd": ""}),
        (message(role="user", content="a"), message(role="user", content=texts("a"))),
        (message(role="custom", content=[5]), message(role="custom", content=[5], customType="hook")),
        (message(provider="anthropic"), message(provider="openai")),
        ({"type": "x", "message": {"provider": "codex"}}, {"type": "x", "message": {"provider": "openai"}}),
        (
            {"type": "x", "message": {"role": "hookMessage", "content": ""}},
            {"type": "x", "message": {"role": "custom"}},
        ),
        ({"type": "x", "id": "a"}, {"type": "x", "id": f"{PREFIX}-2", "parentId": None}),
        ({"type": "x", "id": "a"}, {"type": "x", "id": f"{PREFIX}-2", "parentId": f"{PREFIX}-2"}),
        ({"type": "x", "id": "a"}, {"type": "x", "id": f"{PREFIX}-2", "parentId": "fedcba9876543210-1"}),
        ({"type": "x", "id": "a"}, {"type": "x", "id": "b"}),
        (
            {"type": "compaction", "firstKeptEntryIndex": 1},
            {"type": "compaction", "id": f"{PREFIX}-3", "parentId": f"{PREFIX}-2"},
        ),
        (
            {"type": "compaction", "firstKeptEntryIndex": 1},
            {"type": "compaction", "id": f"{PREFIX}-3", "parentId": f"{PREFIX}-2", "firstKeptEntryId": f"{PREFIX}-2"},
        ),
    ],
)
def test_what_no_release_does_is_a_difference(source: _Object, stored: _Object) -> None:
    assert explain_event(source, stored, SESSION) is None


def test_a_normal_event_is_as_the_import_stores_it_and_no_doctor() -> None:
    repaired = [case for case in CASES if case[0] in ("context-labels-marked", "reactions-dropped", "directives-moved")]
    imported = [case for case in CASES if case not in repaired and case[0] != "ids-made-up"]

    for name, source, stored in imported:
        assert normal_event(source, SESSION, 2 if name == "hook-message-renamed" else 3) == stored
    for _, source, _ in repaired:
        assert normal_event(source, SESSION) == source


def test_a_normal_event_depends_on_the_version_of_its_file() -> None:
    hook = message(role="hookMessage", content="c")
    formless = {"type": "message", "message": {"role": "custom", "content": "c"}}

    assert normal_event(hook, SESSION) is hook
    assert normal_event(hook, SESSION, 2) == message(role="custom", content="c", customType="hook")
    assert normal_event(formless, SESSION) is formless
    assert normal_event(formless, SESSION, 1) != formless


@pytest.mark.parametrize(
    ("value", "normal"), [([Decimal("1.0")], [1]), ("x", "x"), (17, 17), (Decimal("-0.0"), 0), ({"a": 1}, {"a": 1})]
)
def test_values_that_are_no_events_only_get_their_numbers_rewritten(value: object, normal: object) -> None:
    assert normal_event(value, SESSION) == normal
