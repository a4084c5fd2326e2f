"""Which events of a history OpenClaw shows: the active branch, from the leaf back along the parents.

OpenClaw goes through a history in order and keeps the leaf: the last canonical event, or what a ``leaf`` control has
chosen (2026.7.1 for files and 2026.9.6 for rows, ``config/sessions/transcript-tree``). 2026.9.6 makes the table
``session_transcript_active_events`` of it (``config/sessions/session-transcript-projection-rebuild``), from which
``chat.history`` and the model's context are read. The rules here are those of 2026.9.6. It differs from 2026.7.1 in
two: an event whose parent has not come yet continues the leaf, and behind a ``reset`` nothing leads back before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from migrator.openclaw.places.paths import js_trim

_CANONICAL = frozenset(
    (
        "message",
        "thinking_level_change",
        "model_change",
        "compaction",
        "reset",
        "branch_summary",
        "custom",
        "custom_message",
        "label",
        "session_info",
    )
)
"""Event types that can be the leaf; an event of any other type is shown only where a child leads to it."""

_SIDE = "side"


class Link(Struct, frozen=True):
    """The members of an event that decide where it stands; ``UNSET`` where it has no such member."""

    type: Any = UNSET
    id: Any = UNSET
    parentId: Any = UNSET  # noqa: N815 - as OpenClaw spells them
    targetId: Any = UNSET  # noqa: N815
    appendParentId: Any = UNSET  # noqa: N815
    appendMode: Any = UNSET  # noqa: N815
    message: msgspec.Raw | msgspec.UnsetType = UNSET

    @property
    def event_id(self) -> str | None:
        """The id by which other events refer to it."""
        return _text(self.id)

    @property
    def is_message(self) -> bool:
        """Whether it is something that is said."""
        return self.message is not UNSET

    @property
    def is_canonical(self) -> bool:
        """Whether it can be the leaf."""
        return isinstance(self.type, str) and self.type in _CANONICAL


_LINKS = msgspec.json.Decoder(Link)
_NO_LINK = Link()


def read_link(event: bytes) -> Link:
    """Read the link of an event from its JSON text; what is no object has none."""
    try:
        return _LINKS.decode(event)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        value = json.loads(event)
    except (ValueError, RecursionError):
        return _NO_LINK
    if not isinstance(value, dict):
        return _NO_LINK
    members = {name: value[name] for name in Link.__struct_fields__[:-1] if name in value}
    return Link(**members, message=msgspec.Raw(b"") if "message" in value else UNSET)


def active_branch(links: Iterable[Link]) -> tuple[int, ...]:
    """Give the numbers of the events that OpenClaw shows, in the order in which it shows them.

    Where no event can be a leaf, as in old transcripts without ids, all of them are shown.
    """
    tree, shown = _Tree(), []
    for index, link in enumerate(links):
        node = tree.add(index, link)
        if link.type != "session" and (link.is_canonical or link.is_message or node):
            shown.append(index)
    path = tree.path()
    return tuple(path) if path or tree.has_control else tuple(shown)


class _Node(Struct, frozen=True, gc=False):
    """An event in the tree; ``append`` is what the next one follows. A control makes its parent the leaf."""

    event_id: str
    parent: str | None
    append: str | None
    is_leaf: bool
    index: int = -1
    control: bool = False
    side: bool = False


@dataclass(slots=True)
class _Tree:
    leaf: str | None = None
    append: str | None = None
    has_control: bool = False
    nodes: dict[str, _Node] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    behind_reset: set[str] | None = None

    def add(self, index: int, link: Link) -> bool:
        """Take the next event; say whether it states its own place in the tree."""
        explicit = _explicit(link)
        if explicit is not None and explicit.control:
            self._add_control(replace(explicit, index=index), link)
            return True
        node = explicit or self._continuing(link)
        if node is None:
            return False
        if link.is_canonical:
            node = replace(node, parent=self._past_controls(self._parent(node, explicit is not None)))
        self._add(replace(node, index=index))
        if link.type == "reset":
            self.behind_reset = {node.event_id}
        return explicit is not None

    def path(self) -> list[int]:
        """The events from the first one to the leaf; none where they go in a circle."""
        path, seen, current = [], set(), self.leaf
        while current is not None:
            if current in seen:
                return []
            seen.add(current)
            node = self.nodes.get(current)
            if node is None:
                break
            if not node.control:
                path.append(node.index)
            current = node.parent
        return path[::-1]

    def _add_control(self, node: _Node, link: Link) -> None:
        if self.behind_reset is not None and self.leaf is not None and node.parent not in self.behind_reset:
            node = replace(node, parent=self.leaf, append=self.leaf)
        if self._is_known(node.parent) and self._is_known(node.append):
            self.has_control = True
            self._add(node)
        else:  # it stands where it says, and chooses nothing
            self.invalid.add(node.event_id)
            self.nodes[node.event_id] = replace(node, parent=link.parentId)

    def _add(self, node: _Node) -> None:
        self.nodes[node.event_id] = node
        if self.behind_reset is not None and node.parent in self.behind_reset:
            self.behind_reset.add(node.event_id)
        self.append = node.append
        if node.is_leaf:
            self.leaf = node.parent if node.control else node.event_id

    def _is_known(self, event_id: str | None) -> bool:
        return event_id is None or (event_id in self.nodes and event_id not in self.invalid)

    def _continuing(self, link: Link) -> _Node | None:
        """A canonical event without ``parentId``, as older appenders wrote it, continues the leaf."""
        event_id = link.event_id
        if not link.is_canonical or link.parentId is not UNSET or event_id is None:
            return None
        side = link.appendMode == _SIDE
        return _Node(event_id, self.leaf, event_id, not side, side=side)

    def _parent(self, node: _Node, explicit: bool) -> str | None:
        """The parent of a canonical event: what it says, or the leaf where that leads nowhere."""
        if node.side:
            return node.parent
        leads_back = self.behind_reset is not None and node.parent not in self.behind_reset
        is_stale = explicit and node.parent is not None and node.parent not in self.nodes and self.leaf is not None
        follows_opaque = explicit and node.parent == self.append and self.leaf != self.append
        return self.leaf if leads_back or is_stale or follows_opaque else node.parent

    def _past_controls(self, event_id: str | None) -> str | None:
        """The event that is meant by one that may be a control."""
        seen: set[str] = set()
        while event_id is not None and event_id not in seen:
            node = self.nodes.get(event_id)
            if node is None or not node.control:
                break
            seen.add(event_id)
            event_id = node.parent
        return event_id


def _explicit(link: Link) -> _Node | None:
    """The node of an event that names its parent, as far as that can be understood."""
    event_id = link.event_id
    if link.type == "session" or event_id is None or not _is_reference(link.parentId):
        return None
    if link.type != "leaf":
        side = link.appendMode == _SIDE
        return _Node(event_id, link.parentId, event_id, link.is_canonical and not side, side=side)
    append = link.targetId if link.appendParentId is UNSET else link.appendParentId
    if not _is_reference(link.targetId) or not _is_reference(append) or link.appendMode not in (UNSET, _SIDE):
        return None
    return _Node(event_id, link.targetId, append, is_leaf=True, control=True)


def _text(value: object) -> str | None:
    """Give a string that is not blank."""
    return value if isinstance(value, str) and js_trim(value) else None


def _is_reference(value: object) -> bool:
    """Whether a member says which event is meant: an id, or null for none."""
    return value is None or _text(value) is not None
