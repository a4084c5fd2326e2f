"""Skill prompts that stores keep beside themselves, by digest (since 2026.5.28): entries only refer to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from migrator.filesystem import open_regular_file
from migrator.openclaw.text.json_text import parse_strict

_MARK = '"promptRef"'
_HASH = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 512 * 1024
"""OpenClaw keeps longer prompts in the entry itself."""


def prompt_digest(text: str) -> str | None:
    """The digest of the prompt that an entry refers to, empty if it is none; None where it refers to no prompt."""
    try:
        entry = parse_strict(text) if _MARK in text else None
    except ValueError:
        return None
    reference = _member(_member(entry, "skillsSnapshot"), "promptRef")
    digest = _member(reference, "hash")
    return (digest if isinstance(digest, str) else "") if isinstance(reference, Mapping) else None


def read_prompt(folder: Path, digest: str) -> tuple[Path, bytes] | None:
    """Where the prompt of a digest stands below the folder of a store, and its bytes; None without a sound one."""
    if not _HASH.fullmatch(digest):
        return None
    place = Path("skills-prompts", "sha256", digest[:2], f"{digest}.txt")
    try:
        with open_regular_file(folder / place, follow=False) as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError:
        return None
    return (place, content) if sha256(content).hexdigest() == digest else None


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None
