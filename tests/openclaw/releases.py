"""The published releases that the tests in this folder run; the README makes its table of releases from them."""

from __future__ import annotations

LEGACY = ("2026.6.1", "2026.7.1")
"""They keep sessions in files. Their state directories are fixtures; they must list what was exported."""

SCHEMAS = {"2026.8.2": 19, "2026.9.6": 23}
"""They keep sessions in SQLite, at this agent schema, and must carry on what was migrated here."""
