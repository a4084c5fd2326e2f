"""The page on OpenClaw says of every column of real databases whether it must agree, is free, or is made anew."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mutations.derived import DERIVED

from migrator import openclaw

Row = dict[str, list[str]]


def table() -> dict[str, Row]:
    """The columns of each table by what is said of them."""
    page = (Path(openclaw.__file__).parent / "README.md").read_text(encoding="utf-8")
    lines = page.partition("| table | agrees | free | made anew |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [[re.findall(r"`(\w+)`", cell) for cell in line.split("|")[1:-1]] for line in lines]
    return {row[0][0]: dict(zip(("agrees", "free", "made anew"), row[1:], strict=True)) for row in rows}


@pytest.mark.parametrize("name", ["invented-to-2026.8.2", "invented-to-2026.9.6"])
def test_every_column_of_a_real_database_is_on_the_page_once(unpack: Callable[[str], Path], name: str) -> None:
    database = unpack(name) / "after/agents/main/agent/openclaw-agent.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        for of_table, row in table().items():
            said = [column for columns in row.values() for column in columns]
            found = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (of_table,))}
            if said:
                assert len(said) == len(set(said))
                assert found <= set(said), of_table


def test_what_random_changes_may_do_unseen_is_free_or_made_anew() -> None:
    for of_table, columns in DERIVED.items():
        row = table()[of_table]
        assert columns == {*row["free"], *row["made anew"]}, of_table
