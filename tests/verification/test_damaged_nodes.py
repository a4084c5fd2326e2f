"""Rows of a damaged page hold what their table forbids; they are no agreement, and no crash."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from migrator.verification.node_columns import nodes_agree

GOOD = ("agent:main:one", b'{"sessionId":"one","updatedAt":5}', 1, "one", 5, None)


@pytest.mark.parametrize("value", [None, 7, 1.5, b"agent:main:one"])
@pytest.mark.parametrize("column", [0, 1, 3, 4, 5])
def test_a_node_with_a_value_of_any_type_is_judged(column: int, value: object) -> None:
    row = [*GOOD[:column], value, *GOOD[column + 1 :]]
    with closing(sqlite3.connect(":memory:")) as connection:
        columns = "session_key, entry_json, entry_valid, current_session_id, updated_at, spawned_by"
        connection.execute(f"CREATE TABLE session_nodes ({columns})")
        connection.execute("INSERT INTO session_nodes VALUES (?, ?, ?, ?, ?, ?)", row)
        assert all(nodes_agree(connection, "main")) is (row == [*GOOD])
