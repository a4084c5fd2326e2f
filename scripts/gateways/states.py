"""A state directory as a gateway of an old release writes it: made once, and kept beside the installed releases."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from migrator.upgrades.release.cache import cache_folder, install_release
from migrator.upgrades.release.process import PYTHON, Process

MODEL = Path(__file__).with_name("model.py")
MODEL_PORT, GATEWAY_PORT = 19771, 19772  # both are alone in a network of their own
TOKEN = "t0k"  # noqa: S105 - for a gateway that lives a minute
READY, QUIET, PATIENCE = 240, 2, 180  # seconds
RETIRED = ("retired-agent", "Retired Agent")

MAIN, RESET, NEW, GONE = (f"agent:main:{name}" for name in ("main", "resetme", "newme", "gone"))
TOPIC, THREAD = (
    f"agent:main:{name}" for name in ("telegram:group:-100200300:topic:7", "slack:channel:c0abc:thread:1700.55")
)

Action = tuple[str, dict[str, Any]]


def _says(key: str, message: str) -> Action:
    return "chat.send", {"sessionKey": key, "message": message}


ACTIONS: tuple[Action, ...] = (
    _says(MAIN, "hello"),
    _says(MAIN, 'use exec {"command": "echo hi"}'),
    _says(MAIN, 'use sessions_spawn {"task": "say hi as a child", "label": "child"}'),
    _says(TOPIC, "in a topic"),
    _says(THREAD, "in a thread"),
    _says("agent:main:incident-42", "incident"),
    _says("agent:ops-team:main", "hello ops"),
    _says(f"agent:{RETIRED[0]}:main", "hello from long ago"),
    _says(RESET, "before the reset"),
    ("sessions.reset", {"key": RESET}),
    _says(RESET, "after the reset"),
    _says(NEW, "before new"),
    _says(NEW, "/new"),
    _says(NEW, "after new"),
    _says(GONE, "to be deleted"),
    ("sessions.delete", {"key": GONE, "deleteTranscript": True}),
    ("chat.inject", {"sessionKey": MAIN, "message": "a note from outside", "label": "note"}),
    ("sessions.compact", {"key": MAIN, "maxLines": 6}),
)
"""What is asked of a gateway, in this order."""


def state_of(release: str) -> Path:
    """The state that a gateway of this release wrote, made now unless it is there.

    Raises RuntimeError where none can be made.
    """
    kept = cache_folder() / f"state-{release}"
    if not kept.exists():
        launcher = install_release(release)
        with tempfile.TemporaryDirectory(prefix=f".state-{release}-", dir=cache_folder()) as folder:
            writer = _Writer(launcher, Path(folder))
            writer.write()
            writer.finished().rename(kept)
    return kept


class _Writer:
    """A gateway, the model that it asks, and the state directory that it writes, below ``folder``."""

    def __init__(self, launcher: Path, folder: Path) -> None:
        self._launcher, self._home, self._count = launcher, folder / "home", folder / "answers"
        self._state, temporary = self._home / ".openclaw", folder / "tmp"
        for one in (self._state, temporary):
            one.mkdir(parents=True)
        self._environment = {
            "HOME": str(self._home),
            "TMPDIR": str(temporary),
            "OPENCLAW_STATE_DIR": str(self._state),
            "OPENCLAW_SKIP_CHANNELS": "1",
            "OPENCLAW_DISABLE_BONJOUR": "1",
            "OPENCLAW_SKIP_CRON": "1",
            "PATH": os.environ.get("PATH", os.defpath),
            "NO_COLOR": "1",
        }

    def write(self) -> None:
        """Let the gateway do all that is asked of it. Raises RuntimeError if it does not answer."""
        self._configure(("main", "Ops Team", RETIRED[0]))
        model = Process((*PYTHON, str(MODEL)), (str(MODEL_PORT), str(self._count)), self._environment, self._home)
        running = [model]
        try:
            # Not earlier: whoever comes before the model has left the network does not come into its new one.
            self._wait(self._count.exists, model)
            words = ("gateway", "run", "--port", str(GATEWAY_PORT), "--bind", "loopback")
            running.append(self._start(words, model, grace=20))
            self._wait(lambda: self._call(model, "health", {}), running[-1])
            for method, parameters in ACTIONS:
                if not self._do(model, method, parameters):
                    print(f"{self._launcher.name}: no {method} {parameters}", file=sys.stderr)
        finally:
            for process in reversed(running):
                process.end()

    def finished(self) -> Path:
        """The state directory, with one agent that is no longer configured, and with the paths of nobody.

        Raises RuntimeError if it has no sessions in files.
        """
        if not (self._state / "agents" / "main" / "sessions" / "sessions.json").exists():
            raise RuntimeError(f"{self._launcher.name} keeps no sessions in files")
        self._configure(("main", "Ops Team"))
        (self._state / "agents" / RETIRED[0]).rename(self._state / "agents" / RETIRED[1])
        for path in (one for one in self._state.rglob("*.json*") if one.is_file() and not one.is_symlink()):
            path.write_bytes(path.read_bytes().replace(os.fsencode(self._home), b"/home/user"))
        return self._state

    def _configure(self, agents: tuple[str, ...]) -> None:
        model = {"id": "fake-1", "name": "Fake", "input": ["text"], "contextWindow": 128000, "maxTokens": 4096}
        provider = {"baseUrl": f"http://127.0.0.1:{MODEL_PORT}/v1", "api": "openai-completions", "apiKey": "sk-fake"}
        configuration = {
            "agents": {
                "defaults": {"model": {"primary": "fake/fake-1"}, "skipBootstrap": True},
                "list": [{"id": name, **({"default": True} if name == "main" else {})} for name in agents],
            },
            "models": {"mode": "merge", "providers": {"fake": {**provider, "models": [model]}}},
            "gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}},
        }
        (self._state / "openclaw.json").write_text(json.dumps(configuration, indent=2), encoding="utf-8")

    def _do(self, model: Process, method: str, parameters: dict[str, Any]) -> bool:
        """Ask for one thing and wait until it is done; whether it was."""
        answers, is_said = self._count.stat().st_size, method == "chat.send"
        own = {"idempotencyKey": str(uuid.uuid4())} if is_said else {}
        done = self._call(model, method, parameters | own)
        deadline, last = time.monotonic() + PATIENCE, None
        while done and time.monotonic() < deadline:
            is_answered = not is_said or parameters["message"] == "/new" or self._count.stat().st_size > answers
            now = sorted((str(one), one.stat().st_size) for one in (self._state / "agents").rglob("*.json*"))
            if is_answered and now == last:
                return True
            last = now
            time.sleep(QUIET)
        return False

    def _wait(self, is_ready: Callable[[], bool], process: Process) -> None:
        deadline = time.monotonic() + READY
        while not is_ready():
            if process.wait(0.2) or time.monotonic() > deadline:
                raise RuntimeError(f"{self._launcher.name}: {process.step().name} does not answer")

    def _call(self, model: Process, method: str, parameters: dict[str, Any]) -> bool:
        words = ("gateway", "call", method, "--params", json.dumps(parameters), "--json", "--timeout", "60000")
        where = ("--url", f"ws://127.0.0.1:{GATEWAY_PORT}", "--token", TOKEN)
        return self._start((*words, *where), model).run(120).exit_code == 0

    def _start(self, words: tuple[str, ...], model: Process, grace: float = 0.0) -> Process:
        """Start the release in the network of the model."""
        return Process((str(self._launcher),), words, self._environment, self._home, beside=model, grace=grace)
