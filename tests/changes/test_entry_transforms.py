from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS, Transform
from migrator.openclaw.changes.transforms import explain_entry

_Object = dict[str, Any]

NOW = 1_780_000_000_000
NONE = {"kind": "none"}

# What the source says beside its id and its time, and what the release makes of it.
CASES: tuple[tuple[str, _Object, _Object], ...] = (
    (
        "javascript-numbers",
        {"n": [9007199254740993, Decimal("1E3"), Decimal("1.0"), Decimal("Infinity")]},
        {"n": [9007199254740992, 1000, 1, None]},
    ),
    ("old-names-renamed", {"room": "#a", "groupChannel": None}, {"groupChannel": "#a"}),
    ("room-dropped", {"room": 5}, {}),
    ("session-id-trimmed", {"sessionId": "\ufeff s "}, {"sessionId": "s"}),
    ("model-trimmed", {"model": " m ", "modelProvider": " p "}, {"model": "m", "modelProvider": "p"}),
    ("model-trimmed", {"model": "m", "modelProvider": " "}, {"model": "m"}),
    ("model-trimmed", {"model": " ", "modelProvider": "p"}, {}),
    ("updated-at-zeroed", {"updatedAt": "yesterday"}, {"updatedAt": 0}),
    ("updated-at-zeroed", {"updatedAt": -1}, {"updatedAt": 0}),
    ("updated-at-zeroed", {"updatedAt": None, "sessionStartedAt": NOW}, {"updatedAt": 0, "sessionStartedAt": NOW}),
    (
        "creator-folded",
        {"createdBy": {"id": "u", "source": "profile"}},
        {"createdActor": {"id": "u", "type": "human", "source": "unknown"}},
    ),
    (
        "creator-folded",
        {"createdActor": {"type": "human"}, "createdVia": "run"},
        {"createdActor": {"type": "human", "source": "profile"}, "createdVia": "run"},
    ),
    (
        "updated-at-from-start",
        {"updatedAt": None, "sessionStartedAt": NOW},
        {"updatedAt": NOW, "sessionStartedAt": NOW},
    ),
    ("updated-at-import-time", {"updatedAt": None}, {"updatedAt": NOW}),
    (
        "archived-when-idle",
        {"updatedAt": 1},
        {"updatedAt": 1, "archivedAt": NOW, "archiveReason": "age-retention"},
    ),
    (
        "transcript-path-marked",
        {"sessionId": "s-1", "sessionFile": "s-1.jsonl"},
        {"sessionId": "s-1", "sessionFile": "sqlite:ops-team:s-1:/home/u/.openclaw/agents/Ops Team/agent/x.sqlite"},
    ),
    ("transcript-path-dropped", {"sessionFile": "s.jsonl", "transcriptPath": "/x"}, {}),
    ("collaboration-dropped", {"owner": {"id": "u"}, "participants": [], "participantCount": 0}, {}),
    (
        "pending-delivery-folded",
        {"pendingFinalDelivery": True, "pendingFinalDeliveryText": " t ", "pendingFinalDeliveryContext": {"to": "1"}},
        {"pendingFinalDelivery": {"kind": "replayable", "text": "t", "createdAt": NOW, "context": {"to": "1"}}},
    ),
    (
        "pending-delivery-folded",
        {"pendingFinalDelivery": True, "pendingFinalDeliveryCreatedAt": "x", "pendingFinalDeliveryIntentId": " i"},
        {"pendingFinalDelivery": {"kind": "transport-only", "createdAt": 0, "intentId": "i"}},
    ),
    ("pending-delivery-folded", {"pendingFinalDelivery": False, "pendingFinalDeliveryText": None}, {}),
    ("delivery-attempts-dropped", {"pendingFinalDeliveryAttemptCount": 2, "pendingFinalDeliveryLastError": "x"}, {}),
    (
        "fallback-notice-folded",
        {"fallbackNoticeSelectedModel": "a ", "fallbackNoticeActiveModel": "b", "fallbackNoticeReason": " "},
        {"fallbackNotice": {"kind": "active", "selectedModel": "a", "activeModel": "b"}},
    ),
    ("fallback-notice-lost", {"fallbackNoticeSelectedModel": "a", "fallbackNoticeReason": "r"}, {}),
    (
        "memory-flush-folded",
        {"memoryFlushCompactionCount": Decimal("2.5")},
        {"memoryFlush": {"kind": "succeeded", "compactionCount": 2}},
    ),
    (
        "memory-flush-folded",
        {"memoryFlushCompactionCount": -1, "memoryFlushFailureCount": 3},
        {"memoryFlush": {"kind": "failed", "failureCount": 3}},
    ),
    ("memory-flush-details-dropped", {"memoryFlushAt": 1, "memoryFlushContextHash": "h"}, {}),
    ("appearance-tidied", {"icon": " book", "color": "RED "}, {"icon": "book", "color": "red"}),
    ("appearance-dropped", {"icon": "books", "color": "mauve"}, {}),
    ("archive-note-dropped", {"archivedBy": {"id": "u"}, "archiveReason": "manual"}, {}),
    ("archive-note-dropped", {"archivedAt": 1, "archiveReason": "odd"}, {"archivedAt": 1}),
    ("drop-resolved-skills", {"skillsSnapshot": {"resolvedSkills": [], "v": 1}}, {"skillsSnapshot": {"v": 1}}),
)


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_a_transform_explains_what_it_is_for(name: str, source: _Object, stored: _Object) -> None:
    source = {"sessionId": "s", "updatedAt": NOW, **source, "delivery": NONE}
    stored = {"sessionId": "s", "updatedAt": NOW, **stored, "delivery": NONE}

    assert explain_entry(source, stored) == (name,)


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_no_transform_explains_another_loss_beside_it(name: str, source: _Object, stored: _Object) -> None:
    source = {"sessionId": "s", "updatedAt": NOW, "label": "x", **source, "delivery": NONE}
    stored = {"sessionId": "s", "updatedAt": NOW, **stored, "delivery": NONE}

    assert explain_entry(source, stored) is None


def test_two_old_names_for_one_field_lose_one_in_two_passes() -> None:
    source = {"sessionId": "s", "updatedAt": NOW, "channel": "irc", "provider": "slack", "lastProvider": "irc"}
    route = {"channel": "irc"}
    delivery = {"kind": "external", "route": route, "context": route, "origin": {"provider": "irc"}}

    once = explain_entry(source, {"sessionId": "s", "updatedAt": NOW, "provider": "slack", "delivery": delivery})
    twice = explain_entry(source, {"sessionId": "s", "updatedAt": NOW, "delivery": delivery})

    assert once == ("old-names-renamed", "delivery-folded")
    assert twice == ("old-names-renamed", "delivery-folded", "shadowed-names-dropped")


def test_every_import_transform_has_a_case() -> None:
    elsewhere = {"delivery-folded", "shadowed-names-dropped"}

    assert {case[0] for case in CASES} | elsewhere == {transform.name for transform in IMPORT_TRANSFORMS}


def test_an_old_name_that_says_more_than_the_new_one_counts_in_the_second_pass() -> None:
    source = {"sessionId": "s", "updatedAt": NOW, "lastChannel": "heartbeat", "lastProvider": "irc"}
    external = {"kind": "external", "route": {"channel": "irc"}, "context": {"channel": "irc"}}
    stored = {"sessionId": "s", "updatedAt": NOW, "delivery": {**external, "origin": {"provider": "irc"}}}

    assert explain_entry(source, stored) == ("delivery-folded", "shadowed-names-dropped")


@pytest.mark.parametrize("clock", [5, "x", None, Decimal("1780000000000.5"), True])
def test_the_time_of_an_import_is_a_whole_recent_number_of_milliseconds(clock: object) -> None:
    stored = {"sessionId": "s", "updatedAt": clock, "delivery": NONE}

    assert explain_entry({"sessionId": "s", "delivery": NONE}, stored) is None


def test_a_time_that_the_source_has_is_no_import_time() -> None:
    source = {"sessionId": "s", "updatedAt": NOW, "delivery": NONE}

    assert explain_entry(source, {**source, "updatedAt": NOW + 1}) is None


@pytest.mark.parametrize(
    "icon", ["\N{LOBSTER}", "<svg/>", "data:image/svg+xml,x", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_an_icon_that_may_be_one_is_missed(icon: str) -> None:
    source = {"sessionId": "s", "updatedAt": NOW, "delivery": NONE}

    assert explain_entry({**source, "icon": icon}, source) is None


def test_a_reply_that_is_still_to_be_delivered_is_missed() -> None:
    source = {"sessionId": "s", "updatedAt": NOW, "delivery": NONE, "pendingFinalDeliveryText": "t"}

    assert explain_entry(source, {"sessionId": "s", "updatedAt": NOW, "delivery": NONE}) is None


def test_a_transform_names_its_releases() -> None:
    releases: list[Transform] = [transform for transform in IMPORT_TRANSFORMS if "2026." in transform.releases]

    assert len(releases) == len(IMPORT_TRANSFORMS) - 1


@pytest.mark.parametrize(
    "marker",
    [
        "sqlite:ops:s-2:/home/u/.openclaw/agents/ops/agent/x.sqlite",
        "sqlite:main:s-1:/home/u/.openclaw/agents/ops/agent/x.sqlite",
        "sqlite:ops:s-1:",
        "s-2.jsonl",
    ],
)
def test_a_marker_of_another_session_or_agent_is_a_difference(marker: str) -> None:
    source: _Object = {"sessionId": "s-1", "sessionFile": "s-1.jsonl"}
    assert explain_entry(source, {"sessionId": "s-1", "sessionFile": marker}) is None
