"""A view as one self-contained page: no script, nothing from elsewhere, readable as an attachment of a mail.

The filters of the findings are check boxes and style rules, so that they work where a mail program forbids scripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import cast

from migrator.cli.help import WORDS
from migrator.model.words import Name
from migrator.report.groups import plural
from migrator.report.html_bars import bars_section
from migrator.report.html_commands import commands_section
from migrator.report.html_findings import differences_section, filter_rules, findings_section, forecast_section
from migrator.report.markup import Markup, definitions, tag
from migrator.report.view import Namer, View, message

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(view: dict[str, View], namer: Namer) -> str:
    """The page, with a final newline."""
    title = f"migrator {view['command']}: {view['verdict']}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(_style() + filter_rules(view))),
    )
    body = tag(
        "body",
        tag("a", "Skip to the findings", href="#findings", class_="skip"),
        tag("header", *_header(view, namer)),
        tag("main", *_main(view, namer), id="findings", tabindex="-1"),
        _footer(view),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


@cache
def _style() -> str:
    return (files("migrator.report") / "page.css").read_text("utf-8")


def _header(view: dict[str, View], namer: Namer) -> Iterator[Markup]:
    care = view["exit_code"] == 15 or view["verdict"] == "pending"
    good = "care" if care else "good" if view["exit_code"] == 0 else "bad"
    yield tag("h1", tag("span", str(view["verdict"]), class_=f"verdict {good}"), f": migrator {view['command']}")
    title, told = ("Why: ", message(view, namer)) if "message" in view else ("What to do: ", str(view["next_step"]))
    yield tag("p", tag("strong", title), tag("span", told), class_=f"next {good}")
    if "parity" in view:
        yield tag("p", tag("code", str(cast(dict[str, View], view["parity"])["line"])), class_="parity")
    yield tag(
        "dl", *(tag(name, text) for pair in _facts(view, namer) for name, text in zip(("dt", "dd"), pair, strict=True))
    )


def _facts(view: dict[str, View], namer: Namer) -> Iterator[tuple[str, str]]:
    yield "exit code", str(view["exit_code"])
    if "message" in view:
        return
    totals = cast(dict[str, int], view["totals"])
    yield "found", f"{plural(totals['agents'], 'agent')}, {plural(totals['sessions'], 'session')}"
    for unmet in cast(list[str], view["unmet"]):
        yield "not as expected", unmet
    yield "state directory", namer(cast(Name, view["state_dir"]))
    if "run" in view:
        yield "run", str(cast(dict[str, View], view["run"])["id"])


def _main(view: dict[str, View], namer: Namer) -> Iterator[Markup]:
    if "message" in view:
        return
    yield from bars_section(view, namer)
    if "verification" in view:
        yield from differences_section(cast(dict[str, View], view["verification"]), namer)
    yield from findings_section(cast(list[View], view["findings"]), namer)
    if "upgrade" in view:
        yield from forecast_section(cast(dict[str, View], view["upgrade"]), namer)
    if "upgrade_proof" in view:
        yield from commands_section(cast(dict[str, View], view["upgrade_proof"]), namer)


def _footer(view: dict[str, View]) -> Markup:
    return tag(
        "footer",
        tag("p", f"OpenClaw session migrator {view['tool']}. Labels such as agent:7f3a9c21d0ab stand for names."),
        tag("details", tag("summary", "What the words mean"), definitions(WORDS.items())),
    )
