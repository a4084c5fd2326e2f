"""Inputs: state directories in the layout of real ones, the same for the same seed, and the rows that they lead to."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmark.rich import put_prompt, rich_entry, rich_events

SEED = 20261125
_START_MS = 1_760_000_000_000
_WORDS = "the session was kept and nothing of it is lost when a gateway stops in the middle grüße 你好 👋"

Row = tuple[str, str, int, int, int]
"""Key, session id, time, and where the text of an entry stands in its store: offset and length."""

Event = tuple[str, str, str | None, int]
"""Id, type, parent and time of a transcript line."""


@dataclass(frozen=True, slots=True)
class Part:
    """What belongs into one database: the entries of a store, and the transcripts by path and session id."""

    database: str
    store: str
    rows: list[Row]
    transcripts: list[tuple[str, str, list[Event]]]


@dataclass(frozen=True, slots=True)
class World:
    """One input. ``agents`` share ``entries`` of about ``size`` bytes each, with ``lines`` of history per entry.

    ``rich`` entries and events are as a gateway writes them. ``upgraded``: a real release brings them into SQLite
    before anything is measured. ``result`` is the size in bytes of the result of a tool in every other event.
    """

    name: str
    entries: int
    size: int = 4096
    agents: int = 1
    lines: int = 0
    spell: Callable[[str], str] = str
    strict: bool = True
    rich: bool = False
    upgraded: bool = False
    result: int = 0

    def build(self, folder: Path) -> int:
        """Make the state directory and the indexes for the others below ``folder``; give the bytes of all sources."""
        random = Random(SEED)  # noqa: S311 - the same input each time
        parts = [self._agent(folder / "state", number, random) for number in range(self.agents)]
        (folder / "index.pickle").write_bytes(pickle.dumps(parts))
        index = [{"store": part.store, "database": part.database} for part in parts]
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
        return sum(path.stat().st_size for path in (folder / "state").rglob("*.json*"))

    def _agent(self, state: Path, number: int, random: Random) -> Part:
        agent = state / "agents" / ("main" if self.agents == 1 else f"agent{number:04d}")
        sessions = agent / "sessions"
        sessions.mkdir(parents=True)
        if self.rich:
            put_prompt(sessions)
        make = rich_entry if self.rich else _entry
        rows: list[Row] = []
        transcripts = []
        store = sessions / "sessions.json"
        with store.open("wb") as stream:
            stream.write(b"{\n")
            for index in range(self.entries // self.agents):
                key, session_id = f"agent:{agent.name}:chat:direct:{index:07d}", f"{random.getrandbits(128):032x}"
                updated_at = _START_MS + random.randrange(10**10)
                text = self.spell(make(session_id, updated_at, self.size, random))
                stream.write((",\n" if index else "").encode() + f"  {json.dumps(key)}: ".encode())
                rows.append((key, session_id, updated_at, stream.tell(), stream.write(text.encode())))
                if self.lines:
                    path = sessions / f"{session_id}.jsonl"
                    transcripts.append((str(path), session_id, self._transcript(path, session_id, random)))
            stream.write(b"\n}")
        return Part(str(agent / "agent" / "openclaw-agent.sqlite"), str(store), rows, transcripts)

    def _events(self, session_id: str, random: Random) -> Iterator[tuple[dict[str, object], str | None]]:
        if self.rich:
            return rich_events(session_id, self.lines, random)
        return _events(session_id, self.lines, random, self.result)

    def _transcript(self, path: Path, session_id: str, random: Random) -> list[Event]:
        events: list[Event] = []
        with path.open("w", encoding="utf-8") as stream:
            for line, parent in self._events(session_id, random):
                stream.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
                events.append((str(line["id"]), str(line["type"]), parent, _START_MS))
        return events


def _entry(session_id: str, updated_at: int, size: int, random: Random) -> str:
    """One entry as ``JSON.stringify(store, null, 2)`` lays it out, of about ``size`` bytes."""
    value: dict[str, object] = {
        "sessionId": session_id,
        "updatedAt": updated_at,
        "sessionStartedAt": updated_at - random.randrange(10**7),
        "chatType": "direct",
        "channel": "telegram",
        "label": _text(random, 5),
        "totalTokens": random.randrange(10**6),
    }
    if size > 1000:
        usage = [{"model": f"m{n}", "input": random.randrange(10**5), "cost": random.random()} for n in range(20)]
        value |= {"origin": {"provider": "telegram", "to": f"+49{random.randrange(10**9)}", "accountId": "default"}}
        value |= {"usage": usage, "compacted": False, "thinkingLevel": None}
    text = _laid_out(value)
    if (rest := size - len(text.encode()) - 80) > 0:
        sentence = _text(random, min(rest // 4, 500))
        filler = (sentence * (rest // len(sentence.encode()) + 1)).encode()[:rest].decode("utf-8", "ignore")
        text = _laid_out(value | {"skillsSnapshot": {"version": 3, "prompt": filler}})
    return text


def _laid_out(value: dict[str, object]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n  ")


def _text(random: Random, words: int) -> str:
    return " ".join(random.choices(_WORDS.split(), k=words))


def _events(session_id: str, lines: int, random: Random, result: int) -> Iterator[tuple[dict[str, object], str | None]]:
    time = "2025-10-09T08:53:20.000Z"
    yield {"type": "session", "version": 3, "id": session_id, "timestamp": time, "cwd": "/home/u"}, None
    parent: str | None = None
    for number in range(1, lines):
        event_id = f"{random.getrandbits(32):08x}"
        role = "user" if number % 2 else "assistant"
        text = _text(random, 40)
        if result and number % 2 == 0:
            role, text = "toolResult", text * (result // len(text.encode()))
        message: object = {"role": role, "content": [{"type": "text", "text": text}]}
        event: dict[str, object] = {
            "type": "message",
            "id": event_id,
            "parentId": parent,
            "timestamp": time,
            "message": message,
        }
        yield event, parent
        parent = event_id


def _json5_throughout(text: str) -> str:
    """Spell an entry as JSON5 in every line: bare keys, single quotes, trailing commas, comments."""
    lines = []
    for line in text.split("\n"):
        indent, quote, rest = line.partition('"')
        key, colon, value = rest.partition('": ')
        lines.append(f"{indent}{key}: {value}" if quote and colon else line)
    return "\n".join(lines).replace("\n  }", ", // the end\n  }").replace('"direct"', "'direct'")


def _comment_once() -> Callable[[str], str]:
    """Put one comment into the first entry that is spelled."""
    pending = ["/* edited by hand */"]
    return lambda text: text.replace("{", "{" + pending.pop(), 1) if pending else text


WORLDS = (
    World("entries-1000", 1_000),
    World("entries-10000", 10_000),
    World("entries-50000", 50_000),
    World("small-100000", 100_000, size=300),
    World("huge-entry", 1, size=100_000_000),
    World("transcripts-1000", 1_000, lines=21),
    World("transcripts-10000", 10_000, lines=21),
    World("agents-1000", 10_000, agents=1_000),
    World("agents-8", 40_000, agents=8),
    World("rich-20000", 20_000, size=9000, rich=True),
    World("upgraded-3000", 3_000, lines=13, size=5000, rich=True, upgraded=True),
    World("upgraded-10000", 10_000, lines=13, size=5000, rich=True, upgraded=True),
    World("long-1GB", 40, lines=500, result=100_000),
    World("json5-comment", 10_000, spell=_comment_once(), strict=False),
    World("json5-throughout", 10_000, spell=_json5_throughout, strict=False),
)


def build_apart(name: str, folder: Path) -> int:
    """Build an input in a process of its own: one that was ever large makes all that it starts look as large."""
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(_build, name, folder).result()


def _build(name: str, folder: Path) -> int:
    return next(world for world in WORLDS if world.name == name).build(folder)
