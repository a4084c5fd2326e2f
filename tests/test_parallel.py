"""Work in several processes gives what work in one process gives, and no process outlives its work."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from migrator import commands
from migrator import parallel as jobs
from migrator.execution.executor import execute
from migrator.meanwhile import on_one_core
from migrator.model.errors import ChangedError, SystemFailedError
from migrator.model.progress import Progress
from migrator.model.report import ApplyReport, plan_of, verification_of
from migrator.parallel import each
from migrator.runs.run import Run
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


@pytest.mark.parametrize("count", [0, 1, 2, 100])
@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_results_come_in_order_and_progress_adds_up_however_many_jobs_there_are(wanted: int, count: int) -> None:
    told = Told()
    with each(square, range(count), 0, wanted, told, count=count) as results:
        found = list(results)
    assert [result for result, _ in found] == [number * number for number in range(count)]
    assert {elsewhere for _, elsewhere in found} == ({wanted > 1 and count > 1} if count else set())
    assert told.total == sum(range(count))


@pytest.mark.parametrize(("size", "elsewhere"), [(0, False), (jobs.WORTHWHILE, True)])
def test_without_a_number_of_jobs_what_is_little_is_done_right_here(
    monkeypatch: pytest.MonkeyPatch, size: int, elsewhere: bool
) -> None:
    monkeypatch.setattr(jobs, "cores", lambda: 2)
    with each(square, range(9), size, None, count=9) as results:
        assert {away for _, away in results} == {elsewhere}


def test_nobody_works_far_ahead_of_what_is_asked_for() -> None:
    taken = []

    def things() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with each(square, things(), 0, 2, count=100, together=3) as results:
        assert next(results) == (0, True)
        assert len(taken) <= 3 * 5
        assert [result for result, _ in results] == [number * number for number in range(1, 100)]


def test_where_there_is_one_core_only_everything_is_done_right_here() -> None:
    with on_one_core(), each(square, range(9), 0, 2, count=9) as results:
        assert {away for _, away in results} == {False}


def test_processes_that_begin_anew_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_HAS_FORK", False)
    assert jobs.cores() == 1
    with each(partial(fail_at_three), [1, 2], 0, 2, count=2) as results:
        assert list(results) == [1, 2]


@pytest.mark.parametrize("wanted", [1, 2])
def test_what_goes_wrong_comes_out_and_leaves_no_process(wanted: int) -> None:
    found: list[int] = []
    with pytest.raises(FileNotFoundError, match="three"), each(fail_at_three, range(9), 0, wanted, count=9) as results:
        found.extend(results)
    assert found == [0, 1, 2]
    assert multiprocessing.active_children() == []


def test_a_process_that_somebody_ends_is_a_failure_of_the_system() -> None:
    with pytest.raises(SystemFailedError, match="memory"), each(die_at_three, range(9), 0, 2, count=9) as results:
        list(results)
    assert multiprocessing.active_children() == []


def wait_a_little(number: int, _progress: Progress) -> bytes:
    time.sleep(0.2)
    return bytes(1_000_000 + number)


def test_leaving_in_the_middle_ends_the_processes_when_they_are_done_with_what_they_have_begun() -> None:
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), each(wait_a_little, range(1000), 0, 2, count=1000, together=1) as results:
        next(results)
        raise KeyboardInterrupt
    assert multiprocessing.active_children() == []
    assert time.monotonic() - begun < 60


ORPHANED = """
import os, signal
from migrator.parallel import each
from migrator.meanwhile import on_one_core
from tests.test_parallel import wait_long
with each(wait_long, range(2), 0, 2, count=2) as results:
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
        report = verb(replace(world.request(), jobs=wanted))
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
        outcomes = execute(plan, run, 1, jobs=2)
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
            commands.apply(replace(world.request(), jobs=2), None, yes=True)
    assert [path for path in world.state.rglob("*") if path.name.endswith(".tmp")] == []
    assert not world.database_path("one").parent.exists()
    assert commands.apply(replace(world.request(), jobs=2), None, yes=True).exit_code == 15
