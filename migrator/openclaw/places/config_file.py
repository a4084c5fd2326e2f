"""Reads ``openclaw.json`` as a tree: JSON or JSON5, ``$include``, ``${VARIABLE}``, and ``.env``.

Facts: ``src/config/io.ts``, ``includes.ts``, ``env-substitution.ts``, ``config-env-vars.ts`` and
``src/infra/dotenv-global.ts`` of OpenClaw 2026.7.1. Nothing here raises for what a file holds: what can't
be used becomes a finding.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from migrator.model.words import Finding, Name
from migrator.openclaw.places.paths import js_trim, read_small_file

MAX_CONFIG_BYTES = 4 << 20
MAX_JSON5_BYTES = 256 << 10  # the JSON5 parser reads about 30 kB a second
MAX_DOTENV_BYTES = 1 << 20
MAX_INCLUDE_BYTES = 2 << 20
MAX_INCLUDE_DEPTH = 10
MAX_INCLUDE_PATH = 4096
MAX_INCLUDES = 1000  # ours: files that include each other several times would be read without end

_UNSAFE_KEYS = ("__proto__", "prototype", "constructor")
_REFERENCE = re.compile(r"\$(\$?)\{([A-Z_][A-Z0-9_]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTENV_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*(?:=|:[ \t])[ \t]*"""
    r"""('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`|[^#\n]*)[ \t]*(?:#.*)?$""",
    re.MULTILINE | re.ASCII,
)


class _TooLargeError(ValueError):
    """Text that is only JSON5 is longer than the JSON5 parser can take."""


class Reading:
    """What comes up while a configuration is read, and the variables that it may use."""

    def __init__(self) -> None:
        self.findings: dict[Finding, None] = {}
        self.strings: dict[str, None] = {}
        self.variables: dict[str, str] = {}
        self.includes = 0

    def note(self, code: str, kind: str, text: str) -> None:
        """Keep a finding, once."""
        self.findings[Finding(code, Name(kind, text))] = None

    def parse(self, data: bytes) -> object:
        """Parse JSON or else JSON5; raises ValueError or RecursionError."""
        text = data.decode("utf-8", "replace")
        try:
            # No number matters here, and int() refuses what JavaScript reads.
            value: object = json.loads(text, parse_int=float)
        except (ValueError, RecursionError):
            if len(data) > MAX_JSON5_BYTES:
                raise _TooLargeError from None
            import json5  # slow to import, and most configurations are strict JSON

            value = json5.loads(text)
        self.strings.update(dict.fromkeys(_strings(value)))
        return value

    def text(self, value: object, setting: str) -> str | None:
        """Give a string with its variables filled in; None, with a finding if it is there, for all else."""
        if value is None:
            return None
        if not isinstance(value, str):
            self.note("config.wrong-type", "setting", setting)
            return None
        # What Node hands to the system holds U+FFFD in the place of a lone surrogate.
        whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        filled = _REFERENCE.sub(self._fill, whole)
        self.strings[filled] = None
        return filled

    def table(self, parent: dict[str, object], key: str, setting: str) -> dict[str, object]:
        """Give an object; an empty one, with a finding if it is there, for anything else."""
        value = parent.get(key)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.note("config.wrong-type", "setting", setting)
        return {}

    def items(self, parent: dict[str, object], key: str, setting: str) -> list[object]:
        """Give an array; an empty one, with a finding if it is there, for anything else."""
        value = parent.get(key)
        if isinstance(value, list):
            return value
        if value is not None:
            self.note("config.wrong-type", "setting", setting)
        return []

    def _fill(self, reference: re.Match[str]) -> str:
        escape, name = reference.groups()
        if escape:
            return f"${{{name}}}"
        if not self.variables.get(name):
            self.note("config.unset-variable", "variable", name)
            return reference[0]
        return self.variables[name]


def read_tree(path: str, include_roots: tuple[str, ...], reading: Reading) -> dict[str, object]:
    """Read a configuration with all that it includes; {} and a finding where that is impossible.

    A file is included if it is in the configuration's directory or in one of ``include_roots``, by name and
    by real path. OpenClaw refuses a configuration with an unusable include; here the rest of it still
    counts.
    """
    try:
        data = read_small_file(path, MAX_CONFIG_BYTES)
        tree = _resolve(reading.parse(data), (path,), (str(Path(path).parent), *include_roots), reading)
        if isinstance(tree, dict):
            return tree
        reading.note("config.invalid", "config", path)
    except OSError as error:
        code = "config.too-large" if error.errno == errno.EFBIG else "config.unreadable"
        reading.note(code, "config", path)
    except (ValueError, RecursionError) as error:
        code = "config.too-large" if isinstance(error, _TooLargeError) else "config.invalid"
        reading.note(code, "config", path)
    return {}


def read_dotenv(path: str, reading: Reading) -> dict[str, str]:
    r"""Read a ``.env`` file much as the npm package dotenv does, which OpenClaw uses; {} if there is none.

    Covered: comments, ``export``, ``NAME=value`` and ``NAME: value``, values in single, double or back
    quotes, over several lines too, and ``\n`` and ``\r`` in double quotes. Nothing is interpolated.
    """
    try:
        data = read_small_file(path, MAX_DOTENV_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError):
        reading.note("config.unreadable", "config", path)
        return {}
    variables: dict[str, str] = {}
    for name, raw in _DOTENV_LINE.findall(re.sub(r"\r\n?", "\n", data.decode("utf-8", "replace"))):
        text = value = js_trim(raw)
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`":
            value = text[1:-1]
        if text.startswith('"'):
            value = value.replace("\\n", "\n").replace("\\r", "\r")
        if _VARIABLE_NAME.fullmatch(name):
            variables[name] = value
    reading.strings.update(dict.fromkeys(variables.values()))
    return variables


def own_variables(tree: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Give the variables of a configuration's ``env``; those outside ``vars`` win, so they come first."""
    table = tree.get("env")
    if not isinstance(table, dict):
        return
    nested = table.get("vars")
    for name, value in [*table.items(), *(nested.items() if isinstance(nested, dict) else ())]:
        usable = isinstance(value, str) and js_trim(value) and _VARIABLE_NAME.fullmatch(js_trim(name))
        if usable and all(escape for escape, _ in _REFERENCE.findall(value)):
            yield js_trim(name), value


def _resolve(value: object, chain: tuple[str, ...], roots: tuple[str, ...], reading: Reading) -> object:
    """Replace each ``$include`` below ``value``; ``chain`` are the files that led here, in order."""
    if isinstance(value, list):
        return [_resolve(item, chain, roots, reading) for item in value]
    if not isinstance(value, dict):
        return value
    siblings = {k: _resolve(v, chain, roots, reading) for k, v in value.items() if k != "$include"}
    if "$include" not in value:
        return siblings
    included = _included(value["$include"], chain, roots, reading)
    if not siblings:
        return included
    if not isinstance(included, dict):
        reading.note("config.include-refused", "config", chain[-1])
        return siblings
    return _merge(included, siblings)


def _included(names: object, chain: tuple[str, ...], roots: tuple[str, ...], reading: Reading) -> object:
    merged: object = {}
    for name in names if isinstance(names, list) else [names]:
        try:
            merged = _merge(merged, _read_include(name, chain, roots, reading))
        except (OSError, ValueError, RecursionError):
            kind, text = ("include", name) if isinstance(name, str) else ("config", chain[-1])
            reading.note("config.include-refused", kind, text)
    return merged


def _read_include(name: object, chain: tuple[str, ...], roots: tuple[str, ...], reading: Reading) -> object:
    """Read one included file; raises OSError, ValueError or RecursionError where OpenClaw refuses it."""
    reading.includes += 1
    if not isinstance(name, str) or len(chain) > MAX_INCLUDE_DEPTH or reading.includes > MAX_INCLUDES:
        raise ValueError
    path = os.path.normpath(Path(chain[-1]).parent / name)
    if max(len(name), len(path)) >= MAX_INCLUDE_PATH or path in chain or not _is_inside(path, roots):
        raise ValueError
    if not _is_inside(os.path.realpath(path), tuple(os.path.realpath(root) for root in roots)):
        raise ValueError
    tree = reading.parse(read_small_file(path, MAX_INCLUDE_BYTES, single_link=True))
    return _resolve(tree, (*chain, path), roots, reading)


def _is_inside(path: str, roots: tuple[str, ...]) -> bool:
    return any(Path(path).is_relative_to(root) for root in roots)


def _merge(target: object, source: object) -> object:
    """Merge objects member by member and concatenate arrays; of anything else the later one counts."""
    if isinstance(target, list) and isinstance(source, list):
        return target + source
    if not (isinstance(target, dict) and isinstance(source, dict)):
        return source
    merged = dict(target)
    for key, value in source.items():
        if key not in _UNSAFE_KEYS:
            merged[key] = _merge(merged[key], value) if key in merged else value
    return merged


def _strings(value: object) -> Iterator[str]:
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            rest += reversed(list(item.values()))
        elif isinstance(item, list):
            rest += reversed(item)
