from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from migrator.cli import main as cli
from migrator.openclaw.changes.store_rewrites import REWRITE_TRANSFORMS, prompt_reference
from migrator.openclaw.changes.transforms import explain_entry
from tests.conftest import FIXTURES

_Object = dict[str, Any]

LONG = "p" * 511 + "\N{SNOWMAN}"
MOVED = prompt_reference(LONG)

CASES: tuple[tuple[str, _Object, _Object], ...] = (
    (
        "prompt-moved-aside",
        {"skillsSnapshot": {"prompt": LONG, "version": 1}},
        {"skillsSnapshot": {"promptRef": MOVED, "version": 1}},
    ),
    ("recovery-target-tidied", {"restartRecoveryDeliveryContext": {"channel": "x"}}, {}),
    (
        "recovery-target-tidied",
        {"restartRecoveryDeliveryContext": {"channel": "X", "to": " 1 "}},
        {"restartRecoveryDeliveryContext": {"channel": "x", "to": "1"}},
    ),
    ("recovery-ids-tidied", {"restartRecoveryDeliveryRunId": " r "}, {"restartRecoveryDeliveryRunId": "r"}),
    ("recovery-ids-tidied", {"restartRecoveryDeliveryRunId": 5}, {}),
    ("plugin-state-tidied", {"pluginExtensions": {" p ": {"n ": 1}}}, {"pluginExtensions": {"p": {"n": 1}}}),
    ("plugin-state-tidied", {"pluginExtensions": {"p": [], "q": {}}}, {}),
    (
        "plugin-state-tidied",
        {"pluginExtensions": {"p": {"n": "x" * 65_537, "m": 1}}},
        {"pluginExtensions": {"p": {"m": 1}}},
    ),
    (
        "plugin-state-tidied",
        {"pluginExtensions": {"p": []}, "pluginExtensionSlotKeys": {}},
        {"pluginExtensionSlotKeys": {}},
    ),
    (
        "plugin-state-tidied",
        {"pluginExtensionSlotKeys": {"p": {"n": "no name", "m": "name"}}},
        {"pluginExtensionSlotKeys": {"p": {"m": "name"}}},
    ),
)


@pytest.mark.parametrize(("name", "source", "stored"), CASES)
def test_a_rewritten_store_is_explained_by_its_named_step(name: str, source: _Object, stored: _Object) -> None:
    assert explain_entry({"sessionId": "s", **source}, {"sessionId": "s", **stored}) == (name,)


def test_every_step_has_a_case() -> None:
    assert {name for name, _, _ in CASES} == {step.name for step in REWRITE_TRANSFORMS}


@pytest.mark.parametrize(
    ("prompt", "reference"),
    [
        (LONG, {**MOVED, "hash": "0" * 64}),
        (LONG, {**MOVED, "bytes": 1}),
        (LONG, {**MOVED, "version": 2}),
        ("p" * 511, prompt_reference("p" * 511)),
        ("p" * (512 * 1024 + 1), prompt_reference("p" * (512 * 1024 + 1))),
    ],
)
def test_a_reference_to_another_prompt_or_one_of_another_size_explains_nothing(prompt: str, reference: _Object) -> None:
    source: _Object = {"skillsSnapshot": {"prompt": prompt}}

    assert explain_entry(source, {"skillsSnapshot": {"promptRef": reference}}) is None


def test_a_prompt_in_a_file_stays_there() -> None:
    source: _Object = {"skillsSnapshot": {"promptRef": MOVED}}

    assert explain_entry(source, {"skillsSnapshot": {"prompt": LONG}}) is None
    assert explain_entry(source, {}) is None


@given(st.text(alphabet=st.characters() | st.characters(categories=["Cs"]), min_size=1).map(lambda text: text * 512))
def test_a_reference_names_the_bytes_of_any_prompt(prompt: str) -> None:
    content = prompt.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()

    assert prompt_reference(prompt)["hash"] == sha256(content).hexdigest()


@pytest.fixture(scope="module")
def moved_aside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state before and after 2026.9.6 rewrote its stores."""
    folder = tmp_path_factory.mktemp("moved-aside")
    with tarfile.open(FIXTURES / "prompt-moved-aside.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "prompt-moved-aside"


def verified(folder: Path) -> tuple[int, str]:
    """The exit code of ``verify`` and what it says."""
    done = CliRunner().invoke(
        cli.main, ["verify", "--state-dir", str(folder / "after"), "--against", str(folder / "before")]
    )
    return done.exit_code, done.stdout


def test_prompts_that_a_real_release_moved_aside_are_no_difference(moved_aside: Path) -> None:
    code, said = verified(moved_aside)

    assert code == 0
    assert "prompt-moved-aside" in said
    assert "prompt.lost" not in said


@pytest.mark.parametrize("damage", [Path.unlink, lambda place: place.write_text("other")])
def test_a_prompt_that_was_moved_aside_and_is_not_there_is_named(
    moved_aside: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    shutil.copytree(moved_aside, tmp_path / "damaged")
    place = next((tmp_path / "damaged" / "after" / "agents" / "work").rglob("*.txt"))
    damage(place)

    code, said = verified(tmp_path / "damaged")

    assert code == 0  # it is made again by the next turn
    assert "prompt.lost" in said
    assert "28" in said[said.index("prompt.lost") :]
