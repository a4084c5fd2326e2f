"""Full sizes: how much time and memory they may take is stated with each, where it is more than the usual."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.hostile.case import BAD, ENTRY, FIRST, MARK, Case, Found, member, of_entry
from tests.worlds import World

MILLION, MEGABYTE = 1_000_000, 1 << 20


def huge_entry(size: int) -> dict[str, str]:
    """An entry with one long string between two others."""
    return {FIRST: ENTRY, "huge": f'{{"sessionId":"h-{MARK}","updatedAt":1,"x":"{"y" * size}"}}', "k": ENTRY}


def put(members: dict[str, str], world: World) -> None:
    world.agent(BAD, "{\n  " + ",\n  ".join(member(key, value) for key, value in members.items()) + "\n}")


def huge(world: World) -> None:
    put(huge_entry(300 * MEGABYTE), world)


def tiny(count: int, value: str, world: World) -> None:
    put({f"{MARK}-{number}": value for number in range(count)}, world)


def deep(world: World) -> None:
    put({FIRST: ENTRY, "deep": "[" * 10 * MILLION + "]" * 10 * MILLION}, world)


def case(name: str, build: Callable[[World], object], *finds: Found, good: dict[str, str] | None, peak: int) -> Case:
    """A case that takes more than others may: none of it is lost for that."""
    apply = 15 if finds else 0
    return Case(f"size: {name}", build, finds, apply, good, exhaustive=True, seconds=300, peak=peak * MEGABYTE)


NONE = of_entry("entry.not-object", f"{MARK}-7")
CASES = (
    case("an entry of 300 MB", huge, good=None, peak=1400),
    case("a million entries", partial(tiny, MILLION, "{}"), good=None, peak=4096),
    case("200,000 entries that are none", partial(tiny, 200_000, "null"), NONE, good={}, peak=1024),
    case("10 million brackets deep", deep, of_entry("entry.too-deep", "deep"), good={FIRST: ENTRY}, peak=1024),
)
