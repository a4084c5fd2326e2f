"""Whether somebody is writing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.findings.table import RULES
from migrator.model.words import Finding, Severity
from migrator.openclaw.places import locks
from migrator.openclaw.places import processes as processes_here
from migrator.openclaw.places.locks import live_writers, locks_below
from migrator.openclaw.places.processes import process_alive, read_proc
from tests.conftest import fingerprint

NOW_MS = 1_800_000_000_000
PID = 4_000_001


@dataclass
class Processes:
    """The processes that the tests pretend to have: their files below /proc, by process id."""

    alive: set[int] = field(default_factory=set)
    files: dict[tuple[int | str, str], bytes] = field(default_factory=dict)

    def start(
        self,
        pid: int,
        start: int | None,
        command: bytes = b"node\0openclaw.mjs\0",
        state: str = "S",
        *,
        program: bytes = b"",
        flags: int = 0x400000,
        inside: int | None = None,
    ) -> None:
        """Add a process; without a start time, as on a system that has no /proc."""
        self.alive.add(pid)
        if start is not None:
            between = " ".join(["0"] * 12)
            self.files[pid, "stat"] = f"{pid} (a ) S) {state} 0 0 0 0 0 {flags} {between} {start} 0 0\n".encode()
            self.files[pid, "cmdline"] = command
            self.files[pid, "exe"] = program
            ids = f"{pid}" if inside is None else f"{pid}\t{inside}"
            self.files[pid, "status"] = f"Name:\tnode\nNSpid:\t{ids}\nNSpgid:\t1\t1\n".encode()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    """Replace the system's processes by none."""
    pretended = Processes()
    monkeypatch.setattr(processes_here, "process_alive", lambda pid: pid in pretended.alive)
    monkeypatch.setattr(processes_here, "process_ids", lambda: sorted(pretended.alive))
    monkeypatch.setattr(processes_here, "program_file", lambda pid: pretended.files.get((pid, "exe")))
    monkeypatch.setattr(processes_here, "read_proc", lambda pid, name: pretended.files.get((pid, name)))
    return pretended


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give a state directory without anything."""
    folder = tmp_path / "home/.openclaw"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, content: object, age_ms: int = 3_600_000) -> Path:
    """Write a lock file of some age, an hour unless said otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.utime(path, ns=(0, (NOW_MS - age_ms) * 1_000_000))
    return path


def find(state: Path, env: dict[str, str] | None = None, config: str | None = None) -> list[tuple[str, str]]:
    """Give code and path of what was found; nothing may be touched, and every code be in the table."""
    root = state.parent.parent
    before = fingerprint(root)
    found = live_writers(str(state), config, env or {}, str(root / "tmp"), NOW_MS)
    assert fingerprint(root) == before
    for finding in found:
        RULES[finding.code].sentence.format(subject="", others="", **dict(finding.facts))
    return [(finding.code, finding.subject.text) for finding in found]


def config_hash(path: Path | str) -> str:
    """Give what the name of a gateway lock holds for this configuration."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def test_a_state_directory_without_locks_has_no_findings(state: Path, processes: Processes) -> None:
    write(state / "agents/main/sessions/sessions.json", {})
    write(state / "agents/main/sessions/a.jsonl", {})
    write(state / "tmp/openclaw-0/gateway.state.lock.sqlite", b"")
    assert find(state) == []
    assert find(state.parent / "missing") == []


def test_the_codes_that_stop_a_run_are_the_busy_ones() -> None:
    busy = {code for code, rule in RULES.items() if rule.severity is Severity.BUSY}
    assert {"gateway.live", "gateway.live-by-id", "lock.live", "lock.live-by-id", "lock.new", "lock.unseen-new"} <= busy
    quiet = {"gateway.unseen", "lock.other-process", "lock.stale", "lock.unreadable", "lock.unseen"}
    assert not quiet & busy


# gateways


@pytest.mark.parametrize("folder", ["openclaw-1000", "openclaw", "clawdbot-1000", "moltbot-0", "moldbot"])
def test_a_gateway_lock_in_the_temporary_directory_counts_by_the_hash_of_the_configuration(
    state: Path, tmp_path: Path, processes: Processes, folder: str
) -> None:
    processes.start(PID, 77)
    name = f"gateway.{config_hash(state / 'openclaw.json')}.lock"
    lock = write(tmp_path / "tmp" / folder / name, {"pid": PID, "createdAt": "x", "configPath": "?", "startTime": 77})
    assert find(state) == [("gateway.live", str(lock))]
    assert locks.live_writers(str(state), None, {}, str(tmp_path / "tmp"), NOW_MS)[0].facts == (("pid", PID),)


@pytest.mark.parametrize("variable", ["TMPDIR", "TMP", "TEMP"])
def test_every_temporary_directory_of_the_environment_is_looked_at(
    state: Path, tmp_path: Path, processes: Processes, variable: str
) -> None:
    processes.start(PID, 77)
    name = f"gateway.{config_hash(state / 'openclaw.json')}.lock"
    lock = write(tmp_path / "other/openclaw-0" / name, {"pid": PID})
    assert find(state, {variable: str(tmp_path / "other")}) == [("gateway.live", str(lock))]
    assert find(state) == []


def test_a_gateway_of_another_configuration_does_not_count(state: Path, tmp_path: Path, processes: Processes) -> None:
    processes.start(PID, 77)
    lock = {"pid": PID, "configPath": str(tmp_path / "home/.openclaw-work/openclaw.json")}
    write(tmp_path / "tmp/openclaw-0/gateway.00000000.lock", lock)
    write(tmp_path / "tmp/openclaw-0/gateway.00000001.lock", b"")
    write(tmp_path / "tmp/openclaw-0/gateway.00000002.lock", {"pid": PID, "configPath": "/a\0b", "stateDir": 5})
    name = f"gateway.{config_hash(state / 'openclaw.json')}.lock"
    write(tmp_path / "tmp/openclaw-x" / name, {"pid": PID})
    write(tmp_path / "tmp/openclaw-0" / f"{name}.sqlite", {"pid": PID})
    assert find(state) == []


@pytest.mark.parametrize("member", ["configPath", "stateDir"])
def test_a_gateway_counts_whose_lock_names_something_in_the_state_directory(
    state: Path, tmp_path: Path, processes: Processes, member: str
) -> None:
    processes.start(PID, 77)
    (tmp_path / "home/.clawdbot").symlink_to(state)
    named = str(tmp_path / "home/.clawdbot" / ("clawdbot.json" if member == "configPath" else ""))
    lock = write(tmp_path / "tmp/openclaw-0/gateway.00000000.lock", {"pid": PID, member: named})
    assert find(state) == [("gateway.live", str(lock))]


def test_a_relative_path_in_a_lock_names_nothing(
    state: Path, tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes.start(PID, 77)
    write(tmp_path / "tmp/openclaw-0/gateway.00000000.lock", {"pid": PID, "configPath": "openclaw.json"})
    monkeypatch.chdir(state)
    assert find(state) == []


def test_the_hash_may_be_that_of_the_real_path(state: Path, tmp_path: Path, processes: Processes) -> None:
    processes.start(PID, 77)
    link = tmp_path / "home/.clawdbot"
    link.symlink_to(state)
    name = f"gateway.{config_hash(state / 'clawdbot.json')}.lock"
    lock = write(tmp_path / "tmp/openclaw-0" / name, {"pid": PID})
    assert find(link) == [("gateway.live", str(lock))]


def test_the_common_temporary_directory_is_looked_at_in_any_case(
    state: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []

    def record(folder: str) -> object:
        listed.append(folder)
        raise FileNotFoundError

    monkeypatch.setattr(os, "scandir", record)
    live_writers(str(state), None, {"TMPDIR": "/other"}, "/system", NOW_MS)
    assert listed[:4] == [str(state / "tmp"), "/other", "/system", "/tmp"]  # noqa: S108


def test_a_configuration_elsewhere_counts_by_its_hash(state: Path, tmp_path: Path, processes: Processes) -> None:
    processes.start(PID, 77)
    lock = write(tmp_path / f"tmp/openclaw-0/gateway.{config_hash('/etc/oc.json')}.lock", {"pid": PID})
    assert find(state) == []
    assert find(state, config="/etc/oc.json") == [("gateway.live", str(lock))]
    assert find(state, {"OPENCLAW_CONFIG_PATH": "/etc/oc.json"}) == [("gateway.live", str(lock))]


def test_a_gateway_lock_in_the_state_directory_always_counts(state: Path, processes: Processes) -> None:
    processes.start(PID, 77)
    processes.start(PID + 1, 78)
    first = write(state / "tmp/openclaw-0/gateway.12345678.lock", {"pid": PID, "startTime": 77})
    second = write(state / "tmp/openclaw-0/gateway.state.lock", {"pid": PID + 1, "startTime": 99})
    write(state / "tmp/openclaw-0/device-identity.12345678.lock", {"pid": PID})
    assert find(state) == [("gateway.live", str(first)), ("lock.other-process", str(second))]


def test_a_link_from_the_state_directory_to_a_shared_one_does_not_make_its_locks_ours(
    state: Path, tmp_path: Path, processes: Processes
) -> None:
    processes.start(PID, 77)
    write(tmp_path / "tmp/openclaw-0/gateway.00000000.lock", {"pid": PID})
    (state / "tmp").symlink_to(tmp_path / "tmp")
    assert find(state) == []


# who owns a lock


@pytest.fixture
def lock(state: Path) -> Path:
    """Give the path of the lock of a transcript."""
    return state / "agents/main/sessions/a.jsonl.lock"


def test_a_lock_is_live_if_its_process_started_when_it_says(state: Path, lock: Path, processes: Processes) -> None:
    processes.start(PID, 77)
    write(lock, {"pid": PID, "createdAt": "2026-01-01T00:00:00.000Z", "maxHoldMs": 1, "starttime": 77})
    assert find(state) == [("lock.live", str(lock))]


def test_of_a_process_that_can_not_be_seen_is_never_said_that_it_is_gone(
    state: Path, lock: Path, processes: Processes
) -> None:
    write(lock, {"pid": PID, "starttime": 77})
    gateway = write(state / "tmp/openclaw-0/gateway.state.lock", {"pid": PID, "startTime": 77})
    assert find(state) == [("gateway.unseen", str(gateway)), ("lock.unseen", str(lock))]


@pytest.mark.parametrize("here", [None, 77])
def test_a_young_lock_of_a_process_that_can_not_be_seen_is_waited_for(
    state: Path, lock: Path, processes: Processes, here: int | None
) -> None:
    if here:
        processes.start(PID, here, b"sshd\0")
    write(lock, {"pid": PID, "starttime": 78}, age_ms=30_000)
    assert find(state) == [("lock.unseen-new", str(lock))]


def test_a_lock_whose_process_id_was_given_to_another_process_is_not_its_own(
    state: Path, lock: Path, processes: Processes
) -> None:
    processes.start(PID, 78)
    write(lock, {"pid": PID, "starttime": 77})
    assert find(state) == [("lock.other-process", str(lock))]


@pytest.mark.parametrize(("start", "made", "code"), [(None, 0, "lock.live"), (None, -61, "lock.other-process")])
def test_a_process_that_started_after_the_lock_was_made_is_not_its_owner(
    state: Path, lock: Path, processes: Processes, start: int | None, made: int, code: str
) -> None:
    ticks = 100 * os.sysconf("SC_CLK_TCK")
    boot = NOW_MS // 1000 - 3600
    processes.start(PID, ticks)
    processes.files["", "stat"] = f"cpu 1\nbtime {boot}\nprocesses 9\n".encode()
    when = datetime.fromtimestamp(boot + 100 + made, timezone.utc).isoformat().replace("+00:00", "Z")
    write(lock, {"pid": PID, "createdAt": when, "starttime": start}, age_ms=0)
    assert find(state) == [(code, str(lock))]


def test_a_kernel_thread_is_never_the_owner(state: Path, lock: Path, processes: Processes) -> None:
    processes.start(2, 0, b"", flags=0x208040)
    write(lock, {"pid": 2})
    assert find(state) == [("lock.other-process", str(lock))]
    write(lock, {"pid": 2, "starttime": 0})
    assert find(state) == [("lock.other-process", str(lock))]


@pytest.mark.parametrize("pid", [1, 7])
def test_a_gateway_in_a_container_is_found_by_the_id_that_it_has_there(
    state: Path, processes: Processes, pid: int
) -> None:
    processes.start(1, 3, b"/sbin/init\0")
    processes.start(PID, 77, inside=pid)
    gateway = write(state / "tmp/openclaw-0/gateway.state.lock", {"pid": pid, "startTime": 77})
    assert find(state) == [("gateway.live", str(gateway))]
    assert live_writers(str(state), None, {}, str(state), NOW_MS)[0].facts == (("pid", PID),)
    write(gateway, {"pid": pid, "startTime": 78})
    assert find(state) == [("lock.other-process" if pid == 1 else "gateway.unseen", str(gateway))]
    write(gateway, {"pid": pid})
    assert find(state) == [("gateway.live", str(gateway))]
    processes.start(PID, 77, b"tail\0-f\0openclaw.log\0", inside=pid)
    assert [code for code, _ in find(state)] != ["gateway.live"]


@pytest.mark.parametrize("process_state", ["Z", "X"])
def test_a_process_that_has_ended_but_was_not_waited_for_is_gone(
    state: Path, lock: Path, processes: Processes, process_state: str
) -> None:
    processes.start(PID, 77, state=process_state)
    write(lock, {"pid": PID, "starttime": 77})
    assert find(state) == [("lock.stale", str(lock))]


@pytest.mark.parametrize(
    ("command", "program", "code"),
    [
        (b"node\0/opt/dist/entry.js\0", b"", "lock.live"),
        (b"OpenClaw-gateway\0", b"/usr/bin/python3", "lock.live"),
        (b"npm exec openclaw\0", b"/usr/bin/node (deleted)", "lock.live"),
        (b"/opt/my apps/bun-1.2\0x.ts\0", b"", "lock.live"),
        (b"", b"", "lock.live-by-id"),
        (b"/usr/sbin/sshd\0-D\0", b"/usr/sbin/sshd", "lock.other-process"),
        (b"tail\0-f\0/tmp/openclaw/openclaw.log\0", b"", "lock.other-process"),
        (b"sleep\0node\0", b"/usr/bin/sleep", "lock.other-process"),
        (b"vim /home/ada/.openclaw/openclaw.json\0", b"", "lock.other-process"),
        (b"node_exporter\0", b"/usr/bin/node_exporter", "lock.other-process"),
        (b"bunzip2\0", b"", "lock.other-process"),
    ],
)
def test_without_a_start_time_the_program_that_runs_tells_and_no_word_in_its_arguments(
    state: Path, lock: Path, processes: Processes, command: bytes, program: bytes, code: str
) -> None:
    processes.start(PID, 77, command, program=program)
    write(lock, {"pid": PID, "startedAt": 1})
    assert find(state) == [(code, str(lock))]


def test_with_a_start_time_the_command_line_does_not_matter(state: Path, lock: Path, processes: Processes) -> None:
    processes.start(PID, 77, b"renamed\0")
    write(lock, {"pid": PID, "starttime": 77})
    assert find(state) == [("lock.live", str(lock))]


def test_with_a_start_time_that_can_not_be_checked_a_living_process_passes_for_the_owner(
    state: Path, lock: Path, processes: Processes
) -> None:
    processes.start(PID, 77, b"sshd\0")
    del processes.files[PID, "stat"]
    write(lock, {"pid": PID, "starttime": 77})
    assert find(state) == [("lock.live-by-id", str(lock))]


@pytest.mark.parametrize("content", [{"pid": PID}, {"pid": PID, "starttime": 77}, {"pid": PID, "startTime": "x"}])
def test_without_proc_a_living_process_passes_for_the_owner(
    state: Path, lock: Path, processes: Processes, content: object
) -> None:
    processes.start(PID, None)
    write(lock, content)
    assert find(state) == [("lock.live-by-id", str(lock))]


def test_no_lock_is_our_own(state: Path, lock: Path, processes: Processes) -> None:
    processes.start(os.getpid(), 77, b"python\0openclaw-session-migrator\0")
    write(lock, {"pid": os.getpid()})
    assert find(state) == [("lock.other-process", str(lock))]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 60_000,
        b" " * 70_000,
        {},
        {"pid": 0},
        {"pid": -1},
        {"pid": True},
        {"pid": "4"},
    ],
)
def test_a_lock_that_names_no_process_is_stale_after_half_a_minute(
    state: Path, lock: Path, processes: Processes, content: object
) -> None:
    processes.start(1, 77)
    processes.start(4, 77)
    write(lock, content, age_ms=30_001)
    assert find(state) == [("lock.stale", str(lock))]
    for age_ms in (30_000, 0, -30_000):
        write(lock, content, age_ms)
        assert find(state) == [("lock.new", str(lock))]
    write(lock, content, age_ms=-30_001)
    assert find(state) == [("lock.stale", str(lock))]


def test_a_lock_that_is_no_regular_file_is_not_opened(state: Path, lock: Path, processes: Processes) -> None:
    lock.parent.mkdir(parents=True)
    os.mkfifo(lock)
    os.utime(lock, ns=(0, 0))
    assert find(state) == [("lock.stale", str(lock))]


def test_a_lock_that_vanishes_meanwhile_is_none(state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(lock, {"pid": PID})
    monkeypatch.setattr(locks, "read_small_file", raise_missing)
    assert live_writers(str(state), None, {}, str(state), NOW_MS) == ()


def raise_missing(path: str, limit: int) -> bytes:
    """Be a file that is gone."""
    raise FileNotFoundError(path)


def test_a_lock_or_folder_that_can_not_be_read_is_a_finding(
    state: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(lock, {"pid": PID})
    monkeypatch.setattr(locks, "read_small_file", raise_denied)
    assert codes(live_writers(str(state), None, {}, str(state), NOW_MS)) == ["lock.unreadable"]
    monkeypatch.setattr(os, "scandir", raise_denied)
    found = live_writers(str(state), None, {}, str(state), NOW_MS)
    assert {finding.code for finding in found} == {"lock.unreadable"}
    assert str(state / "agents") in [finding.subject.text for finding in found]


def raise_denied(path: str, limit: int = 0) -> bytes:
    """Be a file that may not be read."""
    raise PermissionError(path)


def codes(found: tuple[Finding, ...]) -> list[str]:
    """Give the codes of findings."""
    return [finding.code for finding in found]


# where locks are


def test_locks_are_found_below_every_agent_and_in_the_old_sessions_directory(state: Path, processes: Processes) -> None:
    processes.start(PID, 77)
    expected = [
        write(state / name, {"pid": PID})
        for name in (
            "agents/### odd \udcff/sessions/sessions.json.lock",
            "agents/main/sessions/deep/er/x.jsonl.lock",
            "sessions/sessions.json.lock",
            "sessions/y.jsonl.lock",
        )
    ]
    for other in (
        "agents/main/agent/auth.json.lock",
        "agents/main/xsessions.json.lock",
        "sessions/a.jsonl",
        "z.jsonl.lock",
    ):
        write(state / other, {"pid": PID})
    assert find(state) == [("lock.live", str(path)) for path in expected]


def test_links_are_followed_once_and_never_out_of_the_state_directory(
    state: Path, tmp_path: Path, processes: Processes
) -> None:
    processes.start(PID, 77)
    inner = write(state / "data/a.jsonl.lock", {"pid": PID})
    write(tmp_path / "outside/sessions/b.jsonl.lock", {"pid": PID})
    (state / "agents/main").mkdir(parents=True)
    (state / "agents/main/sessions").symlink_to(state / "data")
    (state / "agents/again").symlink_to(state / "data")
    (state / "agents/circle").symlink_to(state / "agents")
    (state / "agents/self").symlink_to("self")
    (state / "agents/out").symlink_to(tmp_path / "outside")
    (state / "agents/outside.jsonl.lock").symlink_to(tmp_path / "outside/sessions/b.jsonl.lock")
    found = find(state)
    assert [code for code, path in found if Path(path).name == inner.name] == ["lock.live"]
    assert [path for _, path in found if Path(path).name == "b.jsonl.lock"] == []
    assert [code for code, path in found if Path(path).name == "outside.jsonl.lock"] != ["lock.live"]


def test_a_folder_of_a_store_elsewhere_can_be_asked_for(tmp_path: Path, processes: Processes) -> None:
    processes.start(PID, 77)
    write(tmp_path / "data/sessions.json.lock", {"pid": PID})
    assert codes(locks_below(str(tmp_path / "data"), str(tmp_path / "data"), NOW_MS)) == ["lock.live"]
    assert locks_below(str(tmp_path / "data"), str(tmp_path / "x"), NOW_MS) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["pid", "startTime", "starttime", "configPath", "stateDir"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_lock_makes_the_search_raise(state: Path, tmp_path: Path, processes: Processes, content: bytes) -> None:
    write(state / "sessions/a.jsonl.lock", content)
    write(tmp_path / "tmp/openclaw-0/gateway.00000000.lock", content)
    assert [code for code, path in find(state) if path.endswith("a.jsonl.lock")]


# the system itself


@pytest.fixture
def child() -> Iterator[int]:
    """Give the id of a process that lives until the test ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid


@pytest.mark.skipif(sys.platform == "win32", reason="process ids are not asked for on Windows")
def test_a_process_is_alive_until_it_ends(child: int) -> None:
    assert process_alive(child)
    assert not process_alive(2**200)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not process_alive(ended.pid)


def test_a_process_of_somebody_else_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", denied)
    assert process_alive(PID)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_real_process_is_the_owner_of_a_lock_with_its_start_time(state: Path, lock: Path, child: int) -> None:
    stat = read_proc(child, "stat")
    assert stat is not None
    start = int(stat.rpartition(b")")[2].split()[19])
    write(lock, {"pid": child, "starttime": start})
    assert find(state) == [("lock.live", str(lock))]
    write(lock, {"pid": child, "starttime": start + 1})
    assert find(state) == [("lock.other-process", str(lock))]
    assert read_proc(2**40, "stat") is None
