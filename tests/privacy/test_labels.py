"""Labels and clear text: what stands in place of a name."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.filesystem import move
from migrator.model.errors import UsageError
from migrator.model.words import Name
from migrator.privacy import labels
from migrator.privacy.labels import KEY_FILE, Labels, clear_text, load_or_create_key, new_key

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
KEY = bytes(range(32))


def test_a_label_is_the_kind_and_twelve_hex_digits_of_the_keyed_digest() -> None:
    # printf 'session\0agent:main:main' | openssl dgst -sha256 -mac hmac -macopt hexkey:000102...1f
    assert Labels(KEY).of(Name("session", "agent:main:main")) == "session:85e894fd4893"


@given(ANY_TEXT)
@settings(deadline=None)
def test_every_string_has_one_label_per_key_and_another_under_another_key(text: str) -> None:
    name = Name("session", text)
    label = Labels(KEY).of(name)
    assert re.fullmatch(r"session:[0-9a-f]{12}", label)
    assert label == Labels(KEY).of(name)
    assert label != Labels(KEY[::-1]).of(name)


@given(st.text(min_size=4, max_size=30))
@settings(deadline=None)
def test_a_label_never_holds_the_name(text: str) -> None:
    labels = Labels(KEY)
    label = labels.of(Name("agent", f"agent:main:{text}"))
    assert text not in label.removeprefix("agent:") or re.fullmatch(r"[0-9a-f]{4,}", text)


@given(ANY_TEXT, ANY_TEXT)
@settings(deadline=None)
def test_different_names_have_different_labels(one: str, other: str) -> None:
    labels = Labels(KEY)
    assert (labels.of(Name("file", one)) == labels.of(Name("file", other))) == (one == other)


def test_a_surrogate_pair_and_the_character_that_it_spells_have_different_labels() -> None:
    labels = Labels(KEY)
    assert labels.of(Name("agent", "\ud83d\ude00")) != labels.of(Name("agent", "\U0001f600"))


def test_undecodable_bytes_are_part_of_the_label() -> None:
    labels = Labels(KEY)
    assert len({labels.of(Name("agent", text)) for text in ("caf", "caf\udce9", "caf\udce8", "caf\ud800")}) == 4


def test_the_kind_is_part_of_the_digest() -> None:
    labels = Labels(KEY)
    agent, store = labels.of(Name("agent", "main")), labels.of(Name("store", "main"))
    assert agent.partition(":")[2] != store.partition(":")[2]


def test_the_labels_that_were_given_out_are_known() -> None:
    labels = Labels(KEY)
    given_out = {labels.of(Name("agent", text)) for text in ("one", "two", "one")}
    assert labels.issued == given_out
    assert len(given_out) == 2


def test_new_keys_are_long_and_different() -> None:
    keys = {new_key() for _ in range(10)}
    assert len(keys) == 10
    assert {len(key) for key in keys} == {32}


def test_a_folder_keeps_its_key(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    assert len(key) == 32
    assert load_or_create_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


class KilledError(BaseException):
    """What the test throws, past every handler."""


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_kill_while_the_key_is_written_leaves_no_half_of_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def killed(*_arguments: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(os, call, killed)
        with pytest.raises(KilledError):
            load_or_create_key(tmp_path)
    assert not (tmp_path / KEY_FILE).exists()
    assert len(load_or_create_key(tmp_path)) == 32


def test_of_two_processes_that_draw_a_key_at_once_the_first_one_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move_late(source: Path, final: Path) -> None:
        final.write_bytes(KEY.hex().encode())
        move(source, final)

    monkeypatch.setattr(labels, "move", move_late)
    assert load_or_create_key(tmp_path) == KEY
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_two_folders_have_different_keys(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    assert load_or_create_key(folders[0]) != load_or_create_key(folders[1])


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_the_key_file_is_a_dot_file() -> None:
    assert KEY_FILE.startswith(".")


@pytest.mark.parametrize(
    "content",
    [b"", b"00", b"0" * 63, b"0" * 65, b"0" * 200, b"G" * 64, b"\xff" * 64, b"0" * 63 + b"\n0"],
)
def test_a_malformed_key_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load_or_create_key(tmp_path)
    assert str(tmp_path) not in caught.value.sentence
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_key_with_a_newline_after_it_is_read(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(KEY.hex().encode() + b"\n")
    assert load_or_create_key(tmp_path) == KEY


def test_a_directory_in_place_of_the_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(UsageError):
        load_or_create_key(tmp_path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("agent:main:main", "agent:main:main"),
        ("Grüße", "Grüße"),
        ("日本語", "日本語"),
        ("Retired Agent", "'Retired Agent'"),
        ("", "''"),
        (" main", "' main'"),
        ("a\nb", "'a\\nb'"),
        ("\x1b[31mred", "'\\x1b[31mred'"),
        ("\x9b31m", "'\\x9b31m'"),
        ("main\u202egpj", "'main\\u202egpj'"),
        ("caf\udce9", "'caf\\udce9'"),
        ("zero\u200bwidth", "'zero\\u200bwidth'"),
        ("C:\\main", "'C:\\\\main'"),
        ("'main'", "\"'main'\""),
    ],
)
def test_clear_text_is_readable_and_escapes_what_a_terminal_would_obey(text: str, shown: str) -> None:
    assert clear_text(Name("agent", text)) == shown


@given(ANY_TEXT, ANY_TEXT)
@settings(deadline=None)
def test_clear_text_is_printable_and_tells_names_apart(one: str, other: str) -> None:
    shown = clear_text(Name("agent", one))
    assert shown.isprintable()
    assert shown
    shown.encode()
    assert (shown == clear_text(Name("agent", other))) == (one == other)
