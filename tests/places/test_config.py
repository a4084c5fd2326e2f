"""What openclaw.json says about sessions, whatever it holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.findings.table import RULES
from migrator.model.errors import UsageError
from migrator.model.words import Finding, Name
from migrator.openclaw.places import config_file
from migrator.openclaw.places.config import Config, load_config, store_paths
from migrator.openclaw.places.config_file import Reading, read_dotenv
from tests.conftest import fingerprint


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give an empty state directory that is not the default one."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def load(state: Path, text: object = None, env: dict[str, str] | None = None, option: str | None = None) -> Config:
    """Write a configuration, if there is one, and load it; every finding has to be in the table."""
    if text is not None:
        data = text if isinstance(text, bytes) else str(text if isinstance(text, str) else json.dumps(text)).encode()
        (state / "openclaw.json").write_bytes(data)
    config = load_config(str(state), option, env or {}, "/nobody", "/cwd")
    assert {finding.code for finding in config.findings} <= RULES.keys()
    return config


def codes(config: Config) -> list[str]:
    """Give the codes of the findings."""
    return [finding.code for finding in config.findings]


def test_a_missing_configuration_means_the_defaults_and_is_no_finding(state: Path) -> None:
    before = fingerprint(state)
    assert load(state) == Config(None, None, ("main",), "main", "main", "main", "per-sender", (), ())
    assert fingerprint(state) == before


def test_a_configuration_is_read_without_touching_anything(state: Path) -> None:
    (state / "openclaw.json").write_text("{session: {store: 's', mainKey: ' Home ', scope: 'global'}}")
    before = fingerprint(state)
    config = load(state)
    assert (config.store_template, config.main_key, config.scope) == ("s", "home", "global")
    assert config.path == str(state / "openclaw.json")
    assert config.strings == ("s", " Home ", "global")
    assert fingerprint(state) == before


def test_json5_with_a_byte_order_mark_is_read(state: Path) -> None:
    config = load(state, "\ufeff// as a person writes it\n{agents: {list: [{id: 'Ops Team', default: true,},]}}")
    assert (config.agent_ids, config.default_agent, codes(config)) == (("ops-team",), "ops-team", [])


DEEP = '{"a":' * 20_000 + "1" + "}" * 20_000


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "log line\n{}", "[" * 100_000, b"\xff", DEEP])
def test_what_is_no_object_is_invalid_and_the_defaults_apply(state: Path, text: str | bytes) -> None:
    config = load(state, text)
    assert config.findings == (Finding("config.invalid", Name("config", str(state / "openclaw.json"))),)
    assert config.agent_ids == ("main",)
    assert config.path == str(state / "openclaw.json")


def test_a_configuration_that_can_not_be_read_is_a_finding(state: Path) -> None:
    (state / "openclaw.json").mkdir()
    assert codes(load(state)) == ["config.unreadable"]
    (state / "openclaw.json").rmdir()
    os.mkfifo(state / "openclaw.json")
    assert codes(load(state)) == ["config.unreadable"]


def test_a_configuration_that_was_named_but_is_missing_is_a_finding(state: Path) -> None:
    assert codes(load(state, option="none.json")) == ["config.unreadable"]
    config = load(state, env={"OPENCLAW_CONFIG_PATH": "/cwd/none.json"})
    assert (codes(config), config.path) == (["config.unreadable"], "/cwd/none.json")


def test_a_configuration_that_is_too_large_is_a_finding(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_file, "MAX_CONFIG_BYTES", 60)
    monkeypatch.setattr(config_file, "MAX_JSON5_BYTES", 40)
    assert codes(load(state, json.dumps({"x": "y" * 50}))) == []
    assert codes(load(state, json.dumps({"x": "y" * 52}))) == ["config.too-large"]
    assert codes(load(state, "{x: '" + "y" * 33 + "'}")) == []
    assert codes(load(state, "{x: '" + "y" * 34 + "'}")) == ["config.too-large"]


def test_a_number_that_python_refuses_is_no_obstacle(state: Path) -> None:
    assert load(state, '{"n": ' + "9" * 5000 + ', "session": {"store": "s"}}').store_template == "s"


def test_the_option_wins_over_the_environment_and_that_over_the_state_directory(state: Path, tmp_path: Path) -> None:
    for name in ("option", "variable", "state/clawdbot", "state/moltbot"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"session": {"store": name}}))
    env = {"OPENCLAW_CONFIG_PATH": f" {tmp_path}/variable.json "}
    assert load(state, env=env, option=str(tmp_path / "option.json")).store_template == "option"
    assert load(state, env=env).store_template == "variable"
    assert load(state).store_template == "state/clawdbot"
    (state / "clawdbot.json").unlink()
    assert load(state).store_template == "state/moltbot"
    assert load(state, {"session": {"store": "new"}}).store_template == "new"


def test_a_blank_option_is_a_usage_error(state: Path) -> None:
    with pytest.raises(UsageError):
        load(state, option=" ")


def test_the_default_state_directory_falls_back_to_the_configuration_of_an_older_one(tmp_path: Path) -> None:
    (tmp_path / ".openclaw").mkdir()
    (tmp_path / ".clawdbot").mkdir()
    (tmp_path / ".clawdbot/clawdbot.json").write_text("{session: {store: 'old'}}")
    state = str(tmp_path / ".openclaw")
    assert load_config(state, None, {}, str(tmp_path), "/").store_template == "old"
    env = {"OPENCLAW_STATE_DIR": state}
    assert load_config(state, None, env, str(tmp_path), "/").store_template is None


# includes


def write(path: Path, tree: object) -> None:
    """Write a JSON file, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree))


def test_included_files_are_merged_in_order_and_siblings_win(state: Path) -> None:
    write(state / "a.json", {"session": {"store": "a", "scope": "global"}, "agents": {"list": [{"id": "one"}]}})
    write(state / "sub/b.json", {"$include": "c.json", "session": {"store": "b"}})
    write(state / "sub/c.json", {"agents": {"list": [{"id": "two"}]}, "session": {"mainKey": "c"}})
    tree = {
        "$include": ["./a.json", "sub/b.json"],
        "agents": {"list": [{"id": "three"}]},
        "session": {"mainKey": "d"},
    }
    config = load(state, tree)
    assert (config.store_template, config.scope, config.main_key) == ("b", "global", "d")
    assert config.agent_ids == ("one", "two", "three")
    assert codes(config) == []


def test_an_include_may_stand_anywhere_and_be_json5(state: Path) -> None:
    (state / "list.json5").write_text("[{id: 'a'}, {id: 'b'}] // all")
    assert load(state, {"agents": {"list": {"$include": "list.json5"}}}).agent_ids == ("a", "b")


def test_keys_that_could_poison_an_object_are_not_merged(state: Path) -> None:
    write(state / "a.json", {"session": {"__proto__": {"store": "x"}, "constructor": 1}})
    tree = config_file.read_tree
    (state / "openclaw.json").write_text(
        '{"$include": ["a.json", "a.json"], "session": {"prototype": 1, "scope": "s"}}'
    )
    merged = tree(str(state / "openclaw.json"), (), Reading())
    assert merged == {"session": {"__proto__": {"store": "x"}, "constructor": 1, "scope": "s"}}


def refused(state: Path, include: object, env: dict[str, str] | None = None) -> list[str]:
    """Load a configuration with an include; what it says itself has to count in any case."""
    config = load(state, {"$include": include, "session": {"mainKey": "kept"}}, env)
    assert config.main_key == "kept"
    return [f"{finding.code} {finding.subject.text}" for finding in config.findings]


def test_an_include_that_openclaw_refuses_is_a_finding_and_the_rest_counts(state: Path, tmp_path: Path) -> None:
    write(tmp_path / "out.json", {"session": {"store": "out"}})
    write(state / "in.json", {"session": {"store": "in"}})
    write(tmp_path / "hard.json", {"session": {"store": "hard"}})
    (state / "link.json").symlink_to(tmp_path / "out.json")
    (state / "inner.json").symlink_to(state / "in.json")
    (tmp_path / "back.json").symlink_to(state / "in.json")
    os.link(tmp_path / "hard.json", state / "hard.json")
    (state / "folder").mkdir()
    write(state / "list.json", [1])
    config = str(state / "openclaw.json")
    assert refused(state, "in.json") == []
    assert refused(state, "inner.json") == []
    assert refused(state, str(state / "in.json")) == []
    for name in (
        "../out.json",
        "../back.json",
        str(tmp_path / "out.json"),
        "link.json",
        "hard.json",
        "folder",
        "none.json",
        "n\0l",
    ):
        assert refused(state, name) == [f"config.include-refused {name}"]
    long = "x/../" * 900 + "in.json"
    assert refused(state, long) == [f"config.include-refused {long}"]
    for wrong in (5, {"a": "in.json"}, None, [5]):
        assert refused(state, wrong) == [f"config.include-refused {config}"]
    assert refused(state, "list.json") == [f"config.include-refused {config}"]
    assert refused(state, ["in.json", "none.json"]) == ["config.include-refused none.json"]


def test_an_include_outside_is_allowed_below_a_root_that_the_environment_names(state: Path, tmp_path: Path) -> None:
    write(tmp_path / "roots/out.json", {"session": {"store": "out"}})
    (state / "link.json").symlink_to(tmp_path / "roots/out.json")
    env = {"OPENCLAW_INCLUDE_ROOTS": f" {os.pathsep}{tmp_path}/roots"}
    for name in ("../roots/out.json", "link.json"):
        assert load(state, {"$include": name}, env).store_template == "out"


def test_a_circle_of_includes_ends(state: Path) -> None:
    write(state / "a.json", {"$include": "b.json", "session": {"store": "a"}})
    write(state / "b.json", {"$include": ["openclaw.json", "a.json"], "session": {"scope": "global"}})
    config = load(state, {"$include": "a.json"})
    assert (config.store_template, config.scope) == ("a", "global")
    assert [finding.subject.text for finding in config.findings] == ["openclaw.json", "a.json"]


def test_includes_end_after_ten_levels(state: Path) -> None:
    for level in range(1, 12):
        write(
            state / f"{level}.json",
            {"$include": f"{level + 1}.json", "agents": {"list": [{"id": str(level)}]}},
        )
    config = load(state, {"$include": "1.json"})
    assert config.agent_ids == tuple(str(level) for level in range(10, 0, -1))
    assert [finding.subject.text for finding in config.findings] == ["11.json"]


def test_includes_that_multiply_are_limited(state: Path) -> None:
    for level in range(1, 10):
        write(state / f"{level}.json", {"$include": [f"{level + 1}.json"] * 9})
    config = load(state, {"$include": ["1.json"] * 9})
    assert "config.include-refused" in codes(config)


# variables


def test_variables_come_from_the_environment_then_dotenv_then_the_configuration(state: Path) -> None:
    (state / ".env").write_text("A=dotenv\nB=dotenv\nE=\n")
    tree = {
        "env": {
            "A": "own",
            "B": "own",
            "C": "own",
            "E": "own",
            "G": "${A}",
            "vars": {"C": "vars", "D": "vars"},
        },
        "session": {"store": "${A}/${B}/${C}/${D}/${E}/${F}/${G}"},
    }
    config = load(state, tree, {"A": "env", "F": ""})
    assert config.store_template == "env/dotenv/own/vars/own/${F}/${G}"
    assert [(finding.code, finding.subject) for finding in config.findings] == [
        ("config.unset-variable", Name("variable", "F")),
        ("config.unset-variable", Name("variable", "G")),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$${X}", "${X}"),
        ("$$${X}", "$${X}"),
        ("${X}$${X}${X}", "1${X}1"),
        ("${x} ${X ${}", "${x} ${X ${}"),
        ("$X $", "$X $"),
        ("${X}}", "1}"),
        ("${1X}", "${1X}"),
    ],
)
def test_a_reference_is_a_name_in_capitals_and_can_be_escaped(state: Path, text: str, value: str) -> None:
    assert load(state, {"session": {"store": text}}, {"X": "1"}).store_template == value


def test_a_variable_that_only_other_settings_use_is_no_finding(state: Path) -> None:
    assert codes(load(state, {"models": {"key": "${SECRET}"}})) == []


def test_every_string_is_known_for_the_search_for_leaks(state: Path) -> None:
    (state / ".env").write_text("TOKEN=from-dotenv")
    write(state / "a.json", {"x": ["from-include"]})
    tree = {
        "$include": "a.json",
        "session": {"store": "${V}/s"},
        "agents": {"entries": {"an-id": {"y": "deep"}}},
    }
    strings = set(load(state, tree, {"V": "filled"}).strings)
    assert {"from-dotenv", "from-include", "${V}/s", "filled/s", "an-id", "deep", "a.json"} <= strings


def test_dotenv_files_are_read_as_npm_reads_them(state: Path) -> None:
    # The same text gave the same values in dotenv 17.4.2.
    text = (
        "A=1\nB = two # c\nexport C='x y'\nD=\"a\\nb\"\nE=`q`\nF: colon\nG=\nH=\"multi\nline\"\nI='it's'\n"
        "#J=1\n"
        'K=a#b\nL="un\nM= "sp" \nN=\'#x\' # c\nO=x=y\r\nP="\\"q\\""\rQ=1\nno line\nR-S=1\nS=\'a\\nb\''
    )
    (state / ".env").write_bytes(text.encode())
    assert read_dotenv(str(state / ".env"), Reading()) == {
        "A": "1",
        "B": "two",
        "C": "x y",
        "D": "a\nb",
        "E": "q",
        "F": "colon",
        "G": "",
        "H": "multi\nline",
        "I": "it's",
        "K": "a",
        "L": '"un',
        "M": "sp",
        "N": "#x",
        "O": "x=y",
        "P": '\\"q\\"',
        "Q": "1",
        "S": "a\\nb",
    }


def test_an_unreadable_dotenv_file_is_a_finding(state: Path) -> None:
    (state / ".env").mkdir()
    assert load(state).findings == (Finding("config.unreadable", Name("config", str(state / ".env"))),)


# agents


@pytest.mark.parametrize(
    ("tree", "ids", "default"),
    [
        ({}, ("main",), "main"),
        ({"agents": {"list": []}}, ("main",), "main"),
        (
            {"agents": {"list": [{"id": "Ops Team"}, {"id": "b", "default": True}, {"id": "ops-team"}]}},
            ("ops-team", "b"),
            "b",
        ),
        ({"agents": {"list": [{}, {"id": "x"}]}}, ("main", "x"), "main"),
        ({"agents": {"list": [{"id": "a", "default": 0}, {"id": "b", "default": []}]}}, ("a", "b"), "b"),
        ({"agents": {"entries": {"A B": {}, "c": {"default": True}}}}, ("a-b", "c"), "c"),
        (
            {"agents": {"entries": {"a": {}, "b": {}}, "defaults": {"systemAgent": {"agentId": "B"}}}},
            ("a", "b"),
            "b",
        ),
        ({"agents": {"entries": {"a": {}}, "defaults": {"systemAgent": {"agentId": "gone"}}}}, ("a",), "a"),
        ({"agents": {"entries": {"a": {}}, "list": [{"id": "b"}]}}, ("a", "b"), "a"),
        (
            {"acp": {"defaultAgent": "Codex", "allowedAgents": ["*", " ", "claude", "main"]}},
            ("main", "codex", "claude"),
            "main",
        ),
        (
            {"agents": {"list": [{"id": "a", "runtime": {"type": "acp", "acp": {"agent": "Z"}}}]}},
            ("a", "z"),
            "a",
        ),
        ({"agents": {"list": [{"id": " "}]}}, ("main",), "main"),
        ({"agents": {"list": [{"id": "a"}]}, "acp": {"allowedAgents": [" ", "*"]}}, ("a",), "a"),
        ({"agents": {"list": [{"id": "a", "runtime": {"type": "acp"}}]}}, ("a",), "a"),
        ({"agents": {"list": [{"id": "a", "runtime": {"type": "x", "acp": {"agent": "Z"}}}]}}, ("a",), "a"),
    ],
)
def test_the_owners_of_stores_are_the_configured_agents(
    state: Path, tree: object, ids: tuple[str, ...], default: str
) -> None:
    config = load(state, tree)
    assert (config.agent_ids, config.default_agent, codes(config)) == (ids, default, [])


@pytest.mark.parametrize(
    ("tree", "settings_"),
    [
        ({"session": 5}, ["session"]),
        (
            {"session": {"store": 5, "mainKey": [], "scope": {}}},
            ["session.store", "session.mainKey", "session.scope"],
        ),
        ({"session": {"store": "a\0b"}}, ["session.store"]),
        ({"agents": []}, ["agents"]),
        ({"agents": {"list": {}, "entries": []}}, ["agents.entries", "agents.list"]),
        (
            {"agents": {"list": [5, {"id": 7}], "entries": {"main": 1}}},
            ["agents.entries", "agents.list", "agents.list.id"],
        ),
        ({"acp": {"allowedAgents": "x", "defaultAgent": 1}}, ["acp.defaultAgent", "acp.allowedAgents"]),
    ],
)
def test_a_value_of_the_wrong_type_is_a_finding_and_its_default_applies(
    state: Path, tree: object, settings_: list[str]
) -> None:
    config = load(state, tree)
    assert config.findings == tuple(Finding("config.wrong-type", Name("setting", name)) for name in settings_)
    assert (config.store_template, config.agent_ids, config.main_key) == (None, ("main",), "main")


KEYS = """session store scope mainKey agents list entries id default runtime type acp agent allowedAgents
defaultAgent defaults systemAgent agentId env vars $include __proto__"""
LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["${A}", "a.json"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(VALUES)
def test_no_configuration_makes_the_reader_raise(state: Path, value: object) -> None:
    (state / "a.json").write_text(json.dumps(value))
    config = load(state, {"$include": "a.json", "session": value, "agents": value, "acp": value, "env": value})
    assert config.agent_ids
    assert config.scope in ("global", "per-sender")
    store_paths(config, config.agent_ids, {}, "/home/u", "/cwd")


# session.store


def template(text: str | None) -> Config:
    """Give a configuration with this template."""
    return Config(None, text, ("main",), "main", "main", "main", "per-sender", (), ())


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (None, ()),
        ("~/s/{agentId}/x.json", ("/home/u/s/ops-team/x.json", "/home/u/s/main/x.json")),
        ("{agentId}/{agentId}.json", ("/cwd/ops-team/ops-team.json", "/cwd/main/main.json")),
        ("/all.json", ("/all.json",)),
        (" /all.json ", ("/cwd/ /all.json ",)),
        ("~x/all.json", ("/cwd/~x/all.json",)),
    ],
)
def test_the_template_gives_a_store_for_each_agent(text: str | None, paths: tuple[str, ...]) -> None:
    assert store_paths(template(text), ["Ops Team", "main", "ops-team"], {}, "/home/u", "/cwd") == paths


def test_the_template_follows_openclaw_home() -> None:
    env = {"OPENCLAW_HOME": "~/other"}
    assert store_paths(template("~/s.json"), ["main"], env, "/home/u", "/cwd") == ("/home/u/other/s.json",)


def test_a_lone_surrogate_in_the_template_can_be_a_path(state: Path) -> None:
    config = load(state, '{"session": {"store": "/a\\ud800b"}}')
    assert store_paths(config, ["main"], {}, "/h", "/") == ("/a\ufffdb",)


@pytest.mark.parametrize("name", ["legacy-2026.7.1", "upgraded-2026.7.1-to-2026.9.6"])
def test_the_configurations_of_real_releases_are_understood(unpack: Callable[[str], Path], name: str) -> None:
    config = load(unpack(name))
    assert (config.agent_ids, config.default_agent, config.store_template) == (
        ("main", "ops-team"),
        "main",
        None,
    )
    assert config.findings == ()
    assert "sk-fake" in config.strings
