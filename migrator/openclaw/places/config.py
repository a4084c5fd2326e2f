"""What ``openclaw.json`` says about where sessions are and whose they are.

Facts: ``src/agents/agent-scope-config.ts``, ``src/config/paths.ts`` and ``src/config/sessions/targets.ts``
of OpenClaw 2026.7.1; ``agents.entries`` and ``agents.defaults.systemAgent`` as 2026.9.6 writes them. A
value of the wrong type becomes a finding, and its default applies.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.model.errors import UsageError
from migrator.model.words import Finding
from migrator.openclaw.places.config_file import Reading, own_variables, read_dotenv, read_tree
from migrator.openclaw.places.paths import (
    CONFIG_NAMES,
    DEFAULT_AGENT,
    OLDER_STATE_NAMES,
    STATE_NAME,
    absolute_path,
    effective_home,
    exists,
    expand_user_path,
    js_trim,
    normalize_agent_id,
    resolve_state_dir,
)
from migrator.openclaw.places.session_key import normalize_main_key


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration says about sessions.

    ``path`` is the file that was named or found, readable or not. ``store_template`` is ``session.store``,
    None where its default applies. ``agent_ids`` own a store, normalized, in the order of the file.
    ``store_owner`` has the keys without an agent of a store that all share. ``scope`` is "global" or "per-sender".
    ``strings`` are all strings that were read, for the search for leaks.
    """

    path: str | None
    store_template: str | None
    agent_ids: tuple[str, ...]
    default_agent: str
    store_owner: str
    main_key: str
    scope: str
    findings: tuple[Finding, ...]
    strings: tuple[str, ...]


def load_config(state_dir: str, option: str | None, env: Mapping[str, str], os_home: str, cwd: str) -> Config:
    """Read the configuration of a state directory; ``option`` names another file.

    A variable has its value from ``env``, else from ``<state>/.env``, else from the configuration's own
    ``env``. OpenClaw reads two more files, ``.env`` of its working directory and
    ``~/.config/openclaw/gateway.env``: they belong to the surroundings of a gateway that are not known
    here. Raises UsageError for a blank option.
    """
    home = absolute_path(effective_home(env, os_home), os_home, cwd)
    reading = Reading()
    reading.variables = {**read_dotenv(str(Path(state_dir, ".env")), reading), **env}
    roots = reading.variables.get("OPENCLAW_INCLUDE_ROOTS", "").split(os.pathsep)
    include_roots = tuple(expand_user_path(root, home, cwd) for root in roots if js_trim(root))
    path = _find_config(state_dir, option, env, os_home, cwd)
    tree = read_tree(path, include_roots, reading) if path is not None else {}
    for name, value in own_variables(tree):
        if not js_trim(reading.variables.get(name, "")):
            reading.variables[name] = value
    return _interpret(path, tree, reading)


def store_paths(
    config: Config, agent_ids: Iterable[str], env: Mapping[str, str], os_home: str, cwd: str
) -> tuple[str, ...]:
    """Give ``session.store`` for each agent id, without repetitions; () where it is not set.

    Nothing is trimmed, and a relative path counts from ``cwd``, which for OpenClaw is the directory that it
    was started in (``resolveStorePath``).
    """
    if config.store_template is None:
        return ()
    home = absolute_path(effective_home(env, os_home), os_home, cwd)
    texts = (config.store_template.replace("{agentId}", normalize_agent_id(agent)) for agent in agent_ids)
    return tuple(dict.fromkeys(absolute_path(text, home, cwd) for text in texts))


def _find_config(state_dir: str, option: str | None, env: Mapping[str, str], os_home: str, cwd: str) -> str | None:
    home = absolute_path(effective_home(env, os_home), os_home, cwd)
    if option is not None:
        if not js_trim(option):
            raise UsageError("--config is empty; name a file or leave the option out.")
        return expand_user_path(option, home, cwd)
    if js_trim(env.get("OPENCLAW_CONFIG_PATH", "")):
        return expand_user_path(env["OPENCLAW_CONFIG_PATH"], home, cwd)
    folders = [state_dir]
    if resolve_state_dir(None, env, os_home, cwd) == (state_dir, "default"):
        # Where nothing names a state directory, OpenClaw also takes the file of an older installation.
        folders += [str(Path(home, name)) for name in (STATE_NAME, *OLDER_STATE_NAMES)]
    candidates = (str(Path(folder, name)) for folder in folders for name in CONFIG_NAMES)
    return next((path for path in candidates if exists(path)), None)


def _interpret(path: str | None, tree: dict[str, object], reading: Reading) -> Config:
    session = reading.table(tree, "session", "session")
    agents = reading.table(tree, "agents", "agents")
    roster = tuple(_roster(agents, reading))
    owners = [agent for agent, _ in roster] or [DEFAULT_AGENT]
    owners += [normalize_agent_id(name) for name in _acp_agents(tree, roster, reading)]
    template = reading.text(session.get("store"), "session.store")
    if template and "\0" in template:
        reading.note("config.wrong-type", "setting", "session.store")
        template = None
    default = _default_agent(agents, roster, reading)
    return Config(
        path=path,
        store_template=template or None,
        agent_ids=tuple(dict.fromkeys(owners)),
        default_agent=default,
        store_owner=_noted_agent(agents, "sessionStore", reading) or default,
        main_key=normalize_main_key(reading.text(session.get("mainKey"), "session.mainKey") or ""),
        scope="global" if reading.text(session.get("scope"), "session.scope") == "global" else "per-sender",
        findings=tuple(reading.findings),
        strings=tuple(reading.strings),
    )


def _roster(agents: dict[str, object], reading: Reading) -> Iterator[tuple[str, dict[str, object]]]:
    """Give the normalized id and the settings of each agent, ``agents.entries`` before ``agents.list``."""
    for key, entry in reading.table(agents, "entries", "agents.entries").items():
        reading.strings[key] = None
        if isinstance(entry, dict):
            yield normalize_agent_id(key), entry
        else:
            reading.note("config.wrong-type", "setting", "agents.entries")
    for entry in reading.items(agents, "list", "agents.list"):
        if not isinstance(entry, dict):
            reading.note("config.wrong-type", "setting", "agents.list")
            continue
        name = reading.text(entry.get("id"), "agents.list.id")
        if name is not None or entry.get("id") is None:
            yield normalize_agent_id(name), entry


def _default_agent(
    agents: dict[str, object], roster: tuple[tuple[str, dict[str, object]], ...], reading: Reading
) -> str:
    """Give the agent that is marked as default, else the one that 2026.9.6 notes instead, else the first."""
    for agent, entry in roster:
        marked = entry.get("default")
        if marked or isinstance(marked, dict | list):
            return agent
    noted = _noted_agent(agents, "systemAgent", reading)
    known = [agent for agent, _ in roster] or [DEFAULT_AGENT]
    return noted if noted in known else known[0]


def _noted_agent(agents: dict[str, object], purpose: str, reading: Reading) -> str | None:
    """Give the agent that 2026.8.2 and later have noted for a purpose when they migrated the configuration."""
    defaults = reading.table(agents, "defaults", "agents.defaults")
    table = reading.table(defaults, purpose, f"agents.defaults.{purpose}")
    noted = reading.text(table.get("agentId"), f"agents.defaults.{purpose}.agentId")
    return normalize_agent_id(noted) if noted else None


def _acp_agents(
    tree: dict[str, object], roster: tuple[tuple[str, dict[str, object]], ...], reading: Reading
) -> Iterator[str]:
    """Give the names of ACP agents, which own stores, too; up to 2026.4.29 only ``agents.list`` counted."""
    acp = reading.table(tree, "acp", "acp")
    names = [reading.text(acp.get("defaultAgent"), "acp.defaultAgent")]
    for name in reading.items(acp, "allowedAgents", "acp.allowedAgents"):
        names.append(reading.text(name, "acp.allowedAgents"))
    for _, entry in roster:
        runtime = entry.get("runtime")
        if isinstance(runtime, dict) and runtime.get("type") == "acp":
            settings = reading.table(runtime, "acp", "agents.list.runtime.acp")
            names.append(reading.text(settings.get("agent"), "agents.list.runtime.acp.agent"))
    yield from (name for name in names if name is not None and js_trim(name) not in ("", "*"))
