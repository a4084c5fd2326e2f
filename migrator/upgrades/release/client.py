"""Runs a real OpenClaw release on a private copy of a state directory, without harm to anything else.

Every process gets a home and a folder for temporary files of its own, an environment with nothing else in it, no
input, and a time limit; where the system allows that, no network but loopback, and no right to write to anything but
these folders and the one that holds the state directory. Whatever it leaves running is ended (see
:mod:`migrator.upgrades.release.sandbox`). What no setting moves: OpenClaw 2026.9.6 keeps empty lock files in
``/tmp/openclaw-state-locks-<uid>``. Its log in ``/tmp/openclaw`` is switched off.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from migrator.model.errors import MigratorError, UsageError
from migrator.model.words import Name
from migrator.upgrades.release.process import PYTHON, Process, Step, network_can_be_cut_off, writes_can_be_confined

READ_LIMIT, DOCTOR_LIMIT, STATUS_LIMIT, START_LIMIT = 300.0, 900.0, 300.0, 120.0
STOP_GRACE = 20.0
"""Seconds that a gateway gets to close its databases; 2026.9.6 needs two."""

LISTED = {"archived": "all", "limit": 1_000_000}
"""Without this the gateway leaves archived sessions out, and ends its list early (2026.8.2 and 2026.9.6)."""

UNOWNED = {"includeGlobal": True, "includeUnknown": True}
"""Also list the sessions ``global`` and ``unknown``."""

_CONNECT = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"


class ClientError(MigratorError):
    """A real OpenClaw did not do what it was started for. ``step`` is how it ran."""

    exit_code = 1

    def __init__(self, sentence: str, step: Step, subject: Name | None = None) -> None:
        super().__init__(sentence, subject)
        self.step = step


Items = tuple[dict[str, object], ...]


class Client:
    """One installed OpenClaw and one private state directory, which it may change, as it may what is beside it.

    ``launcher`` is the ``openclaw`` script or the folder of the npm package, ``node`` the Node to run it with, if it
    is not the one on the PATH. ``scratch`` is for the home and the temporary files. Raises UsageError if there is no
    launcher, or on Windows, where processes cannot be held together this way.
    """

    def __init__(self, launcher: Path, state: Path, scratch: Path, node: Path | None = None) -> None:
        if os.name != "posix":  # pragma: no cover - Windows
            raise UsageError("A real OpenClaw can be run on Linux and macOS only.")
        script = launcher / "openclaw.mjs" if launcher.is_dir() else launcher
        if not script.is_file():
            raise UsageError("There is no OpenClaw at {subject}; name its launcher.", Name("path", str(launcher)))
        self._command = (*(("node",) if script.suffix == ".mjs" else ()), os.path.abspath(script))
        self._home, temporary = scratch.absolute() / "home", scratch.absolute() / "tmp"
        for folder in (self._home, temporary):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        locks = Path(f"/tmp/openclaw-state-locks-{os.getuid()}")  # noqa: S108 - the name is OpenClaw's
        locks.mkdir(mode=0o700, exist_ok=True)
        # Not only the state directory itself: 2026.9.6 puts things beside it while it is under maintenance.
        self._writable = (Path(os.path.abspath(state)).parent, self._home, temporary, locks)
        path = os.environ.get("PATH", os.defpath)
        self._environment = {
            "HOME": str(self._home),
            "TMPDIR": str(temporary),
            "OPENCLAW_STATE_DIR": os.path.abspath(state),
            "OPENCLAW_LOG_LEVEL": "silent",  # or else it logs to /tmp/openclaw, whatever TMPDIR says
            "PATH": path if node is None else os.pathsep.join((os.path.abspath(node.parent), path)),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
        }

    @property
    def isolated(self) -> bool:
        """Whether the processes are cut off from every network but a loopback of their own."""
        return network_can_be_cut_off()

    @property
    def confined(self) -> bool:
        """Whether the processes can write to nothing but the folder that holds the state, and those of their own."""
        return writes_can_be_confined()

    def run(self, *arguments: str, limit: float) -> Step:
        """Run one command to its end, or for ``limit`` seconds."""
        return Process(self._command, arguments, self._environment, self._home, writable=self._writable).run(limit)

    def start(self) -> Step:
        """Start it, for no more than its name."""
        return self.run("--version", limit=READ_LIMIT)

    def version(self) -> str:
        """The release, such as "2026.9.6". Raises ClientError if it does not say."""
        step = self.start()
        found = re.search(rb"\b\d{4}\.\d+\.\d+[\w.-]*", step.stdout)
        if step.exit_code != 0 or found is None:
            raise ClientError("This OpenClaw does not say which release it is.", step)
        return found[0].decode("ascii", "replace")

    def sessions(self) -> tuple[Step, Items]:
        """List the sessions of all configured agents; none if the command failed.

        2026.6.1 to 2026.9.6 take these options. Raises ClientError if it succeeded, and the list is not whole.
        """
        return _items(self.run("sessions", "--json", "--all-agents", "--limit", "all", limit=READ_LIMIT), "sessions")

    def doctor_fix(self) -> Iterator[Step]:
        """Let OpenClaw migrate and repair the state, while the steps are taken; the last one counts.

        If the first run fails there is a second: 2026.9.6 refuses every state with an agent database at schema 1
        once, and that run makes the journal which it lacked. (A command that only reads makes it too, but refuses
        a configuration that an older release wrote before it comes to that.)
        """
        fix = ("doctor", "--fix", "--non-interactive")
        first = self.run(*fix, limit=DOCTOR_LIMIT)
        yield first
        if first.exit_code not in (0, None):
            yield self.run(*fix, limit=DOCTOR_LIMIT)

    def status(self) -> Step:
        """Ask for the state of the installation. Without a gateway that takes a minute: it waits for one."""
        return self.run("status", "--json", limit=STATUS_LIMIT)

    @contextmanager
    def gateway(self, limit: float = START_LIMIT) -> Iterator[Gateway]:
        """Run a gateway on a free port of the loopback, without channels, cron and announcements.

        Port, password and mode are given by options and variables, so the configuration stays as it is, and the
        password stands on no command line. (A token would do, too, but one in the configuration counts for more:
        2026.9.6.) Raises ClientError if it does not answer within ``limit`` seconds.
        """
        port, password = _free_port(), secrets.token_hex(24)
        password_file = self._home / ".gateway-password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        environment = {
            **self._environment,
            "OPENCLAW_GATEWAY_PORT": str(port),
            "OPENCLAW_SKIP_CHANNELS": "1",
            "OPENCLAW_DISABLE_BONJOUR": "1",
            "OPENCLAW_SKIP_CRON": "1",
        }
        options = ("--bind", "loopback", "--tailscale", "off", "--allow-unconfigured")
        secured = ("--auth", "password", "--password-file", str(password_file))
        words = ("gateway", "run", "--port", str(port), *options, *secured)
        process = Process(
            self._command, words, environment, self._home, grace=STOP_GRACE, secret=password, writable=self._writable
        )
        try:
            gateway = Gateway(self, process, port, password)
            answers = gateway._answers_within(limit)
            if answers:
                yield gateway
        finally:
            process.end()
        if not answers:
            raise ClientError("The gateway of this OpenClaw did not answer in time.", process.step())


class Gateway:
    """A gateway that answers. Ask it only inside the block that :meth:`Client.gateway` begins."""

    def __init__(self, client: Client, process: Process, port: int, password: str) -> None:
        self._client, self._process, self._port, self._password = client, process, port, password

    @property
    def step(self) -> Step:
        """How the gateway itself ran, once the block has ended."""
        return self._process.step()

    def sessions(self) -> tuple[Step, Items]:
        """List all sessions but single runs of cron jobs, which no release shows here; none if the call failed.

        Where several agents are configured, 2026.8.2 refuses any list with ``global`` or ``unknown`` in it, also
        after its own import; it is asked again without them then. To 2026.7.2-beta.1 "archived" is a yes or a no
        (``gateway-protocol/src/schema/sessions``), so it is asked for both. Raises ClientError if a list is not whole.
        """
        step = self._call("sessions.list", LISTED | UNOWNED)
        if b"/archived: must be boolean" in step.stdout + step.stderr:
            step, rows = _items(self._call("sessions.list", LISTED | UNOWNED | {"archived": True}), "sessions")
            if step.exit_code == 0:
                step, others = _items(self._call("sessions.list", LISTED | UNOWNED | {"archived": False}), "sessions")
                rows += others
            return step, rows if step.exit_code == 0 else ()
        if step.exit_code not in (0, None):
            step = self._call("sessions.list", LISTED)
        return _items(step, "sessions")

    def history(self, session_key: str, limit: int) -> tuple[Step, Items]:
        """The last ``limit`` messages of a session, oldest first; none if the call failed.

        The gateway adds a member ``__openclaw`` to each, and leaves out what is no message.
        """
        return _items(self._call("chat.history", {"sessionKey": session_key, "limit": limit}), "messages")

    def status(self) -> Step:
        """Ask for the state of the installation, of which the gateway is a part."""
        return self._beside(("status", "--json"), STATUS_LIMIT)

    def _call(self, method: str, parameters: Mapping[str, object]) -> Step:
        words = ("gateway", "call", method, "--params", json.dumps(parameters), "--json", "--timeout", "60000")
        return self._beside(words, READ_LIMIT)

    def _beside(self, words: tuple[str, ...], limit: float) -> Step:
        """Run a command that reaches the gateway."""
        client, password = self._client, self._password
        environment = {
            **client._environment,
            "OPENCLAW_GATEWAY_URL": f"ws://127.0.0.1:{self._port}",  # counts for more than any configuration
            "OPENCLAW_GATEWAY_PASSWORD": password,
        }
        process = Process(
            client._command,
            words,
            environment,
            client._home,
            beside=self._process,
            secret=password,
            writable=client._writable,
        )
        return process.run(limit)

    def _listens(self) -> bool:
        words, client = (*PYTHON, "-c", _CONNECT), self._client
        process = Process(words, (str(self._port),), client._environment, client._home, beside=self._process)
        return process.run(10).exit_code == 0

    def _answers_within(self, limit: float) -> bool:
        """Wait for the first answer; False when the gateway has ended, or the time is over."""
        deadline = time.monotonic() + limit
        while not self._process.wait(0.25) and time.monotonic() < deadline:
            if self._listens() and self.sessions()[0].exit_code == 0:
                return True
        return False


def _items(step: Step, member: str) -> tuple[Step, Items]:
    """The objects in an array of the JSON that a command printed; none if it failed. Raises ClientError."""
    if step.exit_code != 0:
        return step, ()
    try:
        printed = json.loads(step.stdout)
    except (ValueError, RecursionError):
        printed = None
    items = printed.get(member) if isinstance(printed, dict) else None
    # 2026.7.2-beta.1 says of a history that it has given whole that there is more of it.
    if (
        not isinstance(items, list)
        or not all(isinstance(one, dict) for one in items)
        or (printed.get("hasMore") and printed.get("totalMessages") != len(items))
    ):
        raise ClientError("This OpenClaw printed no whole list of what it was asked for.", step)
    return step, tuple(items)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
