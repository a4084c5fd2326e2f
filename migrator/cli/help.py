"""What ``--help`` says below the options: words, examples, and the exit codes of each command. Plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from migrator.model.glossary import WORDS

EXIT_CODES = {
    0: "what was asked for holds",
    1: "differences found, sources left, or `--detailed-exitcode`: work pending",
    2: "usage error, failing disk or memory, internal error: nothing is claimed",
    10: "nothing to work on was found (`--allow-empty` makes it 0)",
    11: "busy: a live gateway, writer or lock",
    12: "refused by a preflight check: nothing was written",
    13: "source or database changed since it was planned, or meanwhile",
    14: "committed, but the proof could not be written: `verify` will write it",
    15: "done, with quarantined items: they are listed and preserved",
    130: "interrupted: migrated databases stay, the others are as they were",
    143: "terminated: migrated databases stay, the others are as they were",
}
"""Every exit code and what it means; each command's help shows its own, and the README all of them."""

_STOPPED = (2, 10, 11, 12, 130, 143)


@dataclass(frozen=True, slots=True)
class Help:
    """Examples of a command (without the program's name) with what they do, and its exit codes.

    ``meanings`` are said instead of the general meanings where the command can be more precise.
    """

    examples: tuple[tuple[str, str], ...]
    codes: tuple[int, ...]
    meanings: dict[int, str] = field(default_factory=dict)


HELP = {
    "scan": Help(
        (
            ("scan", "where OpenClaw has it"),
            ("scan ~/broken --agent main", "one agent of another"),
            ("scan --expect-agents 3", "fail unless all are there"),
        ),
        (0, 1, *_STOPPED),
        {0: "it was read, whatever was found", 1: "not as --expect-agents or --expect-sessions say"},
    ),
    "plan": Help(
        (
            ("plan", "only show it"),
            ("plan --output plan.json", "and keep it for apply"),
            ("plan --detailed-exitcode", "exit with 1 if there is work"),
        ),
        (0, 1, *_STOPPED),
        {0: "the plan was made", 1: "there is work (--detailed-exitcode), or not as --expect-... say"},
    ),
    "apply": Help(
        (
            ("apply plan.json --proof proof", "do just that, and prove it"),
            ("apply --yes", "plan and do it in one go"),
            ("apply --yes --archive-sources", "and set the old files aside"),
        ),
        (0, 1, 13, 14, 15, *_STOPPED),
        {
            0: "every session is in its database",
            1: "something is missing, differs, or could not be moved: see the report",
        },
    ),
    "verify": Help(
        (
            ("verify --proof proof", "is every session there?"),
            ("verify --against ~/backup/.openclaw", "judge by a backup"),
            ("verify --format json > report.json", "for a program"),
        ),
        (0, 1, 15, *_STOPPED),
        {0: "every session is in its database", 1: "something is missing or differs: look at the report"},
    ),
    "prove": Help(
        (
            ("prove --old 2026.7.1 --new 2026.9.6", "is all kept?"),
            ("prove --new ~/openclaw --proof bundle", "with evidence"),
            ("prove --smoke --new 2026.9.6 --install", "one line of a CI job"),
        ),
        (0, 1, 13, 15, *_STOPPED),
        {
            0: "the upgrade keeps every session",
            1: "something is missing, differs or does not show",
            12: "refused, or no upgrade happened: see the verdict",
        },
    ),
    "export": Help(
        (
            ("export ~/back", "files that older releases read"),
            ("export ~/read --format markdown", "conversations to read"),
        ),
        (0, 15, *_STOPPED),
        {0: "the export is complete", 15: "done, but damaged items could not be exported: see the findings"},
    ),
    "explain": Help(
        (
            ("explain agent:main:main", "one session"),
            ("explain incident", "the one that has this in its key"),
            ("explain ./sessions.json", "one file"),
            ("explain upgrade.loses-history", "what a word of a report means"),
        ),
        (0, *_STOPPED),
        {0: "it is known", 10: "nothing of this name is known"},
    ),
    "rollback": Help(
        (
            ("rollback", "which runs are there?"),
            ("rollback 20261125T101500Z-6a5676b8", "take that one back"),
            ("rollback RUN --evidence ~/case", "and leave no trace of it"),
        ),
        (0, 1, 14, *_STOPPED),
        {
            0: "everything is as it was before the run",
            1: "not all could be taken back: look at the findings",
            12: "refused: others have written since, and nothing was touched",
        },
    ),
    "help": Help(
        (
            ("help apply", "what apply does and takes"),
            ("help upgrade.loses-history", "what a word of a report means"),
            ("help 15", "what an exit code means"),
        ),
        (0, 2),
        {0: "it was shown", 2: "there is no such command or word"},
    ),
    "proof check": Help(
        (
            ("proof check proof/verify.proof.jsonl", "is this log whole and sound?"),
            ("proof check bundle", "do all its files agree?"),
        ),
        (0, 1, 2),
        {0: "the log is sound", 1: "the log is damaged, or was changed", 2: "usage error, or no readable log"},
    ),
    "proof merge": Help(
        (
            ("proof merge proofs/*.jsonl", "bad ones first"),
            ("proof merge --format json *.jsonl", "for a program"),
        ),
        (0, 1, 2, 130, 143),
        {0: "every proof is sound and good", 1: "a proof is not good, is damaged, or is not there"},
    ),
    "proof reveal": Help(
        (("proof reveal agent:7f3a9c21d0ab --key proof", "whose name is that?"),),
        (0, *_STOPPED),
        {0: "the name was found and printed", 2: "no name here has this label, or usage error"},
    ),
}
"""The help of each command."""


def epilog(command: str) -> str:
    """What stands below the options of a command, laid out for click."""
    shown = HELP[command]
    width = max(len(line) for line, _ in shown.examples)
    examples = (f"  migrator {line:<{width}}  {says}" for line, says in shown.examples)
    return f"{_block('Examples', examples)}\n\n{_codes(sorted(shown.codes), shown.meanings)}"


def program_epilog() -> str:
    """What stands below the list of commands."""
    words = (f"  {word:<16} {meaning}" for word, meaning in WORDS.items())
    return f"{_block('Words', words)}\n\n{_codes(list(EXIT_CODES), {})}"


def _codes(codes: list[int], meanings: dict[int, str]) -> str:
    return _block("Exit codes", (f"  {code:<4} {meanings.get(code, EXIT_CODES[code])}" for code in codes))


def _block(title: str, lines: Iterable[str]) -> str:
    """Lines that click must not wrap."""
    return "\b\n" + "\n".join([f"{title}:", *lines])
