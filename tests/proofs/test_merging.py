"""Many proofs as one account: totals that are the sum of the parts, and what is not good first."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.cli import main as cli
from migrator.model.conclusions import OUTCOMES
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.model.words import Name
from migrator.openclaw.text.transcript import LineKind
from migrator.privacy.labels import Labels
from migrator.proofs.log import encode_log
from migrator.proofs.merging import MOST_OUTLIERS, TROUBLES, WORST_FIRST, Merged, ProofFacts, merge, read_proof
from tests.proof_logs import Events, a_run, digest, facts_of, judged, written


def proof_of(host: int, missing: int = 0, quarantined: int = 0, verb: str = "verify") -> list[str]:
    """The log of a machine with three sessions, of which some are missing or in quarantine."""
    same = 3 - missing - quarantined
    verdicts = {Verdict.SAME: same, Verdict.MISSING: missing, Verdict.QUARANTINED: quarantined}
    word, code = ("differences", 1) if missing else ("quarantined", 15) if quarantined else ("proved", 0)
    events = judged(verb, {f"host {host}": verdicts}, word, code)
    return written(events, Labels(host.to_bytes(32, "big")).of).lines()


def saved(folder: Path, name: str, lines: Sequence[str]) -> str:
    path = folder / f"{name}.proof.jsonl"
    path.write_bytes(encode_log(lines))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["proof", "merge", *arguments])


@pytest.fixture
def fleet(tmp_path: Path) -> list[str]:
    """Twenty proofs, of which the eighth misses two sessions."""
    return [saved(tmp_path, f"host-{n:02}", proof_of(n, missing=2 if n == 7 else 0)) for n in range(20)]


def test_of_twenty_proofs_with_one_bad_nineteen_are_good_and_the_one_is_named(fleet: list[str]) -> None:
    merged = merge(fleet)
    assert (merged.files, merged.good, merged.exit_code) == (20, 19, 1)
    assert [(one.number, one.word, one.file.text) for one in merged.outliers] == [(8, "differences", fleet[7])]
    totals = merged.totals["verify"]
    assert (totals.proofs, totals.good, totals.agents, totals.sessions) == (20, 19, 20, 60)
    assert totals.verdicts == Counter({"same": 58, "missing": 2})


def test_what_was_applied_and_then_verified_is_counted_once_for_each(tmp_path: Path) -> None:
    paths = [saved(tmp_path, verb, proof_of(1, verb=verb)) for verb in ("apply", "verify")]
    merged = merge(paths)
    assert {verb: totals.sessions for verb, totals in merged.totals.items()} == {"apply": 3, "verify": 3}
    assert merged.exit_code == 0


def test_the_worst_stands_first_and_the_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    good = proof_of(1)
    paths = [
        saved(tmp_path, "good", good),
        saved(tmp_path, "quarantined", proof_of(2, quarantined=1)),
        saved(tmp_path, "copy", good),
        saved(tmp_path, "one-missing", proof_of(3, missing=1)),
        saved(tmp_path, "all-missing", proof_of(4, missing=3)),
        saved(tmp_path, "broken", [*good[:2], *good[3:]]),
        str(tmp_path / "nowhere"),
    ]
    words = ["unreadable", "broken", "differences", "differences", "repeated", "quarantined"]
    for order in (paths, paths[::-1]):
        merged = merge(order)
        assert [one.word for one in merged.outliers] == words
        assert [one.verdicts["missing"] for one in merged.outliers[2:4]] == [3, 1]
        assert (merged.files, merged.good) == (7, 1)


def change_a_count(lines: list[str]) -> list[str]:
    return [line.replace('"entries":3', '"entries":4') for line in lines]


def leave_out_a_line(lines: list[str]) -> list[str]:
    return [*lines[:3], *lines[4:]]


def cut_off_the_end(lines: list[str]) -> list[str]:
    return lines[:-1]


def empty(_lines: list[str]) -> list[str]:
    return []


@pytest.mark.parametrize("damage", [change_a_count, leave_out_a_line, cut_off_the_end, empty])
def test_a_log_that_is_not_whole_is_an_outlier_and_counts_for_nothing(
    tmp_path: Path, damage: Callable[[list[str]], list[str]]
) -> None:
    merged = merge([saved(tmp_path, "sound", proof_of(1)), saved(tmp_path, "damaged", damage(proof_of(2)))])
    assert [one.word for one in merged.outliers] == ["broken"]
    assert merged.totals["verify"].sessions == 3
    assert merged.exit_code == 1


def test_directories_pipes_and_impossible_names_are_outliers_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    merged = merge([str(tmp_path), str(tmp_path / "pipe"), "nul\0name", ""])
    assert [one.word for one in merged.outliers] == ["unreadable"] * 4


def test_every_word_of_a_proof_that_is_not_good_has_a_place_in_the_order() -> None:
    bad = {word for word, outcome in OUTCOMES.items() if set(outcome.exit_codes) - {0}}
    assert bad | TROUBLES.keys() == set(WORST_FIRST)
    assert len(WORST_FIRST) == len(set(WORST_FIRST))


def test_more_outliers_than_fit_are_counted_and_the_worst_are_kept(tmp_path: Path) -> None:
    missing = [str(tmp_path / f"missing {n}") for n in range(MOST_OUTLIERS)]
    bad = [saved(tmp_path, str(n), proof_of(n, missing=1)) for n in range(3)]
    merged = merge([*bad, *missing])
    assert (len(merged.outliers), merged.omitted) == (MOST_OUTLIERS, 3)
    assert {one.word for one in merged.outliers} == {"unreadable"}
    assert "and 3 more that are not good" in run(*bad, *missing).stdout


def numbers(merged: Merged) -> dict[str, list[object]]:
    return {
        verb: [t.proofs, t.good, t.agents, t.stores, t.sessions, t.words, t.verdicts, t.transcripts, t.findings]
        for verb, t in merged.totals.items()
    }


def summed(proofs: Sequence[ProofFacts], verb: str) -> list[object]:
    own = [one for one in proofs if one.verb == verb]
    nothing: Counter[str] = Counter()
    counts = [sum((getattr(one, name) for one in own), nothing) for name in ("verdicts", "transcripts", "findings")]
    sums = [sum(getattr(one, name) for one in own) for name in ("agents", "stores", "sessions")]
    return [len(own), sum(one.good for one in own), *sums, Counter(one.word for one in own), *counts]


_HOSTS = st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from(["apply", "verify"]), st.booleans())


@given(st.data(), st.lists(_HOSTS, min_size=1, max_size=8))
@settings(deadline=None, max_examples=30)
def test_the_totals_are_the_sum_of_the_parts_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, hosts: list[tuple[int, int, str, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("proofs")
    paths = []
    for number, (missing, quarantined, verb, broken) in enumerate(hosts):
        lines = proof_of(number, missing, quarantined, verb)
        paths.append(saved(folder, str(number), lines[1:] if broken else lines))
    proofs = [read_proof(number, path) for number, path in enumerate(paths, 1)]
    merged = merge(data.draw(st.permutations(paths)))
    sound = [one for one in proofs if one.word != "broken"]
    assert numbers(merged) == {verb: summed(sound, verb) for verb in {one.verb for one in sound}}
    assert merged.good == sum(one.good for one in proofs)
    assert sorted(one.file.text for one in merged.outliers) == sorted(one.file.text for one in proofs if not one.good)


def test_memory_grows_neither_with_the_length_of_a_log_nor_with_the_number_of_logs(tmp_path: Path) -> None:
    def proof_with(transcripts: int, host: int) -> str:
        events = a_run()
        listed: Events = [
            (
                "transcript",
                {
                    "transcript": Name("transcript", str(number)),
                    "database": Name("database", "ops"),
                    "verdict": HistoryVerdict.CONTAINED,
                    "events": 3,
                    "present": 3,
                    "lines": {LineKind.MESSAGE: 3},
                },
            )
            for number in range(transcripts)
        ]
        facts_of(events, "totals")["transcripts"] = {HistoryVerdict.CONTAINED: transcripts}
        facts_of(events, "database", 1).update(transcripts=transcripts, events=3 * transcripts)
        log = written([*events[:5], *listed, *events[6:]], Labels(host.to_bytes(32, "big")).of)
        return saved(tmp_path, f"{transcripts}-{host}", log.lines())

    def peak(paths: list[str]) -> int:
        tracemalloc.start()
        assert merge(paths).exit_code == 0
        peaked = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peaked

    short, long = proof_with(10, 1), proof_with(4000, 2)
    many = [proof_with(10, host) for host in range(3, 43)]
    peak([short])
    small = peak([short])
    assert os.path.getsize(long) > 1_000_000
    assert peak([long]) < small + 60_000
    assert peak(many) < small + 60_000


def test_off_a_terminal_no_file_name_is_said_and_the_hash_of_the_log_finds_the_file(fleet: list[str]) -> None:
    head = json.loads(Path(fleet[7]).read_text().splitlines()[-1])["hash"]
    for form in ("text", "json", "markdown"):
        result = run("--format", form, *fleet)
        assert result.exit_code == 1
        assert head in result.stdout
        assert "host-07" not in result.stdout + result.stderr
        assert "pytest" not in result.stdout + result.stderr


def test_a_report_goes_into_the_file_that_is_asked_for(fleet: list[str], tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    result = run("--format", "markdown", "--output", str(target), *fleet[:3])
    assert (result.exit_code, result.stdout) == (0, "")
    assert target.read_text().startswith("# proof merge: 3 of 3 proofs are good\n")
    assert run("--output", str(tmp_path / "none" / "report"), *fleet).exit_code == 2


def test_without_any_file_nothing_is_claimed() -> None:
    assert run().exit_code == 2


def test_the_digest_of_a_file_is_no_leak(tmp_path: Path) -> None:
    """A host may be called by something that looks like a part of a hash."""
    lines = proof_of(1, missing=1)
    name = json.loads(lines[-1])["hash"]
    result = run(saved(tmp_path, name, lines))
    assert result.exit_code == 1
    assert name in result.stdout
    assert digest("x") not in result.stdout
