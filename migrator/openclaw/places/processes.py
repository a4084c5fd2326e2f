"""Whether the process that a lock names is one that runs here, and can have made the lock.

Facts: ``src/shared/pid-alive.ts`` of OpenClaw 2026.7.1 compares start times as ``/proc`` has them; its gateway calls
itself ``openclaw-gateway`` (``process.title`` in ``src/cli/gateway-cli/run.ts``), all releases run under Node or Bun.
A gateway in a container writes the id that it has there; ``/proc`` outside shows that id as the last one of ``NSpid``.
"""

from __future__ import annotations

import os
import re
import sys
from enum import Enum
from functools import cached_property

_KERNEL_THREAD = 0x0020_0000  # PF_KTHREAD among the flags of /proc/<pid>/stat
_SLACK_MS = 60_000  # by how much clocks may have been set between the start of a process and its lock
_RUNTIME = re.compile(rb"(?:node|nodejs|bun|deno)[-.\d]*(?:\.exe)?(?: \(deleted\))?")
_OPENCLAW = re.compile(rb"[\w -]*(?:claw|molt|moldbot)[\w ()-]*(?:\.exe)?")


class Owner(Enum):
    """What is known of the process that a lock names."""

    RUNS = "its start time is that in the lock, or it is old enough and runs OpenClaw or a runtime of it"
    BY_ID = "it runs; the system does not show what"
    ENDED = "it has ended, and nobody waited for it yet"
    OTHER = "the id is that of another program, or of a process that started after the lock was made"
    UNSEEN = "no process that can be seen has the id"


def process_alive(pid: int) -> bool:
    """Whether a process of this id exists. On Windows always True: asking that way would end the process."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def read_proc(pid: int | str, name: str) -> bytes | None:
    """Read ``/proc/<pid>/<name>``; None where there is no such file, as on every system but Linux."""
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as stream:
            return stream.read()
    except OSError:
        return None


def program_file(pid: int) -> bytes | None:
    """Give the file that a process runs; None if there is none, or it may not be asked for."""
    try:
        return os.fsencode(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return None


def process_ids() -> list[int]:
    """Give the ids of all processes that can be seen; none where there is no ``/proc``."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isascii() and name.isdigit()]
    except OSError:
        return []


class Processes:
    """The processes of this machine; what costs a look at all of them is asked once."""

    def owner(self, pid: int, start: int | None, made_ms: int) -> tuple[Owner, int]:
        """Judge a lock that was made at ``made_ms`` by ``pid``, which began ``start`` clock ticks after the boot.

        The id given back is the one that the process has here, which differs if it runs in a container.
        """
        known = Owner.OTHER if pid == os.getpid() else self._judged(pid, start, made_ms)
        if known not in (Owner.RUNS, Owner.BY_ID):
            for here in self._in_containers.get(pid, ()):
                if self._judged(here, start, made_ms) is Owner.RUNS:
                    return Owner.RUNS, here
        return known, pid

    def _judged(self, pid: int, start: int | None, made_ms: int) -> Owner:
        if not process_alive(pid):
            return Owner.UNSEEN
        # The name of the program, in parentheses, may hold anything.
        state, *fields = ((read_proc(pid, "stat") or b"").rpartition(b")")[2].split()) or [b""]
        if len(fields) <= 18 or not (fields[5].isdigit() and fields[18].isdigit()):
            return Owner.BY_ID
        began = int(fields[18])
        if int(fields[5]) & _KERNEL_THREAD or start not in (None, began):
            return Owner.OTHER
        if state in (b"Z", b"X"):
            return Owner.ENDED
        if start is None and self._wall_clock_ms(began) > made_ms + _SLACK_MS:
            return Owner.OTHER
        return Owner.RUNS if start is not None else _by_program(pid)

    def _wall_clock_ms(self, ticks: int) -> int:
        """Give the time of a number of clock ticks after the boot; 0 if it is not known."""
        return self._boot_s * 1000 + ticks * 1000 // os.sysconf("SC_CLK_TCK") if self._boot_s else 0

    @cached_property
    def _boot_s(self) -> int:
        found = re.search(rb"^btime (\d+)$", read_proc("", "stat") or b"", re.MULTILINE)
        return int(found[1]) if found else 0

    @cached_property
    def _in_containers(self) -> dict[int, list[int]]:
        """Give the processes that have another id in a container, by that id."""
        found: dict[int, list[int]] = {}
        for here in process_ids():
            ids = re.search(rb"^NSpid:\s*\d+\s.*?(\d+)[ \t]*$", read_proc(here, "status") or b"", re.MULTILINE)
            if ids and int(ids[1]) != here:
                found.setdefault(int(ids[1]), []).append(here)
        return found


def _by_program(pid: int) -> Owner:
    """Judge by the program that runs, never by a word in its arguments, which may be the name of a log."""
    names = _names(pid)
    if not any(names):
        return Owner.BY_ID
    return Owner.RUNS if _program(names) is not None else Owner.OTHER


class Program(Enum):
    """What a process runs, by its name."""

    OPENCLAW = "it calls itself OpenClaw"
    RUNTIME = "a runtime of OpenClaw, or of anything else"


def program_of(pid: int) -> Program | None:
    """Whether a process runs OpenClaw, or what it runs under; None for anything else."""
    return _program(_names(pid)) if read_proc(pid, "cmdline") else None  # the system's own have none


def _names(pid: int) -> list[bytes]:
    called = (read_proc(pid, "cmdline") or b"").split(b"\0")[0]
    return [name.rpartition(b"/")[2].lower() for name in (called, called.split(b" ")[0], program_file(pid) or b"")]


def _program(names: list[bytes]) -> Program | None:
    if any(map(_OPENCLAW.fullmatch, names)):
        return Program.OPENCLAW
    return Program.RUNTIME if any(map(_RUNTIME.fullmatch, names)) else None
