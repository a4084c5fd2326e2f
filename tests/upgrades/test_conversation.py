"""What real gateways show of conversations that older gateways wrote agrees with the files, and nothing else does.

``gateway-answers.json`` has what gateways of newer releases answered to ``chat.history`` after they had upgraded a
fixture: by fixture and release, then by session key.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.scanning.transcripts import read_transcript
from migrator.upgrades.conversation import Message, agree, in_transcript, shown
from tests.conftest import FIXTURES, unpacked

ANSWERS = json.loads((FIXTURES / "gateway-answers.json").read_text("utf-8"))
Conversation = tuple[tuple[Message, ...], tuple[Message, ...]]


def stored_in(path: Path) -> tuple[Message, ...]:
    transcript, _ = read_transcript(str(path), "main", "transcript")
    assert transcript is not None
    return in_transcript(transcript)


@pytest.fixture(scope="module", params=ANSWERS)
def conversations(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Conversation]:
    """What the files of a state have, and what a gateway gave, by the session's key."""
    state = unpacked(request.param.partition(" ")[0], tmp_path_factory.mktemp("legacy"))
    given, found = ANSWERS[request.param], {}
    for store in state.glob("agents/*/sessions/sessions.json"):
        for key, entry in json.loads(store.read_text("utf-8")).items():
            path = Path(entry.get("sessionFile") or store.with_name(f"{entry['sessionId']}.jsonl"))
            if given.get(key):
                found[key] = stored_in(store.with_name(path.name)), shown(given[key])
    return found


def test_a_gateway_shows_the_conversation_that_the_file_has(conversations: dict[str, Conversation]) -> None:
    assert len(conversations) > 5
    assert [key for key, (stored, given) in conversations.items() if not agree(stored, given)] == []


def test_no_message_can_be_missing_changed_moved_or_made_up(conversations: dict[str, Conversation]) -> None:
    for stored, given in conversations.values():
        for index, message in enumerate(given):
            rest = given[index + 1 :]
            assert not agree(stored, (*given[:index], *rest))
            assert not agree(stored, (*given[:index], message, message, *rest))
            assert not agree(stored, (*given[:index], replace(message, text=message.text + "?"), *rest))
            assert not agree(stored, (*given[:index], replace(message, event_id="another"), *rest))
            assert not agree(stored, (*given[:index], replace(message, role="system"), *rest))
            assert not rest or not agree(stored, (*given[:index], rest[0], message, *rest[1:]))


def said(text: str, role: str = "assistant", **members: object) -> Message:
    return shown([{"role": role, "content": text, "__openclaw": {"id": "e1"}, **members}])[0]


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        pytest.param([said("NO_REPLY")], [], id="a silent reply"),
        pytest.param([said("HEARTBEAT_OK")], [], id="the answer to a heartbeat"),
        pytest.param([said("Read HEARTBEAT.md", "user")], [], id="a heartbeat"),
        pytest.param([said("done", "user", provenance={"kind": "inter_session"})], [], id="a report between agents"),
        pytest.param([said("I look", phase="commentary")], [], id="a commentary"),
        pytest.param([said("a" * 9000)], [said("a" * 8000 + "\n...(truncated)...")], id="a long text, cut"),
        pytest.param([said("a" * 9)], [said("[chat.history omitted: message too large]")], id="one that is too large"),
        pytest.param([said("[Mon] Anna: hello", "user")], [said("hello", "user")], id="an envelope"),
        pytest.param([said("a\n[message_id: 7]\nb", "user")], [said("a\nb", "user")], id="the id of a message"),
        pytest.param([said("x", details={"a": 1})], [said("x")], id="details of a result"),
    ],
)
def test_what_a_gateway_withholds_by_design_is_no_difference(stored: list[Message], given: list[Message]) -> None:
    assert agree(stored, given)


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        pytest.param([said("yes")], [], id="an answer"),
        pytest.param([said("yes", "user")], [], id="a question"),
        pytest.param([said("what is a HEARTBEAT?", "user")], [], id="a question about heartbeats"),
        pytest.param([said("hi", "user", provenance={"kind": "external_user"})], [], id="words with a known sender"),
        pytest.param([said("ok", "toolResult")], [], id="the result of a tool"),
        pytest.param([said("[Mon] Anna: hello")], [said("hello")], id="half of an answer"),
        pytest.param([said("hello", "user")], [said("", "user")], id="all that a user said"),
        pytest.param([said("a\n[message_id: 7] b", "user")], [said("a", "user")], id="words about an id"),
        pytest.param([said("a\n[message_id: 7]")], [said("a")], id="an id that the model wrote"),
        pytest.param([said("b" * 9000)], [said("a" * 8000 + "\n...(truncated)...")], id="another long text"),
    ],
)
def test_what_a_gateway_must_show_is_a_difference(stored: list[Message], given: list[Message]) -> None:
    assert not agree(stored, given)
