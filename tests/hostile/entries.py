"""Entries that are none, and members that nobody would write."""

from __future__ import annotations

import json
from functools import partial

from tests.hostile.case import BAD, ENTRY, FIRST, MARK, OTHER, SECOND, Case, Found, member, of_entry, of_store, text
from tests.worlds import World

ONE = {FIRST: ENTRY}
DEEP = 200_000


def put(content: bytes | str, world: World) -> None:
    world.agent(BAD, content)


def beside(
    name: str,
    value: str,
    *finds: Found,
    apply: int = 15,
    stored: str | None = None,
    key: str = SECOND,
    exhaustive: bool = False,
) -> Case:
    """A member with this value, and a good one before and behind it; ``stored`` is what must arrive of it."""
    content = text(member(FIRST, ENTRY), f"{json.dumps(key)}:{value}", member("k", ENTRY))
    good = {FIRST: ENTRY, "k": ENTRY, **({} if stored is None else {key: stored})}
    return Case(f"entry: {name}", partial(put, content), finds, apply, good, exhaustive=exhaustive)


def kept(name: str, value: str, *finds: Found, key: str = SECOND) -> Case:
    """An odd member that must arrive byte for byte."""
    return beside(name, value, *finds, apply=0, stored=value, key=key)


def with_id(name: str, value: str, *finds: Found) -> Case:
    """An entry with such a session id."""
    return kept(f"session id: {name}", f'{{"sessionId":{value},"updatedAt":3}}', *finds)


def with_file(name: str, path: str, *finds: Found) -> Case:
    """An entry that points to such a transcript."""
    return kept(
        f"pointer: {name}", f'{{"sessionId":"p-{MARK}","sessionFile":{json.dumps(path)},"updatedAt":3}}', *finds
    )


def with_key(name: str, spelled: str, stored: str, apply: int = 0) -> Case:
    """A member with such a key, spelled so, and so in the database."""
    content = text(member(FIRST, ENTRY), f"{spelled}:{OTHER}")
    return Case(f"entry: key: {name}", partial(put, content), (), apply, {FIRST: ENTRY, stored: OTHER})


def duplicates(world: World) -> None:
    world.agent(BAD, text(member(FIRST, OTHER), member(FIRST, ENTRY)))


NO_ID = of_entry("entry.no-session-id", SECOND)
NOT_OBJECT = of_entry("entry.not-object", SECOND)
NOT_JSON = of_entry("entry.not-json", SECOND)
TOO_DEEP = of_entry("entry.too-deep", SECOND)
NESTED_TWICE = '{"a":1,"a":{"b":1,"b":[{"c":1,"c":2}]},"sessionId":"x","sessionId":"y","updatedAt":1}'

CASES = (
    *(
        beside(name, value, NOT_OBJECT)
        for name, value in {
            "null": "null",
            "true": "true",
            "a number": "42",
            "a string": '"no session id"',
            "an array": f"[{ENTRY}]",
            "an empty array": "[]",
            "an empty string": '""',
        }.items()
    ),
    beside("a session id", f'"{MARK}"', of_entry("entry.only-session-id", SECOND)),
    kept("an empty object", "{}", NO_ID),
    beside("a bare word", MARK, NOT_JSON),
    beside("a number with a leading zero", "012", NOT_JSON),
    beside("an unfinished number", "1.", NOT_OBJECT),
    beside("NaN", "NaN", NOT_OBJECT),
    beside("undefined", "undefined", NOT_JSON),
    beside("a regular expression", f"/{MARK}/", NOT_JSON),
    beside("a function", f"function () {{ {MARK} }}", NOT_JSON),
    Case(
        "entry: closed by the wrong bracket",
        partial(put, f"{{\n  {member(FIRST, ENTRY)},\n  {member(SECOND, '{]')},\n  {member('k', ENTRY)}\n}}"),
        (of_entry("entry.unbalanced", SECOND),),
        15,
        {FIRST: ENTRY, "k": ENTRY},
    ),
    Case(
        "entry: closed by the wrong bracket, in one line",
        partial(put, text(member(FIRST, ENTRY), member(SECOND, "{]"), member("k", ENTRY))),
        (of_store("store.truncated"),),
        15,
        ONE,
    ),
    beside("a colon too many", "{:}", NOT_JSON),
    beside("NaN inside", '{"sessionId":"x","updatedAt":NaN}', apply=0, stored='{"sessionId": "x", "updatedAt": null}'),
    beside(
        "an infinity",
        '{"sessionId":"x","updatedAt":-Infinity}',
        apply=0,
        stored='{"sessionId": "x", "updatedAt": null}',
    ),
    beside("hexadecimal", '{"sessionId":"x","updatedAt":0x10}', apply=0, stored='{"sessionId": "x", "updatedAt": 16}'),
    kept("an endless number", '{"sessionId":"x","updatedAt":1e999}'),
    kept("a number far below zero", '{"sessionId":"x","updatedAt":-1e999}'),
    kept("a number next to zero", '{"sessionId":"x","updatedAt":1e-999999999999999999999}'),
    kept("minus zero", '{"sessionId":"x","updatedAt":-0}'),
    kept("5,000 digits", f'{{"sessionId":"x","updatedAt":1,"n":{"9" * 5000}}}'),
    kept("a time of 5,000 digits", f'{{"sessionId":"x","updatedAt":{"9" * 5000}}}'),
    kept("a time of 19 digits", '{"sessionId":"x","updatedAt":9223372036854775808}'),
    kept("a time as text", '{"sessionId":"x","updatedAt":"1"}', of_entry("entry.no-updated-at", SECOND)),
    kept("a time before time", '{"sessionId":"x","updatedAt":-5}'),
    kept("half a millisecond", '{"sessionId":"x","updatedAt":1.5}'),
    kept("a start beyond all columns", '{"sessionId":"x","updatedAt":1,"startedAt":1e300}', NO_ID),
    kept("lone surrogates in a value", '{"sessionId":"x","updatedAt":1,"label":"\\ud800 \\udfff"}'),
    kept("NUL in a value", '{"sessionId":"x","updatedAt":1,"label":"a\\u0000b"}'),
    kept("the same name twice at every level", NESTED_TWICE),
    kept("skills that are dropped, twice", '{"sessionId":"x","updatedAt":1,"skillsSnapshot":[],"skillsSnapshot":null}'),
    kept("names of JavaScript", '{"sessionId":"x","updatedAt":1,"__proto__":{"a":1},"constructor":1,"toString":2}'),
    kept("60,000 members", json.dumps({"sessionId": "x", "updatedAt": 1} | {f"m{n}": n for n in range(60_000)})),
    beside(f"{DEEP} objects deep", '{"a":' * DEEP + "1" + "}" * DEEP, TOO_DEEP),
    beside(f"{DEEP} arrays deep", "[" * DEEP + "]" * DEEP, TOO_DEEP),
    beside(f"{DEEP} objects deep in JSON5", "{a:" * DEEP + "1" + "}" * DEEP, TOO_DEEP),
    beside(f"{DEEP} arrays deep in JSON5", "[" * DEEP + "1," + "]" * DEEP, TOO_DEEP),
    beside("300 deep in JSON5", "{a:" * 300 + "1" + "}" * 300, NO_ID, apply=0, stored='{"a": ' * 300 + "1" + "}" * 300),
    kept("300 deep", '{"a":' * 300 + "1" + "}" * 300, NO_ID),
    Case(
        f"entry: {DEEP} deep and never closed",
        partial(put, text(member(FIRST, ENTRY))[:-1] + f",{member(SECOND, '[' * DEEP)}"),
        (of_store("store.truncated"),),
        15,
        ONE,
    ),
    Case("entry: one key twice", duplicates, (of_entry("entry.duplicate-key", FIRST),), 15, ONE),
    with_id("none", "null", NO_ID),
    with_id("a number", "42", NO_ID),
    with_id("an object", "{}", NO_ID),
    with_id("blank", '" \\t"', NO_ID),
    with_id("empty", '""', NO_ID),
    with_id("a path that leads out", '"../../etc/passwd"', NO_ID),
    with_id("an absolute path", '"/etc/passwd"', NO_ID),
    with_id("a path of Windows", '"..\\\\..\\\\x"', NO_ID),
    with_id("a dot", '"."', NO_ID),
    with_id("two dots", '".."', NO_ID),
    with_id("a home", '"~root"', NO_ID),
    with_id("NUL", '"a\\u0000b"', NO_ID),
    with_id("a lone surrogate", '"\\ud800"', NO_ID),
    with_id("10,000 characters", f'"{"x" * 10_000}"', NO_ID),
    with_id("a statement", '"x\'); DROP TABLE sessions; --"', NO_ID),
    with_id("a pattern", '"*"', NO_ID),
    with_id("with a colon", '"telegram:123"'),
    Case(
        "entry: session id: the same in 2,000 entries",
        lambda world: world.agent(BAD, {f"{MARK}-{n}": {"sessionId": "x", "updatedAt": n} for n in range(2000)}),
        (Found("entry.shared-session-id", "session", f"{MARK}-7"),),
        0,
        {f"{MARK}-{n}": f'{{\n    "sessionId": "x",\n    "updatedAt": {n}\n  }}' for n in range(2000)},
    ),
    with_file("out of the directory", "../../../../../etc/passwd"),
    with_file("absolute", "/etc/passwd"),
    with_file("a device", "/dev/zero"),
    with_file("of the process", "/proc/self/environ"),
    with_file("home", "~/.ssh/id_rsa"),
    with_file("NUL", "a\0b.jsonl"),
    with_file("a share", "//host/share/x.jsonl"),
    with_file("the store itself", "sessions.json"),
    with_file("a database marker", f"sqlite:{MARK}:x:/x"),
    with_file("its own directory", "."),
    with_file("100,000 steps up", "../" * 100_000),
    with_key("empty", '""', ""),
    with_key("of JavaScript", '"__proto__"', "__proto__"),
    with_key("with NUL", '"a\\u0000b"', "a\0b"),
    with_key("a lone surrogate", '"\\ud800"', "\ufffd"),
    with_key("two lone surrogates", '"\\udc00\\ud800"', "\ufffd\ufffd"),
    with_key("a surrogate pair", '"\\ud83e\\udd98"', "\U0001f998"),
    with_key("1 MB", f'"{"x" * (1 << 20)}"', "x" * (1 << 20)),
    with_key("a path", '"../../etc/passwd"', "../../etc/passwd"),
    with_key("a statement", '"x\'); DROP TABLE cache_entries; --"', "x'); DROP TABLE cache_entries; --"),
    with_key("a format", '"{subject} %s {0}"', "{subject} %s {0}"),
    with_key("colours of a terminal", '"\\u001b[31m\\u0007"', "\x1b[31m\x07"),
    with_key("writing from the right", '"\u202e"', "\u202e"),
    with_key("composed", '"\u00e9"', "\u00e9"),
    with_key("decomposed", '"e\u0301"', "e\u0301"),
)
