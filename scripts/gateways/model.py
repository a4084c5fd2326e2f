"""A program of its own: a model on loopback that echoes, and calls a tool when it is told to.

    python model.py PORT FILE

FILE is there once the model listens, and grows by a byte with each answer. It speaks the part of OpenAI's chat
completions that OpenClaw asks for, streamed. The words ``use TOOL {JSON}`` at the end of what a user says become a
call of that tool; the result of a tool, and all else, is answered with words.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_ORDER = re.compile(r"use (\w+) (\{.*\})\s*\Z", re.DOTALL)


def answer(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the model says next."""
    last = messages[-1] if messages else {}
    content = last.get("content") or ""
    said = content if isinstance(content, str) else "\n".join(block.get("text", "") for block in content)
    order = _ORDER.search(said) if last.get("role") == "user" else None
    if order is None:
        return {"role": "assistant", "content": f"You said, ünï 🦞: {said[-60:]}"}
    call = {"name": order[1], "arguments": order[2]}
    return {"role": "assistant", "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": call}]}


def chunks(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The pieces of a streamed answer: what is said, why it ends, and what it cost."""
    reason = "tool_calls" if "tool_calls" in said else "stop"
    common = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "fake-1"}
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    return [
        common | {"choices": [{"index": 0, "delta": said, "finish_reason": None}]},
        common | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        common | {"choices": [], "usage": usage},
    ]


class Model(BaseHTTPRequestHandler):
    """Answers every POST."""

    def do_POST(self) -> None:
        """Stream one answer."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for chunk in chunks(answer(request["messages"])):
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")
        with open(sys.argv[2], "ab") as count:
            count.write(b".")


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Model)
    Path(sys.argv[2]).touch()
    server.serve_forever()
