"""Settings by the path of their keys: YAML, TOML, JSON, INI and `.env`."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.changes.tokens import Token
from c2llm.analysis.changes.weights import WEIGHTS, weight_of
from c2llm.analysis.trees.code_tree import Function

_LANGUAGES = frozenset(("yaml", "toml", "json", "ini", "dotenv", "properties"))
_MOST_VALUES = 20_000
"""Of one file: references of YAML may make more of them than there is memory."""
_DEEPEST = 40
_TELLS_LINE = 6
"""Characters of a value that is looked for by itself."""
_MOST_BYTES = 2_000_000
_PAIR = re.compile(r"^[ \t]*(?:export[ \t]+)?([\w.\-/]+)[ \t]*[=:][ \t]*(.*?)[ \t]*$")
_IDENTITY = ("name", "id", "key", "uses")
"""By which an entry of a list is told from others."""
_TELLING = frozenset("name description title summary version help comment author license".split())
"""Keys whose values people read."""


def is_settings(function: Function) -> bool:
    """Whether a piece of a file is settings that are read here."""
    return function.language in _LANGUAGES and len(function.text) <= _MOST_BYTES


def settings_changes(before: Function, after: Function) -> list[Change] | None:
    """The settings that differ, each by its path; None where a file is not read as settings."""
    one, other = settings_of(before), settings_of(after)
    if one is None or other is None:
        return None
    found: list[Change] = []
    lines, others = _Lines(before), _Lines(after)
    for key in dict.fromkeys((*one, *other)):
        old, new = one.get(key), other.get(key)
        if old == new:
            continue
        found.append(
            Change(
                Effect.BEHAVIOUR,
                "setting",
                key,
                "" if old is None else old,
                "" if new is None else new,
                lines.of(key, old),
                others.of(key, new),
                _weight(key, old, new),
            )
        )
    if not found:
        what = "order" if list(one) != list(other) else "format"
        effect = Effect.STRUCTURAL if what == "order" else Effect.COSMETIC
        places = before.start_line, after.start_line
        found.append(Change(effect, what, "", "", "", *places, WEIGHTS["comment"]))
    return found


def settings_of(function: Function) -> dict[str, str] | None:
    """The values of a file by the path of their keys, as JSON has them; None where none is read."""
    try:
        parsed = _parsed(function)
        if parsed is None:
            return None
        found: dict[str, str] = {}
        for key, value in _flat(parsed, "", 0):
            found[key] = value
            if len(found) > min(_MOST_VALUES, 100 + len(function.text)):
                return None
    except Exception:  # whatever a hostile file makes a parser raise
        return None
    return found


def _parsed(function: Function) -> Any:
    text, language = function.text, function.language
    if language == "json":
        return json.loads(text)
    if language == "toml":
        return tomllib.loads(text)
    if language == "yaml":
        import yaml

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return list(yaml.load_all(text, loader))
    if _is_pairs(text):
        pairs = (_PAIR.match(line) for line in text.split("\n"))
        return {pair[1]: pair[2].strip("'\"") for pair in pairs if pair}
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _is_pairs(text: str) -> bool:
    """Whether a file has no sections."""
    return not re.search(r"^\s*\[", text, re.MULTILINE)


def _flat(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        raise ValueError("settings are nested too deep")
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list) and value and not (depth == 0 and len(value) == 1):
        for name, inner in _entries(value):
            yield from _flat(inner, f"{path}[{name}]", depth + 1)
    elif isinstance(value, list) and value:  # the one document of a file
        yield from _flat(value[0], path, depth + 1)
    else:
        yield path, _said(value)


def _entries(values: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Entries of a list by what tells them apart, and else by their place."""
    for key in _IDENTITY:
        names = [value.get(key) if isinstance(value, Mapping) else None for value in values]
        if key == "uses":  # the version behind it is what changes
            names = [name.partition("@")[0] if isinstance(name, str) else None for name in names]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            yield from zip(map(str, names), values, strict=True)
            return
    if all(isinstance(value, str) for value in values) and len(set(values)) == len(values):
        yield from ((value, value) for value in values)
        return
    yield from ((str(at), value) for at, value in enumerate(values))


def _said(value: Any) -> str:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _weight(key: str, old: str | None, new: str | None) -> float:
    last = re.split(r"[.\[\]]", key.rstrip("]"))[-1].lower()
    if last in _TELLING:
        return 0.2
    sides = [[Token(side, "number", 0, 0, 0)] if side is not None else [] for side in (old, new)]
    return weight_of("setting", *sides)


class _Lines:
    """The lines of keys, as their names follow upon each other in the text."""

    def __init__(self, function: Function) -> None:
        self._first = function.start_line
        self._text = function.text

    def of(self, key: str, value: str | None) -> int:
        """The line of a key from 1; of one that is not found, the line of what is around it.

        Entries of lists have no names: a value that stands in one place alone tells it as well.
        """
        said = (value or "").strip('"')
        at, found = 0, 0
        if len(said) > _TELLS_LINE and self._text.count(said) == 1:
            return self._first + self._text.count("\n", 0, self._text.index(said))
        for part in re.findall(r"[^.\[\]]+", key):
            if part.isdigit():
                continue
            match = re.compile(rf"(?<![\w-]){re.escape(part)}(?![\w-])").search(self._text, at)
            if match is None:
                break
            at, found = match.end(), match.start()
        return self._first + self._text.count("\n", 0, found)
