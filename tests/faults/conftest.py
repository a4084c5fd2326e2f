"""The installation that the fault tests share, as it is before a run and after one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults import scene, strace
from tests.faults.scene import Scene
from tests.faults.strace import Call

Tell = Callable[[str, int, int, list[str]], None]


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """An installation that no run has touched."""
    return scene.make(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """An installation that a run has migrated, archiving its sources."""
    made = scene.make(tmp_path_factory.mktemp("applied"))
    code, said = made.run(*scene.APPLY)
    assert code == 15, said
    saved = made.saved.with_name("migrated")
    scene.copy(made.root, saved)
    return replace(made, saved=saved)


@pytest.fixture(scope="session")
def calls_of_apply(before: Scene) -> list[Call]:
    """The calls of a run that nothing happens to."""
    before.reset()
    return strace.record(before, *scene.APPLY)


@pytest.fixture(scope="session")
def calls_of_rollback(applied: Scene) -> list[Call]:
    """The calls of a rollback that nothing happens to."""
    applied.reset()
    return strace.record(applied, "rollback", applied.only_run())


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Have one line printed for a fault, and fail if anything was violated."""

    def line(fault: str, points: int, possible: int, found: list[str]) -> None:
        record_property("fault", f"{fault}: {points} of {possible} points, {len(found)} violations")
        assert points > 0
        assert found == []

    return line


needs_strace = pytest.mark.skipif(
    not strace.works(), reason="faults in single system calls need strace and the right to trace (install strace)"
)
