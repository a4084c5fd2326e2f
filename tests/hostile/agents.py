"""Agent directories and transcripts that nobody would make, and configurations and locks that say nonsense."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hostile.case import BAD, ENTRY, FIRST, MARK, Case, Found, member, text
from tests.worlds import World

STORE = text(member(FIRST, ENTRY))
ONE = {FIRST: ENTRY}
HEADER = f'{{"type":"session","version":3,"id":"s-{MARK}"}}'.encode()
EVENT = b'{"type":"message","id":"1","parentId":null,"message":{"role":"user","content":"x"}}'
GOOD_NAME = f"s-{MARK}.jsonl"


def named(*names: str | bytes) -> Callable[[World], object]:
    """Agents with such names, each with a good store; the hostile agent is as it should be."""

    def build(world: World) -> None:
        world.agent(BAD, STORE)
        for name in names:
            world.agent(name, STORE)

    return build


def agents(name: str, *names: str | bytes, finds: tuple[Found, ...] = (), apply: int = 0) -> Case:
    return Case(f"agent: {name}", named(*names), finds, apply, ONE)


def on_agent(code: str, name: str) -> Found:
    return Found(code, "agent", name)


def many(count: int, world: World) -> None:
    world.agent(BAD, STORE)
    for number in range(count):
        (world.state / "agents" / f"{MARK} {number}").mkdir()


def with_stores(count: int, world: World) -> None:
    world.agent(BAD, STORE)
    for number in range(count):
        world.agent(f"{MARK} {number}", STORE)


def a_file(world: World) -> None:
    world.agent(BAD, STORE)
    (world.state / "agents" / f"file {MARK}").write_bytes(b"x")
    os.mkfifo(world.state / "agents" / f"pipe {MARK}")


def links(world: World) -> None:
    world.agent(BAD, STORE)
    root = world.state / "agents"
    (root / f"self {MARK}").symlink_to(root / f"self {MARK}")
    (root / f"twin {MARK}").symlink_to(root / BAD)
    (root / f"root {MARK}").symlink_to("/")
    (root / f"up {MARK}").symlink_to(root)


def sessions_is_a_file(world: World) -> None:
    world.agent(BAD)
    (world.agent_path(BAD) / "sessions").write_bytes(b"x")


def deep_folders(world: World) -> None:
    folder = world.agent(BAD, STORE) / "sessions"
    for _ in range(60):
        folder /= f"{MARK}-folder"
    folder.mkdir(parents=True)
    (folder / GOOD_NAME).write_bytes(HEADER + b"\n" + EVENT + b"\n")


def odd_files(world: World) -> None:
    folder = world.agent(BAD, STORE) / "sessions"
    (folder / "x.jsonl").mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "null.jsonl").symlink_to("/dev/zero")
    (folder / "self.jsonl").symlink_to("self.jsonl")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.jsonl")).write_bytes(HEADER)
    (folder / f"{'y' * 249}.jsonl").write_bytes(HEADER)
    os.mkfifo(folder / "sessions.json.lock")
    os.utime(folder / "sessions.json.lock", (1, 1))
    os.mkfifo(folder / "sessions.json.bak.5")
    (folder / "sessions.json.bak.6").symlink_to("/dev/zero")


def transcript(name: str, content: bytes, *codes: str, apply: int = 0, events: int | None = None) -> Case:
    """A transcript of the good entry with such bytes. The good lines of it must arrive."""

    def build(world: World) -> None:
        folder = world.agent(BAD, STORE) / "sessions"
        (folder / GOOD_NAME).write_bytes(content)

    path = f"{{state}}/agents/{BAD}/sessions/{GOOD_NAME}"
    finds = tuple(Found(code, "transcript", path) for code in codes)
    return Case(f"transcript: {name}", build, finds, apply, ONE, events=events)


def config(name: str, content: bytes, *codes: str) -> Case:
    """A configuration with such bytes: sessions are found all the same."""

    def build(world: World) -> None:
        world.agent(BAD, STORE)
        (world.state / "openclaw.json").write_bytes(content)

    finds = tuple(Found(code, "config", "{state}/openclaw.json") for code in codes)
    return Case(f"config: {name}", build, finds, 0, ONE)


def setting(name: str, value: object, *finds: Found, apply: int = 0) -> Case:
    """A setting of such a value."""

    def build(world: World) -> None:
        world.agent(BAD, STORE)
        world.config(session={"store": value})

    return Case(f"config: store: {name}", build, finds, apply, ONE)


def lock(name: str, content: bytes, apply: int = 0) -> Case:
    """A lock beside the store with such bytes."""

    def build(world: World) -> None:
        world.agent(BAD, STORE)
        path = world.store_path(BAD).with_name("sessions.json.lock")
        path.write_bytes(content)
        os.utime(path, (1, 1))

    return Case(f"lock: {name}", build, (), apply, ONE)


LINES = b"\n".join([HEADER, EVENT, b""])
DEEP = b'{"type":"custom","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"
NUL = ("transcript.nul-damage",)
UNSET = Found("config.unset-variable", "variable", MARK.upper())
NOT_A_DIRECTORY = on_agent("agent.not-a-directory", f"file {MARK}")
NO_SESSIONS = on_agent("agent.no-sessions-directory", BAD)
WRONG = Found("config.wrong-type", "setting", "session.store")

CASES = (
    agents("a name of 255 bytes", "z" * 255, apply=0),
    agents("a name that is no UTF-8", b"\xff\xfe quokka"),
    agents("a name with a line end", f"a\nb {MARK}"),
    agents("a name with quotes and percents", f"%2e%s{{0}}'\"`$(x) {MARK}"),
    agents("a name of blanks", f" {MARK} ", "  "),
    agents("a name with a trailing dot", f"{MARK}."),
    agents("a name like a device of Windows", "NUL", "con.quokka"),
    agents("a name with a colour", f"\x1b[31m{MARK}\x07"),
    agents("a name written from the right", f"\u202e{MARK}"),
    agents("names that only composition tells apart", f"\u00e9 {MARK}", f"e\u0301 {MARK}"),
    agents("names that only case tells apart", f"A {MARK}", f"a {MARK}"),
    agents("a hidden name", f".{MARK}"),
    agents("marks only", "###", "..."),
    agents("a name of the database", "openclaw-agent.sqlite"),
    agents("a question mark and a number sign", f"a?mode=memory#{MARK}"),
    Case(
        "agent: a file and a pipe in the place of agents",
        a_file,
        (on_agent("agent.not-a-directory", f"file {MARK}"),),
        0,
        ONE,
    ),
    Case(
        "agent: links to itself, a twin, the root and up",
        links,
        (
            on_agent("agent.dangling-link", f"self {MARK}"),
            on_agent("agent.link-outside", f"root {MARK}"),
        ),
        0,
        ONE,
    ),
    Case(
        "agent: a file in the place of the sessions",
        sessions_is_a_file,
        (on_agent("agent.no-sessions-directory", BAD),),
    ),
    Case("agent: folders in folders", deep_folders, (), 0, ONE),
    Case("agent: odd files", odd_files, (), 0, ONE),
    Case("agent: 300 empty directories", partial(many, 300), (), 0, ONE),
    Case("agent: 100 directories", partial(with_stores, 100), (), 0, ONE),
    Case("agent: 10,000 empty directories", partial(many, 10_000), (), 0, ONE, exhaustive=True),
    transcript("empty", b"", events=0),
    transcript("blank lines", b"\n \n\r\n" + LINES, events=2),
    transcript("NUL bytes", b"\0" * 5000, "transcript.nul-damage", apply=15, events=0),
    transcript("NUL bytes between records", LINES + b"\0" * 300 + EVENT + b"\n", *NUL, apply=15, events=3),
    transcript("torn", LINES + EVENT[:20], "transcript.torn-tail", apply=15, events=2),
    transcript("a damaged line", HEADER + b"\n{x}\n" + EVENT + b"\n", "transcript.malformed-line", apply=15, events=2),
    transcript("no header", EVENT + b"\n", "transcript.no-header", events=1),
    transcript("garbage", bytes(range(10, 256)) * 20, "transcript.malformed-line", apply=15),
    transcript("UTF-16", LINES.decode().encode("utf-16"), "transcript.utf-16", events=2),
    transcript("not UTF-8", HEADER + b'\n{"type":"custom","x":"\xff"}\n', events=2),
    transcript("200,000 deep", HEADER + b"\n" + DEEP + EVENT + b"\n", "transcript.malformed-line", apply=15, events=2),
    transcript("one line twice", LINES + EVENT + b"\n", events=3),
    transcript("another header", LINES.replace(f"s-{MARK}".encode(), b"zzz"), "transcript.header-mismatch", events=2),
    transcript("no objects", b'null\n0\n""\n[]\n"x"\n42\n', "transcript.no-header", events=6),
    transcript("numbers without end", b'{"type":"custom","timestamp":1e999,"n":' + b"9" * 5000 + b"}\n", events=1),
    transcript("one line of 5 MB", HEADER + b'\n{"type":"custom","x":"' + b"y" * (5 << 20) + b'"}\n', events=2),
    transcript("20,000 lines", LINES + b'{"type":"custom"}\n' * 20_000, events=20_002),
    config("empty", b"", "config.invalid"),
    config("an array", b"[]", "config.invalid"),
    config("garbage", bytes(range(256)), "config.invalid"),
    config("NUL bytes", b"\0" * 99, "config.invalid"),
    config("200,000 deep", b"[" * 200_000, "config.invalid"),
    config("200,000 deep in JSON5", b"{a:" * 80_000, "config.invalid"),
    config("5 MB", b'{"x":"' + b"y" * (5 << 20) + b'"}', "config.too-large"),
    config("UTF-16", "{}".encode("utf-16"), "config.invalid"),
    config("a byte order mark", b"\xef\xbb\xbf{}"),
    config("5,000 digits", b'{"session":{"store":' + b"9" * 5000 + b"}}"),
    config("it includes itself", b'{"$include":"./openclaw.json"}'),
    config("it includes a device", b'{"$include":"/dev/zero"}'),
    config("it includes up and away", b'{"$include":["../../../etc/passwd","~/x"]}'),
    config("it includes nonsense", json.dumps({"$include": [None, 5, "\0", "x" * 9999]}).encode()),
    setting("a number", 42, WRONG),
    setting("a list", [], WRONG),
    setting("NUL", "a\0b", WRONG),
    setting("a device", "/dev/zero", Found("store.not-a-file", "store", "/dev/zero"), apply=1),
    setting("a directory", "/", Found("store.not-a-file", "store", "/"), apply=1),
    setting("nothing", f"/nothing/{MARK}", Found("store.missing", "store", f"/nothing/{MARK}")),
    setting("too long", "/x" * 5000, Found("store.unreadable", "store", "/x" * 5000), apply=1),
    setting("a lone surrogate", "\ud800"),
    setting("a variable that is not set", f"${{{MARK.upper()}}}/x", UNSET),
    lock("empty", b""),
    lock("garbage", bytes(range(256))),
    lock("a number without end", b'{"pid":' + b"9" * 5000 + b"}"),
    lock("a process before time", b'{"pid":-1,"createdAt":"x"}'),
    lock("200,000 deep", b"[" * 200_000),
    lock("1 MB", b'{"pid":1,"x":"' + b"y" * (1 << 20) + b'"}'),
)
