"""A table of a TOML file, put in and taken out by its lines, so that all others stay as they were.

Within the lines of one table, and where servers stand in a table of one line, tomlkit makes the
change: of a whole file it moves tables that stand apart from others of their kind. Each change is
read back and compared with what the file said, so that what cannot be changed is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from c2llm.cli.install.edits import Edit, FormatError, apply, between, newline_of
from c2llm.errors import UsageError

_HEADER = re.compile(r"^[ \t]*\[[^\n]*", re.MULTILINE)


def parse(text: str) -> dict[str, Any]:
    """The values of a text; decimals as they are written, since `nan` is not equal to itself.

    Raises:
        FormatError: it is no TOML.
    """
    try:
        return tomllib.loads(text.replace("\r\n", "\n"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise FormatError(str(error)) from error


def value_at(text: str, path: Sequence[str]) -> Any:
    """The value that keys lead to; None where one of them is not there.

    Raises:
        FormatError: the text is no TOML.
    """
    value: Any = parse(text)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def put(text: str, path: Sequence[str], entry: Mapping[str, object]) -> list[Edit]:
    """What makes the table of a path have these values; others that it has stay.

    Raises:
        FormatError: the text has something else there than tables.
    """
    wanted = parse(text)
    table: Any = wanted
    for key in path:
        table = table.setdefault(key, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise FormatError(f"{'.'.join(path)} is no table")
    is_new = not table
    table.update(entry)
    sections = [] if is_new else _sections(text)
    section = next((one for one in sections if one.path == tuple(path)), None)
    if section is not None:
        old = text[section.start : section.end]
        inner = between(old, _with_values(old, path, entry))
        edits = [Edit(section.start + e.start, section.start + e.end, e.text) for e in inner]
    elif is_new:
        newline = newline_of(text)
        gap = "" if not text or text.endswith("\n") else newline
        gap += newline if text and not text.endswith(newline * 2) else ""
        lines = _with_values("", path, entry).replace("\n", newline)
        edits = [Edit(len(text), len(text), gap + lines)]
    else:
        edits = []
    if edits and _says(apply(text, edits), wanted, path):
        return edits
    if _says(text, wanted, path) and not is_new:
        return []
    return _in_line(text, _with_values(text, path, entry), wanted, path)


def replace(text: str, path: Sequence[str], entry: Mapping[str, object]) -> list[Edit]:
    """What puts a table in the place of what is there.

    Raises:
        FormatError: it cannot be done without changing more.
    """
    without = apply(text, remove(text, path))
    return between(text, apply(without, put(without, path, entry)))


def remove(text: str, path: Sequence[str]) -> list[Edit]:
    """What takes the table of a path out, with those below it and the empty line before it.

    Raises:
        FormatError: it cannot be done without changing more.
    """
    wanted = parse(text)
    table: Any = wanted
    for key in path[:-1]:
        table = table[key]
    del table[path[-1]]
    edits: list[Edit] = []
    for section in _sections(text):
        if section.path[: len(path)] == tuple(path):
            start, end = section.start, section.end
            newline = newline_of(text)
            if text[:start].endswith(newline * 2) and text[end : end + 1] in ("", "\n", "\r", "["):
                start -= len(newline)
            edits.append(Edit(start, end, ""))
    if edits and _says(apply(text, edits), wanted, path):
        return edits
    return _in_line(text, _with_values(text, path, None), wanted, path)


@dataclass(frozen=True, slots=True)
class _Section:
    """The lines of one table: its header and what belongs to it, not the comments behind."""

    path: tuple[str, ...]
    start: int
    end: int


def _sections(text: str) -> list[_Section]:
    """Tables by their headers; a line of a longer text may look like one, so read results back."""
    headers = [
        (found.start(), path) for found in _HEADER.finditer(text) if (path := _keys(found[0]))
    ]
    stops = [*(start for start, _ in headers), len(text)][1:]
    sections = []
    for (start, path), stop in zip(headers, stops, strict=True):
        end = stop
        for line in reversed(text[start:stop].splitlines(keepends=True)):
            if line.strip() and not line.lstrip().startswith("#"):
                break
            end -= len(line)
        with suppress(FormatError):  # the end of a text, with what stands behind it
            parse(text[start:end])
            sections.append(_Section(path, start, end))
    return sections


def _keys(header: str) -> tuple[str, ...]:
    """The keys of a header; none where it is no header."""
    try:
        inner: Any = tomllib.loads(header.strip())
    except (ValueError, RecursionError):
        return ()
    keys: list[str] = []
    while isinstance(inner, dict) and len(inner) == 1:
        [(key, inner)] = inner.items()
        keys.append(key)
    return tuple(keys)


def _with_values(text: str, path: Sequence[str], entry: Mapping[str, object] | None) -> str:
    """A text with values in the table of a path, or without it, as tomlkit writes it."""
    try:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError
        from tomlkit.items import InlineTable
    except ModuleNotFoundError as error:
        raise UsageError(
            "To change a TOML file tomlkit is needed: pip install 'c2llm[serve]'."
        ) from error

    try:
        tree = tomlkit.parse(text)
        table: Any = tree
        for key in path[:-1]:
            if key not in table:
                table[key] = tomlkit.table(is_super_table=True)
            table = table[key]
        if entry is None:
            del table[path[-1]]
        else:
            if path[-1] not in table:
                inline = isinstance(table, InlineTable)
                table[path[-1]] = tomlkit.inline_table() if inline else tomlkit.table()
            table[path[-1]].update(entry)
        return tree.as_string()
    except (TOMLKitError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"it cannot be changed in place ({error})") from error


def _in_line(text: str, after: str, wanted: dict[str, Any], path: Sequence[str]) -> list[Edit]:
    """The edit of one line that leads to a text, for a table that is written in one."""
    edits = between(text, after)
    for edit in edits:
        if "\n" in text[edit.start : edit.end] or "\n" in edit.text:
            raise FormatError("it cannot be changed in place")
    if not _says(after, wanted, path):
        raise FormatError("it cannot be changed in place")
    return edits


def _says(text: str, wanted: dict[str, Any], path: Sequence[str]) -> bool:
    """Whether a text says what is wanted; an empty table on the path counts as none."""
    try:
        found = parse(text)
    except FormatError:
        return False
    for one in (found, wanted := dict(wanted)):
        if one.get(path[0]) == {}:
            del one[path[0]]
    return found == wanted
