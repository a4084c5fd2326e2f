"""The words of this program, for help texts, the page that is sent, and the README."""

from __future__ import annotations

WORDS = {
    "state directory": "OpenClaw's own folder, such as ~/.openclaw",
    "agent directory": "one folder below agents/; agents are told apart by its name",
    "store": "a sessions.json, which maps session keys to entries",
    "transcript": "one .jsonl file: the history of a session, one event a line",
    "database": "the SQLite file of an agent directory; schema: its version",
    "finding": "something worth knowing: a code, a sentence, and what to do",
    "quarantine": "damaged bytes, kept as they are in the folder of a run",
    "run": "one apply: a folder in migrator-runs/, with backups",
    "proof": "a log of a run or check, without any name: to be shared",
    "label": "agent:7f3a9c21d0ab, say; stands for one name in a proof",
}
"""Our words, for somebody who meets them for the first time."""
