"""Where OpenClaw keeps things: state directories, agent ids, store and database paths.

Facts: ``src/infra/home-dir.ts``, ``src/config/paths.ts``, ``src/cli/profile.ts`` and
``src/routing/session-key.ts`` of OpenClaw 2026.7.1; the older names from clawdbot 2026.1.24 to OpenClaw
2026.3.13. Nothing here creates anything.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from migrator.model.errors import UsageError

AGENT_DATABASE = "openclaw-agent.sqlite"
STATE_NAME = ".openclaw"
OLDER_STATE_NAMES = (".clawdbot", ".moltbot", ".moldbot")
CONFIG_NAMES = ("openclaw.json", "clawdbot.json", "moltbot.json", "moldbot.json")
DEFAULT_AGENT = "main"

_JS_WHITESPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_VALID_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_OUTSIDE_ID = re.compile(r"[^a-z0-9_-]+")


def js_trim(text: str) -> str:
    """Strip what JavaScript's ``trim`` strips: with U+FEFF, but without U+0085 and U+001C to U+001F."""
    return text.strip(_JS_WHITESPACE)


def is_valid_agent_id(text: str) -> bool:
    """Whether OpenClaw accepts the trimmed text as an agent id, in any case (``isValidAgentId``)."""
    return _VALID_ID.fullmatch(js_trim(text)) is not None


@lru_cache(4096)
def normalize_agent_id(text: str | None) -> str:
    """Give the agent id that OpenClaw makes of a name (``normalizeAgentId``, since clawdbot 2026.1.24).

    The cut to 64 comes last, so the result may end in "-"; a leading "_" survives, although no id that
    OpenClaw calls valid has one.
    """
    trimmed = js_trim(text or "")
    if _VALID_ID.fullmatch(trimmed):
        return trimmed.lower()
    # What is left is ASCII, so these 64 characters are the 64 UTF-16 units that OpenClaw keeps.
    return _OUTSIDE_ID.sub("-", trimmed.lower()).strip("-")[:64] or DEFAULT_AGENT


def find_os_home(env: Mapping[str, str]) -> str:
    """Give the user's home as OpenClaw finds it: HOME, USERPROFILE, Termux, the system; "" if unknown."""
    prefix = _home_value(env.get("PREFIX")).replace("\\", "/").rstrip("/")
    termux = _home_value(env.get("ANDROID_DATA")) and f"/{prefix}".endswith("/com.termux/files/usr")
    try:
        system = str(Path.home())
    except RuntimeError:
        system = ""
    return (
        _home_value(env.get("HOME"))
        or _home_value(env.get("USERPROFILE"))
        or (f"{prefix.removesuffix('usr')}home" if termux else system)
    )


def effective_home(env: Mapping[str, str], os_home: str) -> str:
    """Give ``OPENCLAW_HOME`` (honoured from 2026.2.26 on) or else the user's home.

    A relative value stays relative: OpenClaw counts it from its working directory, as the functions below do.
    """
    home = _home_value(env.get("OPENCLAW_HOME"))
    if not home:
        return os_home
    return os_home + home[1:] if _starts_with_home(home) else home


def absolute_path(text: str, home: str, cwd: str) -> str:
    """Make a path absolute as Node does: "~" is the home, ".." is resolved in the text, no link is followed.

    Only a "~" before the end or a separator is the home, so ``~bob/x`` is an ordinary name.
    """
    expanded = (home or cwd) + text[1:] if _starts_with_home(text) else text
    path = os.path.normpath(os.path.join(cwd, expanded))
    return "/" + path.lstrip("/") if os.sep == "/" and path.startswith("//") else path


def expand_user_path(text: str, home: str, cwd: str) -> str:
    """Resolve a path that a person wrote: trimmed, then made absolute. A blank text gives ``cwd``."""
    return absolute_path(js_trim(text), home, cwd)


def resolve_state_dir(option: str | None, env: Mapping[str, str], os_home: str, cwd: str) -> tuple[str, str]:
    """Give the state directory and where it came from; it need not exist.

    An option of this tool wins over the environment; below that the order is OpenClaw's own.
    ``OPENCLAW_PROFILE`` alone moves nothing: only OpenClaw's ``--profile`` does. Raises UsageError for a blank option.
    """
    home = absolute_path(effective_home(env, os_home), os_home, cwd)
    if option is not None:
        if not js_trim(option):
            raise UsageError("--state-dir is empty; name a directory or leave the option out.")
        return expand_user_path(option, home, cwd), "--state-dir"
    configured = js_trim(env.get("OPENCLAW_STATE_DIR", ""))
    if configured:
        return expand_user_path(configured, home, cwd), "OPENCLAW_STATE_DIR"
    default = str(Path(home, STATE_NAME))
    if not exists(default):
        for name in OLDER_STATE_NAMES:
            older = str(Path(home, name))
            if exists(older):
                return older, "legacy name"
    return default, "default"


def agent_database(agent_path: str) -> str:
    """Give the database of an agent directory, given its path."""
    return os.path.join(agent_path, "agent", AGENT_DATABASE)


def store_database(store_path: str) -> tuple[str, str | None]:
    """Give the path of the database that a store belongs to, and its agent directory if it has one.

    ``.../agents/<dir>/sessions/sessions.json`` belongs to ``.../agents/<dir>/agent/openclaw-agent.sqlite``,
    with the directory as it is on disk; PR 91322 normalized it, which lets two directories share a database.
    Any other store has a database beside it that is named after its absolute path, links not resolved
    (``src/config/sessions/store-sqlite.ts`` of PR 91322 and the downgrade rescue of 2026.6.5).
    """
    path = absolute_path(store_path, "", "" if os.path.isabs(store_path) else os.getcwd())
    folder, name = os.path.split(path)
    agent, sessions = os.path.split(folder)
    agents, directory = os.path.split(agent)
    if (sessions, name) == ("sessions", "sessions.json") and os.path.basename(agents) == "agents":
        return agent_database(agent), directory
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return os.path.join(folder, f"openclaw-session-store-{digest}.sqlite"), None


_DEEPEST = 100  # folders, of which each is resolved by a call of its own


class RealPaths:
    """Paths with all links resolved, as of the time when a directory was first seen: each is resolved only once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> str:
        """Give the real path of a file or directory, which need not exist."""
        folder, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir) or os.name != "posix" or path.count(os.sep) > _DEEPEST:
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = self.of(folder)
        found = os.path.join(self._folders[folder], name)
        return os.path.realpath(found) if os.path.islink(found) else found

    def is_inside(self, path: str, folder: str) -> bool:
        """Whether a path leads into a folder, links resolved."""
        real, root = self.of(path), self.of(folder)
        return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


def exists(path: str) -> bool:
    """Whether something is there, links followed; False too for what may not be looked at, as in Node."""
    return os.path.exists(path)


def is_folder(path: str) -> bool:
    """Whether a directory is there, links followed; False too for what may not be looked at."""
    return os.path.isdir(path)


def read_small_file(path: str, limit: int, *, single_link: bool = False) -> bytes:
    """Read a regular file of at most ``limit`` bytes.

    Raises OSError also for what is not a regular file (EINVAL), for a longer one (EFBIG) and, if asked for,
    for a file with several hard links (EMLINK); ValueError for a path that no file can have.
    """
    # Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if single_link and status.st_nlink > 1:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return data


def _home_value(value: str | None) -> str:
    trimmed = js_trim(value or "")
    return "" if trimmed in ("undefined", "null") else trimmed


def _starts_with_home(text: str) -> bool:
    return text == "~" or text.startswith(("~/", "~\\"))
