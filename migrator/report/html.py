"""A document as one self-contained page: no script, nothing from elsewhere, readable as an attachment of a mail.

The filters of the findings are check boxes and style rules, so that they work where a mail program forbids scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files

from migrator.model.counted import plural
from migrator.model.glossary import WORDS
from migrator.report import explained_rows
from migrator.report.document import (
    ErrorDocument,
    ExplainDocument,
    ProveDocument,
    RollbackDocument,
    StepRow,
    UpgradePart,
    VerbDocument,
    forecast_of,
    needs_care,
    parity_of,
    run_of,
    verification_of,
)
from migrator.report.groups import PROBABLY_MEANT, Group, command_line, grouped
from migrator.report.html_bars import bars_section
from migrator.report.html_differences import differences_section
from migrator.report.markup import Markup, definitions, table, tag
from migrator.report.parts import ExplanationPart, FindingRow, ForecastPart, KnownRunRow, Namer
from migrator.report.plan_text import NO_RUNS, RUN_HEADS, RUNS_TITLE, known_run_cells
from migrator.report.upgrade_text import result_of, words_of

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_MOST_ITEMS = 200
"""How many findings of one code are listed; the rest is counted. The json format has them all."""

_HEADS = ("severity", "code", "number", "what and what to do")


def render(document: VerbDocument | ErrorDocument, namer: Namer) -> str:
    """The page, with a final newline."""
    findings = () if isinstance(document, ErrorDocument) else document.findings
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"migrator {document.command}: {document.verdict}"),
        tag("style", Markup(_style() + _filter_rules(findings))),
    )
    body = tag(
        "body",
        tag("a", "Skip to the findings", href="#findings", class_="skip"),
        tag("header", *_header(document, namer)),
        tag("main", *_main(document, namer), id="findings", tabindex="-1"),
        _footer(document),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


@cache
def _style() -> str:
    return (files("migrator.report") / "page.css").read_text("utf-8")


def _header(document: VerbDocument | ErrorDocument, namer: Namer) -> Iterator[Markup]:
    stopped, parity = isinstance(document, ErrorDocument), parity_of(document)
    good = "care" if needs_care(document) else "good" if document.exit_code == 0 else "bad"
    yield tag("h1", tag("span", document.verdict, class_=f"verdict {good}"), f": migrator {document.command}")
    told = document.message.told(namer) if isinstance(document, ErrorDocument) else document.next_step
    yield tag("p", tag("strong", "Why: " if stopped else "What to do: "), tag("span", told), class_=f"next {good}")
    commands = (document.meant or ()) if isinstance(document, ErrorDocument) else [document.next_command or ()]
    yield from [tag("p", PROBABLY_MEANT)] if stopped and commands else ()
    yield from (tag("pre", command_line(words, namer)) for words in commands if words)
    if parity is not None:
        yield tag("p", tag("code", parity), class_="parity")
    yield definitions(_facts(document, namer))


def _facts(document: VerbDocument | ErrorDocument, namer: Namer) -> Iterator[tuple[str, str]]:
    yield "exit code", str(document.exit_code)
    if isinstance(document, ErrorDocument):
        return
    totals, run = document.totals, run_of(document)
    yield "found", f"{plural(totals.agents, 'agent')}, {plural(totals.sessions, 'session')}"
    for unmet in document.unmet:
        yield "not as expected", unmet
    yield "state directory", namer(document.state_dir)
    if run is not None:
        yield "run", run.id


def _main(document: VerbDocument | ErrorDocument, namer: Namer) -> Iterator[Markup]:
    if isinstance(document, ErrorDocument):
        return
    verification, forecast = verification_of(document), forecast_of(document)
    if isinstance(document, ExplainDocument):
        yield from _explained(document.explanation, namer)
    elif isinstance(document, RollbackDocument) and document.runs is not None:
        yield from _runs(document.runs)
    else:
        yield from bars_section(document, namer)
    if verification is not None:
        yield from differences_section(verification, namer)
    yield from _findings_section(document.findings, namer)
    if forecast is not None:
        yield from _forecast_section(forecast, namer)
    if isinstance(document, ProveDocument):
        yield from _commands(document.upgrade_proof, namer)


def _explained(explanation: ExplanationPart, namer: Namer) -> Iterator[Markup]:
    """Every place, what happened, and what to do."""
    for title, heads, rows in (
        ("Where it is", explained_rows.PLACES, explained_rows.places(explanation, namer)),
        ("What happened to it", explained_rows.HISTORY, explained_rows.history(explanation, namer)),
    ):
        yield from _stacked(title, heads, rows)
    yield from (tag("p", advice) for advice in explanation.advice)


def _runs(runs: Sequence[KnownRunRow]) -> Iterator[Markup]:
    """Every run, with what taking it back would still do."""
    yield from _stacked(RUNS_TITLE, RUN_HEADS, known_run_cells(runs))
    yield from () if runs else [tag("p", NO_RUNS)]


def _stacked(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[Markup]:
    """A table under its title, unless it is empty."""
    cells = [
        tag("tr", *(tag("td", text, data_head=head) for head, text in zip(heads, row, strict=True))) for row in rows
    ]
    if cells:
        yield tag("h2", title)
        yield table(title, heads, cells, "stacked")


def _commands(proved: UpgradePart, namer: Namer) -> Iterator[Markup]:
    """Each way of upgrading with the commands that were run, in the order in which they ran."""
    yield tag("h2", "Commands that were run")
    yield tag("p", "Each ran on a private copy of the state directory, never on the original.")
    yield tag("pre", "\n".join(_transcript(proved.steps, namer)))
    for trial in proved.trials:
        yield tag("h3", f"Upgraded by {trial.way}: {trial.verdict} (exit {trial.exit_code})")
        yield tag("pre", "\n".join(_transcript(trial.steps, namer)))


def _transcript(steps: Sequence[StepRow], namer: Namer) -> Iterator[str]:
    for step in steps:
        yield f"$ {words_of(step, namer)}" + (f"  # release {step.release}" if step.release else "")
        yield from (f"  it says: {saying}" for saying in step.says)
        yield from (f"  {namer(line)}" for line in step.last_words)
        yield f"  {result_of(step)}"


def _footer(document: VerbDocument | ErrorDocument) -> Markup:
    return tag(
        "footer",
        tag("p", f"OpenClaw session migrator {document.tool}. Labels such as agent:7f3a9c21d0ab stand for names."),
        tag("details", tag("summary", "What the words mean"), definitions(WORDS.items())),
    )


def _filter_rules(findings: Sequence[FindingRow]) -> str:
    """Style rules that hide the rows of a box that is not checked. Print shows everything."""
    groups = grouped(findings)
    names = [f"is-{group.severity.value}" for group in groups] + [f"of-{_family(group)}" for group in groups]
    rules = "".join(
        f"  body:has(#{name}:not(:checked)) tr.{name} {{ display: none; }}\n" for name in dict.fromkeys(names)
    )
    return f"@media screen {{\n{rules}}}\n" if rules else ""


def _findings_section(findings: Sequence[FindingRow], namer: Namer) -> Iterator[Markup]:
    """The filters, then one row for each code."""
    groups = grouped(findings)
    yield tag("h2", f"Findings: {len(findings):,}" if findings else "Findings: none")
    if not groups:
        return
    severities = dict.fromkeys(group.severity.value for group in groups)
    families = dict.fromkeys(_family(group) for group in groups)
    yield tag(
        "form",
        _boxes("Severity", "is", list(severities)),
        _boxes("About", "of", list(families)),
        class_="filters",
        aria_label="Which findings to show",
    )
    rows = (_row(one, namer, f"is-{one.severity.value} of-{_family(one)}") for one in groups)
    yield table("Findings, the worst first", _HEADS, rows, "findings stacked")


def _forecast_section(upgrade: ForecastPart, namer: Namer) -> Iterator[Markup]:
    """What OpenClaw's own upgrade would do."""
    groups = grouped(upgrade.forecast)
    title = f"If OpenClaw ({upgrade.releases}) upgraded this by itself"
    yield tag("h2", title)
    rows = [_row(one, namer, False) for one in groups]
    yield table(title, _HEADS, rows, "findings stacked") if rows else tag("p", "Nothing is known to go wrong.")


def _boxes(title: str, prefix: str, words: list[str]) -> Markup:
    boxes = (
        tag("label", tag("input", type="checkbox", id=f"{prefix}-{word}", checked=True), f" {word}") for word in words
    )
    return tag("fieldset", tag("legend", title), *boxes)


def _row(group: Group, namer: Namer, filters: str | bool) -> Markup:
    """A row; ``filters`` are the names of the boxes that it hangs on."""
    colours: dict[str, str | bool] = {"note": False, "warning": "care", "quarantined": "care"}
    return tag(
        "tr",
        tag("td", tag("strong", group.severity.value, class_=colours.get(group.severity.value, "bad"))),
        tag("td", tag("code", group.code)),
        tag("td", f"{len(group.findings):,}", class_="number", data_head="number"),
        tag("td", *_told(group, namer)),
        class_=filters,
    )


def _told(group: Group, namer: Namer) -> Iterator[Markup]:
    yield tag("div", group.sentence(namer))
    yield tag("div", group.remedy, class_="remedy")
    if len(group.findings) > 1:
        items = [tag("li", one.sentence.told(namer)) for one in group.findings[:_MOST_ITEMS]]
        rest = len(group.findings) - len(items)
        if rest:
            items.append(tag("li", f"... and {rest:,} more"))
        yield tag("details", tag("summary", f"all {plural(len(group.findings), 'finding')}"), tag("ul", *items))


def _family(group: Group) -> str:
    return group.code.partition(".")[0]
