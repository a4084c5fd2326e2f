"""Fuzz one target, guided by coverage: ``python -m tests.fuzz TARGET [options of libFuzzer] FOLDER...``."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["migrator"]):
    from tests.fuzz.targets import TARGETS

atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
atheris.Fuzz()
