"""The findings as a table with filters, and the forecast of an upgrade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.model.counted import plural
from migrator.report.groups import Group, grouped
from migrator.report.markup import Markup, table, tag
from migrator.report.parts import FindingRow, ForecastPart, Namer

_MOST_ITEMS = 200
"""How many findings of one code are listed; the rest is counted. The json format has them all."""

_HEADS = ("severity", "code", "number", "what and what to do")


def filter_rules(findings: Sequence[FindingRow]) -> str:
    """Style rules that hide the rows of a box that is not checked. Print shows everything."""
    groups = grouped(findings)
    names = [f"is-{group.severity.value}" for group in groups] + [f"of-{_family(group)}" for group in groups]
    rules = "".join(
        f"  body:has(#{name}:not(:checked)) tr.{name} {{ display: none; }}\n" for name in dict.fromkeys(names)
    )
    return f"@media screen {{\n{rules}}}\n" if rules else ""


def findings_section(findings: Sequence[FindingRow], namer: Namer) -> Iterator[Markup]:
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


def forecast_section(upgrade: ForecastPart, namer: Namer) -> Iterator[Markup]:
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
