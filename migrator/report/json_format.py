"""A view as one JSON document: names become what the namer makes of them."""

from __future__ import annotations

import json

from migrator.model import Name
from migrator.report.view import Namer, View, sentence


def render(view: dict[str, View], namer: Namer) -> str:
    """The document, with a final newline."""
    findings = view.get("findings", [])
    assert isinstance(findings, list)  # noqa: S101 - of_report made it
    spoken: list[View] = [
        {**finding, "sentence": sentence(finding, namer)} for finding in findings if isinstance(finding, dict)
    ]
    whole: View = {**view, "findings": spoken} if spoken else view
    return json.dumps(_named(whole, namer), indent=2) + "\n"


def _named(view: View, namer: Namer) -> object:
    if isinstance(view, Name):
        return namer(view)
    if isinstance(view, dict):
        return {key: _named(value, namer) for key, value in view.items()}
    if isinstance(view, list | tuple):
        return [_named(value, namer) for value in view]
    return view
