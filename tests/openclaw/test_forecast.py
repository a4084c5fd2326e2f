"""What is foreseen is what real releases do, no more and no less; and after ``apply`` they do it no more.

What a release did with a state that we made and never touched is on record; ``-m exhaustive`` asks it again.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migrator import commands
from migrator.model.verification import HistoryVerdict, HistoryVerification, Verdict, Verification
from migrator.model.words import Finding
from migrator.upgrades.release.client import Client
from tests.openclaw import upgrade_worlds as worlds
from tests.openclaw.conftest import Release
from tests.openclaw.recorded import RECORDED, WORLDS, Upgrade, ask, recall
from tests.openclaw.releases import SCHEMAS
from tests.openclaw.upgrade_worlds import NOW, session_id
from tests.worlds import World

Find = Callable[[str], Release]
Let = Callable[[World, str, str], Upgrade]
Foreseen = dict[str, list[Finding]]
NEWEST = max(SCHEMAS)
ON_RECORD = f"{RECORDED} on record"
ASKED_NOW = [pytest.param(release, marks=[pytest.mark.openclaw, pytest.mark.exhaustive]) for release in SCHEMAS]
_NEWEST_NOW = [one for one in ASKED_NOW if one.values == (NEWEST,)]
INCOMPLETE = (HistoryVerdict.ABSENT, HistoryVerdict.EXTENDS, HistoryVerdict.DIVERGES)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


def client_of(release: Release, world: World) -> Client:
    return Client(release.launcher, world.state, release.scratch)


@pytest.fixture
def let_upgrade(request: pytest.FixtureRequest, tmp_path: Path) -> Let:
    """Let a release upgrade one of the worlds, or take what it made of it from the record."""

    def upgrade(world: World, name: str, version: str) -> Upgrade:
        if version == ON_RECORD:
            return recall(name, world, tmp_path)
        find: Find = request.getfixturevalue("openclaw")
        return ask(client_of(find(version), world))

    return upgrade


def foresee(world: World) -> Foreseen:
    found: Foreseen = {}
    for finding in commands.scan(world.request()).forecast:
        found.setdefault(finding.code, []).append(finding)
    return found


def subjects(foreseen: Foreseen, *codes: str) -> set[str]:
    return {finding.subject.text for code in codes for finding in foreseen.get(code, [])}


def copied(world: World) -> Path:
    """Keep an untouched copy to judge by."""
    return Path(shutil.copytree(world.state, world.root / "before", symlinks=True))


def verified(world: World, before: Path) -> Verification:
    report = commands.verify(world.request(), against=str(before))
    assert report.verification is not None
    return report.verification


def entries(found: Verification, *wanted: Verdict) -> set[str]:
    """The keys of all entries with one of the verdicts."""
    return {
        one.session.text
        for database in found.databases
        for source in database.sources
        for one in source.verdicts
        if one.verdict in wanted
    }


def incomplete(found: Verification) -> Iterator[HistoryVerification]:
    for database in found.databases:
        yield from (one for one in database.histories if one.verdict in INCOMPLETE)


def stored(world: World, agent: str) -> dict[str, dict[str, Any]]:
    """The entries in the database of an agent after an upgrade, read without the program."""
    with closing(sqlite3.connect(world.database_path(agent))) as connection:
        rows = connection.execute("SELECT session_key, entry_json FROM session_nodes").fetchall()
    return {key: json.loads(text) for key, text in rows}


def agents_of(paths: set[str]) -> set[str]:
    return {Path(path).parent.parent.name for path in paths}


@pytest.mark.parametrize("version", [ON_RECORD, *ASKED_NOW])
def test_a_release_loses_and_changes_exactly_what_is_foreseen(let_upgrade: Let, world: World, version: str) -> None:
    is_newest = version.startswith(NEWEST)
    worlds.make(world, *WORLDS["losses"])
    before = copied(world)
    foreseen = foresee(world)
    assert [code for code in foreseen if code.startswith("upgrade.blocks")] == []

    upgrade = let_upgrade(world, "losses", version)

    assert upgrade.before == (0, []), "nothing listed before, and nothing said"
    assert upgrade.doctor == 0
    found = verified(world, before)
    # Import stops at damage, topics without pointer: for each transcript that did not arrive whole, exactly so many
    # events are left out.
    left_out = {one.transcript.text: one.events - one.present for one in incomplete(found)}
    codes = ("upgrade.loses-history", "upgrade.loses-transcript")
    # 2026.9.6 makes sessions of what belongs to no entry, also of topics under an id that OpenClaw has made.
    unclaimed = ("upgrade.loses-unclaimed",) if not is_newest else ()
    assert left_out == {
        finding.subject.text.replace(str(world.state), str(before)): dict(finding.facts)["count"]
        for code in (*codes, *unclaimed)
        for finding in foreseen[code]
    }
    assert agents_of(set(left_out)) == {"broken", "topics", *(["aliases", "twice"] if unclaimed else [])}
    # Entries without id skipped and duplicate key lost: entries that are in no database.
    lost = entries(found, Verdict.MISSING, Verdict.QUARANTINED)
    assert lost == subjects(foreseen, "upgrade.loses-entry", "upgrade.loses-duplicate", "upgrade.loses-twin")
    # Twins folded: what is left of the twin is in the other directory.
    assert subjects(foreseen, "upgrade.loses-twin") == {"agent:retired-agent:main"}
    assert subjects(foreseen, "upgrade.changes-directory") == {"Retired Agent"}
    assert "agent:retired-agent:old" in stored(world, "retired-agent")
    # 2.4: of an older spelling 2026.9.6 keeps the history, under a key without any of the settings.
    assert subjects(foreseen, "upgrade.loses-alias") == {"agent:aliases:main", "agent:aliases:slack:channel:C1"}
    dropped = Verdict.CHANGED if is_newest else Verdict.MERGED
    assert entries(found, dropped) == subjects(foreseen, "upgrade.loses-alias")
    rows = stored(world, "aliases")
    for name in ("canonical", "upper"):
        recovered = rows.get(f"agent:aliases:recovered:{session_id(name)}")
        assert (recovered is None) is not is_newest
        assert "label" not in (recovered or {})
    assert sorted(row["label"] for row in rows.values() if "label" in row) == ["label of alias", "label of lower"]
    # Unconfigured agents unlisted, missing time becomes now, and what every entry goes through.
    assert subjects(foreseen, "upgrade.hides-agent") == {worlds.GONE}
    exit_code, listed = upgrade.after
    assert exit_code == 0
    assert not any(str(one["key"]).startswith(f"agent:{worlds.GONE}:") for one in listed)
    rows = stored(world, "changed")
    undated = {key for key, row in rows.items() if row["updatedAt"] > NOW + 10**9}
    assert undated == subjects(foreseen, "upgrade.changes-time")
    assert {key for key, row in rows.items() if row.get("number") == 9007199254740992} == subjects(
        foreseen, "upgrade.changes-numbers"
    )
    assert subjects(foreseen, "upgrade.changes-fields") == {"agent:changed:notice"}
    assert "fallbackNoticeSelectedModel" not in rows["agent:changed:notice"]
    # Store rewritten in place: the original that is kept is not the original.
    for agent in ("aliases", "broken"):
        [kept] = (world.agent_path(agent) / "session-sqlite-import-archive").glob("legacy-store.*")
        original = before / "agents" / agent / "sessions" / "sessions.json"
        rewritten = kept.read_bytes() != original.read_bytes()
        assert rewritten is (agent in subjects(foreseen, "upgrade.changes-store"))


BAD_THINGS: dict[Callable[[World], None], tuple[str, int, str]] = {
    worlds.unsafe_id: ("upgrade.blocks-session-id", 2, "Invalid session ID"),
    worlds.null_entry: ("upgrade.blocks-null", 1, "as it is null"),
    worlds.acp: ("upgrade.blocks-acp", 1, "acp_sessions.runtime_session_name"),
    worlds.long_time: ("upgrade.blocks-time", 1, "session_nodes.archived_at"),
    worlds.hard_link: ("upgrade.blocks-hard-link", 1, "Artifact"),
}
"""What is foreseen of each, how often, and what the release says as it stops."""


@pytest.mark.parametrize("part", BAD_THINGS)
def test_of_a_bad_thing_nothing_is_foreseen_but_that_it_stops_the_upgrade(
    world: World, part: Callable[[World], None]
) -> None:
    worlds.make(world, part)
    found = {
        one: len(found) for one, found in foresee(world).items() if one.startswith(("upgrade.blocks", "upgrade.loses"))
    }
    code, count, _ = BAD_THINGS[part]
    assert found == {code: count}


@pytest.mark.parametrize("version", [ON_RECORD, *_NEWEST_NOW])
@pytest.mark.parametrize("part", BAD_THINGS)
def test_one_bad_thing_stops_the_whole_upgrade(
    let_upgrade: Let, world: World, part: Callable[[World], None], version: str
) -> None:
    worlds.make(world, part)
    upgrade = let_upgrade(world, part.__name__, version)
    assert upgrade.doctor == 1
    assert BAD_THINGS[part][2] in upgrade.said
    bad = next(name for name in ("unsafe", "nulls", "acp", "times", "linked") if world.agent_path(name).exists())
    assert world.store_path(bad).exists(), "the legacy store is still where it was"


@pytest.mark.parametrize("version", [ON_RECORD, *_NEWEST_NOW])
def test_stores_that_cannot_be_read_and_half_characters_stay_behind_for_good(
    let_upgrade: Let, world: World, version: str
) -> None:
    worlds.make(world, *WORLDS["unread"])
    foreseen = foresee(world)
    assert subjects(foreseen, "upgrade.blocks-store") == {"json5", "bom", "empty", "cut", "array"}
    assert subjects(foreseen, "upgrade.blocks-key") == {"agent:half:\ufffd"}
    assert let_upgrade(world, "unread", version).doctor == 1
    left = {path.parent.parent.name for path in (world.state / "agents").glob("*/sessions/sessions.json")}
    assert left == {"json5", "bom", "empty", "cut", "array", "half"}
    assert len(stored(world, "main")) == 2, "the others are migrated all the same"
    if version != ON_RECORD:  # that a second run finds nothing else is a fact about the release alone
        assert let_upgrade(world, "unread", version).doctor == 1


@pytest.mark.parametrize("version", ASKED_NOW)
def test_after_apply_the_same_release_keeps_everything(openclaw: Find, world: World, version: str) -> None:
    """What older releases make of our databases ``test_prove.py`` tries, with a state that has no defect."""
    client = client_of(openclaw(version), world)
    worlds.make(world, *worlds.LOSSES, *worlds.BLOCKS)
    before = copied(world)
    assert {code for code in foresee(world) if code.startswith(("upgrade.blocks", "upgrade.loses"))} == {
        "upgrade.blocks-acp",
        "upgrade.blocks-hard-link",
        "upgrade.blocks-key",
        "upgrade.blocks-null",
        "upgrade.blocks-session-id",
        "upgrade.blocks-store",
        "upgrade.blocks-time",
        "upgrade.loses-alias",
        "upgrade.loses-duplicate",
        "upgrade.loses-entry",
        "upgrade.loses-history",
        "upgrade.loses-transcript",
        "upgrade.loses-twin",
        "upgrade.loses-unclaimed",
    }
    applied = commands.apply(world.request(), None, yes=True, archive=True)
    assert applied.exit_code == 15, "what is damaged is in quarantine"
    assert {code for code in foresee(world) if code.startswith(("upgrade.blocks", "upgrade.loses"))} == {
        "upgrade.blocks-once"
    }

    codes = [step.exit_code for step in client.doctor_fix()]
    # Refused once: only 2026.9.6 refuses a database at schema 1, and only once.
    assert codes == ([1, 0] if version == NEWEST else [0])

    found = verified(world, before)
    assert entries(found, Verdict.MISSING, Verdict.CHANGED, Verdict.MERGED) == set()
    assert list(incomplete(found)) == []
    assert entries(found, Verdict.MOVED) == {
        "agent:aliases:main",
        "agent:aliases:slack:channel:C1",
        "agent:retired-agent:main",
        "agent:retired-agent:old",
    }
    labels = {row["label"] for agent in ("aliases", "retired-agent") for row in stored(world, agent).values()}
    names = ("alias", "canonical", "upper", "lower", "old main", "old", "new main", "new")
    assert labels == {f"label of {name}" for name in names}
    step, listed = client.sessions()
    assert step.exit_code == 0
    assert {f"agent:{name}:main" for name in ("json5", "bom", "half", "acp", "unsafe", "nulls", "linked", "times")} <= {
        one["key"] for one in listed
    }


@pytest.mark.openclaw
@pytest.mark.exhaustive
@pytest.mark.parametrize("ours", [False, True])
def test_a_stale_store_costs_newer_rows_unless_apply_has_put_it_away(
    openclaw: Find, unpack: Callable[[str], Path], tmp_path: Path, ours: bool
) -> None:
    """What the release does without us is in the fixture: ``verification/test_real_upgrades.py`` judges that."""
    world = World(tmp_path / "world")
    world.root.mkdir()
    shutil.copytree(unpack("defect-stale-store") / "before", world.state, symlinks=True)
    before = copied(world)
    newer = foresee(world)["upgrade.loses-newer"]
    assert len(newer) == 2
    if ours:
        assert commands.apply(world.request(), None, yes=True, archive=True).exit_code == 0
    steps = list(client_of(openclaw(NEWEST), world).doctor_fix())
    assert [step.exit_code for step in steps] == [0], steps[-1].stderr.decode()
    found = verified(world, before)
    lost = set() if ours else {finding.subject.text for finding in newer}
    assert entries(found, Verdict.CHANGED, Verdict.MISSING) == lost
    assert list(incomplete(found)) == []
