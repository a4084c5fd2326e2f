"""What a hostile case is: a world with something bad in it, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.worlds import World, entry

MARK = "quokka"
"""Part of every name, key, id and value that a case makes: none may ever come out."""

BAD, GOOD = f"bad {MARK}", f"good {MARK}"
"""The agent directories that the hostile thing is in, and that is as it should be."""

FIRST, SECOND = f"agent:x:{MARK}-1", f"agent:x:{MARK}-2"
ENTRY = f'{{"sessionId":"s-{MARK}","updatedAt":1}}'
OTHER = f'{{"sessionId":"t-{MARK}","updatedAt":2}}'


@dataclass(frozen=True, slots=True)
class Found:
    """A finding that must be made. ``{state}`` in ``subject`` stands for the state directory."""

    code: str
    kind: str
    subject: str
    facts: tuple[tuple[str, int], ...] = ()


@contextmanager
def nothing_else(_world: World) -> Iterator[None]:
    """Let nothing happen while a command runs."""
    yield


@dataclass(frozen=True, slots=True)
class Case:
    """``build`` makes the hostile thing beside a good agent.

    ``finds`` are findings that must be made; ``apply`` is the exit code of the first apply, and ``plan`` what must be
    planned. ``good`` are the entries by key that the database of the agent ``BAD`` must hold afterwards, byte for byte;
    None if it must not be there or must stay as it is. ``events`` is how many events it must hold.
    ``meanwhile`` runs beside the commands, none of which may take more than ``seconds`` of the
    processor and ``peak`` bytes of memory.
    """

    name: str
    build: Callable[[World], object]
    finds: tuple[Found, ...] = ()
    apply: int = 0
    good: Mapping[str, str] | None = field(default_factory=dict)
    meanwhile: Callable[[World], AbstractContextManager[None]] = nothing_else
    unsteady: bool = False
    exhaustive: bool = False
    unprivileged: bool = False
    events: int | None = None
    seconds: int = 10
    peak: int = 300 << 20


def good_agent(world: World) -> dict[str, str]:
    """Make the agent that is as it should be, with a transcript; give its entries as they must arrive."""
    folder = world.agent(GOOD, {FIRST: entry(f"a-{MARK}", 5), SECOND: entry(f"b-{MARK}", 6)})
    lines = f'{{"type":"session","version":3,"id":"a-{MARK}"}}\n{{"type":"message","id":"1","parentId":null}}\n'
    (folder / "sessions" / f"a-{MARK}.jsonl").write_text(lines)
    return {key: spell(number) for number, key in enumerate((FIRST, SECOND))}


def spell(number: int) -> str:
    """The text of an entry of the good agent, as OpenClaw lays it out."""
    return f'{{\n    "sessionId": "{"ab"[number]}-{MARK}",\n    "updatedAt": {number + 5}\n  }}'


def store_path(agent: str = BAD) -> str:
    """The path of a store, below a state directory to be filled in."""
    return str(Path("{state}/agents", agent, "sessions", "sessions.json"))


def database_path(agent: str = BAD) -> str:
    """The path of a database, below a state directory to be filled in."""
    return str(Path("{state}/agents", agent, "agent", "openclaw-agent.sqlite"))


def of_store(code: str, offset: int | None = None, **facts: int) -> Found:
    """A finding about the store of the hostile agent."""
    numbers = facts if offset is None else {"offset": offset, **facts}
    return Found(code, "store", store_path(), tuple(numbers.items()))


def of_entry(code: str, key: str, offset: int | None = None) -> Found:
    """A finding about one entry."""
    return Found(code, "session", key, () if offset is None else (("offset", offset),))


def of_database(code: str, **facts: int) -> Found:
    """A finding about the database of the hostile agent."""
    return Found(code, "database", database_path(), tuple(facts.items()))


def text(*members: str) -> str:
    """A store of one line made of the spelling of its members."""
    return "{" + ",".join(members) + "}"


def member(key: str, value: str) -> str:
    """The spelling of a member."""
    return f'"{key}":{value}'
