"""What the fault tests need of the machine. A pipeline must not be green because nothing could be tried in it."""

from __future__ import annotations

import os

from tests.faults import strace


def test_a_pipeline_has_strace() -> None:
    assert strace.AVAILABLE or not os.environ.get("CI"), "install strace: without it no system call can be made to fail"
