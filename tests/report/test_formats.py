"""Every verb in every format: what stands in a report is what its format promises, and the formats agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from click.testing import CliRunner, Result

from migrator.cli import main as cli
from migrator.report import FORMATS
from migrator.report.formats import RENDERERS
from migrator.report.json_format import SCHEMA, schema
from tests.readme import commands

Unpack = Callable[[str], Path]
_SCHEMA: dict[str, Any] = json.loads((files("migrator.report") / SCHEMA).read_text("utf-8"))
DOCUMENT = jsonschema.Draft202012Validator(_SCHEMA)
CALLS = {
    "scan": (["scan"], ["scan", "--expect-agents", "7"], ["scan", "--agent", "nobody"]),
    "plan": (["plan"], ["plan", "--detailed-exitcode"]),
    "verify": (["verify"],),
    "prove": (["prove"],),
    "apply": (["apply", "--yes"], ["apply", "--yes"], ["verify"], ["apply"]),
    "explain": (["explain", "agent:work:main"], ["explain", "work"]),
    "export": (["export", "{new}"], ["export", "{state}/inside"]),
    "rollback": (["rollback", "{run}"], ["rollback", "no-such-run"]),
}
"""What is called one after the other, by verb; an ``export`` names its format with ``--report``."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments))


def reports(state: Path, form: str) -> Iterator[tuple[str, Result]]:
    """The report of every call in a format, on one state directory."""
    for verb, calls in CALLS.items():
        for number, call in enumerate(calls):
            runs = sorted(path.name for path in state.glob("migrator-runs/2*"))
            places = {
                "new": str(state.parent / f"new-{form}-{number}"),
                "state": str(state),
                "run": (runs or ["-"])[-1],
            }
            option = "--report" if verb == "export" else "--format"
            words = [word.format(**places) for word in call]
            result = run(*words, option, form, "--state-dir", str(state))
            assert "internal error" not in result.stderr
            assert result.stdout, call
            yield " ".join(call), result


@pytest.fixture
def state(unpack: Unpack, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory with something to migrate, something to quarantine and something that is missing."""
    monkeypatch.setattr("os.fsync", lambda _handle: None)
    return unpack("defect-malformed-line") / "before"


def test_every_format_of_the_command_line_has_a_renderer() -> None:
    assert set(FORMATS) == {"text", *RENDERERS}


def test_every_verb_with_a_report_is_called_here() -> None:
    taking = {name for name, command in commands() if {"--format", "--report"} & {p.opts[0] for p in command.params}}
    assert taking - {"proof merge", "proof reveal"} == set(CALLS)


def test_the_schema_is_one_and_is_made_from_the_classes() -> None:
    jsonschema.Draft202012Validator.check_schema(_SCHEMA)
    assert schema() == _SCHEMA, "run scripts/readme, which writes the schema anew"


def test_every_json_report_is_as_the_schema_says(state: Path) -> None:
    words = set()
    for call, result in reports(state, "json"):
        document = json.loads(result.stdout)
        DOCUMENT.validate(document)
        assert document["exit_code"] == result.exit_code, call
        words.add(document["verdict"])
    assert {"scanned", "stopped"} <= words


def test_a_field_that_the_schema_does_not_know_is_refused(unpack: Unpack) -> None:
    document = json.loads(run("verify", "--format", "json", "--state-dir", str(unpack("legacy-2026.6.1"))).stdout)
    for place in (document, document["agents"][0], document["verification"]["databases"][0]["entries"][0]):
        place["surprise"] = 1
        assert not DOCUMENT.is_valid(document)
        del place["surprise"]
    document["agents"][0]["agent"] = "Wilhelmina"
    assert not DOCUMENT.is_valid(document)


def test_a_junit_report_has_a_failure_exactly_if_the_exit_code_is_not_0(state: Path) -> None:
    for call, result in reports(state, "junit"):
        suites = ElementTree.fromstring(result.stdout)  # noqa: S314 - our own text
        cases, failures = list(suites.iter("testcase")), list(suites.iter("failure"))
        assert suites.attrib["tests"] == str(len(cases))
        assert suites.attrib["failures"] == str(len(failures))
        assert bool(failures) is (result.exit_code != 0), call


def test_junit_test_cases_have_the_same_names_in_every_run(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def names() -> list[str]:
        text = run("verify", "--state-dir", str(state), "--format", "junit").stdout
        return [case.attrib["name"] for case in ElementTree.fromstring(text).iter("testcase")]  # noqa: S314

    first = names()
    assert names() == first
    assert {"agent 1", "all", "verify"} <= set(first)
    monkeypatch.setenv("MIGRATOR_LABEL_KEY", "5" * 64)
    labelled = names()
    assert names() == labelled
    assert len(labelled) == len(first)
    assert any(re.fullmatch("agent:[0-9a-f]{12}", name) for name in labelled)


def test_a_junit_report_says_when_the_command_ran_and_is_not_withheld_for_it(state: Path) -> None:
    before = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
    text = run("verify", "--state-dir", str(state), "--format", "junit").stdout
    (suite,) = ElementTree.fromstring(text).iter("testsuite")  # noqa: S314 - our own text
    assert datetime.fromisoformat(suite.attrib["timestamp"]) >= before
    assert 0 < float(suite.attrib["time"]) < 100


def test_a_key_for_labels_that_is_none_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRATOR_LABEL_KEY", "secret")
    result = run("scan", "--state-dir", str(state))
    assert result.exit_code == 2
    assert "MIGRATOR_LABEL_KEY is not 64 hex digits" in result.stderr
    assert "secret" not in result.stderr + result.stdout


def test_a_proof_uses_the_given_key_so_that_its_labels_are_those_of_other_runs(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATOR_LABEL_KEY", "5" * 64)
    run("verify", "--state-dir", str(state), "--proof", str(tmp_path / "proof"))
    assert (tmp_path / "proof" / ".labels.key").read_text() == "5" * 64


def test_a_label_of_a_command_that_writes_no_proof_is_resolved_by_the_given_key(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--state-dir", str(state))
    monkeypatch.setenv("MIGRATOR_LABEL_KEY", "5" * 64)
    shown = re.findall("agent:[0-9a-f]{12}", run("scan", *where, "--names", "labels").stdout)
    assert shown
    named = {run("proof", "reveal", label, *where).stdout.strip() for label in shown}
    assert named == {repr(one.name) if " " in one.name else one.name for one in (state / "agents").iterdir()}
    monkeypatch.delenv("MIGRATOR_LABEL_KEY")
    without = run("proof", "reveal", shown[0], *where)
    assert (without.exit_code, "set MIGRATOR_LABEL_KEY" in without.stderr) == (2, True)


def test_a_github_report_is_annotations_and_a_page_in_the_summary_of_the_job(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    pages = 0
    for call, result in reports(state, "github"):
        lines = result.stdout.splitlines()
        assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines), call
        level = lines[-1].split()[0]
        assert level == {0: "::notice", 15: "::warning"}.get(result.exit_code, "::error"), call
        pages += 1
    assert summary.read_text(encoding="utf-8").count("### migrator ") == pages


def test_a_markdown_report_says_first_what_came_out_and_what_to_do(state: Path) -> None:
    for call, result in reports(state, "markdown"):
        assert result.stdout.startswith(f"### migrator {call.split()[0]}: "), call
        assert f"(exit {result.exit_code})" in result.stdout.splitlines()[0]


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_holds_a_name_and_all_of_them_can_go_to_a_file(unpack: Unpack, tmp_path: Path, form: str) -> None:
    state = unpack("legacy-2026.6.1")
    for number, verb in enumerate((["scan"], ["plan"], ["apply", "--yes"], ["verify"])):
        output = [] if verb == ["plan"] else ["--output", str(tmp_path / f"{number}.{form}")]
        result = run(*verb, *output, "--format", form, "--state-dir", str(state))
        text = (tmp_path / f"{number}.{form}").read_text(encoding="utf-8") if output else result.stdout
        assert text
        assert [name for name in ("Retired", "ops-team", str(state)) if name in text] == []
        assert result.stderr == ""


def test_a_command_that_cannot_go_on_says_so_in_the_format_that_was_asked_for(tmp_path: Path) -> None:
    for form in FORMATS:
        result = run("scan", "--state-dir", str(tmp_path / "Wilhelmina"), "--format", form)
        assert result.exit_code == 10
        assert "(exit 10)" in result.stderr
        assert ("stopped" in result.stdout or "exit 10" in result.stdout) is (form != "text")
        assert "Wilhelmina" not in result.stdout + result.stderr


def test_nothing_is_written_to_a_place_that_was_refused(unpack: Unpack) -> None:
    state = unpack("legacy-2026.6.1")
    result = run("scan", "--state-dir", str(state), "--format", "json", "--output", str(state / "report.json"))
    assert result.exit_code == 2
    assert not (state / "report.json").exists()
