"""A store that PowerShell has written in UTF-16 is read as one in UTF-8: its entries, at their places in the file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.model.inventory import StoreKind
from migrator.openclaw.text.utf16 import MARKS, codec_of
from migrator.scanning.sources import raw_entries, read_store, reread
from tests.commands.test_elsewhere import named, run
from tests.worlds import World, databases, entry, raw_store

CODECS = {codec: mark for mark, codec in MARKS.items()}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
STORES = st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=4)
JUNK = st.sampled_from(["", "x", ",", "}", "\n  oops\n", "\u20ac\U0001f99e"])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from whatever runs and lies on this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@given(store=STORES, codec=st.sampled_from(sorted(CODECS)), before=JUNK, after=JUNK, cut=st.integers(0, 9))
def test_each_entry_and_each_damage_of_a_store_in_utf_16_is_that_of_utf_8_at_its_place_in_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    store: dict[str, dict[str, str]],
    codec: str,
    before: str,
    after: str,
    cut: int,
) -> None:
    folder = tmp_path_factory.mktemp("store")
    text = json.dumps(store, indent=2, ensure_ascii=False).replace("{", "{" + before, 1) + after
    whole = CODECS[codec] + text.encode(codec)
    data = whole[: max(len(whole) - cut, 6)]
    decoded = data[2 : len(data) - len(data) % 2].decode(codec, "surrogatepass").encode("utf-8", "surrogatepass")
    (folder / "utf16").write_bytes(data)
    (folder / "utf8").write_bytes(decoded)
    read, _ = read_store(str(folder / "utf16"), str(folder / "utf16"), StoreKind.COPY, None)
    plain, _ = read_store(str(folder / "utf8"), str(folder / "utf8"), StoreKind.COPY, None)
    if not codec_of(data[:4]):
        assert read.codec == ""
        return
    same = [(one.key, one.sha256, one.problem) for one in plain.entries]
    assert [(one.key, one.sha256, one.problem) for one in read.entries] == same
    assert [raw for _, raw in raw_entries(read)] == [raw for _, raw in raw_entries(plain)]
    for here, there in zip(read.entries, plain.entries, strict=True):
        assert reread(read, here).raw == reread(plain, there).raw
    spans = [(one.offset, one.offset + one.length) for one in read.damage]
    whole_letters = [data[start : stop - (stop - start) % 2].decode(codec, "surrogatepass") for start, stop in spans]
    texts = [decoded[one.offset : one.offset + one.length].decode("utf-8", "surrogatepass") for one in plain.damage]
    assert whole_letters[: len(texts)] == texts
    assert len(texts) == len(spans) or spans[-1] == (len(data) - 1, len(data))


@pytest.mark.parametrize("codec", sorted(CODECS))
@pytest.mark.parametrize("way", ["in its place", "--from"])
def test_it_is_migrated_and_said_to_be_in_utf_16(tmp_path: Path, codec: str, way: str) -> None:
    world = World(tmp_path)
    label = "Stra\u00dfe \U0001f99e"
    keys = {f"agent:main:{name}": json.dumps(entry(name, 5, label=label)) for name in ("one", "two")}
    world.agent("main", {})
    path = world.store_path("main")
    target = path if way == "in its place" else tmp_path / "a copy"
    target.write_bytes(CODECS[codec] + raw_store(keys).decode().encode(codec))
    chosen = () if target == path else ("--from", str(target))
    if not chosen:
        assert named(world.state, "scan", "store.utf-16").keys() == {"agents/main/sessions/sessions.json"}
    code, report = run(world.state, "apply", "--yes", *chosen)
    assert (code, report["verdict"]) == (0, "proved")
    with closing(sqlite3.connect(databases(world.state)[0])) as connection:
        assert dict(connection.execute("SELECT session_key, entry_json FROM session_entries")) == keys
    assert run(world.state, "apply", "--yes", *chosen)[1]["verdict"] == "already-migrated"


def test_a_damaged_piece_of_it_is_kept_in_quarantine_as_its_bytes_are(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {})
    broken = '{\n  "agent:main:a": {"sessionId": "a", \u20ac},\n  "agent:main:b": {"sessionId": "b", "updatedAt": 1}\n}'
    data = broken.encode("utf-16")
    world.store_path("main").write_bytes(data)
    assert run(world.state, "apply", "--yes")[0] == 15
    [kept] = world.state.glob("migrator-runs/*/quarantine/*.raw")
    assert kept.read_bytes() in data
    assert '"sessionId": "a", \u20ac' in kept.read_bytes().decode("utf-16-le")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32"])
def test_a_store_in_another_encoding_is_taken_in_once_it_is_saved_as_utf_8(
    unpack: Callable[[str], Path], encoding: str
) -> None:
    state = unpack("windows-encodings")
    store = state / "agents" / "ps" / "sessions" / "sessions.json"
    text = store.read_bytes().decode("utf-16")
    store.write_bytes(text.encode(encoding))
    assert len(named(state, "scan", "store.not-utf8")) == 1
    assert run(state, "apply", "--yes")[0] == 15
    store.write_text(text, encoding="utf-8")
    assert named(state, "scan", "store.not-utf8") == {}
    assert run(state, "apply", "--yes")[0] == 0
    with closing(sqlite3.connect(state / "agents/ps/agent/openclaw-agent.sqlite")) as connection:
        keys = {key for (key,) in connection.execute("SELECT session_key FROM session_entries")}
    assert keys == set(json.loads(text))
