"""Lists that are made while somebody looks at them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from migrator.report.parts import Lazy


@given(st.lists(st.integers()), st.slices(6), st.slices(4))
def test_it_is_what_a_list_would_be(items: list[int], first: slice, second: slice) -> None:
    lazy, whole = Lazy(str, items), [*map(str, items)]
    assert [*lazy] == whole
    assert len(lazy) == len(whole)
    assert [*lazy[first][second]] == whole[first][second]


def test_nothing_is_made_before_somebody_looks_and_nothing_is_kept() -> None:
    made: list[int] = []

    def make(item: int) -> int:
        made.append(item)
        return item

    lazy = Lazy(make, [1, 2, 3])
    assert (len(lazy), made) == (3, [])
    assert (lazy[1], lazy[1], made) == (2, 2, [2, 2])
