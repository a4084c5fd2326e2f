"""Work in several processes gives what work in one process gives; no process outlives its work, and none is waited for
that is dead."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from migrator import commands, parallel
from migrator.execution.executor import execute
from migrator.model.errors import ChangedError, SystemFailedError
from migrator.model.progress import Progress, silent
from migrator.model.report import ApplyReport, plan_of, verification_of
from migrator.model.words import Name
from migrator.parallel import WORTH_A_THREAD, Workers
from migrator.runs.run import Run
from tests.worker_kills import METHODS, ON_LINUX, kill_at_the_worst_moment
from tests.worlds import NOON, World, cache_row, databases, entry, owner

HERE = os.getpid()


class Told(Progress):
    """Adds up."""

    total = 0

    def __call__(self, count: int) -> None:
        self.total += count


def square(number: int, progress: Progress) -> tuple[int, bool]:
    progress(number)
    return number * number, os.getpid() != HERE


def fail_at_three(number: int, _progress: Progress) -> int:
    if number == 3:
        raise FileNotFoundError("three")
    return number


def die_at_three(number: int, _progress: Progress) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_long(_number: int, _progress: Progress) -> None:
    time.sleep(300)


def named(number: int) -> Name:
    return Name("database", f"number {number}")


def work(
    workers: Workers,
    do: Callable[[int, Progress], object],
    things: Iterable[int],
    *,
    count: int | None = None,
    size: int = 0,
    progress: Progress = silent,
    together: int | None = None,
) -> AbstractContextManager[Iterator[object]]:
    """Numbers, worked on."""
    count = count if count is not None else len(list(things))
    return workers.map(do, things, named, count=count, size=size, progress=progress, together=together)


@pytest.mark.parametrize("count", [0, 1, 2, 100])
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_results_come_in_order_and_progress_adds_up_however_many_jobs_there_are(jobs: int, count: int) -> None:
    told = Told()
    with work(Workers(jobs), square, range(count), progress=told) as results:
        found = list(results)
    elsewhere = jobs > 1 and count > 1
    assert found == [(number * number, elsewhere) for number in range(count)]
    assert told.total == sum(range(count))


@pytest.mark.parametrize(("jobs", "count"), [(1, 1), (2, 0), (2, 1), (2, 3)])
def test_a_single_thing_is_done_elsewhere_where_this_process_has_more_to_do(jobs: int, count: int) -> None:
    with Workers(jobs).map(square, range(count), named, count=count, size=0, is_apart=True) as results:
        assert list(results) == [(number * number, jobs > 1) for number in range(count)]


@pytest.mark.parametrize(("size", "elsewhere"), [(0, False), (parallel.WORTHWHILE, True)])
def test_without_a_number_of_jobs_what_is_little_is_done_right_here(
    monkeypatch: pytest.MonkeyPatch, size: int, elsewhere: bool
) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    with work(Workers(), square, range(9), size=size) as results:
        assert list(results) == [(number * number, elsewhere) for number in range(9)]


@pytest.mark.skipif(not ON_LINUX, reason="where processes begin anew there is one, unless more are asked for")
def test_sixty_four_cores_begin_eight_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(64)))
    assert parallel.cores() == 8


def take_turns(number: int, _progress: Progress) -> int:
    """The first thing takes longest."""
    time.sleep(0.5 if number == 0 else 0)
    return number


def test_a_result_that_is_late_is_waited_for_and_comes_in_its_place() -> None:
    with work(Workers(2), take_turns, range(20), together=1) as results:
        assert list(results) == list(range(20))


def test_nobody_works_far_ahead_of_what_is_asked_for() -> None:
    taken = []

    def things() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with work(Workers(2), square, things(), count=100, together=3) as results:
        assert next(results) == (0, True)
        time.sleep(0.5)
        assert len(taken) <= 3 * 5
        assert list(results) == [(number * number, True) for number in range(1, 100)]


def make_file(number: int, _progress: Progress, folder: Path) -> None:
    (folder / str(number)).touch()


def test_the_others_begin_at_once_while_this_process_does_something_else(tmp_path: Path) -> None:
    with work(Workers(2), partial(make_file, folder=tmp_path), range(9)):
        deadline = time.monotonic() + 30
        while len(os.listdir(tmp_path)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_things_and_results_of_any_length_pass_the_pipes() -> None:
    long = [bytes([number]) * (1 << 20) for number in range(8)]
    with Workers(2).map(echo, long, lambda _: named(0), count=8, size=0, together=1) as results:
        assert list(results) == long


def echo(thing: bytes, _progress: Progress) -> bytes:
    return thing


def work_in_turn(number: int, _progress: Progress, workers: Workers) -> list[object]:
    with work(workers, square, range(3)) as results, workers.beside(threading.get_ident, WORTH_A_THREAD) as ident:
        here = os.getpid()
        return [number, *results, ident() == threading.get_ident(), here != HERE]


@pytest.mark.parametrize("method", METHODS)
def test_who_is_given_the_workers_in_another_process_works_alone(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_HAS_FORK", method == "fork")
    workers = Workers(2)
    elsewhere = method == "spawn"  # where HERE is another number, too
    with work(workers, partial(work_in_turn, workers=workers), range(2)) as results:
        squares = [(number * number, not elsewhere) for number in range(3)]
        assert list(results) == [[number, *squares, True, not elsewhere] for number in range(2)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_goes_wrong_comes_out_and_leaves_no_process(
    jobs: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "_HAS_FORK", method == "fork")
    found: list[object] = []
    with (
        pytest.raises(FileNotFoundError, match="three"),
        work(Workers(jobs), fail_at_three, range(9)) as results,
    ):
        found.extend(results)
    assert found == [0, 1, 2]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_process_that_somebody_ends_is_a_failure_of_the_system_that_says_what_it_was_at(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "_HAS_FORK", method == "fork")
    begun = time.monotonic()
    with pytest.raises(SystemFailedError, match="memory") as failure, work(Workers(2), die_at_three, range(9)) as found:
        list(found)
    assert (failure.value.exit_code, failure.value.subject) == (2, named(3))
    assert multiprocessing.active_children() == []
    assert time.monotonic() - begun < 30


def test_a_process_that_is_ended_while_it_has_nothing_to_do_is_noticed_when_it_is_needed() -> None:
    def things() -> Iterator[int]:
        yield from (0, 1)
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)
            child.join()
        yield from (2, 3)

    with (
        pytest.raises(SystemFailedError, match="ended from outside"),
        work(Workers(2), square, things(), count=4, together=1) as results,
    ):
        list(results)


@pytest.mark.skipif(not ON_LINUX, reason="finds a process that writes as Linux shows it")
@pytest.mark.parametrize("method", METHODS)
def test_a_process_that_is_killed_while_it_passes_a_long_result_on_is_an_error_at_once(method: str) -> None:
    killed, slowest = kill_at_the_worst_moment(method, times=3)
    assert killed == 3
    assert slowest < 10


def wait_a_little(number: int, _progress: Progress) -> bytes:
    time.sleep(0.2)
    return bytes(1_000_000 + number)


def test_leaving_in_the_middle_stops_the_processes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_GRACE", 200)  # less than they would wait
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt), work(Workers(2, said.append), wait_long, range(1000)) as results:
        raise KeyboardInterrupt
    assert multiprocessing.active_children() == []
    with (
        pytest.raises(KeyboardInterrupt),
        work(Workers(2, said.append), wait_a_little, range(1000), together=1) as results,
    ):
        next(results)
        raise KeyboardInterrupt
    assert multiprocessing.active_children() == []
    assert said == [], "nobody had to be waited for"


def hear_nothing(_number: int, _progress: Progress) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(os.environ["HEARS_NOTHING"]).touch()
    time.sleep(300)


def test_who_does_not_stop_is_waited_for_with_a_word_and_then_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARS_NOTHING", str(tmp_path / "deaf"))
    monkeypatch.setattr(parallel, "_GRACE", 0.2)
    monkeypatch.setattr(parallel, "_LIMIT", 1.0)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt), work(Workers(2, said.append), hear_nothing, range(2)):
        while not (tmp_path / "deaf").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert said == ["Stopping: waiting for a process that is still at work, 1 seconds at most."]
    assert multiprocessing.active_children() == []


# what is done beside the work, in a thread


@pytest.mark.parametrize(
    ("size", "waits", "jobs", "elsewhere"),
    [
        (WORTH_A_THREAD, False, 2, True),
        (WORTH_A_THREAD - 1, False, 2, False),
        (WORTH_A_THREAD, False, 1, False),
        (WORTH_A_THREAD, True, 1, True),
        (WORTH_A_THREAD - 1, True, 2, False),
    ],
)
def test_a_thread_is_begun_for_long_work_if_it_only_waits_or_a_core_is_left(
    size: int, waits: bool, jobs: int, elsewhere: bool
) -> None:
    with Workers(jobs).beside(threading.get_ident, size, waits=waits) as result:
        assert (result() != threading.get_ident()) is elsewhere


@pytest.mark.parametrize("size", [0, WORTH_A_THREAD])
def test_what_goes_wrong_beside_is_raised_where_the_result_is_asked_for(size: int) -> None:
    def fail() -> None:
        raise FileNotFoundError("gone")

    with Workers(2).beside(fail, size) as result, pytest.raises(FileNotFoundError, match="gone"):
        result()


def test_who_leaves_while_something_is_done_beside_says_that_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_GRACE", 0.1)
    said: list[str] = []
    for seconds in (0.0, 0.5):
        with (
            pytest.raises(KeyboardInterrupt),
            Workers(2, said.append).beside(partial(time.sleep, seconds), WORTH_A_THREAD),
        ):
            raise KeyboardInterrupt
        assert said == (["Stopping: waiting until a file that is being read or flushed is done."] if seconds else [])


# the program as it is called

FREE = """
import sys
from click.testing import CliRunner
from migrator.cli.main import main
CliRunner().invoke(main, sys.argv[1:])
print(*(name for name in sys.modules if name.split(".")[0] in ("multiprocessing", "_multiprocessing")))
"""


@pytest.mark.parametrize("arguments", [("--help",), ("scan", "--state-dir", ".", "--allow-empty", "--jobs", "1")])
def test_who_works_alone_pays_nothing_for_the_others(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    call = [sys.executable, "-c", FREE, *arguments]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "\n"


ORPHANED = """
import os, signal
from migrator.parallel import Workers
from tests.test_parallel import wait_long, work
with work(Workers(2), wait_long, range(2)) as results:
    print(*(task for task in open(f"/proc/self/task/{os.getpid()}/children").read().split()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes as Linux shows them")
def test_processes_end_with_the_one_that_they_work_for() -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", ORPHANED], capture_output=True, text=True, cwd=root, check=False)
    workers = done.stdout.split()
    assert (done.returncode, len(workers)) == (-signal.SIGKILL, 2)
    deadline = time.monotonic() + 60
    while any(_is_alive(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(process: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Four agents to be migrated, one of them with damage, one with a database, and transcripts."""
    world = World(tmp_path)
    for name in ("one", "two", "three", "old"):
        world.agent(name, {f"agent:{name}:chat-{n}": entry(f"{name}-{n}", 5 + n, n="x" * n) for n in range(9)})
        lines = [{"type": "session", "id": f"{name}-0"}, *({"type": "message", "id": f"m{n}"} for n in range(9))]
        transcript = world.store_path(name).with_name(f"{name}-0.jsonl")
        transcript.write_text("".join(json.dumps(line) + "\n" for line in lines))
    world.agent("bad", b'{"a": {"sessionId": "s", "updatedAt": 5}, "b": null, "c" x}')
    world.database("old", owner("old"), cache_row("agent:old:chat-0", entry("old-0", 1)))
    return world


def outcome(world: World, wanted: int, verb: Callable[[commands.Request], commands.Report]) -> tuple[object, ...]:
    """What a verb says and leaves with so many jobs; everything is put back afterwards."""
    saved = world.root / "saved"
    shutil.copytree(world.state, saved, symlinks=True)
    try:
        report = verb(replace(world.request(), workers=Workers(wanted)))
        plan, outcomes = plan_of(report), report.outcomes if isinstance(report, ApplyReport) else ()
        files = {path: path.read_bytes() for path in databases(world.state)}
        verification = verification_of(report)
        judged = verification and [
            (one.sources, one.histories, one.extra, one.rows, one.content_digest, one.checks)
            for one in verification.databases
        ]
        said = (report.word, report.exit_code, report.findings, judged, plan and plan.digest)
        return (*said, [(one.path, one.rows_written, one.created) for one in outcomes], files)
    finally:
        shutil.rmtree(world.state)
        saved.rename(world.state)


VERBS: dict[str, Callable[[commands.Request], commands.Report]] = {
    "scan": commands.scan,
    "plan": commands.plan,
    "verify": commands.verify,
    "apply": lambda request: commands.apply(request, None, yes=True),
}


@pytest.mark.parametrize("verb", VERBS)
def test_two_jobs_say_and_write_what_one_does(world: World, verb: str) -> None:
    one, two = (outcome(world, wanted, VERBS[verb]) for wanted in (1, 2))
    assert one == two


def test_a_database_that_can_not_be_built_does_not_stop_the_others(world: World) -> None:
    plan = commands.plan(world.request()).plan
    assert plan is not None
    world.agent("two", {"another": entry("s", 9)})
    run = Run(world.state, NOON)
    try:
        outcomes = execute(plan, run, 1, workers=Workers(2))
    finally:
        run.close()
    two = str(world.database_path("two"))
    assert {one.path: type(one.failure) for one in outcomes if one.failure is not None} == {two: ChangedError}
    assert [name for name in ("bad", "old", "one", "three") if not world.database_path(name).exists()] == []
    assert not world.database_path("two").parent.exists()
    assert [path for path in world.state.rglob("*") if path.name.endswith(".tmp")] == []


@pytest.mark.parametrize("error", [OSError(errno.EIO, "lost"), MemoryError()])
def test_what_stops_everything_leaves_no_half_built_database(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_arguments: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("migrator.execution.builder.fsync_file", fails)
        with pytest.raises(type(error)):
            commands.apply(replace(world.request(), workers=Workers(2)), None, yes=True)
    assert [path for path in world.state.rglob("*") if path.name.endswith(".tmp")] == []
    assert not world.database_path("one").parent.exists()
    assert commands.apply(replace(world.request(), workers=Workers(2)), None, yes=True).exit_code == 15
