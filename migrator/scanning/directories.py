"""The agent directories of an installation and the files in them, by their names on disk. Reads only."""

from __future__ import annotations

import errno
import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator.filesystem import is_absent, names_in, status_of
from migrator.model.errors import RefusedError
from migrator.model.inventory import SessionFile
from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import RealPaths, normalize_agent_id
from migrator.openclaw.places.session_files import FileKind, classify
from migrator.scanning.discovery import Holds, is_litter, look_at

STORE_NAME = "sessions.json"
_MOST_TWINS = 9  # named in one finding: all 10,000 directories may be called the same


@dataclass(slots=True)
class Findings:
    """Findings in the order in which they are made, and the real paths that were looked up for them."""

    made: list[Finding] = field(default_factory=list)
    real: RealPaths = field(default_factory=RealPaths)

    def add(self, code: str, subject: Name, *others: Name) -> None:
        """Make a finding without numbers."""
        self.made.append(Finding(code, subject, (), others))

    def add_count(self, code: str, subject: Name, count: int) -> None:
        """Make a finding about so many things."""
        self.made.append(Finding(code, subject, (("count", count),)))

    def add_unreadable(self, path: str, error: OSError) -> None:
        """Say that something where sessions may be cannot be listed or looked at."""
        self.made.append(Finding("place.unreadable", Name("path", path), (("errno", error.errno or 0),)))

    def names_in(self, folder: str) -> list[str]:
        """The names in a directory where sessions may be, sorted; none and a finding if it cannot be listed."""
        try:
            return names_in(folder)
        except OSError as error:
            self.add_unreadable(folder, error)
            return []

    def status_of(self, path: str, *, follow: bool = False) -> os.stat_result | None:
        """The status of what was listed; None if it is gone, and None and a finding if it cannot be looked at."""
        try:
            return status_of(path, follow=follow)
        except OSError as error:
            self.add_unreadable(path, error)
            return None

    def is_file(self, path: str, *, follow: bool = False) -> bool:
        """Whether what was listed is a regular file; False and a finding if it cannot be looked at."""
        status = self.status_of(path, follow=follow)
        return status is not None and stat.S_ISREG(status.st_mode)

    def may_enter(self, path: str, state: str, follow: bool, code: str, subject: Name) -> bool:
        """Whether a path is in the state directory, links resolved, or to be followed out of it; else a finding."""
        if self.real.is_inside(path, state):
            return True
        self.add("path.followed" if follow else code, subject)
        return follow


def agent_path(state: str, directory: str) -> str:
    """The path of an agent directory."""
    return os.path.join(state, "agents", directory)


def store_path(state: str, directory: str | None) -> str:
    """Where the store of an agent directory is, if it has one."""
    return os.path.join(agent_path(state, directory or ""), "sessions", STORE_NAME)


def is_inside(path: str, folder: str) -> bool:
    """Whether a path leads into a folder, links resolved."""
    return RealPaths().is_inside(path, folder)


def agent_directories(state: str, follow: bool, findings: Findings) -> Iterator[str]:
    """The names of all agent directories, sorted; links out of the state directory are followed only if told to."""
    root = os.path.join(state, "agents")
    if is_absent(root):
        return
    try:
        status, names = status_of(root, follow=True), names_in(root)
    except OSError:
        raise RefusedError("{subject} cannot be listed; run as the owner of it.", Name("path", root)) from None
    if status is None or not stat.S_ISDIR(status.st_mode):
        findings.add("agent.not-a-directory", Name("path", root))
        return
    if not findings.may_enter(root, state, follow, "agent.link-outside", Name("path", root)):
        return
    found = [
        (stat.S_ISLNK(status.st_mode), name)
        for name in names
        if (status := findings.status_of(os.path.join(root, name)))
    ]
    seen: set[str] = set()
    for is_link, name in sorted(found):
        path = os.path.join(root, name)
        if not _may_enter_agent(path, name, is_link, state, follow, findings):
            continue
        real = findings.real.of(path)
        if real not in seen:
            seen.add(real)
            yield name


def _may_enter_agent(path: str, name: str, is_link: bool, state: str, follow: bool, findings: Findings) -> bool:
    """Whether what was listed among the agent directories is one that may be read; else there is a finding."""
    agent = Name("agent", name)
    try:
        status = status_of(path, follow=True)
    except OSError as error:
        if error.errno != errno.ELOOP:
            findings.add_unreadable(path, error)
            return False
        status = None  # a link in a circle leads nowhere
    if (status is None and not is_link) or _is_litter(path, name):
        return False
    if status is None or not stat.S_ISDIR(status.st_mode):
        findings.add("agent.dangling-link" if is_link else "agent.not-a-directory", agent)
        return False
    if is_link:
        if not findings.may_enter(path, state, follow, "agent.link-outside", agent):
            return False
        if findings.real.is_inside(path, state):
            findings.add("agent.link", agent)
    return True


def _is_litter(path: str, name: str) -> bool:
    """Whether a folder has the name of what a file system or a network drive leaves, and nothing of an agent."""
    return is_litter(name) and not any(os.path.lexists(os.path.join(path, part)) for part in ("agent", "sessions"))


def add_name_findings(directories: list[str], findings: Findings) -> None:
    """What OpenClaw's normalization would make of the names: a directory is never merged with its twin here."""
    by_id: dict[str, list[str]] = defaultdict(list)
    for name in directories:
        by_id[normalize_agent_id(name)].append(name)
    for twins in (names for names in by_id.values() if len(names) > 1):
        for at in range(0, len(twins), _MOST_TWINS):
            first, *others = (Name("agent", one) for one in twins[at : at + _MOST_TWINS])
            findings.add("agent.id-collision", first, *(others or [Name("agent", twins[0])]))
    for name in directories:
        normalized = normalize_agent_id(name)
        if normalized == "main" and name.strip().lower() != "main":
            findings.add("agent.collapses-to-main", Name("agent", name))
        elif normalized != name:
            findings.add("agent.no-round-trip", Name("agent", name))


def _by_content(path: str, findings: Findings, is_worth_a_word: bool) -> FileKind:
    """What a file is whose name says nothing: people and sync programs give copies any name."""
    code = "file.unknown-class"
    try:
        holds = look_at(path)
    except FileNotFoundError:
        return FileKind.UNKNOWN
    except OSError:
        holds, code = None, "place.closed"
    if holds is None and is_worth_a_word:  # what is packed the walk through all names
        findings.add(code, Name("path" if code == "place.closed" else "file", path))
    if holds is Holds.STORE:
        return FileKind.STORE_BACKUP
    return FileKind.REPAIR_BACKUP if holds is Holds.TRANSCRIPT else FileKind.UNKNOWN


def session_files(state: str, agent: str, follow: bool, findings: Findings) -> Iterator[SessionFile]:
    """Every file below an agent's sessions directory but the store; links are listed, not followed."""
    root, name = os.path.join(agent_path(state, agent), "sessions"), Name("agent", agent)
    if is_absent(root):
        return
    if not findings.may_enter(root, state, follow, "agent.link-outside", name):
        return
    try:
        status = status_of(root, follow=True)
    except OSError:
        findings.add("agent.unreadable", name)
        return
    if status is not None and not stat.S_ISDIR(status.st_mode):
        findings.add("agent.no-sessions-directory", name)
        return

    def note(error: OSError) -> None:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            findings.add("agent.unreadable", name)

    copies = False
    for folder, folders, files in os.walk(root, onerror=note):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(folder, file)
            relative = os.path.relpath(path, root)
            kind = classify(relative)
            if kind is FileKind.UNKNOWN:
                kind = _by_content(path, findings, not any(map(is_litter, relative.split(os.sep))))
            copies = copies or kind in (FileKind.STORE_BACKUP, FileKind.STORE_CORRUPT, FileKind.TEMPORARY)
            status = None if kind is FileKind.STORE else findings.status_of(path)
            if status is not None:
                yield SessionFile(path, kind.value, status.st_size)
    if copies and is_absent(os.path.join(root, STORE_NAME)):
        findings.add("store.only-copies", name)
