"""What is expected of the medians: each target is a figure and the most, or least, that it may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmark.measure import Sample

Medians = Mapping[str, Mapping[str, Sample]]
"""By input and contestant."""

_Seconds = Callable[[str, str], float | None]
"""What a contestant takes on an input, by the names of the two; None for what was not measured."""

_MB = 1_000_000
_OURS = ("scan", "plan", "apply", "verify")
_ALONE = ("apply, 1 job", "the same, 1 job")
"""Where several processes work by default, memory is that of one."""


@dataclass(frozen=True, slots=True)
class Target:
    """``value`` is to be at most ``limit``, or at least, if ``least``."""

    name: str
    value: float
    limit: float
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.limit if self.least else self.value <= self.limit


def targets(medians: Medians, sizes: Mapping[str, int]) -> Iterator[Target]:
    """Every target whose inputs were measured; ``sizes`` are the bytes of the sources of each."""

    def wall(world: str, who: str) -> float | None:
        found = medians.get(world, {}).get(who)
        return None if found is None else found.wall

    def cpu(world: str, who: str) -> float | None:
        found = medians.get(world, {}).get(who)
        return None if found is None else found.cpu

    start, small, floor = wall("startup", "--help"), wall("entries-10000", "apply"), wall("entries-10000", "floor")
    candidates = (
        (
            "apply of 50,000 entries, times the floor",
            _ratio(wall("entries-50000", "apply"), wall("entries-50000", "floor")),
            4,
        ),
        (
            "apply of 10,000 entries without one start-up, times the floor",
            _ratio(None if small is None or start is None else small - start, floor),
            4,
        ),
        (
            "apply with transcripts, times the floor",
            _ratio(wall("transcripts-10000", "apply"), wall("transcripts-10000", "floor")),
            4,
        ),
        (
            "apply of 20,000 rich entries, times the floor",
            _ratio(wall("rich-20000", "apply"), wall("rich-20000", "floor")),
            4,
        ),
        ("scan of 1,000 agents, seconds", wall("agents-1000", "scan"), 1),
        ("start-up to --help, seconds", start, 0.15),
        ("growth from 10,000 to 50,000 entries", _ratio(wall("entries-50000", "apply"), small), 5.5),
        ("JSON5 with one comment, times strict JSON", _ratio(wall("json5-comment", "apply"), small), 2),
        ("JSON5 throughout, 40 MB, seconds", wall("json5-throughout", "apply"), 60),
    )
    for name, value, limit in candidates:
        if value is not None:
            yield Target(name, value, limit)
    faster = _ratio(wall("transcripts-10000", "real import"), wall("transcripts-10000", "apply"))
    if faster is not None:
        yield Target("real import with transcripts, times apply", faster, 30, least=True)
    yield from _judging(wall, cpu, sizes)
    jobs = _ratio(wall("agents-8", "apply, 1 job"), wall("agents-8", "apply, 2 jobs"))
    if jobs is not None:
        yield Target("one job, times two jobs, on 8 equal agents", jobs, 1.6, least=True)
    for world, found in medians.items():
        alone = [who for who in _ALONE if who in found]
        peaks = [found[who].peak / _MB for who in alone or _OURS if who in found]
        if peaks:
            yield Target(f"memory, {world}, MB", max(peaks), 400 if world == "huge-entry" else 100)


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one / other


def _judging(wall: _Seconds, cpu: _Seconds, sizes: Mapping[str, int]) -> Iterator[Target]:
    """The targets of ``verify``."""
    for world in ("entries-50000", "transcripts-10000", "rich-20000"):
        own = _ratio(wall(world, "verify"), wall(world, "judge's floor"))
        if own is not None:
            yield Target(f"verify of {world}, times the judge's floor", own, 3)
    for world in ("upgraded-3000", "upgraded-10000"):
        upgraded = _ratio(wall(world, "verify --against"), wall(world, "floor"))
        if upgraded is not None:
            yield Target(f"verify --against of {world}, times the judge's floor", upgraded, 4)
        for command in ("plan", "explain"):
            beside = _ratio(cpu(world, command), cpu(world, "verify"))
            if beside is not None:
                yield Target(f"{command} of {world}, CPU seconds, times verify", beside, 1)
        shared = _ratio(wall(world, "the same, 1 job"), wall(world, "verify --against"))
        if shared is not None:
            yield Target(f"one job, times two jobs, on {world}", shared, 1.6, least=True)
    doctor = _ratio(wall("upgraded-10000", "doctor --fix"), wall("upgraded-10000", "verify --against"))
    if doctor is not None:
        yield Target("doctor --fix of 10,000 sessions, times verify --against", doctor, 20, least=True)
    long = wall("long-1GB", "verify")
    if long is not None:
        speed = sizes["long-1GB"] / _MB / long
        yield Target("verify of long transcripts, MB of source in a second", speed, 150, least=True)
