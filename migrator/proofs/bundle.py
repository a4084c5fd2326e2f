"""The files of a proof: the log with its summary, or a bundle of four that say the same, rendered from the first.

``proof.jsonl`` is the log, ``summary.md`` one page to paste, ``statement.json`` an in-toto statement, ``terminal.txt``
the transcript. Since they are rendered from the log, whoever has the log can make them again, and find any change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from migrator import __version__
from migrator.filesystem import inherit_owner, read_regular_file
from migrator.model.conclusions import LEFT_BEHIND
from migrator.model.errors import UsageError
from migrator.model.words import Name
from migrator.privacy.labels import KEY_FILE
from migrator.proofs.log import (
    ENDING,
    Log,
    decode_log,
    encode_log,
    numbered_path,
    read_log,
    write_durably,
)
from migrator.proofs.statement import statement_json
from migrator.proofs.summary import summary_markdown
from migrator.proofs.transcript import terminal_text

LOG = "proof.jsonl"
_SUMMARY_ENDING = ".summary.md"
_SUCCESS = (0, 15)

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


def check(folder: Path) -> tuple[int, str, list[str]]:
    """The number of lines of a bundle's log, the hash of the last one, and in sentences what is wrong with it.

    Raises OSError without a log.
    """
    data = read_regular_file(folder / LOG)
    lines = decode_log(data)
    log = read_log(lines)
    problems = [problem.sentence for problem in log.problems]
    if not problems and encode_log(lines) != data:
        problems.append(f"{LOG} does not end where its last line does.")
    return len(lines), log.head, problems or list(_differences(folder, log))


def _differences(folder: Path, log: Log) -> Iterator[str]:
    """The files that are not what the log makes them."""
    version = log.begin.tool
    hint = "" if version == __version__ else f" (check it with version {version}, which has made it)"
    for name, make in RENDERED.items():
        try:
            same = read_regular_file(folder / name) == make(log).encode()
        except OSError:
            yield f"{name} is missing, or cannot be read."
            continue
        if not same:
            yield f"{name} is not what {LOG} says{hint}."


def render_log(lines: Sequence[str]) -> dict[str, bytes]:
    """A proof log and its summary, by the ends of their names."""
    return {ENDING: encode_log(lines), _SUMMARY_ENDING: summary_markdown(read_log(lines)).encode()}


def write_log(folder: Path, verb: str, files: Mapping[str, bytes]) -> None:
    """Write a rendered log and its summary; earlier ones of the same name stay.

    Raises OSError when they could not be made durable.
    """
    log = numbered_path(folder, verb)
    paths = {log.with_name(log.name.removesuffix(ENDING) + end): data for end, data in files.items()}
    for path, data in paths.items():
        write_durably(path, data)
    for path in (*paths, *folder.glob(KEY_FILE)):
        inherit_owner(path, folder)


def holds_proof(folder: Path) -> bool:
    """Whether the folder of a run holds a sound proof that all went well."""
    for path in sorted((*folder.glob(f"apply*{ENDING}"), *folder.glob(f"verify*{ENDING}"))):
        with suppress(OSError):
            log = read_log(decode_log(read_regular_file(path)))
            if not log.problems and (log.end.exit_code in _SUCCESS or log.totals.verdict == LEFT_BEHIND):
                return True
    return False
