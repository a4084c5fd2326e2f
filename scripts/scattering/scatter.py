"""Move, rename, nest, copy, cut and encode anew the files of one state, at random, the same for the same seed."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scattering.journals import fill_journal
from scattering.pieces import WAL, Piece, in_database, in_store, in_transcript

_FOLDERS = (
    *("attic", "backup/2026-05-01", ".cache/tmp.Xa3f2d", "agents/main/old sessions", "agents/main/sessions/_archived"),
    *("agents/work/agent/codex-home/home", "agents/.trash", "workspace/notes", "a/b/c/d/e/f", "agents/main/sessions"),
    *("agents/@eaDir", "lost+found", "agents/ops-team/agent"),
)
_NAMES = (
    *("{name}.bak", "{name}~", "{stem} 2{suffix}", "{stem} (1){suffix}", "copy of {name}", "{name}.old", "{stem}"),
    *("{stem}.sync-conflict-20260501-120000-ABCDEFG{suffix}", "{name}.corrupt-1795381699999", ".{name}.Xa3f2d"),
    *("{stem} (Ada's conflicted copy 2026-05-01){suffix}", "data.bin", "notes.txt", "{stem}.db", "{stem}.json.save"),
)


class Scatter:
    """Does things at random to the files of a state; ``pieces`` is what lies where after them."""

    def __init__(self, state: Path, seed: int, pieces: list[Piece]) -> None:
        self.state = state
        self.random = random.Random(seed)  # noqa: S311 - nobody is to be kept from guessing
        self.pieces = pieces

    def run(self) -> None:
        """Do one to eight things."""
        actions: tuple[Callable[[], None], ...] = (
            self.move,
            self.move,
            self.rename,
            self.copy,
            self.cut,
            self.cut,
            self.encode,
            self.leave_in_journal,
            self.nest,
            self.rename_agent,
        )
        for _ in range(self.random.randint(1, 8)):
            self.random.choice(actions)()

    def move(self) -> None:
        """Put a file into another folder, where nothing has its name."""
        _, piece = self._any()
        folder = self.state / self.random.choice(_FOLDERS)
        self._put(piece, folder / piece.path.name)

    def rename(self) -> None:
        """Give a file another name, perhaps in another folder."""
        _, piece = self._any()
        folder = self.state / self.random.choice(_FOLDERS) if self.random.random() < 0.5 else piece.path.parent
        self._put(piece, folder / self._name(piece.path))

    def copy(self) -> None:
        """Copy a file to another name; nothing else happens to it."""
        _, piece = self._any()
        target = self.state / self.random.choice(_FOLDERS) / self._name(piece.path)
        if self._is_free(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            for one, place in self._together(piece, target):
                shutil.copy2(one.path, place)
                self.pieces.append(replace(one, path=place))

    def cut(self) -> None:
        """Let a file end somewhere.

        A text keeps what is whole before. What a cut database had is to be named, because nobody knows what is left.
        """
        index, piece = self._any()
        data = piece.path.read_bytes()
        kept = data[: self.random.randint(len(data) // 3, max(len(data) - 1, 0))]
        if piece.kind == "journal":
            return
        if piece.kind == "database":
            piece.path.write_bytes(kept)
            return
        if piece.kind == "store" and kept.count(b"sessionId") < 2:
            return
        if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\n" not in data:
            return
        piece.path.write_bytes(kept)
        text = kept.decode("utf-8-sig", "ignore")
        facts = in_transcript(text) if piece.kind == "transcript" else _whole_entries(text, piece)
        self.pieces[index] = replace(piece, facts=facts & piece.facts)

    def leave_in_journal(self) -> None:
        """Let a database have some of what it holds, or all of it, in a -wal beside it."""
        whole = self.random.random() < 0.5
        found = [one for one in self.pieces if one.kind == "database" and _is_sound(one)]
        if not found:
            return
        piece = self.random.choice(found)
        journal = Path(f"{piece.path}{WAL}")
        if journal.exists() and journal.stat().st_size:
            return
        fill_journal(piece.path, whole=whole)
        left = self.state.parent / "alone"
        shutil.copy(piece.path, left)
        rest = in_database(left)
        left.unlink()
        self.pieces[self.pieces.index(piece)] = replace(piece, facts=rest)
        self.pieces.append(Piece(journal, "journal", piece.facts - rest))

    def encode(self) -> None:
        """Write a text in another encoding, or with other line ends; nothing of it is lost."""
        index, piece = self._any()
        data = piece.path.read_bytes()
        if piece.kind in ("database", "journal") or data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
            return
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return  # cut in the middle of a character
        ways: tuple[Callable[[str], bytes], ...] = (
            lambda one: b"\xff\xfe" + one.encode("utf-16-le"),
            lambda one: b"\xfe\xff" + one.encode("utf-16-be"),
            lambda one: b"\xef\xbb\xbf" + one.encode(),
            lambda one: one.replace("\n", "\r\n").encode(),
            lambda one: one.replace("\n", "\r").encode(),
        )
        piece.path.write_bytes(self.random.choice(ways)(text))
        self.pieces[index] = piece

    def nest(self) -> None:
        """Put all files of an agent into a state directory inside the state, where it had none."""
        agent = self.random.choice(("main", "work", "ops-team"))
        inside = self.state / self.random.choice((".openclaw", "agents/main/agent/codex-home/home/.openclaw", "old"))
        here, there = self.state / "agents" / agent, inside / "agents" / agent
        if here in inside.parents or there.exists() or not here.is_dir():
            return
        there.parent.mkdir(parents=True, exist_ok=True)
        here.rename(there)
        self._moved(here, there)

    def rename_agent(self) -> None:
        """Give the directory of an agent another name."""
        agent = self.random.choice(("work", "ops-team"))
        here, there = self.state / "agents" / agent, self.state / "agents" / f"{agent}-old"
        if here.is_dir() and not there.exists():
            here.rename(there)
            self._moved(here, there)

    def _moved(self, here: Path, there: Path) -> None:
        for index, piece in enumerate(self.pieces):
            if here in piece.path.parents:
                self.pieces[index] = replace(piece, path=there / piece.path.relative_to(here))

    def _any(self) -> tuple[int, Piece]:
        """A file of any kind, each kind as often as the others."""
        kind = self.random.choice(sorted({one.kind for one in self.pieces}))
        index = self.random.choice([index for index, one in enumerate(self.pieces) if one.kind == kind])
        return index, self.pieces[index]

    def _name(self, path: Path) -> str:
        pattern = self.random.choice(_NAMES)
        return pattern.format(name=path.name, stem=path.stem, suffix=path.suffix)

    def _put(self, piece: Piece, target: Path) -> None:
        if self._is_free(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            for one, place in list(self._together(piece, target)):
                one.path.rename(place)
                self.pieces[self.pieces.index(one)] = replace(one, path=place)

    def _together(self, piece: Piece, target: Path) -> list[tuple[Piece, Path]]:
        """A file and its new place; with a database its -wal, which people forget as often as not."""
        journal = Path(f"{piece.path}{WAL}")
        found = [(piece, target)]
        if piece.kind == "database" and self.random.random() < 0.5:
            found += [(one, Path(f"{target}{WAL}")) for one in self.pieces if one.path == journal]
        return found

    def _is_free(self, target: Path) -> bool:
        """Whether nothing is there, no journal of another database either, and a folder can be made for it."""
        taken = target.exists() or Path(f"{target}{WAL}").exists()
        return not taken and not any(one.is_file() for one in target.parents)


def _is_sound(piece: Piece) -> bool:
    """Whether a database can be read, and has all that it had, and events."""
    try:
        return piece.facts == in_database(piece.path) != frozenset()
    except sqlite3.DatabaseError:
        return False


def _whole_entries(text: str, piece: Piece) -> frozenset[tuple[str, str]]:
    """The sessions of a store that are written out in full before the cut."""
    end = text.rfind("\n  },")
    if end < 0:
        return frozenset()
    return in_store(text[: end + 4] + "\n}") & piece.facts
