"""Processes of OpenClaw that are at work on a state directory, whatever locks there are.

A gateway with a temporary directory of its own, as a service has it, leaves its lock where nobody else sees it. Fact:
the one of OpenClaw 2026.7.1 calls itself ``openclaw-gateway`` (``process.title`` in ``src/cli/gateway-cli/run.ts``),
and has the state directory from its environment. Seen are processes of the same user, and for the superuser all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import find_os_home, resolve_state_dir
from migrator.openclaw.places.processes import Program, process_ids, program_of, read_proc


def at_work(state_dir: str) -> Iterator[Finding]:
    """Find the processes that run OpenClaw on a state directory, or that run its runtime and have files of it open."""
    try:
        state = os.stat(state_dir)
    except OSError:
        return
    for pid in process_ids():
        program = program_of(pid)
        if program is not None and pid != os.getpid() and _works_on(pid, program, state):
            yield Finding("gateway.at-work", Name("state", state_dir), (("pid", pid),))


def _works_on(pid: int, program: Program, state: os.stat_result) -> bool:
    """Whether it is set to use a directory, or has something in it open. Its paths are those in its own container."""
    try:
        if program is Program.OPENCLAW and _is_at(pid, _state_of(pid), state):
            return True
        folder = f"/proc/{pid}/fd"
        opened = {os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
    except (OSError, ValueError):
        return False  # of another user, or gone
    return any(_is_at(pid, parent, state) for path in opened if path.startswith("/") for parent in _and_above(path))


def _state_of(pid: int) -> str:
    pairs = (read_proc(pid, "environ") or b"").split(b"\0")
    env = {os.fsdecode(name): os.fsdecode(value) for name, found, value in (p.partition(b"=") for p in pairs) if found}
    return resolve_state_dir(None, env, find_os_home(env), os.readlink(f"/proc/{pid}/cwd"))[0]


def _is_at(pid: int, path: str, state: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/root{path}"), state)
    except OSError:
        return False


def _and_above(path: str) -> Iterator[str]:
    while path != "/":
        yield path
        path = os.path.dirname(path)
