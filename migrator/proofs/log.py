"""The proof: a hash-chained log, one JSON object per line, of what a command read, did and found.

The chain shows an accident or a careless edit. Against a forger it is worth as much as the place where the
hash of its last line was noted down: the log is not signed. Nothing is read that the vocabulary does not allow.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from hashlib import sha256
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from migrator.filesystem import fsync_directory
from migrator.model.words import Name
from migrator.privacy.labels import Namer
from migrator.proofs.claims import claim_contradictions
from migrator.proofs.sums import MOST_PROBLEMS, Ledger
from migrator.proofs.vocabulary import START, AnyEvent, Begin, End, Event, Totals, Transcript

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value."""

Fact = None | bool | int | float | str | Name | Sequence["Fact"] | Mapping[str, "Fact"]
"""What can be said of an event. A name becomes its label."""

_Kind = TypeVar("_Kind", bound=Event)

ENDING = ".proof.jsonl"
"""How the name of a log ends."""

_LONGEST_LINE = 4 << 20  # a finding on 100,000 others fits
_SEALED = re.compile(r'(\{.*),"hash":"([0-9a-f]{64})"\}')
_NO_LINKS = (
    errno.EPERM,
    errno.EACCES,
    errno.EINVAL,
    errno.EMLINK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
)

_DECODER = msgspec.json.Decoder(AnyEvent)
_ENCODER = msgspec.json.Encoder(order="deterministic")
_PLACE = re.compile(r"at `\$\.([a-z_0-9]+)")
_LACKING = re.compile(r"Object missing required field `([a-z_0-9]+)`")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a log. ``line`` counts from 1; the sentence repeats nothing of the log."""

    line: int
    sentence: str


class ProofLog:
    """Collects events, and gives the lines when the command has ended.

    Whatever is not on the allow-list raises ValueError, or TypeError for what JSON does not know: a defect of
    ours, never bad input. A clock that steps back is held at the time of the event before.
    """

    def __init__(self, namer: Namer, clock: Callable[[], datetime]) -> None:
        self._namer = namer
        self._clock = clock
        self._at = ""
        self._lines: list[str] = []
        self._head = START
        self.ledger = Ledger()
        self._computed = {START}
        self._ended = False

    def add(self, event: str, at: datetime | None = None, /, **facts: Fact) -> None:
        """Append an event that happened at a time, or now. Its fields and values must be those of its class.

        The last two are ``totals`` and ``end``, whose sums are filled in here.
        """
        if self._ended:
            raise ValueError("the log has ended")
        plain = {name: _plain(fact, self._namer) for name, fact in facts.items()}
        if event == "totals":
            plain = self.ledger.sums() | plain
        elif event == "end":
            plain |= {"events": len(self._lines) + 1, "findings": dict(self.ledger.findings)}
        time = max(self._at, _timestamp(at or self._clock()))
        frame = {"event": event, "n": len(self._lines), "prev": self._head, "at": time}
        try:
            made = decode(msgspec.json.encode(plain | frame))
        except NotAllowedError as fault:
            raise ValueError(f"an event of the proof {fault.sentence}") from None
        body = encode(made)
        self.ledger.add(made)
        self._at, self._head = time, sha256(body).hexdigest()
        self._lines.append(f'{body[:-1].decode()},"hash":"{self._head}"}}')
        self._computed.update((self._head, str(len(self._lines) - 1), *_computed(plain)))
        self._ended = event == "end"

    def lines(self) -> list[str]:
        """Give the finished log. Raises ValueError before its end."""
        if not self._ended:
            raise ValueError("the log has not ended")
        return list(self._lines)

    def computed(self) -> frozenset[str]:
        """Give the words of the log for ``LeakGuard.add_computed``: digests, versions, counts.

        Labels are left out, because only ``Labels.issued`` knows which are none; and so are numbers of nine
        digits and more, because a leaked telephone number is likelier than such a count that is also a name.
        """
        return frozenset(self._computed)


@dataclass(frozen=True, slots=True)
class Log:
    """What a log holds: its sound events, the hash of its last line, and what is wrong with it.

    The events of single transcripts are left out: there may be a hundred thousand, and nothing is rendered from them.
    """

    events: tuple[AnyEvent, ...]
    head: str
    problems: tuple[Problem, ...]

    @property
    def begin(self) -> Begin:
        """The first event of a sound log."""
        return self.of(Begin)[0]

    @property
    def totals(self) -> Totals:
        """The sums of a sound log."""
        return self.of(Totals)[0]

    @property
    def end(self) -> End:
        """The last event of a sound log."""
        return self.of(End)[0]

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class LogReader:
    """Checks that a log is whole, unchanged, allowed and adds up, while it gives the events of its sound lines.

    ``head`` and ``problems`` are complete after the last event. The sums are looked at only if every line is
    sound, since those of a damaged log say nothing. Never raises; linear time; no line is kept.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.head = START
        self.problems: list[Problem] = []

    def events(self) -> Iterator[AnyEvent]:
        """Give the events one by one."""
        ledger, at = Ledger(), ""
        for line, text in enumerate(self._lines, 1):
            try:
                event, digest = _read(text.removesuffix("\n"))
            except NotAllowedError as fault:
                self._note(line, f"Line {line} {fault.sentence}.")
                continue
            if event.n != line - 1 or event.prev != self.head:
                self._note(line, f"Line {line} does not follow the line before it.")
            if event.at < at:
                self._note(line, f"Line {line} is older than the line before it.")
            self.head, at = digest, event.at
            ledger.add(event)
            yield event
        if not self.problems:
            for line, sentence in chain(ledger.contradictions(), claim_contradictions(ledger)):
                self._note(line, sentence)

    def _note(self, line: int, sentence: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(line, sentence))


def read_log(lines: Iterable[str]) -> Log:
    """Read a whole log, as :class:`LogReader` does."""
    reader = LogReader(lines)
    events = tuple(event for event in reader.events() if not isinstance(event, Transcript))
    return Log(events, reader.head, tuple(reader.problems))


def encode_log(lines: Iterable[str]) -> bytes:
    """Give the bytes of a log file."""
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def log_lines(stream: BinaryIO) -> Iterator[str]:
    """Give the lines of a log file one by one. What is damaged stays so, and a monstrous line comes in pieces."""
    while line := stream.readline(_LONGEST_LINE):
        yield line.decode("utf-8", "surrogateescape")


def decode_log(data: bytes) -> list[str]:
    """Give the lines of a log file that was read as a whole."""
    return [line.removesuffix("\n") for line in log_lines(BytesIO(data))]


def write_durably(path: Path, data: bytes) -> None:
    """Write a new file, mode 0600, so that after a power cut it is there whole or not at all.

    Raises FileExistsError rather than replace anything, and OSError when the file could not be made durable;
    no temporary file stays behind. Without hard links (FAT, some network filesystems) the name is taken with
    an empty file first, which a crash at that moment leaves behind. On Windows the name is not flushed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(_create(temporary), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _give_name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_directory(path.parent)


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)


def _give_name(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(_create(path))  # ours from here on, so that replacing it takes nothing from anybody
        temporary.replace(path)


def numbered_path(folder: Path, name: str) -> Path:
    """Give the first free one of ``apply.proof.jsonl``, ``apply-2.proof.jsonl`` and so on."""
    path, number = folder / f"{name}{ENDING}", 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{name}-{number}{ENDING}"
    return path


def _plain(fact: Fact, namer: Namer) -> Json:
    """Turn a fact into JSON, with names as labels and floats to the thousandth."""
    if isinstance(fact, Name):
        return namer(fact)
    if isinstance(fact, Enum):
        return str(fact.value)
    if isinstance(fact, float):
        return round(fact, 3)
    if isinstance(fact, int) and abs(fact) >= 1 << 63:
        return float(fact)
    if fact is None or isinstance(fact, (bool, int, str)):
        return fact
    if isinstance(fact, (list, tuple)):
        return [_plain(item, namer) for item in fact]
    if isinstance(fact, Mapping):
        return {str(_plain(name, namer)): _plain(item, namer) for name, item in fact.items()}
    raise TypeError("a fact of the proof is of no allowed type")


def _computed(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _computed(item)
    elif isinstance(value, list):
        for item in value:
            yield from _computed(item)
    elif isinstance(value, str) and ":" not in value:
        yield value
    elif isinstance(value, (int, float)) and abs(value) < 10**8:
        yield str(value)


def _timestamp(now: datetime) -> str:
    if now.tzinfo is None:
        raise ValueError("the clock of a proof must know its time zone")
    return now.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(text: str) -> tuple[AnyEvent, str]:
    """Read one line back, with its hash, which covers the line without the hash itself. Raises NotAllowedError."""
    sealed = _SEALED.fullmatch(text)
    if sealed is None:
        decode(text)
        raise NotAllowedError("has no hash")
    body = f"{sealed[1]}}}"
    event = decode(body)
    try:
        datetime.fromisoformat(event.at.removesuffix("Z"))
    except ValueError:
        raise NotAllowedError("has no time") from None
    if encode(event) != body.encode() or sha256(body.encode()).hexdigest() != sealed[2]:
        raise NotAllowedError("is not what its hash was taken of")
    return event, sealed[2]


class NotAllowedError(Exception):
    """Text is no event of a proof; the sentence repeats nothing of it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def decode(text: bytes | str) -> AnyEvent:
    """Read one event. Raises NotAllowedError for what is not on the allow-list."""
    try:
        event: AnyEvent = _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise NotAllowedError(_fault(str(error))) from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise NotAllowedError("is not JSON") from None
    return event


def encode(event: Event) -> bytes:
    """The one way to write an event."""
    return _ENCODER.encode(event)


def _fault(message: str) -> str:
    """Say what is wrong without the words of the text, which could be anybody's."""
    if lacking := _LACKING.match(message):
        return f"lacks the field {lacking[1]}"
    if place := _PLACE.search(message):
        is_event = place[1] == "event"
        return "is no known event" if is_event else f"has a value in the field {place[1]} that is not allowed there"
    return "has a field that its event does not have" if "unknown field" in message else "is not an object"
