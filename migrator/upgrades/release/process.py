"""Runs one process in the sandbox (:mod:`migrator.upgrades.release.sandbox`) and keeps what it prints."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

OUTPUT_LIMIT = 64 << 20
"""Bytes of each output of a process that are kept; the rest is read and dropped."""

PYTHON = (sys.executable, "-IS")
"""How to run Python without anything that the user has installed or configured."""

_SANDBOX = Path(__file__).with_name("sandbox.py")
_LAST_RESORT = 30.0  # seconds after which the sandbox itself is taken for stuck


@dataclass(frozen=True, slots=True)
class Step:
    """How one command ran. ``name`` is its first word; ``exit_code`` is None if it did not end by itself in time.

    128 and more is the number of a signal, as in a shell. Both outputs are cut at :data:`OUTPUT_LIMIT`.
    """

    name: str
    arguments: tuple[str, ...]
    exit_code: int | None
    seconds: float
    stdout: bytes
    stderr: bytes


class Process:
    """A command in a sandbox, started at once, with what it prints.

    ``arguments`` are those of its words that a step shows; ``beside`` is the process whose network it shares, which
    else is one of its own, where that is possible. It gets ``grace`` seconds to end by itself when it is told to.
    ``secret`` is a text that no step shows. It can write to the folders in ``writable`` and to nothing else, where the
    system allows that.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        arguments: tuple[str, ...],
        environment: dict[str, str],
        folder: Path,
        beside: Process | None = None,
        grace: float = 0.0,
        secret: str | None = None,
        writable: tuple[Path, ...] = (),
    ) -> None:
        self._arguments, self._grace, self._secret = arguments, grace, secret
        self._began, self._seconds, self._cut_short = time.monotonic(), 0.0, False
        network = f"--beside={beside._popen.pid}" if beside else "--offline"
        limits = [network] if network_can_be_cut_off() else []
        limits += [f"--write={one}" for one in writable if one.is_dir()] if writes_can_be_confined() else []
        sandbox = [*PYTHON, str(_SANDBOX), f"--grace={grace}", *limits, "--"]
        self._popen: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - the command is the caller's
            [*sandbox, *command, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._outputs = (bytearray(), bytearray())
        self._readers = []
        for stream, kept in zip((self._popen.stdout, self._popen.stderr), self._outputs, strict=True):
            self._readers.append(threading.Thread(target=_drain, args=(stream, kept), daemon=True))
            self._readers[-1].start()

    def run(self, limit: float) -> Step:
        """Wait for the end, ``limit`` seconds at most, and see to it that nothing is left."""
        try:
            self.wait(limit)
        finally:
            self.end()
        return self.step()

    def wait(self, limit: float) -> bool:
        """Wait for the end, ``limit`` seconds at most; whether it has come."""
        try:
            self._popen.wait(limit)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """End the command and everything that it has started."""
        if self._popen.poll() is None:
            self._cut_short = True
            self._popen.terminate()
            if not self.wait(self._grace + _LAST_RESORT):  # pragma: no cover - something that not even SIGKILL ends
                self._popen.kill()
                self._popen.wait()
        for reader in self._readers:
            reader.join(5)
        self._seconds = self._seconds or time.monotonic() - self._began

    def step(self) -> Step:
        """How it ran, once it has ended, without the secret."""
        out, err = (bytes(kept) for kept in self._outputs)
        if self._secret:
            out, err = (text.replace(self._secret.encode(), b"SECRET") for text in (out, err))
        code = None if self._cut_short else self._popen.returncode
        return Step(self._arguments[0].lstrip("-"), self._arguments, code, self._seconds, out, err)


def _drain(stream: IO[bytes], kept: bytearray) -> None:
    """Read an output to its end, and keep the beginning."""
    with stream:
        while block := os.read(stream.fileno(), 1 << 16):
            kept += block[: max(0, OUTPUT_LIMIT - len(kept))]


@functools.cache
def network_can_be_cut_off() -> bool:
    """Whether this system lets a process leave the network: Linux, as root or with user namespaces."""
    return _works("--offline")


@functools.cache
def writes_can_be_confined() -> bool:
    """Whether this system lets a process take its own right to write away: Linux 5.12, likewise."""
    return _works(f"--write={_SANDBOX.parent}")


def _works(limit: str) -> bool:
    trial = [*PYTHON, str(_SANDBOX), limit, "--", *PYTHON, "-c", ""]
    return subprocess.run(trial, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0  # noqa: S603
