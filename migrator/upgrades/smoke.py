"""The state directory that comes with the program, for the smallest real test of an upgrade. It holds nobody's words.

``smoke.tar.xz`` is ``fixtures/legacy-2026.7.1.tar.xz`` without its agent of an odd name, whose sessions a release
moves: 14 sessions of two agents, as OpenClaw 2026.7.1 left them.
"""

from __future__ import annotations

import io
import os
import tarfile
from contextlib import ExitStack
from dataclasses import replace
from importlib import resources

from migrator.commands.request import Request
from migrator.filesystem import scratch_directory
from migrator.model.errors import UsageError
from migrator.model.request import Selection, Surroundings

ARCHIVE = "smoke.tar.xz"


def of_smoke_state(request: Request, until: ExitStack) -> Request:
    """The same request on a state directory that is unpacked here, and removed when ``until`` is closed.

    Raises UsageError if the request names another one.
    """
    if request.selection != Selection():
        raise UsageError("--smoke has a state of its own; leave out what names another one.")
    folder = os.path.realpath(until.enter_context(scratch_directory(request.surroundings.tmp)))
    packed = resources.files("migrator.upgrades").joinpath(ARCHIVE).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return replace(
        request,
        selection=Selection(state_dir=os.path.join(folder, "smoke")),
        surroundings=Surroundings({}, folder, folder, request.surroundings.tmp),
    )
