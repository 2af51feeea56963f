"""JSON with comments and trailing commas, read with the place of every part that may be changed.

What VS Code, Zed, OpenCode and Gemini take as their settings. Python's own reader knows no comments
and no places, and a file that is read and written anew loses them. So the text is scanned along one
path of keys, and a change is a span of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from json import JSONDecoder
from typing import Any

from c2llm.cli.install.edits import Edit, FormatError, newline_of

_DECODER = JSONDecoder()
_MOST_DEPTH = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it stands."""

    start: int
    end: int
    data: Any
    members: tuple[Member, ...] = ()
    """Of an object, in the order of the text."""


@dataclass(frozen=True, slots=True)
class Member:
    """A key of an object with its value."""

    key: str
    start: int
    """Where the key begins."""
    value: Value
    comma: int | None
    """Where the comma behind it stands, if there is one."""


@lru_cache(maxsize=4)  # a client's own file may be megabytes, and is asked several times
def parse(text: str) -> Value | None:
    """The value of a text; None where there is nothing but blanks and comments.

    Raises:
        FormatError: it is something else, or nested more than 100 deep.
    """
    start = _skip(text, 0)
    if start == len(text):
        return None
    value = _value(text, start, 0)
    end = _skip(text, value.end)
    if end != len(text):
        raise FormatError("something follows the end", end)
    return value


def member(value: Value, key: str) -> Member | None:
    """The member of an object by its key.

    Raises:
        FormatError: it is there twice, so that readers differ in which one counts.
    """
    found = [one for one in value.members if one.key == key]
    if len(found) > 1:
        raise FormatError(f"{key!r} is there twice", found[1].start)
    return found[0] if found else None


def _skip(text: str, at: int) -> int:
    """Behind blanks and comments."""
    while True:
        space = _SPACE.match(text, at)
        assert space is not None
        at = space.end()
        if not text.startswith(("//", "/*"), at):
            return at
        comment = _COMMENT.match(text, at)
        if comment is None:
            raise FormatError("a comment does not end", at)
        at = comment.end()


def _value(text: str, at: int, depth: int) -> Value:
    if depth > _MOST_DEPTH:
        raise FormatError("it is nested too deep", at)
    if text.startswith("{", at):
        return _object(text, at, depth)
    if text.startswith("[", at):
        return _array(text, at, depth)
    if text.startswith('"', at):
        data, end = _string(text, at)
        return Value(at, end, data)
    literal = _LITERAL.match(text, at)
    if literal is None:
        raise FormatError("a value is missing", at)
    try:
        data = json.loads(literal[0])
    except (
        ValueError,
        RecursionError,
    ) as error:  # Python reads no number of more than some thousand digits
        raise FormatError("a number is too long", at) from error
    return Value(at, literal.end(), data)


def _string(text: str, at: int) -> tuple[str, int]:
    try:
        data, end = _DECODER.raw_decode(text, at)
    except ValueError as error:
        raise FormatError("a string does not end or holds what it may not", at) from error
    assert isinstance(data, str)
    return data, end


def _object(text: str, start: int, depth: int) -> Value:
    members: list[Member] = []
    at = _skip(text, start + 1)
    while not text.startswith("}", at):
        if not text.startswith('"', at):
            raise FormatError("a key in double quotes or a closing brace is missing", at)
        key_start = at
        key, at = _string(text, at)
        at = _skip(text, at)
        if not text.startswith(":", at):
            raise FormatError(f"a colon is missing after {key!r:.60}", at)
        value = _value(text, _skip(text, at + 1), depth + 1)
        at = _skip(text, value.end)
        comma = at if text.startswith(",", at) else None
        members.append(Member(key, key_start, value, comma))
        if comma is not None:
            at = _skip(text, at + 1)
        elif not text.startswith("}", at):
            raise FormatError("a comma or a closing brace is missing", at)
    return Value(start, at + 1, {one.key: one.value.data for one in members}, tuple(members))


def _array(text: str, start: int, depth: int) -> Value:
    items: list[Any] = []
    at = _skip(text, start + 1)
    while not text.startswith("]", at):
        value = _value(text, at, depth + 1)
        items.append(value.data)
        at = _skip(text, value.end)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
        elif not text.startswith("]", at):
            raise FormatError("a comma or a closing bracket is missing", at)
    return Value(start, at + 1, items)


def insert(text: str, root: Value, parent: Value, key: str, data: object) -> list[Edit]:
    """What puts a new member at the end of an object, laid out as the text is."""
    inside = text[parent.start + 1 : parent.end - 1]
    last = parent.members[-1] if parent.members else None
    if "\n" not in inside and (last is not None or _is_one_line(text, root)):
        new = f"{json.dumps(key)}{_colon(text)}{_dumped(data, text, root, None)}"
        if last is None:
            return [Edit(parent.end - 1, parent.end - 1, new)]
        if last.comma is not None:
            return [Edit(last.comma + 1, last.comma + 1, f" {new},")]
        return [Edit(last.value.end, last.value.end, f",{_colon(text)[1:]}{new}")]
    newline = newline_of(text)
    outer = _indent(text, parent.start)
    own = _own_indent(text, parent)
    inner = outer + _unit(text, root) if own is None else own
    new = f"{newline}{inner}{json.dumps(key)}: {_dumped(data, text, root, inner)}"
    if not inside.strip():
        return [Edit(parent.start + 1, parent.end - 1, f"{new}{newline}{outer}")]
    at = parent.start + 1 + len(inside.rstrip())  # behind the comments at the end, which stay
    if last is None:
        return [Edit(at, at, new)]
    if last.comma is not None:
        return [Edit(at, at, f"{new},")]
    if last.value.end == at:
        return [Edit(at, at, f",{new}")]
    return [Edit(last.value.end, last.value.end, ","), Edit(at, at, new)]


def replace(text: str, root: Value, value: Value, data: object) -> list[Edit]:
    """What puts another value in the place of one."""
    indent = None if _is_one_line(text, root) else _indent(text, value.start)
    return [Edit(value.start, value.end, _dumped(data, text, root, indent))]


def remove(text: str, parent: Value, gone: Member) -> list[Edit]:
    """What takes a member out of an object, with its comma and the lines that it alone is on."""
    index = parent.members.index(gone)
    end = gone.value.end if gone.comma is None else gone.comma + 1
    blanks = len(text[: gone.start].rstrip())  # where those before it begin
    if len(parent.members) == 1:
        inside = text[parent.start + 1 : blanks] + text[end : parent.end - 1]
        if inside.strip():
            return [Edit(blanks, end, "")]
        return [Edit(parent.start + 1, parent.end - 1, "")]
    if gone.comma is None:
        before = parent.members[index - 1].comma
        assert before is not None
        if before + 1 == blanks:
            return [Edit(before, end, "")]
        return [Edit(before, before + 1, ""), Edit(blanks, end, "")]
    line, stop = text.rfind("\n", 0, gone.start) + 1, text.find("\n", end)
    if line > parent.start and not (text[line : gone.start] + text[end:stop]).strip():
        return [Edit(line, stop + 1, "")]
    if index + 1 == len(parent.members):
        return [Edit(blanks, end, "")]
    return [Edit(gone.start, len(text) - len(text[end:].lstrip(" \t")), "")]


def document(data: Mapping[str, object]) -> str:
    """A whole file that holds nothing else."""
    return _lines(data, "  ", "\n", "") + "\n"


def _dumped(data: object, text: str, root: Value, indent: str | None) -> str:
    """A value as JSON; `indent` is that of the line it begins on, None for one line."""
    if indent is None:
        colon = _colon(text)
        return json.dumps(data, ensure_ascii=False, separators=(f",{colon[1:]}", colon))
    return _lines(data, _unit(text, root), newline_of(text), indent)


def _lines(data: object, unit: str, newline: str, indent: str) -> str:
    """Objects with a member a line, all else on one."""
    if not isinstance(data, Mapping) or not data:
        return json.dumps(data, ensure_ascii=False)
    inner = newline + indent + unit
    members = (
        f"{inner}{json.dumps(key)}: {_lines(value, unit, newline, indent + unit)}"
        for key, value in data.items()
    )
    return f"{{{','.join(members)}{newline}{indent}}}"


def _colon(text: str) -> str:
    return ": " if re.search(r'"\s*: ', text) else ":"


def _is_one_line(text: str, root: Value) -> bool:
    return bool(root.members) and "\n" not in text[root.start : root.end]


def _unit(text: str, root: Value) -> str:
    """One step of indentation: that of the outermost members, two spaces where there is none."""
    own = _own_indent(text, root)
    return own if own else "  "


def _own_indent(text: str, parent: Value) -> str | None:
    """The indentation of an object's members where they begin lines of their own."""
    for one in parent.members:
        line = text.rfind("\n", 0, one.start) + 1
        blank = text[line : one.start]
        if line > parent.start and not blank.strip():
            return blank
    return None


def _indent(text: str, at: int) -> str:
    """The blanks that the line of a place begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]
