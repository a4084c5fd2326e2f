from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from migrator import commands
from migrator.planning.database_plans import peak_bytes
from tests.worlds import World, entry

sizes = st.integers(0, 1 << 40)


@given(sizes, sizes, sizes, sizes, sizes)
def test_more_of_anything_never_takes_less(present: int, entries: int, events: int, rows: int, more: int) -> None:
    least = peak_bytes(present, entries, events, rows)
    assert least <= peak_bytes(present + more, entries, events, rows)
    assert least <= peak_bytes(present, entries + more, events, rows)
    assert least <= peak_bytes(present, entries, events + more, rows)
    assert least <= peak_bytes(present, entries, events, rows + more)


def test_a_real_database_takes_no_more_than_was_foreseen(tmp_path: Path) -> None:
    world = World(tmp_path)
    store = {f"agent:main:{n}": entry(f"s{n}", n, text="x" * 500) for n in range(300)}
    world.agent("main", store)
    commands.apply(world.request(), None, yes=True)
    size = world.database_path("main").stat().st_size
    text = sum(len(json.dumps(one)) for one in store.values())
    assert size < peak_bytes(0, text, 0, len(store)) < 20 * size
