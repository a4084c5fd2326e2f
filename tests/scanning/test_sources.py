"""One store as plain data: where each entry stands, what is wrong with it, and nothing missed."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.model.errors import ChangedError
from migrator.model.inventory import Entry, Store, StoreKind
from migrator.model.words import Finding
from migrator.scanning import sources
from migrator.scanning.sources import archived_digest, read_store, reread
from tests.worlds import World, entry, fresh_world, raw_store, spans


def read(path: Path) -> tuple[Store, tuple[Finding, ...]]:
    return read_store(str(path), os.path.realpath(path), StoreKind.AGENT, "main")


def write(folder: Path, content: bytes) -> Path:
    path = folder / "sessions.json"
    path.write_bytes(content)
    return path


def test_each_entry_is_known_by_its_place_and_its_digest(tmp_path: Path) -> None:
    texts = {"a": '{"sessionId":"s1","updatedAt":5}', "é🦞": '{"x":1.0}', "": "{}"}
    content = raw_store(texts)
    store, _ = read(write(tmp_path, content))
    assert [found.key for found in store.entries] == list(texts)
    for found in store.entries:
        raw = content[found.offset : found.offset + found.length]
        assert raw == texts[found.key].encode()
        assert found.sha256 == sha256(raw).digest()
    assert (store.entries[0].session_id, store.entries[0].updated_at) == ("s1", 5)
    assert [found.index for found in store.entries] == [0, 1, 2]


def test_the_digest_of_an_archived_entry_is_that_of_its_text_with_the_mark(tmp_path: Path) -> None:
    path = write(tmp_path, raw_store({"a": '{"sessionId":"s1","updatedAt":5}'}))
    store, _ = read(path)
    marked = b'{"sessionId":"s1","updatedAt":5,"archivedAt":5}'
    assert archived_digest(store, store.entries[0]) == sha256(marked).digest()
    write(tmp_path, raw_store({"a": '{"sessionId":"s2","updatedAt":5}'}))
    with pytest.raises(ChangedError):
        archived_digest(store, store.entries[0])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.dictionaries(st.text(max_size=4), VALUES, max_size=3), max_size=5))
def test_the_places_are_those_that_the_plain_decoder_finds(content: dict[str, object]) -> None:
    with fresh_world() as world:
        path = world.store(world.root / "sessions.json", content)
        store, _ = read(path)
        data = path.read_bytes()
        assert {found.key: data[found.offset : found.offset + found.length] for found in store.entries} == spans(data)
        assert store.strict
        assert store.damage == ()


def test_the_identity_is_that_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a": {}}')
    path.chmod(0o640)
    os.link(path, tmp_path / "second")
    store, _ = read(path)
    assert store.identity is not None
    assert store.identity.sha256 == sha256(path.read_bytes()).hexdigest()
    assert (store.identity.size, store.identity.mode, store.identity.links) == (9, 0o640, 2)
    assert store.identity.mtime_ns == path.stat().st_mtime_ns


def test_of_several_entries_with_one_key_the_last_one_counts(tmp_path: Path) -> None:
    store, findings = read(write(tmp_path, b'{"a": {"n":1}, "b": {}, "a": {"n":2}, "a": null, "\\u0061": {"n":3}}'))
    assert [(found.key, found.problem) for found in store.entries] == [
        ("a", "entry.duplicate-key"),
        ("b", None),
        ("a", "entry.duplicate-key"),
        ("a", "entry.not-object"),
        ("a", None),
    ]
    assert [finding.code for finding in findings if "duplicate" in finding.code] == ["entry.duplicate-key"] * 2


def test_keys_that_become_one_when_surrogates_are_replaced_are_one_key(tmp_path: Path) -> None:
    store, _ = read(write(tmp_path, b'{"\\ud800": {"n":1}, "\\udfff": {"n":2}, "\\ufffd": {"n":3}}'))
    assert [found.key for found in store.entries] == ["\ufffd"] * 3
    assert [found.problem for found in store.entries] == ["entry.duplicate-key", "entry.duplicate-key", None]


def test_what_an_entry_lacks_is_a_finding(tmp_path: Path) -> None:
    _, findings = read(write(tmp_path, b'{"none": {}, "all": {"sessionId": "s1", "updatedAt": 5}}'))
    assert {(finding.code, finding.subject.text) for finding in findings} == {
        ("entry.no-session-id", "none"),
        ("entry.no-updated-at", "none"),
    }


def test_a_store_that_needs_json5_is_a_finding(tmp_path: Path) -> None:
    store, findings = read(write(tmp_path, b"{a: {sessionId: 's1', updatedAt: 5},}"))
    assert (store.strict, [finding.code for finding in findings]) == (False, ["store.json5"])


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe", "socket-like device"])
def test_what_is_no_readable_file_is_a_finding_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "sessions.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "missing":
        path = Path("/dev/null")
    store, findings = read(path)
    assert store.identity is None
    assert store.entries == ()
    assert [finding.code for finding in findings] in (["store.not-a-file"], ["store.unreadable"])


def test_a_store_that_is_written_to_meanwhile_is_not_taken_for_read(tmp_path: Path) -> None:
    path = write(tmp_path, raw_store({"a": "{}", "b": "{}"}))

    def append(_bytes: int) -> None:
        with path.open("ab") as stream:
            stream.write(b" ")

    store, findings = read_store(str(path), str(path), StoreKind.AGENT, None, append)
    assert store.identity is None
    assert store.entries == ()
    assert [finding.code for finding in findings] == ["store.changing"]


def test_progress_counts_the_bytes_of_the_entries(tmp_path: Path) -> None:
    seen: list[int] = []
    path = write(tmp_path, raw_store({"a": "{}", "b": '{"x": 1}'}))
    read_store(str(path), str(path), StoreKind.AGENT, None, seen.append)
    assert seen == [2, 8]


def first(store: Store) -> Entry:
    return store.entries[0]


@pytest.mark.parametrize("text", ['{"a":1.0}', "{a: 1,}", "null", '{"x":"\\ud800"}', "[" * 890 + "]" * 890])
def test_an_entry_read_again_is_the_same(tmp_path: Path, text: str) -> None:
    store, _ = read(write(tmp_path, f'  {{"k": {text}, "other": {{}}}}'.encode()))
    again = reread(store, first(store))
    assert again.raw == text.encode()
    assert (again.problem, again.transforms) == (first(store).problem, first(store).transforms)


@pytest.mark.parametrize("content", [b"", b'{"k": 1, "k', b'{"k":{}},"x":{"aaaaaa'])
def test_an_entry_that_is_not_there_any_more_has_changed(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, b'{"k": {"a": 1}}')
    store, _ = read(path)
    write(tmp_path, content)
    with pytest.raises(ChangedError):
        reread(store, first(store))


def test_an_entry_of_a_file_that_is_gone_has_changed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent("main", {"k": entry("s1", 5)})
    store, _ = read(world.store_path("main"))
    world.store_path("main").unlink()
    with pytest.raises(ChangedError):
        reread(replace(store), first(store))


@pytest.mark.parametrize("before", [b'{"a": {"n": 1}}', b'{"a": {"n": 2}}', b'{"a": {!}, "b": {}} x', b""])
@pytest.mark.parametrize("now", [b'{"a": {"n": 1}}', b'{"a": {!}, "b": {}} x', b"", b"[1]"])
def test_an_earlier_reading_changes_nothing_of_what_a_later_one_finds(
    tmp_path: Path, before: bytes, now: bytes
) -> None:
    path = tmp_path / "sessions.json"
    path.write_bytes(before)
    earlier, _ = read(path)
    path.write_bytes(now)
    again = read_store(str(path), os.path.realpath(path), StoreKind.AGENT, "main", earlier=earlier)
    assert again == read(path)


def test_a_store_with_the_same_bytes_is_not_decoded_again(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    path.write_bytes(b'{"a": {"n": 1}}')
    earlier, _ = read(path)
    with patch.object(sources, "StoreReader", side_effect=AssertionError("decoded")):
        again, _ = read_store(str(path), os.path.realpath(path), StoreKind.AGENT, "main", earlier=earlier)
    assert again == earlier
