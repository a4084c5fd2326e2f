"""Merged proofs as a view, as text, and as Markdown to be pasted: what is not good first, or that all is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

from migrator import __version__
from migrator.model.words import Name
from migrator.proofs.merging import Merged, ProofFacts, Sums
from migrator.report.view import Namer, View

FORMAT = "openclaw-session-migrator/merged-proofs"
VERSION = 1
_COUNTED = ("agents", "stores", "sessions")


def of_merged(merged: Merged) -> dict[str, View]:
    """Everything that is to be said of merged proofs."""
    good = merged.exit_code == 0
    return {
        "format": FORMAT,
        "version": VERSION,
        "tool": __version__,
        "command": "proof merge",
        "exit_code": merged.exit_code,
        "proofs": merged.files,
        "good": merged.good,
        "totals": {verb: _totals(totals) for verb, totals in merged.totals.items()},
        "outliers": [_outlier(proof) for proof in merged.outliers],
        "omitted": merged.omitted,
        "next_step": "Nothing: every proof is good." if good else "See to the proofs listed, the first one first.",
    }


def text(view: dict[str, View], namer: Namer) -> str:
    """For a terminal or a log, with a final newline."""
    return "\n".join(_text(view, namer)) + "\n"


def markdown(view: dict[str, View], namer: Namer) -> str:
    """For a comment or a job summary, with a final newline."""
    return "\n".join(_markdown(view, namer)) + "\n"


def _totals(totals: Sums) -> dict[str, View]:
    return {
        "proofs": totals.proofs,
        "good": totals.good,
        **{name: getattr(totals, name) for name in _COUNTED},
        "outcomes": _sorted(totals.words),
        "verdicts": _sorted(totals.verdicts),
        "transcripts": _sorted(totals.transcripts),
        "findings": _sorted(totals.findings),
    }


def _outlier(proof: ProofFacts) -> dict[str, View]:
    return {
        "number": proof.number,
        "file": proof.file,
        "outcome": proof.word,
        "problem": proof.problem,
        "head": proof.head,
        "verb": proof.verb or None,
        "exit_code": proof.exit_code,
        **{name: getattr(proof, name) for name in _COUNTED},
        "verdicts": _sorted(proof.verdicts),
        "failed_checks": list(proof.failed_checks),
        "findings": _sorted(proof.findings),
        "remedy": proof.remedy,
    }


def _sorted(counts: Counter[str]) -> dict[str, View]:
    return {word: count for word, count in sorted(counts.items()) if count}


def _text(view: dict[str, View], namer: Namer) -> Iterator[str]:
    yield _headline(view)
    for proof in cast(list[dict[str, View]], view["outliers"]):
        yield ""
        yield f"{proof['outcome']}: proof {proof['number']}, {namer(cast(Name, proof['file']))}"
        yield from (f"    {line}" for line in _details(proof))
    if view["omitted"]:
        yield from ("", f"... and {view['omitted']} more that are not good")
    for verb, totals in cast(dict[str, dict[str, View]], view["totals"]).items():
        yield ""
        counted = ", ".join(f"{totals[name]} {name}" for name in _COUNTED)
        yield f"{verb}: {totals['proofs']} proofs, {totals['good']} good, {counted}"
        for name in ("outcomes", "verdicts", "transcripts", "findings"):
            if totals[name]:
                yield f"    {name}: {_counted(totals[name])}"
    yield from ("", str(view["next_step"]))


def _headline(view: dict[str, View]) -> str:
    return f"proof merge: {view['good']} of {view['proofs']} proofs are good"


def _details(proof: dict[str, View]) -> Iterator[str]:
    """What is known of an outlier: why it is none to count, or what its command found; then what to do."""
    if proof["problem"]:
        yield str(proof["problem"])
    if proof["verb"]:
        yield f"{proof['verb']}, exit code {proof['exit_code']}, {proof['sessions']} sessions"
    for name in ("verdicts", "findings"):
        if proof[name]:
            yield f"{name}: {_counted(proof[name])}"
    if proof["failed_checks"]:
        yield "failed checks: " + ", ".join(cast(list[str], proof["failed_checks"]))
    if proof["head"]:
        yield f"hash of its last line: {proof['head']}"
    yield str(proof["remedy"])


def _counted(counts: View) -> str:
    return ", ".join(f"{word} {count}" for word, count in cast(dict[str, int], counts).items())


def _markdown(view: dict[str, View], namer: Namer) -> Iterator[str]:
    yield from (f"# {_headline(view)}", "", f"What to do: {view['next_step']}")
    outliers = cast(list[dict[str, View]], view["outliers"])
    if outliers:
        yield from ("", "## Not good", "", "| proof | outcome | what is known |", "| --- | --- | --- |")
    for proof in outliers:
        details = "<br>".join(_details(proof))
        yield f"| {proof['number']}, {_cell(namer(cast(Name, proof['file'])))} | {proof['outcome']} | {details} |"
    if view["omitted"]:
        yield from ("", f"{view['omitted']} more are not good.")
    totals = cast(dict[str, dict[str, View]], view["totals"])
    if totals:
        yield from ("", "## Totals", "", f"| command | proofs | good | {' | '.join(_COUNTED)} | outcomes | verdicts |")
        yield "| --- " * 8 + "|"
    for verb, row in totals.items():
        numbers = " | ".join(str(row[name]) for name in ("proofs", "good", *_COUNTED))
        yield f"| {verb} | {numbers} | {_counted(row['outcomes'])} | {_counted(row['verdicts'])} |"


def _cell(name: str) -> str:
    return name.replace("|", "\\|")
