"""Which database a release opens for a store: a function of the place of the store and of the agent.

Facts: ``src/config/sessions/session-sqlite-target.ts`` of OpenClaw 2026.8.2 and 2026.9.6, where the rule is the same,
and what their ``doctor --fix`` made of one to three agents:

* ``.../agents/<dir>/sessions/sessions.json`` has ``.../agents/<dir>/agent/openclaw-agent.sqlite``, whoever asks.
* Any other ``sessions.json`` has ``openclaw-agent.sqlite`` beside it, ``NAME.json`` has ``NAME.sqlite``. That is one
  agent's; each other agent has a name of its own, ``openclaw-agent.<id>.sqlite`` or ``NAME.<id>.sqlite``, and with a
  number, ``NAME.<id>.2.sqlite``, if the former is somebody else's.
* The plain name is the agent's that ``agent_databases`` of ``state/openclaw.sqlite`` gives for it, or else the owner
  that the database itself names. Of a name that nobody has, the owner is ``main``, unless it has a database with its
  id already: so it is with an import, whoever is the default agent. Without an agent ``main`` the name stays free.
* An entry is its key's agent's (``doctor-session-sqlite-verification``, ``isLegacySessionRecordOwnedByTarget``); a
  key without an agent is that of ``agents.defaults.sessionStore.agentId`` or the default agent.

``openclaw-session-store-<hash>.sqlite``, the name of PR 91322, is opened by no published release.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from migrator.openclaw.places.paths import AGENT_DATABASE, DEFAULT_AGENT

_SUFFIX = ".sqlite"
_NUMBER = re.compile(r"[1-9][0-9]*")
_HASHED = re.compile(r"openclaw-session-store-[0-9a-f]{16}\.sqlite")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The databases in one folder by file name: whose they are by the registry, and whose by what they say themselves.

    ``present`` has None for one that does not say it.
    """

    registered: Mapping[str, frozenset[str]]
    present: Mapping[str, str | None]

    def owner(self, name: str) -> str | None:
        """The agent that has a database; None for nobody, and if the registry gives several."""
        registered = self.registered.get(name, frozenset())
        if registered:
            return next(iter(registered)) if len(registered) == 1 else None
        return self.present.get(name)

    def is_free(self, name: str) -> bool:
        """Whether nothing is there, and nobody has claimed it."""
        return name not in self.present and name not in self.registered


def session_database(store_path: str, agent_id: str, near: Neighbours) -> str:
    """The database of an agent for a store outside of ``agents/<dir>/sessions``; ``near`` are those in its folder."""
    folder, plain = os.path.dirname(store_path), plain_name(store_path)
    own, is_owned = _suffixed(plain.removesuffix(_SUFFIX), agent_id, near)
    if near.owner(plain) == agent_id or (agent_id == DEFAULT_AGENT and near.is_free(plain) and not is_owned):
        return os.path.join(folder, plain)
    return os.path.join(folder, own)


def plain_name(store_path: str) -> str:
    """The name of the database of a store, as the one agent has it whose name has no id in it."""
    file = os.path.basename(store_path)
    return AGENT_DATABASE if file == "sessions.json" else f"{os.path.splitext(file)[0]}{_SUFFIX}"


def is_opened(database: str) -> bool:
    """Whether any published release opens a database of this name."""
    return _HASHED.fullmatch(os.path.basename(database)) is None


def _suffixed(stem: str, agent_id: str, near: Neighbours) -> tuple[str, bool]:
    """The name with the id in it, and whether it is the agent's already."""
    prefix = f"{stem}.{agent_id}"
    numbers = sorted({_number(name, prefix) for name in (*near.registered, *near.present)} - {0})
    owned = next((name for one in numbers if near.owner(name := _numbered(prefix, one)) == agent_id), None)
    free = (name for one in count(1) if one not in numbers and near.is_free(name := _numbered(prefix, one)))
    return owned or next(free), owned is not None


def _numbered(prefix: str, number: int) -> str:
    return f"{prefix}{_SUFFIX}" if number == 1 else f"{prefix}.{number}{_SUFFIX}"


def _number(name: str, prefix: str) -> int:
    """The number in a name; 1 without one, 0 for another name."""
    if name == prefix + _SUFFIX:
        return 1
    middle = name.removeprefix(f"{prefix}.").removesuffix(_SUFFIX)
    fits = name == f"{prefix}.{middle}{_SUFFIX}" and _NUMBER.fullmatch(middle) and middle != "1"
    return int(middle) if fits else 0
