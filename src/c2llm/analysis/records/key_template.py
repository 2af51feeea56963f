"""Which code a row is about: `--key` names the columns, or how they make up a path and a symbol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from c2llm.analysis.records.results_file import Fields
from c2llm.errors import UsageError
from c2llm.index.store.imported.record import Key

_BRACES = re.compile(r"\{([^{}]*)\}")
_MOST_CHARACTERS = 1_000
_SHOWN = 12
_REVISION = re.compile(r"@([0-9A-Za-z][\w./~^-]{0,199})$", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """How a key is made of the fields of a row."""

    parts: tuple[tuple[str, str | None], ...]
    """Text, and the column that comes behind it."""

    @property
    def columns(self) -> set[str]:
        """The columns that it is made of."""
        return {column for _, column in self.parts if column is not None}

    def key(self, row: Fields) -> Key | None:
        """Path, symbol and revision as the row says them; None where it has no path."""
        text = ""
        for before, column in self.parts:
            text += before + ("" if column is None else str(row.get(column, "")).strip())
        return parse_key(text)


def parse_key(text: str) -> Key | None:
    """`path[:symbol[@revision]]`; `path::Class::method`, as pytest has it, is one as well."""
    text = text.strip()[:_MOST_CHARACTERS].replace("\\", "/")
    revision = ""
    if (match := _REVISION.search(text)) is not None:
        text, revision = text[: match.start()], match[1]
    text = text.removesuffix("@")
    drive = 2 if re.match(r"[A-Za-z]:/", text) else 0
    path, _, symbol = text[drive:].partition(":")
    path = text[:drive] + path
    if not path.strip("./ "):
        return None
    return Key(path, symbol.strip(": "), revision)


def parse_template(text: str, columns: Sequence[str]) -> KeyTemplate:
    """The template that `--key` means among the columns of a file.

    It is the name of one column whose values are keys; names of columns, `file:function@commit`;
    or text with names in braces, `strategies/{name}.py:run`.

    Raises:
        UsageError: A column is not there.
    """
    if text in columns:
        return KeyTemplate((("", text),))
    if "{" not in text:
        names = re.split(r"(::?|@)", text)
        text = "".join(
            f"{{{name}}}" if number % 2 == 0 and name else name for number, name in enumerate(names)
        )
    parts: list[tuple[str, str | None]] = []
    done = 0
    for match in _BRACES.finditer(text):
        column = match[1].strip()
        if column not in columns:
            near = get_close_matches(column, columns, 2, 0.5)
            meant = f" (do you mean {' or '.join(near)}?)" if near else ""
            shown = ", ".join(columns[:_SHOWN]) + (" …" if len(columns) > _SHOWN else "")
            raise UsageError(
                f"The results have no column {column!r:.80} for --key{meant}; there are: {shown}."
            )
        parts.append((text[done : match.start()], column))
        done = match.end()
    if not parts:
        raise UsageError(
            f"--key {text!r:.80} names no column; write it as file:function or "
            "{file}:{function}, with the columns of the results."
        )
    parts.append((text[done:], None))
    return KeyTemplate(tuple(parts))
