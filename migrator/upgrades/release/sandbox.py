"""A program of its own: run one command where it can do no harm, and end everything that it started.

    python sandbox.py [--offline | --beside PID] [--write FOLDER ...] [--grace SECONDS] -- COMMAND [ARGUMENT ...]

Ending a process group is not enough: the launchers of OpenClaw 2026.7.1, 2026.8.2 and 2026.9.6 do the work in a
child with a session of its own, which lives on when their group is killed (seen with each of them). On Linux this
program therefore adopts what its descendants leave behind and ends it: when the command has ended, when it is
told to end (SIGTERM), and when whoever started it is gone. Elsewhere it ends the command's process group only.

The exit code is the command's, or 128 and the number of the signal that ended it. 125: no sandbox could be made.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

NO_SANDBOX = 125
_LINUX = sys.platform == "linux"
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # linux/sched.h
_DEATH_SIGNAL, _ADOPT_ORPHANS = 1, 36  # linux/prctl.h
_NEW_MOUNTS, _BIND, _RECURSIVELY, _PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000  # linux/sched.h, linux/mount.h
_MOUNT_SETATTR, _FROM_HERE, _ALL_BELOW, _READ_ONLY = 442, -100, 0x8000, 1  # asm/unistd.h, linux/fcntl.h, linux/mount.h
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41  # linux/sockios.h, linux/if.h


def main(arguments: list[str]) -> int:  # pragma: no cover - in a process of its own
    """Run the command and give its exit code."""
    parser = argparse.ArgumentParser()
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--offline", action="store_true", help="cut off from every network but a loopback of its own")
    network.add_argument("--beside", metavar="PID", type=int, help="in the network of another sandbox")
    parser.add_argument("--write", metavar="FOLDER", action="append", help="only these folders can be written to")
    parser.add_argument("--grace", metavar="SECONDS", type=float, default=0.0, help="time to end by itself")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        if _LINUX:
            _call("prctl", _ADOPT_ORPHANS, 1, 0, 0, 0)
            _call("prctl", _DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
        if options.offline:
            cut_off()
        elif options.beside is not None:
            join(options.beside)
        if options.write:
            protect(options.write)
    except OSError as error:
        print(f"sandbox: {error.strerror}", file=sys.stderr)  # noqa: T201 - a program of its own
        return NO_SANDBOX
    return _run(options.command, options.grace)


def _run(words: list[str], grace: float) -> int:  # pragma: no cover - in a process of its own
    command = None
    try:
        command = subprocess.Popen(words, start_new_session=True)  # noqa: S603 - what we are for
        code = command.wait()
    except OSError as error:
        print(f"sandbox: {error.strerror}", file=sys.stderr)  # noqa: T201
        return NO_SANDBOX
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end(command, grace)
    return code if code >= 0 else 128 - code


def cut_off() -> None:  # pragma: no cover - in a process of its own
    """Leave the network for a new one with nothing but loopback. As root, or else in a user namespace.

    The user keeps its id in that namespace; files of other users seem to belong to nobody there. Raises OSError
    where the system does not allow it, and on everything but Linux.
    """
    try:
        _call("unshare", _NEW_NETWORK)
    except OSError:
        _new_user(_NEW_NETWORK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP_AND_RUNNING))


def _new_user(others: int) -> None:  # pragma: no cover - in a process of its own
    """Enter a user namespace, and with it other new ones, in which the user keeps its id. Raises OSError."""
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", _NEW_USER | others)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path("/proc/self", name).write_text(text, encoding="ascii")


def join(pid: int) -> None:  # pragma: no cover - in a process of its own
    """Enter the network, and if need be the user namespace, of another process. Raises OSError."""
    for name, kind in (("user", _NEW_USER), ("net", _NEW_NETWORK)):
        theirs = f"/proc/{pid}/ns/{name}"
        if os.readlink(theirs) != os.readlink(f"/proc/self/ns/{name}"):
            with open(theirs, "rb") as namespace:
                _call("setns", namespace.fileno(), kind)


def protect(writable: list[str]) -> None:  # pragma: no cover - in a process of its own
    """Make every filesystem read-only for this process and its children, but for some folders that exist.

    Needs Linux 5.12, and root or a user namespace. Raises OSError where the system does not allow it.
    """
    try:
        _call("unshare", _NEW_MOUNTS)
    except OSError:
        _new_user(_NEW_MOUNTS)
    _call("mount", None, b"/", None, _RECURSIVELY | _PRIVATE, None)
    folders = [os.fsencode(os.path.realpath(folder)) for folder in writable]
    for folder in folders:
        _call("mount", folder, folder, None, _BIND, None)
    _set_attributes(b"/", _ALL_BELOW, _READ_ONLY, 0)
    for folder in folders:
        _set_attributes(folder, 0, 0, _READ_ONLY)
    os.chdir(os.getcwd())  # or else it would still be the folder below the new mount point


def _set_attributes(folder: bytes, scope: int, added: int, removed: int) -> None:  # pragma: no cover
    """Change the attributes of a mount point, and with a scope of all below it, too. Raises OSError."""
    attributes = struct.pack("4Q", added, removed, 0, 0)
    _call("syscall", _MOUNT_SETATTR, _FROM_HERE, folder, scope, attributes, len(attributes))


def _call(name: str, *arguments: int | bytes | None) -> None:  # pragma: no cover - in a process of its own
    """Call a function of the C library that gives 0 for success. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    function = getattr(library, name, None)
    plain = (ctypes.c_ulong(one) if isinstance(one, int) else ctypes.c_char_p(one) for one in arguments)
    if function is None or function(*plain) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _stop(_number: int, _frame: object) -> NoReturn:  # pragma: no cover - in a process of its own
    raise SystemExit(128 + signal.SIGTERM)


def _end(command: subprocess.Popen[bytes] | None, grace: float) -> None:  # pragma: no cover - in a process of its own
    """Ask the command to end, give it ``grace`` seconds, then kill it and everything that it has left behind."""
    if command and command.poll() is None and grace:
        command.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            command.wait(grace)
    if command and not _LINUX:  # macOS, where "not permitted" means that only the dead are left
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(command.pid, signal.SIGKILL)
    while _LINUX and _reap():
        for pid in _children():
            os.kill(pid, signal.SIGKILL)  # a child that is not reaped cannot be anybody else by now
        time.sleep(0.01)


def _reap() -> bool:  # pragma: no cover - in a process of its own
    """Take leave of every child that has ended; whether any is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:  # pragma: no cover - in a process of its own
    """The processes whose parent this one is: the command, and all whose own parents have ended."""
    found = []
    for name in os.listdir("/proc"):
        try:
            stat = Path("/proc", name, "stat").read_bytes() if name.isdigit() else b""
        except OSError:
            continue  # it has just ended
        # The name in parentheses may hold anything; after it come the state and the parent (proc(5)).
        if stat and int(stat.rpartition(b")")[2].split()[1]) == os.getpid():
            found.append(int(name))
    return found


if __name__ == "__main__":  # pragma: no cover
    raise SystemExit(main(sys.argv[1:]))
