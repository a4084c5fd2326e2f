"""What a command is asked to look at, and what decides where OpenClaw keeps things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RepairWish:
    """What a repair may do beside the obvious.

    ``backup`` is a copy of the state directory to take from; ``bring_back`` are keys or ids of sessions that were
    deleted; ``reassign`` says to copy sessions that were moved back to the directory that they came from.
    """

    backup: str | None = None
    bring_back: tuple[str, ...] = ()
    reassign: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command is asked to look at. ``agents`` are directory names; no agents and no stores: everything.

    ``follow`` is leave to open what links and entries point to outside the state directory.
    """

    state_dir: str | None = None
    config: str | None = None
    agents: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    follow: bool = False
    repair: RepairWish = RepairWish()

    @property
    def only_agent(self) -> str | None:
        """The one agent directory that is asked for; None if none is named, or several are."""
        return self.agents[0] if len(self.agents) == 1 else None

    def wants(self, directory: str | None) -> bool:
        """Whether an agent directory is asked for; what is of none, or of several, always is."""
        return directory is None or not self.agents or directory in self.agents


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The process environment that decides where OpenClaw keeps things."""

    env: Mapping[str, str]
    home: str
    cwd: str
    tmp: str
