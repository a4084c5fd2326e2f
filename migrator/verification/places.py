"""What corresponds to what in two state directories that are the same installation at different times. Pure."""

from __future__ import annotations

from dataclasses import replace

from migrator.model.inventory import Database, Inventory, Shape


def same_place(path: str, origin: Inventory, inventory: Inventory) -> str:
    """The path in one installation that corresponds to a path in another."""
    return path.replace(origin.state_dir, inventory.state_dir, 1) if path.startswith(origin.state_dir) else path


def with_lost_databases(inventory: Inventory, origin: Inventory) -> Inventory:
    """Add a MISSING database for each that only ``origin`` has.

    Where a whole directory is gone, its sessions would else be judged by nobody.
    """
    known = {database.path for database in inventory.databases}
    places = ((same_place(one.path, origin, inventory), one) for one in origin.databases)
    lost = tuple(
        Database(path, one.agent_id, Shape.MISSING, None, None, (), directory=one.directory)
        for path, one in places
        if path not in known
    )
    return replace(inventory, databases=(*inventory.databases, *lost))
