"""The leak guard: nothing that was read leaves unnoticed, and nothing of ours is withheld."""

from __future__ import annotations

import html
import json
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from migrator.model.errors import LeakError
from migrator.model.words import Name
from migrator.privacy.guard import LeakGuard, own_vocabulary
from migrator.privacy.labels import Labels, clear_text

OWN = "The session of agent main in store global, found at offset and line. Verdict: missing. sessions.json"
STRANGE = "quxolotl"
PHONE = "491511234567"

few = settings(deadline=None, max_examples=100)

LETTERS = st.text(st.characters(categories=("Ll", "Lu")), min_size=4, max_size=20)
NUMBERS = st.text("0123456789", min_size=9, max_size=20)
TOKENS = st.from_regex(r"sk-[0-9A-Za-z]{16,24}", fullmatch=True)
SECRETS = st.one_of(LETTERS, NUMBERS, TOKENS)


def guard_of(*names: str, vocabulary: str = OWN, computed: Iterable[str] = ()) -> LeakGuard:
    guard = LeakGuard(vocabulary, computed)
    for name in names:
        guard.add_name(name)
    return guard


def withholds(check: Callable[[], None]) -> bool:
    try:
        check()
    except LeakError:
        return True
    return False


def leaks_name(output: str, *names: str, computed: Iterable[str] = ()) -> bool:
    guard = guard_of(*names, computed=computed)
    return withholds(lambda: guard.check_names(output))


def leaks_source(output: str, source: bytes, size: int = 1 << 20, computed: Iterable[str] = ()) -> bool:
    guard = guard_of(computed=computed)
    pieces = [source[start : start + size] for start in range(0, len(source), size)]
    return withholds(lambda: guard.check_sources(output, pieces))


# names


@pytest.mark.parametrize("key", ["agent:main:telegram:direct:{}", "{}", "/home/{}/.openclaw", "C:\\{}\\state", "a.{}"])
@given(secret=SECRETS)
@few
def test_no_secret_inside_a_name_is_printed_unnoticed(key: str, secret: str) -> None:
    assume(secret.casefold() not in OWN.casefold())
    name = key.format(secret)
    assert leaks_name(f"the session {name} is missing", name)
    assert leaks_name(f"the session {secret} is missing", name)


def can_be_told(name: str) -> bool:
    """Whether the guard promises to find a name: four characters with a letter, or more than ASCII."""
    folded = " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())
    has_letter = any("a" <= char <= "z" for char in folded)
    return folded not in OWN.casefold() and ((len(folded) >= 4 and has_letter) or not folded.isascii())


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
@example("00:A\r", "0")
@few
def test_a_name_that_is_not_of_our_words_is_found_whatever_is_around_it(name: str, around: str) -> None:
    assume(can_be_told(name))
    assert leaks_name(f"missing: {name} {around}", name)


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        str.title,
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFC", text),
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        repr,
        ascii,
        lambda text: text.encode("unicode_escape").decode(),
        quote,
        lambda text: quote(text, safe=""),
        html.escape,
        lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
        lambda text: "".join(f"\\{char}" if char in "_*`:" else char for char in text),
        lambda text: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text),
        lambda text: text.replace(" ", "\n    "),
        lambda text: f"{text[:7]}\n      {text[7:]}",
        lambda text: f"_{text}_",
        lambda text: f"{text}.",
        lambda text: clear_text(Name("agent", text)),
    ],
)
@pytest.mark.parametrize("name", ["Käthe Größer", "quxolotl_blorb", "agent:Zürich'ü:x", "тест🦞agent", "blörb\tqux<y>"])
def test_a_name_is_found_in_every_spelling(name: str, spell: Callable[[str], str]) -> None:
    assert leaks_name(f'{{"subject": "{spell(name)}"}}', name)


@given(st.text(min_size=6, max_size=20), st.sampled_from([json.dumps, repr, ascii, quote, html.escape]))
@few
def test_an_escaped_name_is_found_too(name: str, spell: Callable[[str], str]) -> None:
    assume(can_be_told(name))
    assert leaks_name(f"missing: {spell(name)}", name)


def test_an_undecodable_name_is_found_raw_escaped_and_replaced() -> None:
    name = "quxolotl-caf\udce9"
    for printed in (
        name,
        ascii(name),
        name.encode("utf-8", "surrogateescape").decode("latin-1"),
        "quxolotl-caf\ufffd",
    ):
        assert leaks_name(printed, name)


def test_a_part_of_a_path_is_found() -> None:
    path = "/home/Quxo Lotl/.openclaw/agents/Blorb Agent/sessions/sessions.json"
    for printed in ("quxo lotl", "the agent Blorb", "Blorb Agent/sessions", "/home/Quxo Lotl"):
        assert leaks_name(printed, path)
    assert leaks_name("missing: main store", "/home/main store/x")


def test_a_short_name_is_found_as_a_word() -> None:
    assert leaks_name("the agent bob is missing", "bob")
    assert leaks_name("the agent 王 is missing", "王")
    assert leaks_name("the session of bob", "agent:bob:main")
    assert leaks_name("user 12345 is missing", "agent:main:topic:12345")


def test_our_own_words_are_no_leak() -> None:
    assert not leaks_name("The session of agent MAIN is missing in store global", "agent:main:global", "main", "store")
    assert not leaks_name("sessions.json", "/home/sessions.json")
    assert not leaks_name("the agent main is missing", "agent main")


def test_words_of_ours_are_a_leak_when_they_are_put_together_as_a_name() -> None:
    assert leaks_name("the session agent:main:global is missing", "agent:main:global")


def test_numbers_in_our_source_excuse_no_number_of_the_installation() -> None:
    guard = guard_of(f"agent:main:direct:{PHONE}", vocabulary=f"for example agent:main:direct:{PHONE}")
    assert withholds(lambda: guard.check_names(f"missing: {PHONE}"))


def test_labels_that_were_given_out_are_no_leak_and_look_alikes_are() -> None:
    labels = Labels(bytes(32))
    names = ["cafe", "beef12", f"agent:main:direct:{PHONE}"]
    printed = " ".join(labels.of(Name("session", name)) for name in names)
    assert not leaks_name(f"missing: {printed}", *names, computed=labels.issued)
    assert leaks_name(f"missing: direct:{PHONE}", *names, computed=labels.issued)


def test_a_digest_that_we_computed_is_no_leak_though_names_look_like_parts_of_it() -> None:
    digest = "cafe" * 16
    assert not leaks_name(f"digest {digest}", "cafe", computed=[digest])
    assert leaks_name(f"digest {digest}", "cafe")


def test_a_number_that_we_computed_is_no_leak() -> None:
    assert leaks_name("found at offset 12345", "agent:main:topic:12345")
    assert not leaks_name("found at offset 12345", "agent:main:topic:12345", computed=["12345"])


def test_a_version_that_we_computed_is_no_leak() -> None:
    assert leaks_name("found 2026.9.6", "/opt/2026.9.6/bin")
    assert not leaks_name("found 2026.9.6", "/opt/2026.9.6/bin", computed=["2026.9.6"])


def test_a_fact_of_the_host_that_we_computed_is_no_leak() -> None:
    assert leaks_name("filesystem ext4", "/mnt/ext4")
    assert not leaks_name("filesystem ext4", "/mnt/ext4", computed=["ext4"])


def test_labels_of_every_kind_are_known_as_ours() -> None:
    labels = Labels(bytes(32))
    printed = " ".join(labels.of(Name("session-id", str(number))) for number in range(100))
    guard_of(computed=labels.issued).check_sources(f"session {printed}", [])


def test_times_of_our_own_are_no_leak() -> None:
    name = "2026-11-22T10-00-00Z_x.jsonl"
    assert not leaks_name("found at 2026-11-22T10:15:30.123Z", name)
    assert leaks_name(f"found {name}", name)
    assert leaks_name("missing: main:2026-11-22T10:15:30Z", "main:2026-11-22T10:15:30Z")


def test_a_leak_error_holds_the_text_in_its_subject_only() -> None:
    guard = guard_of(f"agent:main:{STRANGE}")
    with pytest.raises(LeakError) as caught:
        guard.check_names(f"missing: {STRANGE}")
    assert STRANGE not in f"{caught.value!s}{caught.value!r}{caught.value.args}{caught.value.sentence}"
    assert caught.value.subject == Name("word", STRANGE)


# sources


@given(SECRETS, st.integers(min_value=1, max_value=40))
@few
def test_no_value_of_a_source_is_printed_unnoticed(secret: str, size: int) -> None:
    assume(secret.isascii() is False or len(secret) >= 6)
    assume(secret.casefold() not in OWN.casefold())
    source = json.dumps({"filler": "x " * 20, "label": f"for {secret}, please", "more": [1, 2]}, ensure_ascii=False)
    assert leaks_source(f"missing: {secret}", source.encode("utf-8", "surrogatepass"), size)


@given(st.text(st.characters(categories=("Ll", "Lu", "Nd")), min_size=6, max_size=15), st.integers(1, 30))
@few
def test_a_value_is_found_though_the_source_escapes_it(secret: str, size: int) -> None:
    assume(not secret.isascii() or not secret.isdecimal())
    assume(secret.casefold() not in OWN.casefold())
    assert leaks_source(f"missing: {secret}", json.dumps(f"x{secret}").encode(), size)


@pytest.mark.parametrize(
    ("printed", "source"),
    [
        (STRANGE, rb'"hello\nquxolotl"'),
        (STRANGE, rb'"\u003cquxolotl\u003e"'),
        (STRANGE, b'"QuxOLotl"'),
        (STRANGE.upper(), b'"quxolotl"'),
        (STRANGE, rb'"C:\\quxolotl\\x"'),
        (STRANGE, rb'"http:\/\/quxolotl\/"'),
        ("a+b@c.de", b'"a+b@c.de"'),
        ("grüße", '"GRÜSSE Grüße"'.encode()),
        ("GRÜN", rb'"gr\u00fcn"'),
        ("grün", rb'"gr\u00FCn"'),
        ("gru\u0308n", '"grün"'.encode()),
        ("日本", '"日本語"'.encode()),
        (f"+{PHONE}", f'"direct:{PHONE}"'.encode()),
        (PHONE, rb'"\u0026491511234567"'),
        (PHONE, rb'"\u00e9491511234567"'),
        (json.dumps("日本語"), '"日本語"'.encode()),
        ("sk-12-ab-cd-ef", b'{"token": "sk-12-ab-cd-ef"}'),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
def test_a_value_is_found_in_every_spelling(printed: str, source: bytes, size: int) -> None:
    filler = b'{"a": "b"}, ' * 20
    assert leaks_source(f"missing: {printed}", filler + source + filler, size)
    assert leaks_source(f"missing: {printed}", source, size)


@pytest.mark.parametrize("size", [1, 5, 11, 1 << 20])
def test_a_number_that_is_part_of_a_longer_one_is_no_leak(size: int) -> None:
    source = b'{"updatedAt": 1790000012345, "n": 100000000000000000000000000000000000000000000000000000000000}'
    source += b'{"a": "b"}, ' * 20
    for number in ("790000012", "179000001", "1000000000", "000000000", "790000012345", "90000012345"):
        assert not leaks_source(f"found {number}", source, size)
    assert leaks_source("found 1790000012345", source, size)


def test_many_numbers_are_looked_for_at_once() -> None:
    numbers = " ".join(str(10**9 + number) for number in range(1000))
    assert not leaks_source(numbers, b'{"id": 2000000000}')
    assert leaks_source(numbers, b'{"id": 1000000999}')


def test_short_words_and_short_numbers_are_not_looked_for() -> None:
    assert not leaks_source("abcde 12345678", b'"abcde 12345678"')


def test_our_words_and_computed_words_are_not_looked_for() -> None:
    digest = "ab" * 32
    source = f'"session missing {digest} 2026.9.6-beta.1 verdict-offset"'.encode()
    printed = f"Session missing: {digest}, 2026.9.6-beta.1, verdict-offset-12"
    assert not leaks_source(printed, source, computed=[digest, "2026.9.6-beta.1"])
    assert leaks_source(printed, source)


def test_a_label_that_was_not_given_out_is_looked_for() -> None:
    label = "direct:4915112345ab"
    assert leaks_source(f"missing: {label}", f'"{label}"'.encode())
    assert not leaks_source(f"missing: {label}", f'"{label}"'.encode(), computed=[label])


def test_a_text_of_our_own_words_reads_no_source() -> None:
    def chunks() -> Iterator[bytes]:
        raise AssertionError("a source was read")
        yield b""

    guard_of().check_sources(
        "The session of agent main is missing: 12 in line 34 at 2026-11-22T10:15:30.123Z", chunks()
    )


def test_a_text_of_strange_words_is_withheld_unread() -> None:
    words = " ".join(f"blorb{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(65))
    assert leaks_source(words, b"")
    assert not leaks_source(words.rpartition(" ")[0], b"")


def test_line_breaks_between_our_own_words_make_no_strange_word() -> None:
    assert not leaks_source("in\nsession offset\n  line", b'"insession offsetline"')


def test_a_list_of_labels_at_the_ends_of_lines_makes_no_strange_words() -> None:
    labels = Labels(bytes(32))
    text = "\n".join(f"  kept  {labels.of(Name('session', str(number)))}" for number in range(100))
    assert not leaks_source(text, b"", computed=labels.issued)


# our own vocabulary


def test_the_vocabulary_is_the_text_of_the_package() -> None:
    text = "\n".join(own_vocabulary())
    assert "class LeakGuard" in text
    assert "nothing that was read leaves unnoticed" not in text
    assert "Raises LeakError when" not in text
    assert "five times as fast" not in text
    assert "that borders cut" not in text
    assert "class StoreReader" in text or "def normalize_agent_id" in text or "cache_entries" in text


def test_the_guard_knows_our_words_by_itself() -> None:
    guard = LeakGuard()
    guard.add_name("migrator")
    guard.add_name("Qx9 Zzyzx")
    guard.check_names("The migrator found a session in a database.")
    with pytest.raises(LeakError):
        guard.check_names("The migrator found Zzyzx in a database.")


def test_the_vocabulary_is_read_from_inside_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "'''blorbword'''")
        archive.writestr("zipped/inner/__init__.py", "")
        archive.writestr("zipped/inner/module.py", "quxword = 1")
        archive.writestr("zipped/data.txt", "notours")
    monkeypatch.syspath_prepend(str(tmp_path / "app.zip"))
    monkeypatch.setattr("migrator.privacy.guard.files", lambda _name: files("zipped"))
    text = "\n".join(own_vocabulary())
    assert "blorbword" in text
    assert "quxword" in text
    assert "notours" not in text
