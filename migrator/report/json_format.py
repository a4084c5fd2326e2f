"""A document as JSON: names become what the namer makes of them, and sentences are filled.

``report-1.schema.json`` describes it, and is made from the classes; a change that its readers could stumble over raises
the version.
"""

from __future__ import annotations

import json
from functools import cache
from inspect import cleandoc
from io import StringIO
from typing import Any

import msgspec
from msgspec import Struct

from migrator.model.words import Name
from migrator.report.document import DOCUMENTS, VERSION
from migrator.report.parts import Namer, Sentence

SCHEMA = f"report-{VERSION}.schema.json"
"""The file beside this one that holds :func:`schema`."""

_TEXTS = {
    "Name": {
        "description": "A label that stands for a name: the same in one report or proof folder.",
        "type": "string",
        "pattern": "^[a-z][a-z-]*:[0-9a-f]{12}$",
    },
    "Sentence": {"description": "A sentence, with its names and numbers in place.", "type": "string"},
}
"""What the encoder turns into a text."""


def render(document: Struct, namer: Namer) -> str:
    """The text, with a final newline."""

    def encoded(value: object) -> object:
        """One layer of what JSON does not know; what is made here is gone once it is written."""
        if isinstance(value, Name):
            return namer(value)
        if isinstance(value, Sentence):
            return value.told(namer)
        if isinstance(value, Struct):
            members = zip(value.__struct_encode_fields__, msgspec.structs.astuple(value), strict=True)
            left_out = _optional(type(value))
            return {name: member for name, member in members if member is not None or name not in left_out}
        return list(value)  # type: ignore[call-overload] # the only thing left is a sequence

    text = StringIO()
    json.dump(document, text, default=encoded, indent=2)  # dumps would first keep every piece of it in a list
    return text.getvalue() + "\n"


@cache
def _optional(kind: type[Struct]) -> frozenset[str]:
    """The members that are left out where they are None."""
    return frozenset(one.encode_name for one in msgspec.structs.fields(kind) if not one.required)


def schema() -> dict[str, Any]:
    """The JSON schema of every document."""
    documents, parts = msgspec.json.schema_components(DOCUMENTS, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:openclaw-session-migrator:report:{VERSION}",
        "title": "A report of the OpenClaw session migrator",
        "oneOf": list(documents),
        "$defs": {name: _described(part) for name, part in sorted({**parts, **_TEXTS}.items())},
    }


def _described(part: dict[str, Any]) -> dict[str, Any]:
    """Free a description from the indentation of its docstring, which msgspec takes off from 0.23 on only."""
    return {**part, "description": cleandoc(part["description"])} if "description" in part else part
