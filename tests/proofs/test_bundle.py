"""The proof bundle: four files that say the same, and every change in any of them is found."""

from __future__ import annotations

import json
import stat
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.cli import main as cli
from migrator.findings.checks import NOT_TESTED
from migrator.model.errors import UsageError
from migrator.model.upgrade import Way
from migrator.model.words import Name
from migrator.privacy.labels import Labels
from migrator.proofs import bundle, evidence
from migrator.upgrades.prove import Question, prove
from tests.fake_release import fake_release
from tests.proof_logs import KEY, START, Clock, check_log
from tests.worlds import World, entry

FILES = ("proof.jsonl", "statement.json", "summary.md", "terminal.txt")
PERSON = "Retired Person"


@cache
def lines() -> tuple[str, ...]:
    """The log of a proof with a release of our own, both ways."""
    with TemporaryDirectory() as folder, patch("os.fsync"):
        world = World(Path(folder))
        world.agent("main", {"agent:main:main": entry("s1", 5, label="a friend")})
        world.agent(PERSON, {"agent:x:main": entry("s2", 5)})
        report = prove(world.request(), Question(tuple(Way), new=str(fake_release(world.root / "after"))))
        command = ("migrator", "prove", "--with", "both", "--state-dir", Name("path", str(world.state)))
        return tuple(evidence.record(report, command, Labels(KEY).of, Clock(), START).lines())


@cache
def rendered() -> dict[str, bytes]:
    return bundle.render(lines())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundle.write(tmp_path, rendered())
    return tmp_path


def problems(folder: Path) -> list[str]:
    return bundle.check(folder)[2]


def test_a_bundle_is_four_private_files_and_sound(folder: Path) -> None:
    assert tuple(sorted(path.name for path in folder.iterdir())) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert check_log(lines()) == ()
    assert problems(folder) == []


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_a_byte_that_was_changed_in_any_file_is_found(data: st.DataObject) -> None:
    files = dict(rendered())
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    changed = bytearray(files[name])
    changed[place] ^= data.draw(st.integers(1, 255))
    files[name] = bytes(changed)
    assert found_in(files)


@given(st.sampled_from(FILES), st.sampled_from([b"", b"\n", b"x"]), st.booleans())
@settings(deadline=None, max_examples=40)
def test_a_file_that_was_cut_or_added_to_is_found(name: str, addition: bytes, at_the_end: bool) -> None:
    files = dict(rendered())
    whole = files[name]
    files[name] = (whole + addition if at_the_end else addition + whole) if addition else whole[:-1]
    assert found_in(files)


def found_in(files: dict[str, bytes]) -> list[str]:
    with TemporaryDirectory() as place:
        for name, content in files.items():
            Path(place, name).write_bytes(content)
        return problems(Path(place))


@pytest.mark.parametrize("name", FILES[1:])
def test_a_missing_file_is_found(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert problems(folder) == [f"{name} is missing, or cannot be read."]


def test_a_bundle_of_another_version_says_which_one_can_check_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "summary.md").write_text("as another version would put it")
    monkeypatch.setattr("migrator.proofs.bundle.__version__", "99.0")
    assert problems(folder) == [
        "summary.md is not what proof.jsonl says (check it with version 0.1.0, which has made it)."
    ]


def test_a_bundle_is_never_replaced(folder: Path) -> None:
    with pytest.raises(UsageError):
        bundle.require_none(folder)
    with pytest.raises(FileExistsError):
        bundle.write(folder, rendered())
    assert problems(folder) == []


def test_the_command_checks_a_bundle_a_log_and_says_what_is_none(folder: Path) -> None:
    def checked(path: Path) -> tuple[int, str]:
        result = CliRunner().invoke(cli.main, ["proof", "check", str(path)])
        return result.exit_code, result.output

    sound = (
        "proof: sound: complete and unaltered since it was written; it does not say who wrote it "
        f"({len(lines())} events)\nhash of its last line: {json.loads(lines()[-1])['hash']}\n"
    )
    assert checked(folder) == checked(folder / "proof.jsonl") == (0, sound)
    (folder / "terminal.txt").write_text("all is well")
    code, said = checked(folder)
    assert (code, said.splitlines()[-1]) == (1, f"proof: damaged, {len(lines())} events")
    assert checked(folder.parent / "nowhere")[0] == 2


def test_the_statement_is_an_in_toto_statement_about_the_manifest_the_stores_and_the_content() -> None:
    statement = json.loads(rendered()["statement.json"])
    assert list(statement) == ["_type", "subject", "predicateType", "predicate"]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    events = [json.loads(line) for line in lines()]
    subjects = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    assert subjects == {
        "source-manifest": events[0]["manifest"],
        **{e["store"]: e["sha256_before"] for e in events if e["event"] == "source"},
        **{f"content-of/{e['database']}": e["content_digest"] for e in events if e["event"] == "database"},
    }
    assert len(subjects) == 5
    assert statement["predicate"]["log"] == {"sha256": events[-1]["hash"], "events": len(events)}
    assert [trial["way"] for trial in statement["predicate"]["trials"]] == ["migrator", "openclaw"]


def test_the_transcript_has_every_command_with_its_exit_code_and_every_session() -> None:
    text = rendered()["terminal.txt"].decode()
    steps = [json.loads(line) for line in lines() if '"event":"step"' in line]
    shown = [line.removeprefix("$ ").split("  #")[0] for line in text.splitlines() if line.startswith("$ ")]
    assert shown[1:-1] == [" ".join(map(str, step["command"])) for step in steps]
    assert text.count("\n  exit ") + text.count("\n  ended by this program") == len(steps)
    listed = [json.loads(line) for line in lines() if '"event":"listed"' in line]
    assert all(f"  {one['session']}  {one['session_id']}  " in text for one in listed)


def test_no_name_is_in_any_file() -> None:
    for content in rendered().values():
        for word in (PERSON, "a friend", "agent:main", "s1", "/tmp/"):  # noqa: S108 - looked for, not used
            assert word.encode() not in content


def test_of_a_broken_log_nothing_is_rendered() -> None:
    files = bundle.render(lines()[:-1])
    assert files["terminal.txt"] == b"broken log\n"
    assert json.loads(files["statement.json"])["subject"] == []


def test_every_code_of_what_was_not_tested_has_a_sentence() -> None:
    codes = {json.loads(line)["code"] for line in lines() if '"event":"not-tested"' in line}
    assert codes == {"openclaw-before", "gateway-history", "power-loss"} <= NOT_TESTED.keys()
