"""The leak guard: withholds a finished text in which something that was read from an installation was left.

Labels and the allow-list keep names out; this is the test that they did, and the only guard of free text.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from functools import cache, cached_property
from importlib.resources import files
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from migrator.model.errors import LeakError
from migrator.model.words import Name

if TYPE_CHECKING:
    from importlib.abc import Traversable

_RUN = re.compile(r"[\w.+@-]+")
_PIECE = re.compile(r"[^\W_]+")
_ONLY_RUNS, _ONLY_PIECES = (
    "".join(chr(code) if pattern.fullmatch(chr(code)) else " " for code in range(128)) for pattern in (_RUN, _PIECE)
)
"""Tables for ``str.translate``, which with ``split`` finds the words of ASCII five times as fast as the patterns."""
_BLOCK = re.compile(r".{1,65536}\S*", re.DOTALL)
_EDGE = "_.+@-"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z"
_TIMES = re.compile(_TIME)
_SHORTEST_MARK = 12
_OWN_MARK = re.compile(
    rf"(?<![\w.+@-])(?:(?P<time>{_TIME})|[a-z]+(?:-[a-z]+)*:[0-9a-f]{{12}}(?![0-9A-Za-z])|[\w.+@-]{{{_SHORTEST_MARK},}})"
)
_EXPLANATION = re.compile(r'"""[\s\S]*?"""|#[^\n"]*$', re.MULTILINE)
_LONG_NUMBER = re.compile(r"[0-9]{5,}")
_BLANK = "\0"  # stands for what was taken out: no word, and no white space either

_ESCAPE = re.compile(
    r"\\(?:x(?P<byte>[0-9A-Fa-f]{2})|u(?P<short>[0-9A-Fa-f]{4})|U(?P<long>00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})"
    r"|(?P<octal>[0-3][0-7]{2})|(?P<one>.))",
    re.DOTALL,
)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPED = re.compile(rb"\\u[0-9a-f]{4}")
_DIGITS_ONLY = bytes(code if chr(code) in "0123456789" else 32 for code in range(256))

_GRAM = 4
_AT_A_TIME = 4096
_MOST_STRANGE_WORDS = 64
_FEW = 8  # so many plain searches cost as much as cutting out all numbers


class LeakGuard:
    """Raises LeakError when a text holds what was read from an installation.

    Compared are words and whole names, whatever their case, Unicode composition or width, as they are and through one
    layer of JSON, ``repr``, percent or HTML escapes. Words of our own are no leak: an agent called "main" cannot be
    told from our word, nor can a value that is a computed word.

    It is the last door behind types and labels, and sees no more than plain carelessness. What it cannot see, the
    tests look for in all that the commands say: names that are cut, wrapped, escaped twice or encoded. Nor does it see
    ASCII names of fewer than three letters, and numbers of fewer than five digits.
    """

    def __init__(self, vocabulary: str | None = None, computed: Iterable[str] = ()) -> None:
        self._vocabulary = vocabulary
        self._computed: set[str] = set()
        self._names: list[str] = []
        self._read: tuple[str, int, _Reading] | None = None
        self.add_computed(computed)

    @cached_property
    def _own(self) -> _Own:
        """Our own words; they take much memory, and are first needed when the work is done."""
        return _own() if self._vocabulary is None else _Own([self._vocabulary])

    def add_computed(self, words: Iterable[str]) -> None:
        """Allow words that we worked out: issued labels, digests, versions, counts, facts of the host."""
        self._computed.update(map(_fold, words))

    def add_name(self, text: str) -> None:
        """Forbid a name from the installation: a key, id, directory name, path, or string of its config."""
        self._names.append(text)

    def check_names(self, output: str) -> None:
        """Raise LeakError if the text holds a name that was added, or one of its words. Linear time.

        There may be a hundred times more names than text, so it is the text that is taken apart.
        """
        texts = self._reading(output).texts
        strange = {word for text in texts for word in _words(text) if _is_telling(word) and not self._is_own(word)}
        grams = {text[at : at + _GRAM] for text in texts for at in range(len(text) - _GRAM + 1)}
        for start in range(0, len(self._names), _AT_A_TIME):
            names = _folded(self._names[start : start + _AT_A_TIME])
            together = "\n".join(names)
            found = {word for word in strange if word in together}
            for word in found.intersection(_words(together)) if found else ():
                raise _leak(word)
            for name in _likely(names, together, grams):
                if any(name in text for text in texts):
                    self._require_known(name)

    def _require_known(self, name: str) -> None:
        """Raise LeakError for a folded name in a text, unless it may as well be ours."""
        telling = not name.isascii() or (len(name) >= _GRAM and re.search("[a-z]", name))
        is_own = any(name in text for text in self._own.texts) or name in self._computed or self._is_count(name)
        if telling and not is_own:
            raise _leak(name)

    def check_sources(self, output: str, chunks: Iterable[bytes]) -> None:
        """Raise LeakError if a word of the text that is not ours occurs in the sources.

        ``chunks`` are the raw bytes of the sources in order, best 1 MiB each; what their borders cut is
        found. Words count from six characters (two if not ASCII), numbers from nine digits. Every such word
        costs one plain search of the sources, so a text without any reads nothing, and a text with more than
        64, which no text of ours has, is withheld unread.
        """
        _, words, numbers = self._reading(output)
        if len(words) > _MOST_STRANGE_WORDS:
            raise _leak(min(words))
        if not words and not numbers:
            return
        spellings = {spelling: word for word in words for spelling in _spellings(word)}
        kept = 6 * max(map(len, chain(spellings, numbers))) + 6  # an escaped character takes six bytes
        tail = b" "
        for chunk in chain(chunks, (b" ",)):
            text = (tail + chunk).lower()
            tail = text[-kept:]
            for spelling, word in spellings.items():
                if spelling in text:
                    raise _leak(word)
            if len(numbers) > _FEW or any(number in text for number in numbers):
                for number in numbers.intersection(_whole_numbers(text)):
                    raise _leak(number.decode())

    def _reading(self, text: str) -> _Reading:
        """Take a text apart, once for both checks, which look at the same one after the other."""
        if self._read is None or self._read[:2] != (text, len(self._computed)):
            self._read = None
            made = _Reading([], set(), set())
            views = self._views(text)
            while views:  # a view is not kept longer than it is needed: all of them are as long as the text
                view = views.pop()
                self._add_strange(view, made)
                made.texts.append(_fold(view))
            self._read = text, len(self._computed), made
        return self._read[2]

    def _views(self, text: str) -> set[str]:
        """Give the text without marks: as it is, and as it reads with the escapes of one kind undone."""
        plain = self._without_marks(text)
        undone = {undo(plain) for undo in (_unescape, _unquote, html.unescape)} - {plain}
        return {plain, *map(self._without_marks, undone)}

    def _without_marks(self, text: str) -> str:
        """Take out times of our own form, and the labels and digests that we computed."""

        def blank(found: re.Match[str]) -> str:
            word = found[0].strip(_EDGE)
            ours = len(word) >= _SHORTEST_MARK and _fold(word) in self._computed
            return _BLANK if ours or found["time"] else found[0]

        return _OWN_MARK.sub(blank, text)

    def _is_count(self, name: str) -> bool:
        """Whether a folded name is one word of ours and a short number, such as ``agents 2``: our text has many."""
        word, _, number = name.partition(" ")
        return word in self._own.words and re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3}){0,2}", number) is not None

    def _is_own(self, word: str) -> bool:
        """Whether a folded word is ours, or is put together from nothing but our words and short numbers."""
        if word in self._own.words or word in self._computed:
            return True
        pieces = _PIECE.findall(word)
        known = (p in self._own.words or p in self._computed or p.isdecimal() for p in pieces)
        return _digits(word) < 5 and all(known)

    def _add_strange(self, view: str, made: _Reading) -> None:
        """Add the words that are not ours, as they are written, and the long numbers."""
        text = _ESCAPE.sub(" ", view)
        runs = _runs(text) if text.isascii() else _runs(text) | _runs(unicodedata.normalize("NFC", text))
        for run in {run.strip(_EDGE) for run in runs}:
            if self._is_own(_fold(run)):
                continue
            pieces = [piece for piece in _PIECE.findall(run) if not self._is_own(_fold(piece))]
            made.numbers.update(p.encode() for p in pieces if len(p) >= 9 and p.isascii() and p.isdecimal())
            strange = [piece for piece in pieces if _is_strange(piece)]
            made.words.update(strange or filter(_is_strange, [run]))


class _Reading(NamedTuple):
    """A text taken apart: folded, in each of its views, with its words that are not ours and its long numbers."""

    texts: list[str]
    words: set[str]
    numbers: set[bytes]


class _Own:
    """A folded vocabulary: its texts and their words. Long numbers excuse nothing."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self.texts = tuple(_LONG_NUMBER.sub(_BLANK, _fold(text)) for text in vocabulary)
        self.words = frozenset(_words(" ".join(self.texts)))


@cache
def _own() -> _Own:
    return _Own(own_vocabulary())


def own_vocabulary() -> Iterator[str]:
    """Read the code of this package, from inside a zip too: all that it can print by itself, and so no secret.

    What only explains the code, a docstring or a comment, is never printed and excuses nothing. Where the source is not
    shipped there are no words of ours, and the guard withholds too much rather than too little.
    """
    return (_EXPLANATION.sub("", text) for text in _source_texts(files("migrator")))


def _source_texts(folder: Traversable) -> Iterator[str]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _source_texts(item)
        elif item.name.endswith((".py", ".css")):
            yield item.read_text("utf-8")


def _leak(text: str) -> LeakError:
    """Make the error for a leak; only its subject holds the text, for whoever may show names."""
    return LeakError(
        "A text was withheld, because it held a word of the installation; please report this as a defect.",
        Name("word", text),
    )


def _fold(text: str) -> str:
    """Give one form to all spellings that look or mean the same: case, composition, width, white space."""
    text = " ".join(text.split())
    if text.isascii():
        lower = text.lower()
        return text if lower == text else lower  # what is folded already takes no memory again
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _words(text: str) -> set[str]:
    """Give every word as far as it goes (``a-b@c.d``), and every piece of it (``a``, ``b``, ``c``, ``d``)."""
    runs = _runs(text)
    return {run.strip(_EDGE) for run in runs} | _every(_PIECE, _ONLY_PIECES, " ".join(runs))


def _runs(text: str) -> set[str]:
    """Every different word as far as it goes."""
    return _every(_RUN, _ONLY_RUNS, text)


def _every(pattern: re.Pattern[str], only: str, text: str) -> set[str]:
    """Every different match of a pattern; block by block, because a list of all takes ten times the text."""
    found: set[str] = set()
    for block in map(itemgetter(0), _BLOCK.finditer(text)):
        found.update(block.translate(only).split() if block.isascii() else pattern.findall(block))
    return found


def _digits(word: str) -> int:
    return sum(map(str.isdecimal, word))


def _is_telling(word: str) -> bool:
    """Whether a word of a name is long enough to be told from chance."""
    return not word.isascii() or _digits(word) >= 5 or (len(word) >= 3 and any(map(str.isalpha, word)))


def _is_strange(word: str) -> bool:
    """Whether a word of an output is worth a search of the sources. Plain numbers are looked for apart."""
    if not word.isascii():
        return len(word) >= 2
    return len(word) >= 6 and not word.isdecimal() and (any(map(str.isalpha, word)) or _digits(word) >= 9)


def _may_hold(grams: Container[str], name: str) -> bool:
    """Whether a text with these pieces of four characters may hold a name; most names are told by their last piece."""
    return all(name[at : at + _GRAM] in grams for at in range(len(name) - _GRAM, -1, -_GRAM))


def _likely(names: list[str], together: str, grams: Container[str]) -> Iterator[str]:
    """Those of the names, and of the parts of paths among them, that a text with these pieces may hold."""
    parts = _parts(names) if "/" in together or "\\" in together else names
    ending = {name for name in parts if name[-_GRAM:] in grams or len(name) < _GRAM}
    return (name for name in ending if _may_hold(grams, name))


def _folded(names: list[str]) -> list[str]:
    """Fold many names; if they are plain, all in one go."""
    together = "\n".join(names)
    if together.isascii() and "Z" not in together and together.split() == names:
        return together.lower().split("\n")
    return [_fold(_TIMES.sub(_BLANK, name)) for name in names]


def _parts(names: list[str]) -> Iterator[str]:
    """Give every name, and the parts of every path."""
    for name in names:
        yield name
        if "/" in name or "\\" in name:
            yield from re.split(r"[/\\]", name)


def _unquote(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _unescape(text: str) -> str:
    """Take off backslash escapes: JSON, ``repr`` of text and of bytes, octals, Markdown."""
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_unescape_one, text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # joins surrogate pairs


def _unescape_one(found: re.Match[str]) -> str:
    if code := found["byte"] or found["short"] or found["long"]:
        return chr(int(code, 16))
    if found["octal"]:
        return chr(int(found["octal"], 8))
    return _CONTROL.get(found["one"], found["one"])


def _spellings(word: str) -> Iterator[bytes]:
    """Give the ways to write a word in lower-cased source bytes: as it is, and with JSON escapes."""
    for form in {word, word.lower()}:
        yield form.encode().lower()
        yield json.dumps(form)[1:-1].encode().lower()


def _whole_numbers(text: bytes) -> list[bytes]:
    """Find the runs of digits that lie wholly inside a piece of the sources."""
    if b"\\u" in text:
        text = _ESCAPED.sub(b" ", text)
    runs = text.translate(_DIGITS_ONLY)
    first = 0 if runs.startswith(b" ") else 1
    last = None if runs.endswith(b" ") else -1
    return runs.split()[first:last]
