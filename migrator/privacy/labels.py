"""Redaction: keyed labels in place of names, and which strings of an installation are names.

Whoever gets a proof must not learn a phone number from a session key, a person from a directory name, or a
token from a configuration. A plain digest is no help, because such keys can be guessed; a fresh random id per
line is none either, because nobody can correlate it (spec: field failures, section 3, on OpenClaw's sanitized
report). The test that nothing slipped through is :mod:`migrator.privacy.guard`.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from migrator.filesystem import fsync_directory, move, open_regular_file, write_all
from migrator.model.errors import UsageError
from migrator.model.inventory import Inventory
from migrator.model.report import Report, forecast_of, origin_of
from migrator.model.words import Finding, Name

Namer = Callable[[Name], str]
"""How names are shown: ``Labels(...).of`` in whatever may leave the machine, ``clear_text`` on a terminal."""

KEY_VARIABLE = "MIGRATOR_LABEL_KEY"
"""The environment variable that holds a key for everybody who wants the same labels in every run."""

KEY_FILE = ".labels.key"
"""A dot file, because uploaders of build artefacts leave those out by default."""


class Labels:
    """Keyed labels, such as ``session:7f3a9c21d0ab``: stable under one key, meaningless under any other.

    Twelve hex digits of HMAC-SHA256: among 50,000 names some two share a label once in 200,000 installations.
    ``issued`` holds every label that was given out, for :meth:`migrator.privacy.guard.LeakGuard.add_computed`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.issued: set[str] = set()

    def of(self, name: Name) -> str:
        """Give the label of a name. Any string has one, lone surrogates and undecodable bytes included."""
        text = f"{name.kind}\0{name.text}".encode("utf-8", "surrogatepass")
        label = f"{name.kind}:{hmac.digest(self._key, text, 'sha256').hex()[:12]}"
        self.issued.add(label)
        return label


def new_key() -> bytes:
    """Draw a random key of 32 bytes."""
    return secrets.token_bytes(32)


def given_key(env: Mapping[str, str]) -> bytes | None:
    """The key that the environment holds, if it does. Raises UsageError when it is none."""
    text = env.get(KEY_VARIABLE, "")
    if not text:
        return None
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise UsageError(f"{KEY_VARIABLE} is not 64 hex digits; make such a key with: openssl rand -hex 32")
    return bytes.fromhex(text)


def load_or_create_key(folder: Path, key: bytes | None = None) -> bytes:
    """Give the key that belongs to a folder; it is made on first use, whole or not at all, for the owner's eyes only.

    A folder that has none gets ``key``, if that is given. On Windows the access list of the folder takes the place of
    the mode. Raises UsageError when the file that is there holds no key, and OSError when none can be written.
    """
    path, temporary = folder / KEY_FILE, folder / f"{KEY_FILE}.{os.getpid()}.tmp"
    if not os.path.lexists(path):
        temporary.unlink(missing_ok=True)
        try:
            with open(temporary, "xb", buffering=0, opener=_private) as stream:
                write_all(stream.fileno(), (key or new_key()).hex().encode())
            with suppress(FileExistsError):  # another process was quicker: its key is the one
                move(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        fsync_directory(folder)
    return read_key(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read_key(folder: Path) -> bytes:
    """Give the key that belongs to a folder. Raises UsageError when there is none, or none that can be read."""
    path = folder / KEY_FILE
    try:
        with open_regular_file(path) as stream:
            text = stream.read(100).strip()
    except OSError:
        text = b""
    if not re.fullmatch(rb"[0-9a-f]{64}", text):
        raise UsageError(
            "The label key {subject} is not 64 hex digits; restore it, or remove it and get new labels.",
            Name("file", str(path)),
        )
    return bytes.fromhex(text.decode())


def clear_text(name: Name, below: str | None = None) -> str:
    """Show a name on the operator's own terminal: as it is, or quoted and escaped as ``repr`` does it.

    Nothing in it can move a cursor, reorder text, end a line or pass for another name. A path inside the directory
    ``below`` is shown as seen from there, unless it is the argument of a command to be typed.
    """
    text = name.text if below is None or name.kind == "argument" else name.text.removeprefix(os.path.join(below, ""))
    plain = text.isprintable() and not re.search(r"[\s\"'\\]", text)
    return text if plain and text else repr(text)


def report_names(report: Report) -> Iterator[Name]:
    """Every string of the installations that a report is about: nothing of it may leave the process in clear."""
    origin = origin_of(report)
    theirs = names(origin) if origin is not report.inventory else ()
    return chain(names(report.inventory, forecast_of(report)), theirs)


def names(inventory: Inventory, forecast: tuple[Finding, ...] = ()) -> Iterator[Name]:
    """Every string of an installation that a scan has kept."""
    return (name for name in _all_names(inventory, forecast) if name.text)


def _all_names(inventory: Inventory, forecast: tuple[Finding, ...]) -> Iterator[Name]:
    yield from (Name("path", inventory.state_dir), Name("config", inventory.config_path or ""))
    yield from (Name("config-value", text) for text in inventory.names)
    for agent in inventory.agents:
        yield from (Name("agent", agent.directory), Name("agent-id", agent.normalized_id), Name("path", agent.path))
        yield from (Name("file", file.path) for file in agent.files)
    keys: set[str] = set()
    for store in inventory.stores:
        yield from (Name("store", store.path), Name("store", store.real_path))
        keys.update(entry.key for entry in store.entries)
        yield from (Name("session-id", entry.session_id) for entry in store.entries if entry.session_id is not None)
    for database in inventory.databases:
        yield Name("database", database.path)
        keys.update(row.key for rows in (database.cache_rows, database.typed_rows) for row in rows)
    yield from (Name("session", key) for key in keys)
    for finding in (*inventory.findings, *forecast):
        yield from (finding.subject, *finding.others)
