"""Lists of a view whose members are made only while somebody looks: a store may have 200,000 damaged entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class Lazy(Sequence[_Made]):
    """What a function makes of each item. Nothing that it has made is kept."""

    def __init__(self, make: Callable[[_Item], _Made], items: Sequence[_Item]) -> None:
        self._items = items
        self._at: Callable[[int], _Made] = lambda index: make(items[index])
        self._slice: Callable[[slice], Lazy[_Made]] = lambda part: Lazy(make, items[part])

    @overload
    def __getitem__(self, index: int) -> _Made: ...

    @overload
    def __getitem__(self, index: slice) -> Lazy[_Made]: ...

    def __getitem__(self, index: int | slice) -> _Made | Lazy[_Made]:
        """One member, freshly made, or some of them to be made."""
        return self._slice(index) if isinstance(index, slice) else self._at(index)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._items)
