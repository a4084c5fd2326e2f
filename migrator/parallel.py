"""The one way to work on many things at a time: a few processes, each with a pipe of its own.

The pools of the standard library, and those made after them, share one pipe and its lock among all their processes: one
that is killed while it passes a result on leaves half a result and a taken lock behind, and everybody waits for ever.
Here a pipe ends with the only process that writes into it, and that process is watched beside its pipe.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from migrator.model.errors import WorkerEndedError
from migrator.model.progress import Progress, silent
from migrator.model.words import Name

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_T = TypeVar("_T")
_R = TypeVar("_R")

Work = Callable[[_T, Progress], _R]

WORTHWHILE = 8 << 20
"""Bytes of work; less is done before other processes have begun."""
WORTH_A_THREAD = 1 << 20
"""Bytes; less is done before a thread has begun."""
MOST = 8
"""Processes, where nobody says how many: each needs memory, and one alone writes down what they have found."""

_HAS_FORK = sys.platform == "linux"
_CHUNKS = 8  # per process, so that none is long at work when the others are done
_GRACE = 1.0  # seconds in which a process that is told to end should have ended; then we say that we wait
_LIMIT = 5.0  # seconds after which it is killed
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _say_nothing(_sentence: str) -> None:
    """Keep silent."""


def cores() -> int:
    """How many processes to use where nobody says it: one where they begin anew, and slowly, instead of by fork."""
    return min(MOST, len(os.sched_getaffinity(0))) if _HAS_FORK else 1


class Workers:
    """Who does the work of a command: this process, and up to ``jobs`` others.

    ``jobs`` is None for the number of cores, where there is enough to do. ``say`` tells the user why we wait. Whatever
    part of this comes into one of the other processes does its work right there, alone.
    """

    def __init__(self, jobs: int | None = None, say: Callable[[str], None] = _say_nothing) -> None:
        self._jobs, self._say, self._home = jobs, say, os.getpid()

    @contextmanager
    def map(
        self,
        work: Work[_T, _R],
        things: Iterable[_T],
        named: Callable[[_T], Name],
        *,
        count: int,
        size: int,
        progress: Progress = silent,
        together: int | None = None,
        is_apart: bool = False,
    ) -> Iterator[Iterator[_R]]:
        """What ``work`` makes of each of ``count`` things of ``size`` bytes in all, in their order.

        With one job, or a single thing, everything is done right here, one thing after the other as they are asked
        for. Otherwise so many things ``together`` go to a process, and nobody is far ahead of what is asked for.
        ``is_apart`` sends a single thing to another process, too: this one has something else to do meanwhile.
        Whatever ``work`` raises comes here. Leaving the block early stops what is being worked on.
        Raises WorkerEndedError, at once, if a process was ended by somebody else: while it worked on what is ``named``.
        """
        available = self.processes(size)
        processes = min(available, count)
        if available < 2 or processes < (1 if is_apart else 2):
            yield (work(thing, progress) for thing in things)
            return
        team: list[_Worker] = []
        try:
            for _ in range(processes):
                team.append(_Worker(work, [one.pipe for one in team]))
            parts = enumerate(_parts(things, together or max(1, count // (processes * _CHUNKS))))
            _hand_out(team, parts, named, 0)
            yield _results(team, parts, named, progress)
        finally:
            _end(team, self._say)

    @contextmanager
    def beside(self, job: Callable[[], _R], size: int, *, waits: bool = False) -> Iterator[Callable[[], _R]]:
        """Do a job that leaves Python alone, on ``size`` bytes, beside the block, such as hashing a file.

        What is given waits for its result, or raises what it has raised. A job that only ``waits``, as for a disk,
        needs no core.
        """
        if size < WORTH_A_THREAD or not (waits or self.processes(WORTHWHILE) > 1):
            yield job
            return
        from concurrent.futures import ThreadPoolExecutor, wait

        with ThreadPoolExecutor(1) as pool:
            begun = pool.submit(job)
            try:
                yield begun.result
            except BaseException:
                if wait([begun], _GRACE).not_done:
                    self._say("Stopping: waiting until a file that is being read or flushed is done.")
                raise

    def processes(self, size: int) -> int:
        """How many processes share work on ``size`` bytes."""
        if os.getpid() != self._home:
            return 1
        return self._jobs or (cores() if size >= WORTHWHILE else 1)


ALONE = Workers(1)
"""This process and no other."""


def _parts(things: Iterable[_T], length: int) -> Iterator[list[_T]]:
    things = iter(things)
    while part := list(islice(things, length)):
        yield part


class _Worker:
    """Another process, seen from here. Only it holds the other end of its ``pipe``.

    It has at most one part of the work, known by its ``number``: what waited in the pipe of one that is at work would
    wait for it, and a part that does not fit the pipe would never get in while a result does not fit it either.
    """

    def __init__(self, work: Work[Any, Any], others: list[Connection]) -> None:
        # These take 20 ms to import, and nobody needs them for less.
        import multiprocessing

        context = multiprocessing.get_context("fork") if _HAS_FORK else multiprocessing.get_context("spawn")
        self.number: int | None = None
        self._ended: WorkerEndedError
        self.pipe, its_end = context.Pipe()
        inherited = [*others, self.pipe] if _HAS_FORK else []
        self.process = context.Process(target=_serve, args=(work, its_end, inherited), daemon=True)
        try:
            with _signals_later():
                self.process.start()
        finally:
            its_end.close()

    def take(self, number: int, part: list[_T], named: Callable[[_T], Name]) -> None:
        """Begin with a part of the work."""
        self.number, self._ended = number, WorkerEndedError(named(part[0]), len(part))
        try:
            self.pipe.send(part)
        except OSError:
            raise self._ended from None

    def answer(self) -> Any:  # noqa: ANN401 - what the work makes, and what it raises
        """What has become of the part: its results and the bytes that were done, or an exception."""
        from multiprocessing.reduction import ForkingPickler

        try:
            if not self.pipe.poll():
                raise EOFError
            answer = self.pipe.recv_bytes()
        except (EOFError, OSError):
            raise self._ended from None
        self.number = None
        return ForkingPickler.loads(answer)


def _results(
    team: list[_Worker], parts: Iterator[tuple[int, list[_T]]], named: Callable[[_T], Name], progress: Progress
) -> Iterator[Any]:
    """Hand out the work, and give what is made of it in order, however long each part takes."""
    arrived: dict[int, Any] = {}
    wanted = 0
    while wanted in arrived or any(one.number is not None for one in team):
        _receive(team, arrived, 0 if wanted in arrived else None)
        answer = arrived.pop(wanted, None)
        _hand_out(team, parts, named, len(arrived))
        if answer is None:
            continue
        wanted += 1
        if isinstance(answer, BaseException):
            raise answer
        made, count = answer
        progress(count)
        yield from made


def _hand_out(
    team: list[_Worker], parts: Iterator[tuple[int, list[_T]]], named: Callable[[_T], Name], kept: int
) -> None:
    """Give each process that has nothing to do a part, unless many results are ``kept`` that nobody has asked for."""
    busy = sum(one.number is not None for one in team)
    room = max(0, 2 * len(team) - kept - busy)
    idle = (one for one in team if one.number is None)
    for worker, (number, part) in zip(islice(idle, room), parts, strict=False):
        worker.take(number, part, named)


def _receive(team: list[_Worker], arrived: dict[int, Any], seconds: float | None) -> None:
    """Take what has arrived; wait so long for something, None for as long as it takes."""
    from multiprocessing.connection import wait

    busy = {one.number: one for one in team if one.number is not None}
    ready = wait([end for one in busy.values() for end in (one.pipe, one.process.sentinel)], seconds)
    for number, worker in busy.items():
        if worker.pipe in ready or worker.process.sentinel in ready:
            arrived[number] = worker.answer()


def _end(team: list[_Worker], say: Callable[[str], None]) -> None:
    """Let the idle leave and stop the others; kill who has not gone in time."""
    busy = [worker for worker in team if worker.number is not None]
    for worker in team:
        worker.pipe.close()
        if worker.number is not None:
            worker.process.terminate()
    try:
        if not _have_gone(team, _GRACE):
            if busy:
                say(f"Stopping: waiting for a process that is still at work, {_LIMIT:.0f} seconds at most.")
            _have_gone(team, _LIMIT)
    finally:
        for worker in team:
            worker.process.kill()
        for worker in team:
            worker.process.join(_LIMIT)


def _have_gone(team: list[_Worker], seconds: float) -> bool:
    from multiprocessing.connection import wait

    deadline = time.monotonic() + seconds
    left: list[Any] = [worker.process.sentinel for worker in team]
    while left and (time_left := deadline - time.monotonic()) > 0:
        gone = wait(left, time_left)
        left = [one for one in left if one not in gone]
    return not left


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold signals back in this block, and in a process that begins in it until it knows what to do with them."""
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Counted(Progress):
    """Adds up what is done in another process."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, count: int) -> None:
        """Note that so many further bytes are done."""
        self.count += count


def _serve(work: Work[Any, Any], pipe: Connection, inherited: list[Connection]) -> None:
    """Work in another process, until it is told to end, or the one that it works for is gone."""
    for end in inherited:
        end.close()  # or nobody would see that its holder is gone
    gc.freeze()  # what is inherited is not looked through for garbage, which would copy it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one stops the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_answer(work, pipe.recv()))


def _answer(work: Work[Any, Any], things: list[Any]) -> bytes:
    from multiprocessing.reduction import ForkingPickler

    counted = _Counted()
    try:
        return bytes(ForkingPickler.dumps(([work(thing, counted) for thing in things], counted.count)))
    except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
        return bytes(ForkingPickler.dumps(error))


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
