"""Stores that are no stores, or damaged ones: what they hold is found, and the rest of it migrated."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.hostile.case import (
    BAD,
    ENTRY,
    FIRST,
    MARK,
    OTHER,
    SECOND,
    Case,
    Found,
    member,
    of_entry,
    of_store,
    store_path,
    text,
)
from tests.worlds import World, raw_store

ONE = {FIRST: ENTRY}
TWO = {FIRST: ENTRY, SECOND: OTHER}
WHOLE = raw_store(TWO)
HEAD = f'{{\n  "{FIRST}": {ENTRY}'
CUT = f'{{"{FIRST}":'


def put(content: bytes | str, world: World) -> None:
    world.agent(BAD, content)


def store(
    name: str,
    content: bytes | str,
    *finds: Found,
    apply: int = 15,
    good: dict[str, str] | None = None,
    exhaustive: bool = False,
) -> Case:
    """A case that is nothing but the content of the store."""
    return Case(f"store: {name}", partial(put, content), finds, apply, good or {}, exhaustive=exhaustive)


def garbage() -> bytes:
    return bytes(random.Random(5).randrange(256) for _ in range(5000))  # noqa: S311 - the same at each run


def cut_everywhere(world: World) -> None:
    for length in range(len(WHOLE)):
        world.agent(f"cut {MARK} {length:03d}", WHOLE[:length])


def empty_folder(world: World) -> Path:
    world.agent(BAD, "")
    world.store_path(BAD).unlink()
    return world.store_path(BAD)


def directory(world: World) -> None:
    empty_folder(world).mkdir()


def fifo(world: World) -> None:
    os.mkfifo(empty_folder(world))


def listening(world: World) -> None:
    """A socket; bound by a relative name, because the path of one may have 107 bytes at most."""
    folder, before = empty_folder(world).parent, Path.cwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("sessions.json")
    os.chdir(before)


def device(world: World) -> None:
    """The link that a device needs, as only the superuser can make one."""
    empty_folder(world).symlink_to("/dev/zero")


def dangling(world: World) -> None:
    empty_folder(world).symlink_to(world.state / f"nothing {MARK}")


def circle(world: World) -> None:
    path = empty_folder(world)
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


def leading_out(world: World) -> None:
    outside = world.store(world.root / f"outside {MARK}.json", text(member(FIRST, ENTRY)))
    empty_folder(world).symlink_to(outside)


def folder_leading_out(world: World) -> None:
    world.store(world.root / f"outside {MARK}" / "sessions.json", text(member(FIRST, ENTRY)))
    world.agent(BAD)
    (world.agent_path(BAD) / "sessions").symlink_to(world.root / f"outside {MARK}")


def linked_inside(world: World) -> None:
    empty_folder(world).symlink_to(world.store(world.state / "elsewhere.json", text(member(FIRST, ENTRY))))


def hard_linked(world: World) -> None:
    world.agent(BAD, text(member(FIRST, ENTRY)))
    twin = world.state / "agents" / f"twin {MARK}" / "sessions" / "sessions.json"
    twin.parent.mkdir(parents=True)
    twin.hardlink_to(world.store_path(BAD))


def unreadable(world: World) -> None:
    world.agent(BAD, WHOLE)
    world.store_path(BAD).chmod(0)


def unlistable(world: World) -> None:
    world.agent(BAD, WHOLE)
    world.store_path(BAD).parent.chmod(0)


@contextmanager
def growing(world: World) -> Iterator[None]:
    """Somebody writes to the store all the time."""
    stop = threading.Event()

    def write() -> None:
        with world.store_path(BAD).open("ab", buffering=0) as stream:
            while not stop.is_set():
                stream.write(b" ")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


UNREADABLE_LINKS = Found("store.unreadable", "store", store_path())

CASES = (
    store("no byte", b"", of_store("store.empty", length=0)),
    store("blanks", b" \n\t\r\n ", of_store("store.empty", length=6)),
    store("nothing but a byte order mark", b"\xef\xbb\xbf", of_store("store.empty")),
    store("an empty object", b"{}", apply=0),
    store("an array", b"[]", of_store("store.not-object", 0, length=2)),
    store("null", b"null", of_store("store.not-object", 0)),
    store("a number", b"42", of_store("store.not-object", 0)),
    store("a string", f'"{MARK}"', of_store("store.not-object", 0)),
    store("true", b"true", of_store("store.not-object", 0)),
    store("an array of entries", f"[{ENTRY},{OTHER}]", of_store("store.not-object", 0)),
    store("nothing but a closing brace", b"}", of_store("store.not-object", 0)),
    store("nothing but an opening brace", b"{", of_store("store.truncated", 1, length=0)),
    store("nothing but a quote", b'"', of_store("store.not-object", 0)),
    store("a web page", f"<html>{MARK}</html>", of_store("store.not-object", 0)),
    store("garbage", garbage(), of_store("store.not-object", 0, length=5000)),
    store("NUL bytes", b"\0" * 5000, of_store("store.not-utf8", 0, length=5000)),
    store("NUL bytes behind a block", WHOLE[:60] + b"\0" * 4036, of_store("store.truncated"), good={}),
    store("NUL bytes behind the object", WHOLE + b"\0" * 99, of_store("store.trailing-text", len(WHOLE)), good=TWO),
    store(
        "NUL bytes between entries",
        f"{HEAD},\0\0\0\n  {member(SECOND, OTHER)}\n}}",
        of_store("store.damaged"),
        good=TWO,
    ),
    store(
        "Latin-1",
        f'{{"{FIRST}":{{"label":"Stra\xdfe"}}}}'.encode("latin-1"),
        apply=0,
        good={FIRST: '{"label":"Stra�e"}'},
    ),
    store("UTF-16 with a mark", WHOLE.decode().encode("utf-16"), of_store("store.utf-16"), apply=0, good=TWO),
    store(
        "UTF-16 with a mark, cut in a letter",
        WHOLE.decode().encode("utf-16")[:-3],
        of_store("store.truncated", 2 * len(WHOLE) - 2),
        of_store("store.utf-16"),
        good=TWO,
    ),
    store("UTF-16 without a mark", text(member(FIRST, ENTRY)).encode("utf-16-le"), of_store("store.not-utf8", 0)),
    store("UTF-16, big end first", text(member(FIRST, ENTRY)).encode("utf-16-be"), of_store("store.not-utf8", 0)),
    store("UTF-32", text(member(FIRST, ENTRY)).encode("utf-32"), of_store("store.not-utf8", 0)),
    store("a byte order mark", b"\xef\xbb\xbf" + WHOLE, of_store("store.json5"), apply=0, good=TWO),
    store("trailing text", WHOLE + b"x" * 99, of_store("store.trailing-text", len(WHOLE), length=99), good=TWO),
    store("two stores in one", WHOLE + WHOLE, of_store("store.trailing-text", len(WHOLE)), good=TWO),
    store("a brace too many", WHOLE + b"}", of_store("store.trailing-text", len(WHOLE), length=1), good=TWO),
    store("no closing brace", WHOLE[:-1], of_store("store.truncated", len(WHOLE) - 2), good=TWO),
    store(
        "cut in a value",
        f"{HEAD},\n  {member(SECOND, OTHER)[:-5]}",
        of_store("store.truncated", len(HEAD) + 4),
        good=ONE,
    ),
    store("cut in a key", f'{HEAD},\n  "agent', of_store("store.truncated", len(HEAD) + 4, length=6), good=ONE),
    store("cut behind a comma", f"{HEAD},", of_store("store.truncated", len(HEAD)), good=ONE),
    store(
        "cut in a multi-byte character", f'{HEAD},\n  "\U0001f998'.encode()[:-2], of_store("store.truncated"), good=ONE
    ),
    Case("store: cut at every byte", cut_everywhere, apply=15, good={}),
    store(
        "a comma missing",
        f"{HEAD}\n  {member(SECOND, OTHER)}\n}}",
        of_store("store.misplaced-comma", len(HEAD)),
        good=TWO,
    ),
    store("commas only", b"{" + b"," * 5000 + b"}", of_store("store.misplaced-comma", 1)),
    store("a comma first", f"{{,{member(FIRST, ENTRY)}}}", of_store("store.misplaced-comma", 1, length=1), good=ONE),
    store("a comma last", f"{{{member(FIRST, ENTRY)},}}", of_store("store.json5"), apply=0, good=ONE),
    store("no colon", f'{HEAD},\n  "{SECOND}" {OTHER}\n}}', of_store("store.damaged", len(HEAD) + 4), good=ONE),
    store("no value", f'{HEAD},\n  "{SECOND}":\n}}', of_entry("entry.not-json", SECOND), good=ONE),
    store(
        "no value in the middle",
        f'{{\n  "{SECOND}": ,\n  {member(FIRST, ENTRY)}\n}}',
        of_entry("entry.not-json", SECOND),
        good=ONE,
    ),
    store(
        "a lost quote",
        f'{HEAD},\n  "{SECOND}": {{"label":"{MARK}}},\n  {member("k", ENTRY)}\n}}',
        of_entry("entry.unbalanced", SECOND),
        good={**ONE, "k": ENTRY},
    ),
    store(
        "a lost brace",
        f'{{\n  "{SECOND}": {{"label":1,\n  {member(FIRST, ENTRY)}\n}}',
        of_entry("entry.unbalanced", SECOND),
        good=ONE,
    ),
    store(
        "another bracket",
        f'{{\n  "{SECOND}": {{"label":[1}},\n  {member(FIRST, ENTRY)}\n}}',
        of_entry("entry.not-json", SECOND),
        good=ONE,
    ),
    store(
        "a shell prompt in the middle",
        f"{HEAD},\n$ cat {MARK}\n  {member(SECOND, OTHER)}\n}}",
        of_store("store.damaged", len(HEAD) + 2),
        good=TWO,
    ),
    store(
        "merge marks",
        f"{HEAD},\n<<<<<<< HEAD\n  {member(SECOND, OTHER)}\n=======\n  {member('k', ENTRY)}\n>>>>>>> x\n}}",
        of_store("store.damaged", len(HEAD) + 2),
        good={**TWO, "k": ENTRY},
    ),
    store("a comment without an end", f"{HEAD}, /* {MARK} }}", of_store("store.damaged"), good=ONE),
    store(
        "comments and single quotes",
        f"{{// {MARK}\n'{FIRST}':{ENTRY},/*x*/}}",
        of_store("store.json5"),
        apply=0,
        good=ONE,
    ),
    store(
        "raw control characters",
        f'{{"{FIRST}":{{"label":"a\tb"}}}}',
        of_store("store.json5"),
        apply=0,
        good={FIRST: '{"label": "a\\tb"}'},
    ),
    store("invalid UTF-8 in a key", b'{"k\xff":' + ENTRY.encode() + b"}", apply=0, good={"k�": ENTRY}),
    store("carriage returns", WHOLE.replace(b"\n", b"\r\n"), apply=0, good=TWO),
    store("one line", text(member(FIRST, ENTRY), member(SECOND, OTHER)), apply=0, good=TWO),
    Case("store: a directory", directory, (of_store("store.not-a-file"),), 1),
    Case("store: a pipe", fifo, (of_store("store.not-a-file"),), 1),
    Case("store: a socket", listening, (of_store("store.unreadable"),), 1),
    Case("store: a link to a device", device, (of_store("store.link-outside"),)),
    Case("store: a dangling link", dangling, (UNREADABLE_LINKS,), 1),
    Case("store: a link to itself", circle, (UNREADABLE_LINKS,), 1),
    Case("store: a link that leads out", leading_out, (of_store("store.link-outside"),)),
    Case("store: a folder that leads out", folder_leading_out, (Found("agent.link-outside", "agent", BAD),)),
    Case("store: a link to a file inside", linked_inside, (of_store("store.link"),), good=ONE),
    Case("store: two names for one file", hard_linked, good=ONE),
    Case("store: unreadable", unreadable, (of_store("store.unreadable", errno=13),), 1, unprivileged=True),
    Case(
        "store: in an unlistable folder", unlistable, (Found("agent.unreadable", "agent", BAD),), 1, unprivileged=True
    ),
    Case(
        "store: growing",
        partial(put, WHOLE + b" " * (8 << 20)),
        (of_store("store.changing"),),
        11,
        None,
        growing,
        unsteady=True,
    ),
)
