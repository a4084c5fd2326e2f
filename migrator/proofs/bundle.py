"""The proof bundle: four files that say the same, three of them rendered from the first.

``proof.jsonl`` is the log, ``summary.md`` one page to paste, ``statement.json`` an in-toto statement, ``terminal.txt``
the transcript. Since they are rendered from the log, whoever has the log can make them again, and find any change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from migrator import __version__
from migrator.filesystem import inherit_owner, read_regular_file
from migrator.model.errors import UsageError
from migrator.model.words import Name
from migrator.privacy.labels import KEY_FILE
from migrator.proofs.proof import Log, check_log, decode_log, encode_log, read_log, write_durably
from migrator.proofs.proof_summary import summary_markdown
from migrator.proofs.statement import statement_json
from migrator.proofs.terminal import terminal_text

LOG = "proof.jsonl"

RENDERED: Mapping[str, Callable[[Log], str]] = {
    "summary.md": summary_markdown,
    "statement.json": statement_json,
    "terminal.txt": terminal_text,
}
"""The other files of a bundle, with what makes them of the log."""


def render(lines: Sequence[str]) -> dict[str, bytes]:
    """All files of a bundle, by name."""
    log = read_log(lines)
    return {LOG: encode_log(lines), **{name: make(log).encode() for name, make in RENDERED.items()}}


def require_none(folder: Path) -> None:
    """Raise UsageError if a folder has a bundle: evidence is never replaced."""
    for name in (LOG, *RENDERED):
        if (folder / name).exists():
            raise UsageError("There is a proof in {subject} already; name another folder.", Name("path", str(folder)))


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a rendered bundle into a folder that is there and has none, the log last of all.

    Raises OSError when it could not be made durable.
    """
    for name in (*RENDERED, LOG):
        write_durably(folder / name, files[name])
    for path in (*(folder / name for name in files), *folder.glob(KEY_FILE)):
        inherit_owner(path, folder)


def check(folder: Path) -> tuple[int, list[str]]:
    """The number of lines of a bundle's log, and in sentences what is wrong with it. Raises OSError without a log."""
    data = read_regular_file(folder / LOG)
    lines = decode_log(data)
    problems = [problem.sentence for problem in check_log(lines)]
    if not problems and encode_log(lines) != data:
        problems.append(f"{LOG} does not end where its last line does.")
    return len(lines), problems or list(_differences(folder, lines))


def _differences(folder: Path, lines: Sequence[str]) -> Iterator[str]:
    """The files that are not what the log makes them."""
    log = read_log(lines)
    version = log.events[0].word("tool")
    hint = "" if version == __version__ else f" (check it with version {version}, which has made it)"
    for name, make in RENDERED.items():
        try:
            same = read_regular_file(folder / name) == make(log).encode()
        except OSError:
            yield f"{name} is missing, or can not be read."
            continue
        if not same:
            yield f"{name} is not what {LOG} says{hint}."
