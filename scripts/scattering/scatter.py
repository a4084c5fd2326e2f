"""Move, rename, nest, copy, cut and encode anew the files of one state, at random, the same for the same seed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scattering.pieces import Piece, in_store, in_transcript

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
            self.encode,
            self.nest,
            self.rename_agent,
        )
        for _ in range(self.random.randint(1, 8)):
            self.random.choice(actions)()

    def move(self) -> None:
        """Put a file into another folder, where nothing has its name."""
        index, piece = self._any()
        folder = self.state / self.random.choice(_FOLDERS)
        self._put(index, piece, folder / piece.path.name)

    def rename(self) -> None:
        """Give a file another name, perhaps in another folder."""
        index, piece = self._any()
        folder = self.state / self.random.choice(_FOLDERS) if self.random.random() < 0.5 else piece.path.parent
        self._put(index, piece, folder / self._name(piece.path))

    def copy(self) -> None:
        """Copy a file to another name; nothing else happens to it."""
        _, piece = self._any()
        target = self.state / self.random.choice(_FOLDERS) / self._name(piece.path)
        if self._is_free(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(piece.path, target)
            self.pieces.append(replace(piece, path=target))

    def cut(self) -> None:
        """Let a file end somewhere: a transcript keeps the lines before, a database nothing that can be counted on."""
        index, piece = self._any()
        data = piece.path.read_bytes()
        kept = data[: self.random.randint(len(data) // 3, len(data) - 1)]
        if piece.kind == "database" or (piece.kind == "store" and kept.count(b"sessionId") < 2):
            return
        if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\n" not in data:
            return
        piece.path.write_bytes(kept)
        text = kept.decode("utf-8-sig", "ignore")
        facts = in_transcript(text) if piece.kind == "transcript" else _whole_entries(text, piece)
        self.pieces[index] = replace(piece, facts=facts & piece.facts)

    def encode(self) -> None:
        """Write a text in another encoding, or with other line ends; nothing of it is lost."""
        index, piece = self._any()
        data = piece.path.read_bytes()
        if piece.kind == "database" or data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
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
        if here.is_dir() and not there.exists() and not any(one.kind == "database" for one in self.pieces):
            here.rename(there)
            self._moved(here, there)

    def _moved(self, here: Path, there: Path) -> None:
        for index, piece in enumerate(self.pieces):
            if here in piece.path.parents:
                self.pieces[index] = replace(piece, path=there / piece.path.relative_to(here))

    def _any(self) -> tuple[int, Piece]:
        index = self.random.randrange(len(self.pieces))
        return index, self.pieces[index]

    def _name(self, path: Path) -> str:
        pattern = self.random.choice(_NAMES)
        return pattern.format(name=path.name, stem=path.stem, suffix=path.suffix)

    def _put(self, index: int, piece: Piece, target: Path) -> None:
        if self._is_free(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            piece.path.rename(target)
            self.pieces[index] = replace(piece, path=target)

    def _is_free(self, target: Path) -> bool:
        """Whether nothing is there, and no file stands where a folder is needed."""
        return not target.exists() and not any(one.is_file() for one in target.parents)


def _whole_entries(text: str, piece: Piece) -> frozenset[tuple[str, str]]:
    """The sessions of a store that are written out in full before the cut."""
    end = text.rfind("\n  },")
    if end < 0:
        return frozenset()
    return in_store(text[: end + 4] + "\n}") & piece.facts
