"""Where the transcript of an entry may be, for thousands of entries that differ in nothing but their session ids."""

from __future__ import annotations

import os
from collections.abc import Sequence

from migrator.openclaw.places.session_files import transcript_candidates
from migrator.openclaw.text.entry import usable_session_id

_ANY_ID = "any-session-id"


class Whereabouts:
    """Says what :func:`transcript_candidates` says, and works it out once for entries of one folder and one form."""

    def __init__(self, state_dir: str) -> None:
        self._state_dir = state_dir
        self._known: dict[tuple[str, str, str | None], tuple[list[str], list[str]]] = {}

    def entry(
        self, session_file: str | None, session_id: str, folder: str, owner: str | None
    ) -> tuple[Sequence[str], Sequence[str]]:
        """The paths where the transcript of an entry may be, best first, and every folder that it may be in.

        ``folder`` is that of the store, ``owner`` the agent directory that the session key names, if there is such.
        """
        name = f"{session_id}.jsonl"
        pointer = session_file or name
        head = pointer.removesuffix(name)
        if not _is_plain(session_id) or pointer == head or not (head == "" or head.endswith("/")):
            paths = self._paths(session_file, session_id, folder, owner)
            return paths, _folders(folder, paths)
        if (head, folder, owner) not in self._known:
            paths = self._paths(f"{head}{_ANY_ID}.jsonl", _ANY_ID, folder, owner)
            self._known[head, folder, owner] = list(map(os.path.dirname, paths)), _folders(folder, paths)
        folders, all_folders = self._known[head, folder, owner]
        return [os.path.join(one, name) for one in folders], all_folders

    def _paths(self, session_file: str | None, session_id: str, folder: str, owner: str | None) -> list[str]:
        found = transcript_candidates(session_file, session_id, folder, self._state_dir, owner)
        as_named = [os.path.normpath(os.path.join(folder, session_file))] if session_file else []
        # A file that is named after the very id, whatever characters are in it.
        return list(dict.fromkeys([*found, *as_named, os.path.join(folder, f"{session_id}.jsonl")]))


def _is_plain(session_id: str) -> bool:
    """Whether an id is one that a file is named after, and the name says nothing else, such as a topic."""
    is_word = session_id.replace("-", "").isalnum() and "-topic-" not in session_id
    return is_word and usable_session_id(session_id) == session_id


def _folders(folder: str, paths: Sequence[str]) -> list[str]:
    return sorted({folder, *map(os.path.dirname, paths)})
