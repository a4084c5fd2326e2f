"""One member of a store as it was found."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from migrator.openclaw.text.json_text import parse_strict


class RawEntry(Struct, frozen=True, gc=False):
    """One member of a store.

    ``index`` counts members from 0. ``key`` is decoded and may hold lone surrogates that were written as
    escapes. ``raw`` are the exact bytes of the value, which begins at byte ``offset``. ``stored`` is strict
    JSON that SQLite can hold as TEXT: the raw bytes, or what ``transforms`` ("json5-to-json",
    "utf8-replaced", "nonfinite-to-null") made of them. ``head`` has the members that say where the entry
    belongs (:class:`~migrator.openclaw.text.entry_head.Head`), perhaps all. Where ``problem``, a finding code,
    says why the entry cannot be used, ``stored`` and ``head`` are None.
    """

    index: int
    key: str
    offset: int
    raw: bytes
    stored: bytes | None
    head: Mapping[str, object] | None
    transforms: tuple[str, ...]
    problem: str | None

    @property
    def text(self) -> str | None:
        """What is stored, as text."""
        return None if self.stored is None else self.stored.decode()

    @property
    def value(self) -> object:
        """What is stored, as :func:`parse_strict` reads it."""
        return None if self.stored is None else parse_strict(self.stored.decode())
