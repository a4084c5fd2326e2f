"""The rooms of the program: an arrow between two may only point down, and no modules go round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = (
    ("model",),
    ("findings", "filesystem", "parallel", "patience"),
    ("openclaw",),
    ("privacy",),
    ("sqlite",),
    ("runs",),
    ("scanning",),
    ("planning", "verification"),
    ("execution",),
    ("exporting",),
    ("proofs",),
    ("report",),
    ("commands",),
    ("upgrades",),
    ("cli",),
    ("__main__", "pytest_plugin"),
)
"""The rooms from the ground up, those on one floor together."""

FLOOR = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted((ROOT / "migrator").rglob("*.py"))}


def imports(module: str) -> Iterator[str]:
    """The modules of the program that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "migrator":
            whole = [f"{node.module}.{name.name}" for name in node.names]
            yield from (one if one in MODULES else node.module for one in whole)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)


ARROWS = {module: {*imports(module)} - {"migrator"} for module in MODULES}


def test_every_module_stands_in_a_room() -> None:
    assert {module.split(".")[1] for module in MODULES if module != "migrator"} <= FLOOR.keys()


def test_no_arrow_between_rooms_points_up() -> None:
    up = {
        (module, other)
        for module, others in ARROWS.items()
        for other in others
        if module != "migrator" and FLOOR[other.split(".")[1]] > FLOOR[module.split(".")[1]]
    }
    assert up == set()


def test_nothing_but_the_command_line_and_what_starts_it_knows_the_command_line() -> None:
    knowing = {module for module, others in ARROWS.items() if any(one.startswith("migrator.cli") for one in others)}
    assert {module for module in knowing if not module.startswith("migrator.cli")} == {"migrator.__main__"}


def test_formats_know_nothing_of_verbs_proofs_or_the_command_line() -> None:
    others = {other.split(".")[1] for module, found in ARROWS.items() for other in found if ".report." in module}
    assert others & {"commands", "cli", "upgrades", "execution"} == set()


def test_no_modules_go_round_in_a_circle() -> None:
    TopologicalSorter(ARROWS).prepare()
