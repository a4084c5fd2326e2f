"""Legacy installations with every known thing that OpenClaw's own upgrade trips over, each in agents of its own.

Small states made by hand: each function adds agents to a world, so that they can be upgraded one by one or at once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable

from tests.worlds import StoreContent, World

NOW = 1_780_000_000_000
"""The time of all entries, in May 2026."""

GONE = "gone"
"""An agent that the configuration does not know."""


def make(world: World, *parts: Callable[[World], None]) -> None:
    """Add the parts, an agent with nothing special, and a configuration that knows every agent but one."""
    ordinary(world)
    for part in parts:
        part(world)
    names = sorted(path.name for path in (world.state / "agents").iterdir())
    listed = [{"id": name} for name in names if name not in ("main", GONE, "Retired Agent")]
    world.config(agents={"list": [{"id": "main", "default": True}, *listed]}, gateway={"mode": "local"})


def session_id(name: str) -> str:
    """An id as OpenClaw makes them, the same for the same name."""
    return str(uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_URL, name).bytes, version=4))


def entry(name: str | None, updated_at: object = NOW, **members: object) -> dict[str, object]:
    """An entry with a label, for the session of a name."""
    made: dict[str, object] = {"label": f"label of {name}", "updatedAt": updated_at, **members}
    return made if name is None else {"sessionId": session_id(name), **made}


def lines(identity: str, messages: int = 6, first: int = 0) -> list[bytes]:
    """A header and a chain of messages as 2026.7.1 writes them, counted from ``first``."""
    when = f"2026-05-28T20:{first:02d}:40.000Z"
    made: list[dict[str, object]] = [
        {"type": "session", "version": 3, "id": identity, "timestamp": when, "cwd": "/home/user"}
    ]
    parent = None
    for number in range(first, first + messages):
        role = "assistant" if number % 2 else "user"
        message = {"role": role, "content": [{"type": "text", "text": f"message {number}"}], "timestamp": NOW + number}
        made.append(
            {"type": "message", "id": f"{number:08x}", "parentId": parent, "timestamp": when, "message": message}
        )
        parent = f"{number:08x}"
    return [json.dumps(one).encode() for one in made]


def agent(world: World, name: str, store: StoreContent, sessions: Iterable[str]) -> None:
    """Make an agent with a store and an ordinary transcript for each session."""
    world.agent(name, store)
    for one in sessions:
        transcript(world, name, f"{session_id(one)}.jsonl", lines(session_id(one)))


def transcript(world: World, agent_name: str, file: str, content: list[bytes]) -> None:
    """Write one transcript."""
    (world.store_path(agent_name).parent / file).write_bytes(b"\n".join(content) + b"\n")


def ordinary(world: World) -> None:
    """Nothing is wrong here: whatever else happens, this must arrive."""
    agent(world, "main", {"agent:main:main": entry("m1"), "agent:main:side": entry("m2")}, ["m1", "m2"])


# what is lost


def topics(world: World) -> None:
    """Topics without pointer: only those arrive whose id OpenClaw could have made, once for each id."""
    made, both, own = session_id("made"), session_id("both"), "thread-5"
    store = {
        "agent:topics:telegram:group:-5:topic:1": entry("made"),
        "agent:topics:telegram:group:-5:topic:2": entry("both"),
        "agent:topics:telegram:group:-5:topic:3": entry(None, sessionId=own),
    }
    agent(world, "topics", store, ["both"])
    transcript(world, "topics", f"{made}-topic-1.jsonl", lines(made))
    transcript(world, "topics", f"{both}-topic-2.jsonl", lines(both, 9, first=50))
    transcript(world, "topics", f"{own}-topic-3.jsonl", lines(own))
    transcript(world, "topics", f"{session_id('headless')}.jsonl", lines(session_id("headless"))[1:])
    transcript(world, "topics", f"{session_id('renamed')}.jsonl", lines(session_id("another")))
    transcript(world, "topics", f"{session_id('orphan')}.jsonl", lines(session_id("orphan")))


def broken(world: World) -> None:
    """Import stops at damage: a line that is no JSON ends it, a byte that is no UTF-8 prevents it."""
    names = ("cut", "bytes", "torn")
    agent(world, "broken", {f"agent:broken:{name}": entry(name) for name in names}, [])
    for name in names:
        content = lines(session_id(name), 10)
        if name == "cut":
            content.insert(4, b'{"type":"message","id":"broken')
        elif name == "bytes":
            content[5] = content[5].replace(b"message 4", b"message \xff4")
        else:
            content.append(b'{"torn')
        transcript(world, "broken", f"{session_id(name)}.jsonl", content)


def idless(world: World) -> None:
    """Entries without id skipped: entries without a session id, and things that are no entries."""
    store = {
        "agent:idless:main": entry("idless"),
        "agent:idless:none": entry(None),
        "agent:idless:number": entry(None, sessionId=17),
        "agent:idless:list": [1],
        "agent:idless:text": "text",
        "agent:idless:empty": {},
    }
    agent(world, "idless", store, ["idless"])


def twice(world: World) -> None:
    """Duplicate key lost: one key twice in a store."""
    first, second = (json.dumps(entry(name)) for name in ("first", "second"))
    store = f'{{"agent:twice:main": {first}, "agent:twice:main": {second}}}'
    agent(world, "twice", store, ["first", "second"])


def aliases(world: World) -> None:
    """Section 2.4: two spellings of one key, for two sessions."""
    store = {
        "main": entry("alias", NOW + 5),
        "agent:aliases:main": entry("canonical"),
        "agent:aliases:slack:channel:C1": entry("upper"),
        "agent:aliases:slack:channel:c1": entry("lower", NOW + 1),
    }
    agent(world, "aliases", store, ["alias", "canonical", "upper", "lower"])


def twins(world: World) -> None:
    """Twins folded: two directories with one id, and the same keys for different sessions."""
    for directory, name in (("Retired Agent", "old"), ("retired-agent", "new")):
        store = {"agent:retired-agent:main": entry(f"{name} main"), f"agent:retired-agent:{name}": entry(name)}
        agent(world, directory, store, [f"{name} main", name])


def changed(world: World) -> None:
    """Unconfigured agents unlisted, missing time becomes now; numbers too long, fields without a successor."""
    agent(world, GONE, {f"agent:{GONE}:main": entry("unlisted")}, ["unlisted"])
    store = {
        "agent:changed:timeless": entry("timeless", None),
        "agent:changed:worded": entry("worded", "yesterday"),
        "agent:changed:started": entry("started", None, sessionStartedAt=NOW - 7),
        "agent:changed:number": entry("number", number=9007199254740993),
        "agent:changed:notice": entry("notice", fallbackNoticeSelectedModel="openai/gpt-5"),
    }
    agent(world, "changed", store, [])


LOSSES = (topics, broken, idless, twice, aliases, twins, changed)


# what stops everything


def unsafe_id(world: World) -> None:
    """Unsafe id stops all."""
    store = {
        "agent:unsafe:main": entry("unsafe"),
        "agent:unsafe:evil": entry(None, sessionId="../../evil"),
        "agent:unsafe:telegram": entry(None, sessionId="telegram:123"),
    }
    agent(world, "unsafe", store, ["unsafe"])


def null_entry(world: World) -> None:
    """Null entry crashes."""
    agent(world, "nulls", {"agent:nulls:main": entry("nulls"), "agent:nulls:nothing": None}, ["nulls"])


def acp(world: World) -> None:
    """Incomplete acp stops all."""
    half = {"backend": "acpx", "agent": "codex", "mode": "persistent", "state": "idle", "lastActivityAt": NOW}
    agent(world, "acp", {"agent:acp:main": entry("acp"), "agent:acp:acp:1": entry("acp1", acp=half)}, ["acp"])


def long_time(world: World) -> None:
    """A time that no column can hold."""
    agent(
        world, "times", {"agent:times:main": entry("times"), "agent:times:x": entry("x", archivedAt=1e300)}, ["times"]
    )


def hard_link(world: World) -> None:
    """A transcript with a second name, as backups by hard links have it."""
    agent(world, "linked", {"agent:linked:main": entry("linked")}, ["linked"])
    (world.root / "second name").hardlink_to(world.store_path("linked").parent / f"{session_id('linked')}.jsonl")


def half_character(world: World) -> None:
    """Half a character in a key: a lone surrogate in a key."""
    key = json.dumps("agent:half:\ud83d")
    store = f'{{"agent:half:main": {json.dumps(entry("half"))}, {key}: {json.dumps(entry("half1"))}}}'
    agent(world, "half", store, ["half", "half1"])


def unread_stores(world: World) -> None:
    """Lenient JSON unread."""
    for name in ("json5", "bom", "empty", "cut", "array"):
        whole = json.dumps({f"agent:{name}:main": entry(name)}, indent=2).encode()
        content = {
            "json5": b"// by hand\n" + whole,
            "bom": b"\xef\xbb\xbf" + whole,
            "empty": b"",
            "cut": whole[:-6],
            "array": b"[]",
        }
        agent(world, name, content[name], [name])


BLOCKS = (unsafe_id, null_entry, acp, long_time, hard_link, half_character, unread_stores)
