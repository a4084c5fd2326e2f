"""Databases that are lost: what OpenClaw's own import set aside is a source for them again. Pure."""

from __future__ import annotations

from dataclasses import replace

from migrator.model.inventory import Database, Inventory, Shape, StoreKind
from migrator.openclaw.places.session_files import FileKind


def with_originals_of_the_lost(inventory: Inventory) -> Inventory:
    """Take the originals of an import for present ones where the database that they went into is gone or has nothing.

    A database of schema 2 and later that is there is repaired from them instead.
    """
    lost = {database.path for database in inventory.databases if _has_nothing(database)}
    revived = {
        store.agent for store in inventory.stores if store.kind is StoreKind.IMPORTED and store.database in lost
    } - {None}
    if not revived:
        return inventory
    return replace(
        inventory,
        stores=tuple(
            replace(store, kind=StoreKind.AGENT)
            if store.kind is StoreKind.IMPORTED and store.agent in revived and store.database in lost
            else store
            for store in inventory.stores
        ),
        transcripts=tuple(
            replace(one, kind=FileKind.TRANSCRIPT.value)
            if one.kind == FileKind.IMPORTED_TRANSCRIPT.value and one.agent in revived
            else one
            for one in inventory.transcripts
        ),
    )


def _has_nothing(database: Database) -> bool:
    empty = not (database.cache_rows or database.typed_rows or database.transcripts or database.archives)
    return empty and database.shape in (Shape.MISSING, Shape.EMPTY, Shape.V1)
