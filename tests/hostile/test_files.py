"""Files that are given to a command, whatever they are: a plan, a proof, a configuration, a folder of a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main as cli
from tests.conftest import fingerprint
from tests.hostile.case import MARK
from tests.worlds import World, entry

CONTENTS: dict[str, bytes] = {
    "no byte": b"",
    "blanks": b" \n",
    "null": b"null",
    "a number": b"42",
    "an array": b"[]",
    "an object": b"{}",
    "a name": f'{{"{MARK}":"{MARK}"}}'.encode(),
    "garbage": bytes(range(256)) * 9,
    "NUL bytes": b"\0" * 999,
    "UTF-16": f'{{"a":"{MARK}"}}'.encode("utf-16"),
    "5,000 digits": b'{"version":' + b"9" * 5000 + b"}",
    "200,000 deep": b"[" * 200_000,
    "cut": b'{"format":"openclaw-session-migrator/plan","version":1,"sel',
    "half a plan": b'{"format":"openclaw-session-migrator/plan","version":1}',
    "a plan of nonsense": b'{"format":"openclaw-session-migrator/plan","version":1,"digest":"x",'
    b'"selection":{"state_dir":"\\ud800","agents":["\\u0000"]}}',
    "a proof of nonsense": b'{"n":0,"prev":"x","event":"begin"}\n{"n":-1}\n[]\n',
    "5 MB in a line": b'{"x":"' + b"y" * (5 << 20) + b'"}',
}
PLACES: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "nothing": str,
}
COMMANDS = {
    "a plan": ["apply", "{file}"],
    "a proof": ["proof", "check", "{file}"],
    "a configuration": ["scan", "--state-dir", "{state}", "--config", "{file}"],
    "another state": ["verify", "--state-dir", "{state}", "--against", "{file}"],
    "a store": ["scan", "--state-dir", "{state}", "--store", "{file}"],
    "a run": ["rollback", "{file}", "--state-dir", "{state}"],
}


def files() -> dict[str, Callable[[Path], object]]:
    written = {name: lambda path, data=data: path.write_bytes(data) for name, data in CONTENTS.items()}
    return {**written, **PLACES}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_given_may_be_anything(tmp_path: Path, command: str) -> None:
    world = World(tmp_path)
    world.agent("main", {f"{MARK}": entry("s1", 5)})
    before = fingerprint(world.state)
    for number, (name, make) in enumerate(files().items()):
        path = tmp_path / f"{MARK} {number}"
        make(path)
        arguments = [part.format(file=path, state=world.state) for part in COMMANDS[command]]
        done = CliRunner().invoke(cli.main, arguments)
        said = done.stdout + done.stderr
        assert done.exit_code in ((0, 10) if command in ("a configuration", "a store") else (1, 2, 10, 12)), (
            name,
            said,
        )
        assert "internal error" not in said, name
        assert MARK not in said.lower(), name
        assert fingerprint(world.state) == before, name
