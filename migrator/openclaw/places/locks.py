"""Whether somebody is writing: lock files of gateways, session stores and transcripts, and processes at work.

Facts: ``src/infra/gateway-lock.ts``, ``src/agents/session-write-lock.ts`` and ``src/shared/pid-alive.ts``
of OpenClaw 2026.7.1, ``gateway-lock.ts`` of 2026.9.6, and the releases up to 2026.4.29 for the lock of
``sessions.json``. Nothing is opened but lock files, and nothing is removed. Not every writer shows: none on
another machine or, seen from within a container, outside of it; and from 2026.5.12 on no lock protects
``sessions.json`` itself.

A gateway with a temporary directory of its own, as a service has it, leaves its lock where nobody else sees it, and is
found as a process: the one of OpenClaw 2026.7.1 calls itself ``openclaw-gateway`` (``process.title`` in
``src/cli/gateway-cli/run.ts``), and has the state directory from its environment. Seen are processes of the same user,
and for the superuser all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import (
    CONFIG_NAMES,
    RealPaths,
    find_os_home,
    is_folder,
    js_trim,
    read_small_file,
    resolve_state_dir,
)
from migrator.openclaw.places.processes import Owner, Processes, Program, process_ids, program_of, read_proc

MAX_LOCK_BYTES = 64 << 10
GRACE_MS = 30_000  # how long OpenClaw spares a lock that names no owner: it may be about to be written

_GATEWAY_FOLDER = re.compile(r"(?:openclaw|clawdbot|moltbot|moldbot)(?:-\d+)?")
_GATEWAY_LOCK = re.compile(r"gateway\.([0-9a-f]{8}|state)\.lock")


@dataclass(frozen=True, slots=True)
class _Lock:
    """What a lock file says; ``start`` is in clock ticks since boot, ``paths`` are absolute."""

    pid: int | None
    start: int | None
    paths: tuple[str, ...]
    made_ms: int  # what it says itself, or the time of the file: the older of the two


@dataclass(frozen=True, slots=True)
class _Alive:
    """The findings on a lock whose owner may be alive: seen to run, known by its id only, or out of sight."""

    running: str
    by_id: str
    unseen: str


_LOCK = _Alive("lock.live", "lock.live-by-id", "lock.unseen")
_GATEWAY = _Alive("gateway.live", "gateway.live-by-id", "gateway.unseen")
_SEEN = ("gateway.live", "gateway.live-by-id", "lock.live", "lock.live-by-id")


def live_writers(
    state_dir: str, config_path: str | None, env: Mapping[str, str], tmp: str, now_ms: int
) -> tuple[Finding, ...]:
    """Find the locks of a state directory; ``tmp`` is the system's directory for temporary files.

    A gateway's lock counts if it lies in the state directory, has the hash of this configuration's path in
    its name, or names a configuration or state directory that is this one's. Links that lead out of the
    state directory are not followed. Without ``/proc``, whoever has the process id in a lock passes for its
    owner; with it, only a process that can have made the lock.
    """
    found = (
        *_gateway_locks(state_dir, config_path, env, tmp, now_ms),
        *locks_below(str(Path(state_dir, "agents")), state_dir, now_ms),
        *locks_below(str(Path(state_dir, "sessions")), state_dir, now_ms),
    )
    known = {dict(finding.facts).get("pid") for finding in found if finding.code in _SEEN}
    return (*found, *(finding for finding in at_work(state_dir) if dict(finding.facts)["pid"] not in known))


def locks_below(folder: str, boundary: str, now_ms: int) -> tuple[Finding, ...]:
    """Judge each ``*.jsonl.lock`` and ``sessions.json.lock`` below a folder.

    No folder is entered twice, and none whose real path is outside ``boundary``.
    """
    findings: list[Finding] = []
    real_boundary = os.path.join(os.path.realpath(boundary), "")
    rest, seen, reals, processes = [folder], set[str](), RealPaths(), Processes()
    while rest:
        here = rest.pop()
        real = reals.of(here)
        if real in seen or not os.path.join(real, "").startswith(real_boundary):
            continue
        seen.add(real)
        folders, files, problems = _list(here)
        rest += folders
        findings += problems
        for path in files:
            if path.endswith((".jsonl.lock", "/sessions.json.lock", "\\sessions.json.lock")):
                findings += _judge(path, _LOCK, processes, now_ms)
    return tuple(sorted(findings, key=lambda finding: finding.subject))


def _gateway_locks(
    state_dir: str, config_path: str | None, env: Mapping[str, str], tmp: str, now_ms: int
) -> Iterator[Finding]:
    hashes = _config_hashes(state_dir, config_path, env)
    named = (js_trim(env.get(name, "")) for name in ("TMPDIR", "TMP", "TEMP"))
    real_state = os.path.realpath(state_dir)
    bases: dict[str, str] = {}
    processes = Processes()
    for base in (str(Path(state_dir, "tmp")), *named, tmp, "/tmp"):  # noqa: S108
        if base:
            bases.setdefault(os.path.realpath(base), base)
    for real, base in bases.items():
        folders, _, problems = _list(base)
        yield from problems
        for folder in folders:
            if _GATEWAY_FOLDER.fullmatch(Path(folder).name) is None:
                continue
            _, files, problems = _list(folder)
            yield from problems
            for path in files:
                lock = _GATEWAY_LOCK.fullmatch(Path(path).name)
                own = Path(real).is_relative_to(real_state)
                if lock and (own or lock[1] in hashes or _names_something_in(real_state, path)):
                    yield from _judge(path, _GATEWAY, processes, now_ms)


def _config_hashes(state_dir: str, config_path: str | None, env: Mapping[str, str]) -> frozenset[str]:
    """Give the hashes that a gateway of this state directory may have in the name of its lock."""
    paths = [path for path in (config_path, js_trim(env.get("OPENCLAW_CONFIG_PATH", ""))) if path]
    for folder in (state_dir, os.path.realpath(state_dir)):
        paths += (str(Path(folder, name)) for name in CONFIG_NAMES)
    return frozenset(hashlib.sha256(os.fsencode(path)).hexdigest()[:8] for path in paths)


def _names_something_in(real_state: str, path: str) -> bool:
    """Whether the lock at ``path`` is of a configuration or state directory in this state directory."""
    try:
        lock = _read_lock(path)
    except OSError:
        return False
    return any(Path(os.path.realpath(named)).is_relative_to(real_state) for named in lock.paths)


def _list(folder: str) -> tuple[list[str], list[str], list[Finding]]:
    """Give the folders in a folder, links to folders included, and the other things, in order of name."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                # A link in a circle must not end the listing, as it would with the entry's own method.
                folder_at = is_folder(entry.path) if entry.is_symlink() else entry.is_dir()
                (folders if folder_at else files).append(entry.path)
    except (FileNotFoundError, NotADirectoryError):
        return [], [], []
    except OSError:
        return sorted(folders), sorted(files), [Finding("lock.unreadable", Name("lock", folder))]
    return sorted(folders), sorted(files), []


def _judge(path: str, alive: _Alive, processes: Processes, now_ms: int) -> Iterator[Finding]:
    subject = Name("lock", path)
    try:
        lock = _read_lock(path)
    except FileNotFoundError:  # released meanwhile
        return
    except OSError:
        yield Finding("lock.unreadable", subject)
        return
    age_ms = now_ms - lock.made_ms
    young = abs(age_ms) <= GRACE_MS
    if lock.pid is None:
        yield Finding("lock.new" if young else "lock.stale", subject, (("age_ms", age_ms),))
        return
    owner, pid = processes.owner(lock.pid, lock.start, lock.made_ms)
    codes = {
        Owner.RUNS: alive.running,
        Owner.BY_ID: alive.by_id,
        Owner.ENDED: "lock.stale",
        Owner.OTHER: "lock.unseen-new" if young else "lock.other-process",
        Owner.UNSEEN: "lock.unseen-new" if young else alive.unseen,
    }
    yield Finding(codes[owner], subject, (("pid", pid),))


def _read_lock(path: str) -> _Lock:
    """Read a lock file; of what is no lock at all, only the time counts. Raises OSError if unreadable."""
    status = os.lstat(path)
    members: object = None
    if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_LOCK_BYTES:
        with contextlib.suppress(ValueError, RecursionError):
            members = json.loads(read_small_file(path, MAX_LOCK_BYTES))
    if not isinstance(members, dict):
        members = {}
    paths = (members.get("configPath"), members.get("stateDir"))
    return _Lock(
        pid=_count(members.get("pid")) or None,
        start=_count(members.get("startTime", members.get("starttime"))),
        paths=tuple(p for p in paths if isinstance(p, str) and Path(p).is_absolute() and "\0" not in p),
        made_ms=min((status.st_mtime_ns // 1_000_000, *_times(members.get("createdAt")))),
    )


def _times(text: object) -> tuple[int, ...]:
    """Give the moment that a text in ISO form says, if it says one."""
    try:
        moment = datetime.fromisoformat(re.sub("Z$", "+00:00", text)) if isinstance(text, str) else None
        return (int(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp() * 1000),) if moment else ()
    except (ValueError, OverflowError):
        return ()


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


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
