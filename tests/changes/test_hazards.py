"""What the upgrade would trip over in one entry, and what it would not."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.changes.entry_transforms import IMPORT_TRANSFORMS
from migrator.openclaw.changes.hazards import (
    BLOCKS_ACP,
    BLOCKS_NULL,
    BLOCKS_SESSION_ID,
    BLOCKS_TIME,
    CHANGES_FIELDS,
    CHANGES_NUMBERS,
    CHANGES_TIME,
    LOSES_ENTRY,
    hazards,
)
from migrator.openclaw.text.entry import prepare
from migrator.openclaw.text.entry_head import MAYBE_LOST
from migrator.openclaw.text.store import StoreReader

ACP = {"backend": "b", "agent": "a", "runtimeSessionName": "r", "mode": "m", "state": "s", "lastActivityAt": 1}


def found(text: str) -> tuple[str, ...]:
    [raw] = StoreReader(BytesIO(b'{"k": ' + text.encode() + b"}"))
    return hazards(raw, prepare(raw))


def found_in(**members: object) -> tuple[str, ...]:
    return found(json.dumps({"sessionId": "s", "updatedAt": 5} | members))


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("null", (BLOCKS_NULL,)),
        ("[]", (LOSES_ENTRY,)),
        ('"null"', (LOSES_ENTRY,)),
        ("{}", (LOSES_ENTRY,)),
        ("0", (LOSES_ENTRY,)),
        ('{"updatedAt": 5}', (LOSES_ENTRY,)),
        ('{"sessionId": 7, "updatedAt": 5}', (LOSES_ENTRY,)),
        ('{"sessionId": " \ufeff", "updatedAt": 5}', (LOSES_ENTRY,)),
        ('{"sessionId": " s ", "updatedAt": 5}', ()),
        ('{"sessionId": "s", "broken": ', ()),
    ],
)
def test_an_entry_without_a_session_id_is_skipped_and_null_stops_everything(text: str, codes: tuple[str, ...]) -> None:
    assert found(text) == codes


@pytest.mark.parametrize("session_id", ["../../evil", "telegram:123", "-x", ".x", "a b", "a/b", "x" * 129, "e\u0301"])
def test_a_session_id_that_no_file_can_have_stops_the_import(session_id: str) -> None:
    assert found_in(sessionId=session_id) == (BLOCKS_SESSION_ID,)


@pytest.mark.parametrize("session_id", ["x" * 128, "a.b_c-d", "9", "ärztin", "会议", "é"])
def test_letters_of_any_script_may_be_in_a_session_id(session_id: str) -> None:
    assert found_in(sessionId=session_id) == ()


def test_a_session_id_of_many_bytes_is_too_long_for_a_file_name() -> None:
    assert found_in(sessionId="会" * 83) == ()
    assert found_in(sessionId="会" * 84) == (BLOCKS_SESSION_ID,)


def test_the_id_of_a_checkpoint_is_none_of_a_session() -> None:
    name = "s.checkpoint.11111111-1111-4111-8111-111111111111"
    assert found_in(sessionId=name) == (BLOCKS_SESSION_ID,)


@pytest.mark.parametrize("missing", sorted(ACP))
def test_each_column_of_an_acp_session_is_needed(missing: str) -> None:
    assert found_in(acp=ACP) == ()
    assert found_in(acp={**ACP, missing: None}) == (BLOCKS_ACP,)
    assert found_in(acp={name: value for name, value in ACP.items() if name != missing}) == (BLOCKS_ACP,)


def test_what_is_no_acp_object_has_no_columns() -> None:
    assert found_in(acp="x") == found_in(acp=None) == found_in(acp=[]) == ()


def test_a_time_that_no_column_can_hold_stops_the_upgrade() -> None:
    assert found_in(archivedAt=2**53) == found_in(startedAt=1.5) == (BLOCKS_TIME,)
    assert found_in(archivedAt=2**53 - 1, startedAt=1.0, endedAt="x") == ()


@pytest.mark.parametrize(
    ("members", "codes"),
    [
        ({"updatedAt": None}, (CHANGES_TIME,)),
        ({"updatedAt": "yesterday"}, (CHANGES_TIME,)),
        ({"updatedAt": None, "sessionStartedAt": 3}, ()),
        ({"updatedAt": 0}, ()),
    ],
)
def test_an_entry_without_a_time_gets_that_of_the_import(members: dict[str, object], codes: tuple[str, ...]) -> None:
    assert found_in(**members) == codes


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        ("9007199254740993", True),
        ("9007199254740992", False),
        ("-9007199254740993", True),
        ("123456789012345678901234567890", True),
        ("100000000000000000000", False),
        ("0.12345678901234567890", False),
        ("[0.12345678901234567890, 9007199254740993]", True),
        ("12345.678", False),
    ],
)
def test_an_integer_that_a_double_cannot_hold_is_rounded(number: str, changes: bool) -> None:
    text = f'{{"sessionId": "s", "updatedAt": 5, "deep": [{{"n": {number}}}]}}'
    assert found(text) == ((CHANGES_NUMBERS,) if changes else ())


def test_digits_in_a_text_are_no_number() -> None:
    assert found_in(label="9007199254740993") == ()


@pytest.mark.parametrize(
    ("members", "codes"),
    [
        ({"fallbackNoticeSelectedModel": "m"}, (CHANGES_FIELDS,)),
        ({"fallbackNoticeSelectedModel": "m", "fallbackNoticeActiveModel": "n"}, ()),
        ({"participants": []}, (CHANGES_FIELDS,)),
        ({"memoryFlushAt": 5}, (CHANGES_FIELDS,)),
        ({"archiveReason": "manual"}, (CHANGES_FIELDS,)),
        ({"archiveReason": "manual", "archivedAt": 5}, ()),
        ({"provider": "slack"}, ()),
        ({"sessionFile": "s.jsonl", "lastChannel": "slack"}, ()),
    ],
)
def test_fields_that_nothing_takes_over_are_dropped(members: dict[str, object], codes: tuple[str, ...]) -> None:
    assert found_in(**members) == codes


_FIELDS = st.sampled_from(sorted({*MAYBE_LOST, "label", "channel", "archivedAt", "memoryFlush", "updatedAt"}))
_VALUES: st.SearchStrategy[object] = st.sampled_from(
    [None, "", "slack", "robot", 5, Decimal("1.5"), True, [], {"id": "u"}]
)


@given(st.dictionaries(_FIELDS, _VALUES, max_size=5))
def test_without_one_of_the_watched_fields_no_transform_loses_anything(entry: dict[str, object]) -> None:
    lossy = [one for one in IMPORT_TRANSFORMS if one.lossy and one.apply(entry, {}) is not entry]
    assert not lossy or not MAYBE_LOST.isdisjoint(entry)


def test_most_entries_share_one_answer() -> None:
    assert found_in(updatedAt=None) is found_in(updatedAt="x")
