"""Strings planted in an installation must never come out of any command, in any format, with any flag."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli
from migrator.privacy.guard import LeakGuard
from migrator.privacy.labels import Labels, clear_text
from tests.fake_release import fake_release

PHONE, NAME, TOKEN, MAIL = "+4915112345678", "Wilhelmina", "sk-canary-7Qx9", "canary@example.org"
HOST, PLACE, DIRECTORY, HOME = "canaryhost.lan", "Zwiebelstrasse", "Ärztin Wilhelmina", "canary-home"
CANARIES = (PHONE, PHONE[3:], NAME, TOKEN, MAIL, HOST, PLACE, DIRECTORY, HOME)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    root = tmp_path / HOME / ".openclaw"
    sessions = root / "agents" / DIRECTORY / "sessions"
    sessions.mkdir(parents=True)
    entries: dict[str, object] = {
        f"agent:main:whatsapp:direct:{PHONE}": {
            "sessionId": f"{NAME}-1",
            "updatedAt": 1,
            "label": f"Talk with {NAME}",
            "deliveryContext": {"to": MAIL, "token": TOKEN},
            "sessionFile": f"/home/{HOME}/agents/x/sessions/{NAME}-1.jsonl",
        },
        f"agent:main:{HOST}": {"updatedAt": 2, "note": PLACE},
        f"agent:main:{TOKEN}": None,
    }
    (sessions / "sessions.json").write_text(json.dumps(entries, indent=2), encoding="utf-8")
    header = json.dumps({"type": "session", "id": f"{NAME}-1", "cwd": f"/srv/{PLACE}"})
    (sessions / f"{NAME}-1.jsonl").write_text(f"{header}\n{{broken {TOKEN}\n", encoding="utf-8")
    config = {"gateway": {"token": TOKEN, "host": HOST}, "agents": {"list": [{"id": NAME}]}}
    (root / "openclaw.json").write_text(json.dumps(config), encoding="utf-8")
    broken = root / "agents" / f"{NAME} broken" / "sessions"
    broken.mkdir(parents=True)
    (broken / "sessions.json").write_bytes(b'{"agent:x:' + TOKEN.encode() + b'": {"sessionId": ')
    return root


def commands(state: Path, folder: Path) -> Iterator[list[str]]:
    """Every command, with every flag that changes what it says."""
    where = ["--state-dir", str(state)]
    agent = ["--agent", DIRECTORY]
    store = ["--store", str(state / "agents" / DIRECTORY / "sessions" / "sessions.json")]
    for form in ([], ["--format", "json"], ["--names", "labels"]):
        yield ["scan", *where, *form]
        yield ["plan", *where, *form, "--proof", str(folder / NAME)]
        yield ["verify", *where, *form, "--proof", str(folder / NAME)]
    yield ["scan", *where, *agent]
    yield ["scan", *where, *store]
    yield ["scan", *where, "--agent", "No " + NAME]
    yield ["scan", "--state-dir", str(state / PLACE)]
    yield ["scan", *where, "--config", str(state / PLACE)]
    yield ["scan", *where, "--expect-sessions", "99"]
    yield ["plan", *where, "--output", str(folder / NAME / "plan.json")]
    yield ["plan", *where, "--output", str(state / "plan.json")]
    yield ["apply", str(folder / PLACE)]
    yield ["apply", *where]
    yield ["apply", str(folder / NAME / "plan.json"), "--proof", str(folder / NAME)]
    yield ["apply", *where, "--yes", "--format", "json", "--proof", str(folder / NAME)]
    yield ["verify", *where, "--format", "json", "--proof", str(folder / NAME)]
    yield ["proof", "check", str(folder / NAME / "verify.proof.jsonl")]
    yield ["proof", "check", str(folder / NAME / "missing")]
    for shape in ("text", "json", "markdown"):
        yield ["proof", "merge", "--format", shape, str(folder / NAME / "verify.proof.jsonl"), str(folder / PLACE)]
    gossip = f"rows = [row | {{'label': {TOKEN!r}}} for row in rows]\nprint({NAME!r}, state, file=sys.stderr)"
    fails = f"{gossip}\nif words[:1] == ['doctor']:\n    sys.exit('Invalid session ID: {PHONE}')"
    for way, twist in (("migrator", gossip), ("both", fails)):
        release = str(fake_release(folder / PLACE / way, twist))
        bundle = str(folder / NAME / way)
        places = ["--old", release, "--new", release, "--with", way, "--proof", bundle]
        yield ["prove", *where, *places]
        yield ["prove", *where, *places]  # there is a bundle already
        yield ["proof", "check", bundle]
    yield ["prove", *where, "--new", str(folder / PLACE), "--format", "json"]
    yield ["proof", "reveal", "agent:000000000000", "--key", str(folder / NAME), *where]


def run(arguments: list[str]) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def everything_said(state: Path, folder: Path) -> str:
    """All that the commands print, and all that their proofs hold."""
    said = []
    for arguments in commands(state, folder):
        (folder / NAME).mkdir(exist_ok=True)
        result = run(arguments)
        said.append(f"{arguments[0]} {result.exit_code}\n{result.output}\n{result.stderr}")
    proofs = [
        path
        for path in folder.rglob("*")
        if path.suffix in (".jsonl", ".md", ".json", ".txt") and path.name != "plan.json"
    ]
    proofs += (state / "migrator-runs").rglob("*.proof.jsonl")
    assert proofs
    return "\n".join(said + [path.read_text(encoding="utf-8") for path in proofs])


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text.casefold())


def in_base64(canary: str) -> Iterator[str]:
    """What stays of a word in base64, whichever of three bytes it begins at, without what depends on its neighbours."""
    for before in range(3):
        text = b64encode(b"\0" * before + canary.encode()).decode().rstrip("=")
        yield text[-(-before * 4 // 3) : len(text) - 1]


def spellings(canary: str) -> dict[str, set[str]]:
    """The ways in which a word could be written so that nobody would notice it by reading, all of them folded."""
    octal = "".join(f"\\{byte:03o}" if byte > 127 else chr(byte) for byte in canary.encode())
    made = {
        "as it is": {canary},
        "decomposed": {unicodedata.normalize("NFD", canary)},
        "JSON": {json.dumps(canary)[1:-1], json.dumps(json.dumps(canary))[3:-3]},
        "Python": {ascii(canary)[1:-1], repr(canary.encode())[2:-1], octal},
        "a link": {quote(canary, safe=""), quote(quote(canary, safe="")), quote_plus(canary)},
        "HTML": {html.escape(canary), canary.encode("ascii", "xmlcharrefreplace").decode()},
        "hex": {canary.encode().hex(), canary.encode("utf-16-le").hex(), canary.encode().hex(" ")},
        "base64": set(in_base64(canary)),
        "reversed": {canary[::-1]},
        "spaced": {" ".join(canary), "\0".join(canary)},
    }
    return {name: {folded(text) for text in texts} for name, texts in made.items()}


def joined(text: str) -> str:
    """A text without what lines, columns and frames could have put between the parts of a word."""
    return re.sub(r"[\s|│┃+=>*`_-]+", "", folded(text))


def leaked(text: str) -> list[str]:
    """The canaries in a text, however they are spelled or broken up. This is what the guard at the door does not do."""
    plain, together = folded(text), joined(text)
    return [
        canary
        for canary in CANARIES
        if joined(canary) in together or any(one in plain for texts in spellings(canary).values() for one in texts)
    ]


@pytest.mark.parametrize("canary", CANARIES)
def test_a_canary_would_be_seen_in_every_spelling_and_broken_up(canary: str) -> None:
    for name, texts in spellings(canary).items():
        assert all(canary in leaked(f"missing: {text}!") for text in texts), name
    for text in (
        f"{canary[:3]}\n    {canary[3:]}",
        f"| {canary[:4]} |\n| {canary[4:]} |",
        canary.upper(),
        canary.title(),
    ):
        assert canary in leaked(f"missing: {text}!")
    assert leaked("The session of agent main is missing: 12 of 34 in 0f1e2d3c4b5a") == []


def test_no_planted_string_leaves_by_any_command(state: Path, tmp_path: Path) -> None:
    folder = tmp_path / "proofs"
    folder.mkdir()
    said = everything_said(state, folder)
    assert leaked(said) == []
    assert "withheld" not in said
    assert "internal error" not in said


def test_the_guard_withholds_everything_when_redaction_is_switched_off(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Labels, "of", staticmethod(clear_text))
    result = run(["scan", "--state-dir", str(state)])
    assert result.exit_code == 2
    assert "withheld" in result.stderr
    assert leaked(result.output) == []


def test_the_planted_strings_would_be_seen_without_redaction_and_guard(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def let_pass(_guard: LeakGuard, *_arguments: object) -> None:
        return

    monkeypatch.setattr(Labels, "of", staticmethod(clear_text))
    monkeypatch.setattr(LeakGuard, "check_names", let_pass)
    monkeypatch.setattr(LeakGuard, "check_sources", let_pass)
    assert leaked(run(["scan", "--state-dir", str(state)]).output)


def test_an_internal_error_says_where_it_happened_and_nothing_of_what_was_read(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> Callable[..., None]:
        raise RuntimeError(f"{TOKEN} at {DIRECTORY}")

    monkeypatch.setattr("migrator.commands.request.make_inventory", fail)
    result = run(["scan", "--state-dir", str(state)])
    assert result.exit_code == 2
    assert "internal error (RuntimeError)" in result.stderr
    assert "request.py" in result.stderr
    assert leaked(result.output + result.stderr) == []
