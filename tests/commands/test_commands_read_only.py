"""What only reads leaves no trace below the state directory: no file, no byte, no time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import commands
from migrator.commands.request import Request
from migrator.model.errors import MigratorError, NothingFoundError
from migrator.model.report import Report
from tests.conftest import fingerprint
from tests.worlds import World, cache_row, databases, entry, fill_wal, owner

READING: list[Callable[[Request], Report]] = [commands.scan, commands.plan, commands.verify]
by_verb = pytest.mark.parametrize("verb", READING, ids=lambda verb: verb.__name__)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Agents without a database, with a closed one, with a filled -wal, with one in WAL mode; damage of all kinds."""
    world = World(tmp_path)
    world.config(session={"store": str(tmp_path / "elsewhere" / "{agentId}.json")})
    world.agent("new", {"k": entry("s1", 5)})
    world.agent("closed", {"k": entry("s1", 5)})
    world.database("closed", owner("closed"), cache_row("k", entry("s1", 4)))
    world.agent("torn", {"k": entry("s1", 5)})
    fill_wal(world.database("torn", owner("torn")), cache_row("k", entry("s1", 9)))
    world.agent("damaged", b'{"a": {"sessionId": "s1"}, "b": nul')
    world.agent("both")
    garbage = world.database_path("both")
    garbage.parent.mkdir()
    garbage.write_bytes(b"no database at all" * 100)
    world.agent("empty", b"")
    world.root_store({"old": entry("s2", 1)})
    return world


@by_verb
def test_a_reading_command_touches_nothing(world: World, verb: Callable[[Request], Report]) -> None:
    request = world.request()
    before = fingerprint(world.root)
    verb(request)
    assert fingerprint(world.root) == before


@by_verb
def test_a_reading_command_touches_nothing_after_a_migration(tmp_path: Path, verb: Callable[[Request], Report]) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5), "bad": None})
    world.root_store({"old": entry("s2", 1)})
    request = world.request()
    commands.apply(request, None, yes=True, archive=True)
    before = fingerprint(world.root)
    verb(request)
    assert fingerprint(world.root) == before


def test_rows_in_a_filled_wal_are_seen(world: World) -> None:
    inventory = commands.scan(world.request(agents=("torn",))).inventory
    [database] = inventory.databases
    assert [row.updated_at for row in database.cache_rows] == [9]
    assert [suffix for suffix, _ in database.files] == ["", "-wal"]


class AtHome(World):
    """A state directory where OpenClaw has it if nobody says otherwise."""

    @property
    def state(self) -> Path:
        """In the home, under its usual name."""
        return self.root / "home" / ".openclaw"


TRACED = (
    "openat,open,creat,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,truncate,ftruncate"
)
SCRIPT = """
import sys
from migrator import commands
from migrator.model.request import Selection, Surroundings
state, home, temporary, verb = sys.argv[1:]
getattr(commands, verb)(commands.Request(Selection(state_dir=state), Surroundings({}, home, home, temporary)))
"""
WRITING = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|O_TRUNC")


def traced_calls(world: World, verb: str, below: Path | None = None) -> list[str]:
    """The traced system calls of a verb that name something below the state directory, or another one."""
    log = world.root / "trace"
    folders = [str(world.state), str(world.root / "home"), str(world.root / "tmp")]
    call = [sys.executable, "-B", "-c", SCRIPT, *folders, verb]
    run = subprocess.run(
        ["strace", "-f", "-s", "4096", "-o", str(log), "-e", f"trace={TRACED}", *call],
        cwd=Path(__file__).parents[2], capture_output=True, check=False,
    )  # fmt: skip
    if not log.exists() or b"ptrace" in run.stderr:
        pytest.skip("strace may not trace here")
    assert run.returncode == 0, run.stderr.decode()
    return [line for line in log.read_text(errors="replace").splitlines() if str(below or world.state) in line]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@by_verb
def test_no_system_call_of_a_reading_command_could_write(world: World, verb: Callable[[Request], Report]) -> None:
    world.request()
    calls = traced_calls(world, verb.__name__)
    opened = [call for call in calls if "open" in call]
    assert any("sessions.json" in call for call in opened)  # the trace is not empty
    assert any("openclaw-agent.sqlite-wal" in call for call in opened)
    assert [call for call in calls if call not in opened] == []
    assert [call for call in opened if WRITING.search(call)] == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@by_verb
def test_no_file_of_a_neighbour_is_opened_though_it_is_looked_for_and_links_lead_there(
    tmp_path: Path, verb: Callable[[Request], Report]
) -> None:
    world = AtHome(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    neighbour = world.root / "home" / ".clawdbot"
    sessions = neighbour / "agents" / "main" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "sessions.json").write_text('{"agent:main:other": {"sessionId": "other", "updatedAt": 1}}')
    (sessions / "other.jsonl").write_text('{"type":"session","id":"other"}\n')
    (world.state / "attic").mkdir()
    for name, target in (("copy", sessions / "sessions.json"), ("folder", sessions), ("whole", neighbour)):
        (world.state / "attic" / name).symlink_to(target)
    (world.state / "agents" / "linked").symlink_to(neighbour / "agents" / "main")
    assert "host.split-state" in str(commands.scan(world.request()))
    before = fingerprint(neighbour)
    opened = [call for call in traced_calls(world, verb.__name__, neighbour) if "O_DIRECTORY" not in call]
    assert opened == []
    assert fingerprint(neighbour) == before


@by_verb
@pytest.mark.parametrize("neighbours", [False, True])
def test_an_explicit_store_that_is_missing_creates_nothing_and_is_no_success(
    tmp_path: Path, verb: Callable[[Request], Report], neighbours: bool
) -> None:
    world = World(tmp_path)
    if neighbours:
        world.agent("main", {"k": entry("s1", 5)})
        (world.store_path("main").parent / "s1.jsonl").write_bytes(b'{"type":"session","id":"s1"}\n')
    request = world.request(stores=(str(tmp_path / "gone" / "sessions.json"),))
    before = fingerprint(tmp_path)
    with pytest.raises(NothingFoundError):
        verb(request)
    assert fingerprint(tmp_path) == before


def test_apply_creates_nothing_for_an_explicit_store_that_is_missing(tmp_path: Path) -> None:
    world = World(tmp_path)
    request = world.request(stores=(str(world.state / "agents" / "x" / "sessions" / "sessions.json"),))
    before = fingerprint(tmp_path)
    with pytest.raises(NothingFoundError):
        commands.apply(request, None, yes=True)
    assert fingerprint(tmp_path) == before


@by_verb
def test_an_empty_state_directory_is_nothing_to_work_on(tmp_path: Path, verb: Callable[[Request], Report]) -> None:
    world = World(tmp_path)
    with pytest.raises(NothingFoundError) as caught:
        verb(world.request())
    assert caught.value.exit_code == 10


@by_verb
def test_a_state_directory_that_is_missing_is_not_created(tmp_path: Path, verb: Callable[[Request], Report]) -> None:
    world = World(tmp_path)
    request = world.request(state_dir=str(tmp_path / "gone"))
    with pytest.raises(NothingFoundError):
        verb(request)
    assert not (tmp_path / "gone").exists()


def test_no_database_appears_before_there_is_something_to_put_into_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("empty", {})
    world.agent("none")
    report = commands.apply(world.request(), None, yes=True)
    assert report.exit_code == 0
    assert databases(world.state) == []
    assert not (world.state / "migrator-runs").exists()


@pytest.mark.parametrize("where", ["plan.json", "agents/plan.json", "../state/plan.json"])
def test_a_plan_is_not_written_into_the_state_directory(tmp_path: Path, where: str) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    request = world.request()
    before = fingerprint(tmp_path)
    with pytest.raises(MigratorError):
        commands.plan(request, plan_file=str(world.state / where))
    assert fingerprint(tmp_path) == before
