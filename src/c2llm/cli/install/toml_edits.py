"""A table of a TOML file, put in and taken out by tomlkit, and never more than that.

tomlkit writes a document anew from its parts. What it wrote is read back and compared with what was
there, so that a file that it would not reproduce is refused and not damaged.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from c2llm.cli.install.edits import Edit, FormatError, apply, between, newline_of
from c2llm.errors import UsageError


def parse(text: str) -> dict[str, Any]:
    """The values of a text.

    Raises:
        FormatError: it is no TOML.
    """
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
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
    return _changed(text, path, entry)


def replace(text: str, path: Sequence[str], entry: Mapping[str, object]) -> list[Edit]:
    """What puts a table in the place of what is there.

    Raises:
        FormatError: it cannot be done without changing more.
    """
    without = apply(text, _changed(text, path, None))
    return between(text, apply(without, _changed(without, path, entry)))


def remove(text: str, path: Sequence[str]) -> list[Edit]:
    """What takes the table of a path out, with the empty line that sets it off.

    Raises:
        FormatError: it cannot be done without changing more.
    """
    [edit] = _changed(text, path, None)
    set_off = text[: edit.start].endswith("\n\n") or text[: edit.start].endswith("\r\n\r\n")
    if set_off and not edit.text and text[edit.end : edit.end + 1] in ("", "["):
        return [Edit(edit.start - len(newline_of(text)), edit.end, "")]
    return [edit]


def _changed(text: str, path: Sequence[str], entry: Mapping[str, object] | None) -> list[Edit]:
    try:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError
        from tomlkit.items import InlineTable
    except ModuleNotFoundError as error:
        raise UsageError(
            "To change a TOML file tomlkit is needed: pip install 'c2llm[serve]'."
        ) from error

    wanted = parse(text)
    inner: Any = wanted
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    try:
        tree = tomlkit.parse(text)
        table: Any = tree
        for key in path[:-1]:
            if entry is not None and key not in table:
                table[key] = tomlkit.table(is_super_table=True)
            table = table[key]
        if entry is None:
            del table[path[-1]]
            del inner[path[-1]]
        elif path[-1] in table:
            for key, value in entry.items():
                table[path[-1]][key] = value
                inner[path[-1]][key] = value
        else:
            inline = isinstance(table, InlineTable)
            new: Any = tomlkit.inline_table() if inline else tomlkit.table()
            new.update(entry)
            table[path[-1]] = new
            inner[path[-1]] = dict(entry)
        after = tree.as_string()
    except (TOMLKitError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"it cannot be changed in place ({error})") from error
    edits = between(text, _ended(text, after))
    if not _same(parse(_ended(text, after)), wanted, path):
        raise FormatError("it cannot be changed in place")
    return edits


def _ended(before: str, after: str) -> str:
    """With the line ends of the text before, which tomlkit keeps but does not take over."""
    if newline_of(before) == "\r\n":
        return after.replace("\r\n", "\n").replace("\n", "\r\n")
    return after


def _same(found: dict[str, Any], wanted: dict[str, Any], path: Sequence[str]) -> bool:
    """Whether two documents say the same; an empty table on the path counts as none."""
    left, right = dict(found), dict(wanted)
    if len(path) > 1:
        for one in (left, right):
            if one.get(path[0]) == {}:
                del one[path[0]]
    return left == right
