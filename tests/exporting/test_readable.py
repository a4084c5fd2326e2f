from __future__ import annotations

import json

from migrator.exporting.readable import markdown


def document(*events: object) -> str:
    texts = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    return "\n".join(markdown("a\ntitle", [("key", "agent:main:a")], texts))


def said(role: str, content: object) -> dict[str, object]:
    return {"type": "message", "timestamp": "2026-09-21T14:13:20.000Z", "message": {"role": role, "content": content}}


def test_each_message_stands_under_who_said_it_and_when() -> None:
    text = document(
        {"type": "session", "id": "a"}, said("user", "hello"), said("assistant", [{"type": "text", "text": "hi"}])
    )
    assert text == (
        "# a title\n\n- key: agent:main:a\n\n## User, 2026-09-21T14:13:20.000Z\n\nhello\n"
        "\n## Assistant, 2026-09-21T14:13:20.000Z\n\nhi"
    )


def test_thoughts_calls_and_pictures_are_shown_as_what_they_are() -> None:
    text = document(
        said(
            "assistant",
            [
                {"type": "thinking", "thinking": "hm\nhm"},
                {"type": "toolCall", "name": "read", "arguments": {"path": "x"}},
                {"type": "image", "data": "A" * 1000},
                {"type": "odd"},
            ],
        )
    )
    assert "> hm\n> hm" in text
    assert '**Tool call** `read`\n\n```\n{\n  "path": "x"\n}\n```' in text
    assert "[image, 1000 characters of data]" in text
    assert '"type": "odd"' in text
    assert "AAAA" not in text


def test_a_fence_in_the_text_does_not_end_the_block() -> None:
    text = document({"type": "custom", "data": "```\nescape"}, b"``` no json")
    assert "\n````\n``` no json\n````" in text


def test_a_summary_is_shown_as_text_and_a_long_part_is_cut() -> None:
    text = document({"type": "compaction", "summary": "x" * 30_000})
    assert "## Summary (compaction)" in text
    assert "[... 10,000 more characters]" in text


def test_no_event_makes_it_fail() -> None:
    odd: tuple[object, ...] = (
        None,
        1,
        "text",
        [],
        {},
        {"type": "message"},
        {"type": "message", "message": {"content": None}},
        b"\xff",
    )
    for event in odd:
        assert document(event).startswith("# a title")
