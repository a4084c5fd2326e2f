"""Two state directories that are one installation at different times."""

from __future__ import annotations

from pathlib import Path

from migrator import commands
from migrator.model.inventory import Shape
from migrator.verification.holdings import same_place, with_lost_databases
from tests.worlds import World, entry


def test_a_database_of_a_lost_directory_is_missing_rather_than_unheard_of(tmp_path: Path) -> None:
    before, after = World(tmp_path / "before"), World(tmp_path / "after")
    for world in (before, after):
        world.agent("main", {"agent:main:main": entry("s1", 1)})
    before.agent("Lost One", {"agent:main:x": entry("s2", 1)})
    origin = commands.scan(before.request()).inventory
    inventory = commands.scan(after.request()).inventory
    lost = {one.path: one.shape for one in with_lost_databases(inventory, origin).databases}
    assert lost == {str(after.database_path(name)): Shape.MISSING for name in ("main", "Lost One")}
    assert with_lost_databases(inventory, inventory) == inventory

    assert same_place("/elsewhere/x.sqlite", origin, inventory) == "/elsewhere/x.sqlite"
