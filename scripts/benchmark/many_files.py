#!/usr/bin/env python3
"""How long ``scan`` takes where 100,000 files are none of its business, against a plain walk with one look at each.

    python scripts/benchmark/many_files.py [FILES]

Run it with the interpreter of an environment that has this program. The files are as programs, documents and caches of
a home have them, 100 in a folder, beside an agent with one session. Prints the best of three of each, and the memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

MIX = (
    *(("js", "module.exports = {};\n"), ("js", "'use strict';\n"), ("ts", "export const a = 1;\n"), ("map", "{}")),
    *(
        ("md", "# Read me\n\nThis is a page.\n"),
        ("json", '{"name": "left-pad", "version": "1.3.0"}'),
        ("png", "\x89PNG"),
    ),
    *(("txt", "some words of a person\n"), ("log", "2026-05-01 12:00:00 INFO started\n"), ("", "#!/bin/sh\nexit 0\n")),
    *(("py", "import os\n"), ("pyc", "\x6f\x0d\x0d\x0a"), ("css", "a { color: red }\n"), ("yaml", "name: x\n")),
)
"""Endings and how such a file begins; each is some hundred bytes long, or some thousand."""

PLAIN = """
import os, sys, time
begun = time.perf_counter()
count = 0
for folder, folders, files in os.walk(sys.argv[1]):
    for name in files:
        os.lstat(os.path.join(folder, name))
        count += 1
print(time.perf_counter() - begun, count)
"""
SCAN = """
import os, resource, sys, time
from migrator import commands
from migrator.commands.request import Request
from migrator.model.request import Selection, Surroundings
request = Request(Selection(sys.argv[1]), Surroundings({}, "/nowhere", "/nowhere", sys.argv[2]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
report = commands.scan(request)
print(time.perf_counter() - begun, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def build(state: Path, count: int) -> None:
    """Make a state directory with one session, and so many other files."""
    sessions = state / "agents" / "main" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "sessions.json").write_text('{"agent:main:main": {"sessionId": "one", "updatedAt": 1}}')
    (sessions / "one.jsonl").write_text('{"type":"session","id":"one"}\n')
    random = Random(1)  # noqa: S311 - the same input each time
    for number in range(count):
        folder = state / "workspace" / f"{number // 10_000:02d}" / f"{number // 100 % 100:02d}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        ending, begin = random.choice(MIX)
        text = begin + "x" * random.choice((200, 900, 4000))
        (folder / f"file-{number}{ending and '.' + ending}").write_text(text, encoding="latin-1")


def best(code: str, *words: str) -> tuple[float, float]:
    """The shortest time of three runs, and what else the last one said."""
    said = [
        subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(3)
    ]
    return min(float(seconds) for seconds, _ in said), float(said[-1][1])


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = Path(folder, "state")
        build(state, count)
        plain, _ = best(PLAIN, str(state))
        seconds, memory = best(SCAN, str(state), folder)
    print(f"{count} files: plain walk {plain:.2f} s, scan {seconds:.2f} s, {seconds / plain:.2f} times")
    print(f"memory that the scan adds: {memory / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
