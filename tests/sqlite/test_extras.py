from __future__ import annotations

import sqlite3
from contextlib import closing

from migrator.sqlite.extras import TABLES, links, node_extras, table_rows


def test_only_columns_that_hold_something_are_given() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE TABLE session_nodes (session_key TEXT, project_id TEXT, owner_actor_id TEXT, label TEXT)"
        )
        connection.execute("INSERT INTO session_nodes VALUES ('a', 'p', NULL, 'l'), ('b', NULL, NULL, 'l')")
        assert list(node_extras(connection)) == [("a", {"project_id": "p"})]


def test_windows_without_a_predecessor_are_no_links() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE session_windows (session_id, session_key, previous_session_id, reason)")
        connection.execute("INSERT INTO session_windows VALUES ('1', 'a', NULL, NULL), ('2', 'a', '1', 'reset')")
        assert [link["session_id"] for link in links(connection)] == ["2"]


def test_missing_tables_have_no_rows_and_bytes_that_are_no_text_are_replaced() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert not [*node_extras(connection), *links(connection)]
        assert not [row for table in TABLES for row in table_rows(connection, table)]
        connection.execute("CREATE TABLE session_members (session_key TEXT, n INTEGER)")
        connection.execute("INSERT INTO session_members VALUES (CAST(x'ff41' AS TEXT), 3)")
        assert list(table_rows(connection, "session_members")) == [{"session_key": "\ufffdA", "n": 3}]
