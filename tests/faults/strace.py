"""System calls of the program: counting those that concern the state directory, and letting one of them fail.

Every call is named by its name and its number among all calls of that name, which is what ``when=`` of strace counts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.faults.scene import Scene

GROUPS = {
    "write": ("write", "pwrite64", "sendfile", "copy_file_range", "ftruncate"),
    "sync": ("fsync", "fdatasync"),
    "name": ("rename", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "rmdir"),
    "open": ("openat",),
}
"""The system calls that change something below the state directory, or open a file there."""

AVAILABLE = shutil.which("strace") is not None
_CALL = re.compile(r"\d+ +(\w+)\((.*)")
_VARYING = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}|\.[0-9a-f]{8}\.tmp|migrator-[0-9a-z_]{8}|\.\d+\.tmp")


@dataclass(frozen=True)
class Call:
    """One system call: its name, its number among those of that name, and what it is about."""

    name: str
    number: int
    subject: str


@dataclass(frozen=True)
class Ending:
    """How a run under a fault ended, and where the fault has come to pass, as traced; empty if it has not.

    Now and then it hits a neighbour of the call that was meant: a directory is listed in another order, or the run
    before was killed.
    """

    exit_code: int
    said: str
    hit: str


def tracing(trace: Path) -> tuple[str, ...]:
    """The tracer that has all these calls of a run written down."""
    return _strace(trace, [name for group in GROUPS.values() for name in group])


def record(scene: Scene, *arguments: object, measure: str = "none") -> list[Call]:
    """Run the program undisturbed, and give the calls that concern the state directory, in order."""
    trace = scene.root.parent / "trace"
    code, said = scene.run(*arguments, tracer=tracing(trace), measure=measure)
    if code not in (0, 15):
        raise AssertionError(said)
    return [call for call in _calls(trace) if str(scene.state) in call.subject]


def inject(
    scene: Scene, call: Call, fault: str, *arguments: object, repeat: bool = False, measure: str = "none"
) -> Ending:
    """Run the program with a fault in one call, or in all from it on: ``signal=SIGKILL``, ``error=EIO`` ..."""
    trace = scene.root.parent / "trace"
    when = f"{call.number}{'+' if repeat else ''}"
    tracer = (*_strace(trace, [call.name]), "-e", f"inject={call.name}:{fault}:when={when}")
    code, said = scene.run(*arguments, tracer=tracer, measure=measure)
    sign = f"(---|killed by) {fault.partition('=')[2]}" if fault.startswith("signal=") else r"\(INJECTED\)"
    lines = trace.read_text(errors="replace").splitlines()
    return Ending(code, said, next((line for line in lines if re.search(sign, line)), ""))


def _strace(trace: Path, names: list[str]) -> tuple[str, ...]:
    # no --seccomp-bpf: with it, signals are not delivered
    return ("strace", "-f", "-qq", "-y", "-o", str(trace), "-e", f"trace={','.join(names)}")


def _calls(trace: Path) -> list[Call]:
    counted: Counter[str] = Counter()
    found = []
    for line in trace.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if match is not None:
            counted[match[1]] += 1
            subject = match[2].partition(") = ")[0]
            found.append(Call(match[1], counted[match[1]], _VARYING.sub("*", subject)))
    return found


def works() -> bool:
    """Whether processes can be traced here at all."""
    return AVAILABLE and subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode == 0
