"""The client against a launcher of our own, which misbehaves in every way that a real one might."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.model.errors import UsageError
from migrator.upgrades.release import client as client_module
from migrator.upgrades.release import process as process_module
from migrator.upgrades.release import sandbox
from migrator.upgrades.release.client import Client, ClientError
from migrator.upgrades.release.process import network_can_be_cut_off, writes_can_be_confined

SANDBOX = Path(sandbox.__file__)
LONG = 600.0  # seconds; whoever waits for it has failed
LIMITS = (2, 8, 32, 128)  # seconds; on a busy machine a process may need more than the first to begin

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
needs_isolation = pytest.mark.skipif(not network_can_be_cut_off(), reason="this system keeps processes in its network")

needs_confinement = pytest.mark.skipif(not writes_can_be_confined(), reason="this system lets processes write anywhere")

Make = Callable[..., Client]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Give a client whose launcher runs the given Python text; ``words`` are the arguments there."""

    def write(text: str, node: Path | None = None) -> Client:
        launcher = tmp_path / "openclaw"
        head = f"#!{sys.executable} -IS\nimport json, os, signal, socket, subprocess, sys, time\nwords = sys.argv[1:]\n"
        launcher.write_text(head + text, encoding="utf-8")
        launcher.chmod(0o755)
        (tmp_path / "state").mkdir(exist_ok=True)
        return Client(launcher, tmp_path / "state", tmp_path / "scratch", node)

    return write


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process is about to do."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# one command


def test_a_step_has_the_arguments_the_exit_code_and_both_outputs(make: Make) -> None:
    step = make("print('out'); print('err', file=sys.stderr); sys.exit(7)").run("models", "status", limit=LONG)
    assert (step.name, step.arguments, step.exit_code) == ("models", ("models", "status"), 7)
    assert (step.stdout, step.stderr) == (b"out\n", b"err\n")
    assert 0 < step.seconds < LONG


def test_a_signal_that_ends_the_command_shows_as_in_a_shell(make: Make) -> None:
    assert make("os.kill(os.getpid(), signal.SIGSEGV)").run("x", limit=LONG).exit_code == 128 + signal.SIGSEGV


def test_the_environment_has_nothing_but_what_is_needed(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "http_proxy", "OPENCLAW_CONFIG_PATH", "OPENCLAW_STATE_DIR", "NODE_OPTIONS", "SECRET"):
        monkeypatch.setenv(name, "from-outside")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    node = tmp_path / "node-folder" / "bin" / "node"
    printed = json.loads(make("print(json.dumps(dict(os.environ)))", node).run("x", limit=LONG).stdout)
    printed.pop("LC_CTYPE", None)  # Python sets it for itself
    assert printed == {
        "HOME": str(tmp_path / "scratch" / "home"),
        "TMPDIR": str(tmp_path / "scratch" / "tmp"),
        "OPENCLAW_STATE_DIR": str(tmp_path / "state"),
        "OPENCLAW_LOG_LEVEL": "silent",
        "PATH": f"{node.parent}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
    }


@needs_confinement
def test_nothing_can_be_written_but_beside_the_state_and_in_the_folders_of_its_own(make: Make, tmp_path: Path) -> None:
    places = {
        "state": tmp_path / "state",
        "home": tmp_path / "scratch" / "home",
        "beside": tmp_path,
        "other": tmp_path.parent,
        "root": Path("/"),
    }
    text = f"""
for name, place in { ({name: str(place) for name, place in places.items()})!r}.items():
    try:
        open(place + "/written", "w").close()
    except OSError as error:
        print(name, error.strerror)
open("in-the-home", "w").close()
open(os.environ["TMPDIR"] + "/temporary", "w").close()
open("/dev/null", "w").close()
"""
    step = make(text).run("x", limit=LONG)
    assert (step.exit_code, step.stderr) == (0, b"")
    assert step.stdout.decode().splitlines() == ["other Read-only file system", "root Read-only file system"]
    assert (tmp_path / "state" / "written").exists()


def test_the_command_runs_in_its_own_home_and_has_no_input(make: Make, tmp_path: Path) -> None:
    step = make("print(os.getcwd()); print(repr(sys.stdin.read()))").run("x", limit=LONG)
    assert step.stdout.decode().splitlines() == [str(tmp_path / "scratch" / "home"), "''"]


def test_the_state_may_be_named_by_a_relative_path(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make("print(os.environ['OPENCLAW_STATE_DIR'])")
    monkeypatch.chdir(tmp_path)
    step = Client(Path("openclaw"), Path("state"), Path("scratch")).run("x", limit=LONG)
    assert step.stdout.decode().strip() == str(tmp_path / "state")


def test_output_beyond_the_limit_is_read_and_dropped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "OUTPUT_LIMIT", 1000)
    step = make("sys.stdout.write('x' * 3_000_000); sys.stderr.write('y' * 10)").run("x", limit=LONG)
    assert (step.exit_code, step.stdout, step.stderr) == (0, b"x" * 1000, b"y" * 10)


def test_a_package_folder_is_run_with_node(tmp_path: Path) -> None:
    package, bin_folder = tmp_path / "package", tmp_path / "bin"
    package.mkdir()
    bin_folder.mkdir()
    (package / "openclaw.mjs").write_text("no script")
    (bin_folder / "node").write_text('#!/bin/sh\necho "$@"\n')
    (bin_folder / "node").chmod(0o755)
    client = Client(package, tmp_path / "state", tmp_path / "scratch", bin_folder / "node")
    step = client.run("sessions", limit=LONG)
    assert step.stdout.decode().split() == [str(package / "openclaw.mjs"), "sessions"]


@pytest.mark.parametrize("missing", ["nowhere", "empty-folder"])
def test_a_missing_launcher_is_refused_before_anything_runs(tmp_path: Path, missing: str) -> None:
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(UsageError) as caught:
        Client(tmp_path / missing, tmp_path / "state", tmp_path / "scratch")
    assert caught.value.subject is not None
    assert not (tmp_path / "scratch").exists()
    assert missing not in caught.value.sentence


def test_a_launcher_that_cannot_be_executed_is_a_failed_step(make: Make, tmp_path: Path) -> None:
    client = make("")
    (tmp_path / "openclaw").chmod(0o644)
    step = client.run("x", limit=LONG)
    assert step.exit_code == sandbox.NO_SANDBOX
    assert step.stderr.startswith(b"sandbox: ")


# what a command leaves running

SPAWN = """
detached = [sys.executable, "-IS", "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
for new_session in (False, True):
    print(subprocess.Popen(detached, start_new_session=new_session).pid, flush=True)
"""


@needs_linux
def test_whatever_a_command_leaves_running_is_ended_with_it(make: Make) -> None:
    step = make(SPAWN).run("x", limit=LONG)
    pids = [int(line) for line in step.stdout.split()]
    assert step.exit_code == 0
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


@needs_linux
def test_the_time_limit_ends_the_command_and_all_its_children(make: Make) -> None:
    hang = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    client = make(SPAWN + hang)
    for limit in LIMITS:
        step = client.run("x", limit=limit)
        pids = [int(line) for line in step.stdout.split()]
        assert step.exit_code is None
        assert not any(alive(pid) for pid in pids)
        assert limit <= step.seconds < limit + LONG
        if len(pids) == 3:
            return
    pytest.fail("it never had all its children")


@needs_linux
def test_the_command_is_ended_when_whoever_started_it_is_killed(make: Make, tmp_path: Path) -> None:
    pids = tmp_path / "state" / "pids"
    make(f"sys.stdout = open({str(pids)!r}, 'w')\n" + SPAWN + "print('all', flush=True); time.sleep(600)")
    words = [str(tmp_path / name) for name in ("openclaw", "state", "scratch")]
    text = (
        "import sys; from pathlib import Path; from migrator.upgrades.release.client import Client\n"
        "Client(*map(Path, sys.argv[1:])).run('x', limit=600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", text, *words], cwd=SANDBOX.parent.parent.parent)
    wait_until(lambda: pids.exists() and pids.read_text().endswith("all\n"))
    starter.kill()
    starter.wait()
    wait_until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()[:-1]))


@needs_isolation
def test_a_command_sees_no_network_but_its_own_loopback(make: Make) -> None:
    client = make("print(sorted(line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line))")
    assert client.isolated
    assert client.run("x", limit=LONG).stdout.decode().strip() == "['lo']"


# what it asks OpenClaw for

ANSWERS = """
answers = {
    ("--version",): "OpenClaw 2026.9.6 (eb377ac)",
    ("sessions", "--json", "--all-agents", "--limit", "all"): '{"sessions": [{"key": "a"}, {"key": "b"}]}',
    ("status", "--json"): "{}",
}
print(answers[tuple(words)])
"""


def test_the_version_is_the_number_of_the_release(make: Make) -> None:
    assert make(ANSWERS).version() == "2026.9.6"


def test_a_launcher_that_is_no_openclaw_has_no_version(make: Make) -> None:
    with pytest.raises(ClientError) as caught:
        make("print('v24.1.0')").version()
    assert caught.value.step.stdout == b"v24.1.0\n"


def test_the_sessions_are_the_objects_that_were_printed(make: Make) -> None:
    step, sessions = make(ANSWERS).sessions()
    assert sessions == ({"key": "a"}, {"key": "b"})
    assert step.exit_code == 0
    assert make(ANSWERS).status().stdout == b"{}\n"


def test_a_failed_listing_has_no_sessions_and_says_so_by_its_exit_code(make: Make) -> None:
    step, sessions = make("print('{\"sessions\": [{}]}'); sys.exit(1)").sessions()
    assert (step.exit_code, sessions) == (1, ())


@pytest.mark.parametrize(
    "printed",
    ["", "[]", "{}", '{"sessions": {}}', '{"sessions": [1]}', '{"sessions": [', '{"sessions": [], "hasMore": true}'],
)
def test_a_list_that_is_not_whole_is_never_taken_for_an_answer(make: Make, printed: str) -> None:
    with pytest.raises(ClientError) as caught:
        make(f"print({printed!r})").sessions()
    assert caught.value.step.exit_code == 0


DOCTOR = """
with open("runs", "a") as file:
    file.write(json.dumps(words) + "\\n")
sys.exit(CODES[len(open("runs").readlines()) - 1])
"""


@pytest.mark.parametrize(("codes", "seen"), [([0, 0], [0]), ([1, 0], [1, 0]), ([1, 1, 0], [1, 1])])
def test_doctor_gets_a_second_try_and_no_third(make: Make, tmp_path: Path, codes: list[int], seen: list[int]) -> None:
    steps = make(DOCTOR.replace("CODES", repr(codes))).doctor_fix()
    assert [step.exit_code for step in steps] == seen
    runs = (tmp_path / "scratch" / "home" / "runs").read_text().splitlines()
    assert [json.loads(run) for run in runs] == [["doctor", "--fix", "--non-interactive"]] * len(seen)


def test_doctor_is_not_tried_again_after_the_time_limit(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "DOCTOR_LIMIT", 0.5)
    assert [step.exit_code for step in make("time.sleep(600)").doctor_fix()] == [None]


# the gateway

GATEWAY = """
if words[:2] == ["gateway", "run"]:
    with open(words[words.index("--password-file") + 1]) as file:
        password = file.read()
    assert os.stat(file.name).st_mode & 0o077 == 0
    port = int(words[words.index("--port") + 1])
    assert str(port) == os.environ["OPENCLAW_GATEWAY_PORT"]
    def stop(number, frame):
        print("closed in peace", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    server = socket.create_server(("127.0.0.1", port))
    print("the password is", password, os.getpid(), flush=True)
    while True:
        connection, _ = server.accept()
        connection.close()
password = os.environ["OPENCLAW_GATEWAY_PASSWORD"]
if words == ["status", "--json"]:
    sys.exit("all is well")
assert words[:2] == ["gateway", "call"], words
host, port = os.environ["OPENCLAW_GATEWAY_URL"].removeprefix("ws://").split(":")
socket.create_connection((host, int(port))).close()
parameters = json.loads(words[words.index("--params") + 1])
print(json.dumps({words[2] == "chat.history" and "messages" or "sessions": [{"asked": parameters, "shown": password}]}))
"""


def test_a_gateway_is_asked_over_loopback_and_closed_in_peace(make: Make) -> None:
    with make(GATEWAY).gateway() as gateway:
        step, sessions = gateway.sessions()
        _, messages = gateway.history("agent:main:main", 50)
    assert sessions[0]["asked"] == client_module.LISTED | client_module.UNOWNED
    assert messages[0]["asked"] == {"sessionKey": "agent:main:main", "limit": 50}
    assert step.arguments[:3] == ("gateway", "call", "sessions.list")
    assert b"closed in peace" in gateway.step.stdout
    assert not alive(int(gateway.step.stdout.split()[4]))


def test_a_gateway_that_refuses_sessions_without_an_owner_is_asked_for_the_others(make: Make) -> None:
    refusal = "if 'includeGlobal' in parameters:\n    sys.exit(1)\n"
    refuse = GATEWAY.replace("print(json.dumps", refusal + "print(json.dumps")
    with make(refuse).gateway() as gateway:
        step, sessions = gateway.sessions()
    assert (step.exit_code, sessions[0]["asked"]) == (0, client_module.LISTED)


def test_a_gateway_to_which_archived_is_a_yes_or_a_no_is_asked_for_both(make: Make) -> None:
    refusal = "if not isinstance(parameters['archived'], bool):\n    sys.exit('at /archived: must be boolean')\n"
    refuse = GATEWAY.replace("print(json.dumps", refusal + "print(json.dumps")
    with make(refuse).gateway() as gateway:
        step, sessions = gateway.sessions()
    asked = [session["asked"] for session in sessions]
    whole = client_module.LISTED | client_module.UNOWNED
    assert (step.exit_code, asked) == (0, [whole | {"archived": True}, whole | {"archived": False}])


def test_a_gateway_that_gives_half_of_a_list_has_given_none(make: Make) -> None:
    refusal = "if not parameters['archived'] is True:\n    sys.exit('at /archived: must be boolean')\n"
    refuse = GATEWAY.replace("print(json.dumps", refusal + "print(json.dumps")
    client = make(refuse)
    with pytest.raises(ClientError), client.gateway(limit=2):
        pytest.fail("it never answered")


@pytest.mark.parametrize(("total", "is_whole"), [(1, True), (2, False)])
def test_a_history_of_which_there_is_more_is_whole_where_all_its_messages_are_there(
    make: Make, total: int, is_whole: bool
) -> None:
    told = GATEWAY.replace('"shown": password}]}', f'"shown": password}}], "hasMore": True, "totalMessages": {total}}}')
    with make(GATEWAY).gateway() as gateway:
        make(told)
        if is_whole:
            assert len(gateway.history("agent:main:main", 50)[1]) == 1
        else:
            with pytest.raises(ClientError):
                gateway.history("agent:main:main", 50)


def test_the_password_is_on_no_command_line_and_in_no_step(make: Make) -> None:
    with make(GATEWAY).gateway() as gateway:
        step, sessions = gateway.sessions()
    assert sessions[0]["shown"] == "SECRET"
    assert gateway.step.stdout.startswith(b"the password is SECRET ")
    assert b'"shown": "SECRET"' in step.stdout


def test_the_state_of_the_installation_is_asked_for_beside_the_gateway(make: Make) -> None:
    with make(GATEWAY).gateway() as gateway:
        step = gateway.status()
    assert (step.arguments, step.stderr) == (("status", "--json"), b"all is well\n")


@needs_isolation
def test_nobody_outside_can_reach_the_gateway(make: Make) -> None:
    with make(GATEWAY).gateway() as gateway:
        port = gateway.step.arguments[gateway.step.arguments.index("--port") + 1]
        words = [sys.executable, "-c", client_module._CONNECT, port]
        assert subprocess.run(words, capture_output=True, check=False).returncode != 0


def test_the_gateway_is_ended_when_the_block_fails(make: Make) -> None:
    with pytest.raises(ZeroDivisionError), make(GATEWAY).gateway() as gateway:
        raise ZeroDivisionError
    assert not alive(int(gateway.step.stdout.split()[4]))


def test_a_gateway_that_ends_at_once_is_an_error_with_what_it_said(make: Make) -> None:
    with pytest.raises(ClientError) as caught, make("print('no', file=sys.stderr); sys.exit(78)").gateway():
        pytest.fail("it never answered")
    assert caught.value.step.stderr == b"no\n"
    assert caught.value.step.exit_code == 78


def test_a_gateway_that_never_answers_is_given_up_and_ended(make: Make) -> None:
    client = make("print(os.getpid(), flush=True); time.sleep(600)")
    for limit in LIMITS:
        with pytest.raises(ClientError) as caught, client.gateway(limit=limit):
            pytest.fail("it never answered")
        assert caught.value.step.exit_code is None
        if caught.value.step.stdout:
            assert not alive(int(caught.value.step.stdout))
            return
    pytest.fail("it never began")


def test_a_gateway_that_listens_but_refuses_every_call_has_not_started(make: Make) -> None:
    refuse = GATEWAY.replace("parameters = json.loads", "sys.exit(1)\nparameters = json.loads")
    with pytest.raises(ClientError), make(refuse).gateway(limit=2):
        pytest.fail("it never answered")


# the sandbox itself


def test_a_sandbox_that_cannot_be_made_runs_nothing(tmp_path: Path) -> None:
    words = ["--beside=0", "--", "touch", str(tmp_path / "made")]
    done = subprocess.run([sys.executable, "-IS", str(SANDBOX), *words], capture_output=True, check=False)
    assert done.returncode == sandbox.NO_SANDBOX
    assert done.stderr.startswith(b"sandbox: ")
    assert not (tmp_path / "made").exists()
