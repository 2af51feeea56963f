"""A pattern: what harms, examples of it and of what only looks like it, and how it is found.

A pattern comes from a file that anybody may have written (`yaml_text`), so each field is looked at
before it is believed, and nothing of it is ever run: regular expressions and queries are compiled
and matched by a process that may be ended (`places.pool`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from c2llm.codebase.languages import family, is_language, language_named
from c2llm.errors import DataError

Severity = Literal["low", "medium", "high"]
Within = Literal["function", "match", "lines", "file"]
ByLanguage = Mapping[str, str]
"""Something for each language, under `COMMON` for those that have none of their own."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""In rising order."""
COMMON = "common"
MOST_CODE = 4_000
"""Characters of an example."""
MOST_SNIPPETS = 40
_MOST_ROWS = 40
_LONGEST_REGEX = 1_000
_LONGEST_QUERY = 8_000
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 60
_EXTENDED = {"tsx": "typescript"}
"""The language that another one extends, whose filters it takes where it has none of its own."""
_WITHIN: tuple[Within, ...] = get_args(Within)


@dataclass(frozen=True, slots=True)
class Snippet:
    """An example."""

    language: str
    code: str


@dataclass(frozen=True, slots=True)
class Unless:
    """What must not be found around a place, lest it be none."""

    regex: ByLanguage
    query: ByLanguage
    within: Within
    """The enclosing function (at module level the file), the text of the place, its lines, or the
    file."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a place has to pass before its meaning is asked for.

    Where a language has both a query and a regular expression, the query gives the places and the
    expression has to be found in their text.
    """

    words: Mapping[str, Sequence[str]]
    """A file that has none of these is not looked at; none for a language: all are."""
    query: ByLanguage
    regex: ByLanguage
    unless: Sequence[Unless]


@dataclass(frozen=True, slots=True)
class Measured:
    """How right the hits were that somebody has looked at."""

    precision: float
    hits: int
    data: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, checked."""

    name: str
    title: str
    description: str
    severity: Severity
    advice: str
    languages: frozenset[str]
    """Empty for all."""
    positive: Sequence[Snippet]
    negative: Sequence[Snippet]
    find: Filter | None
    """None where meaning alone decides."""
    threshold: float | None
    """How much nearer to the positive examples than to the negative ones a hit is at least; None
    for what its own examples say."""
    hint: bool
    measured: Measured | None
    references: Sequence[str]
    tags: Sequence[str]
    source: str
    """The file that it is from, for messages."""

    @property
    def digest(self) -> bytes:
        """Of all that decides what is a hit."""
        find = self.find
        told = [
            sorted(self.languages),
            [[one.language, one.code] for one in self.positive],
            [[one.language, one.code] for one in self.negative],
            find and filter_rows(find),
            self.threshold,
        ]
        content = json.dumps(told, sort_keys=True).encode()
        return hashlib.blake2b(content, digest_size=16).digest()

    def speaks_of(self, language: str) -> bool:
        """Whether it looks for anything in files of a language."""
        known = {language, _EXTENDED.get(language, language)}
        if self.languages and not known & self.languages:
            return False
        find = self.find
        return find is None or bool(
            of_language(find.query, language) or of_language(find.regex, language)
        )


def is_asked(patterns: Iterable[Pattern], language: str) -> bool:
    """Whether a pattern looks into files of a language; into what is no code only by its name."""
    is_code = family(language) == "code"
    return any(
        pattern.speaks_of(language) and (is_code or language in pattern.languages)
        for pattern in patterns
    )


def of_language(rows: ByLanguage, language: str) -> str | None:
    """What a language has of its own, of the one that it extends, or of all."""
    for name in (language, _EXTENDED.get(language), COMMON):
        if name is not None and name in rows:
            return rows[name]
    return None


def filter_rows(find: Filter) -> dict[str, Any]:
    """A filter as plain lists and mappings, for a process that is sent it, and for its hash."""
    return {
        "words": {name: list(words) for name, words in find.words.items()},
        "query": dict(find.query),
        "regex": dict(find.regex),
        "unless": [
            {"regex": dict(one.regex), "query": dict(one.query), "within": one.within}
            for one in find.unless
        ],
    }


def pattern_of(fields: object, source: str) -> Pattern:
    """The pattern that a file says.

    Args:
        fields: What was read of it.
        source: The file, for messages.

    Raises:
        DataError: A field is missing, unknown, or not what it has to be.
    """
    reader = _Fields(fields, source, "")
    pattern = Pattern(
        name=_name(reader),
        title=reader.text("title", 120),
        description=reader.text("description", 4_000),
        severity=cast("Severity", reader.choice("severity", SEVERITIES)),
        advice=reader.text("advice", 4_000, default=""),
        languages=frozenset(
            reader.language("languages", one) for one in reader.texts("languages", 40, 40)
        ),
        positive=_snippets(reader, "positive", least=1),
        negative=_snippets(reader, "negative", least=0),
        find=_filter(reader),
        threshold=reader.number("threshold", -1, 1),
        hint=reader.flag("hint"),
        measured=_measured(reader),
        references=reader.texts("references", 20, 500),
        tags=reader.texts("tags", 20, 60),
        source=source,
    )
    reader.done()
    return pattern


class _Fields:
    """A mapping whose fields are asked for one by one; what nobody asks for is unknown."""

    def __init__(self, fields: object, source: str, place: str) -> None:
        self._source, self._place = source, place
        if not isinstance(fields, Mapping) or not all(isinstance(key, str) for key in fields):
            raise self.wrong("must be a mapping of names to values")
        self._fields: Mapping[str, Any] = fields
        self._asked: list[str] = []

    def wrong(self, why: str, field: str = "") -> DataError:
        """What is raised where a field is wrong."""
        place = ".".join(part for part in (self._place, field) if part)
        return DataError(f"{self._source}: {place or 'the file'} {why}.")

    def get(self, name: str) -> Any:
        self._asked.append(name)
        return self._fields.get(name)

    def has(self, name: str) -> bool:
        return name in self._fields

    def done(self) -> None:
        """Refuse what was not asked for."""
        unknown = [name for name in self._fields if name not in self._asked]
        asked = dict.fromkeys(self._asked)
        if unknown:
            raise self.wrong(
                f"has the unknown key {unknown[0][:60]!r}; there are: {', '.join(asked)}"
            )

    def inner(self, name: str) -> _Fields:
        place = ".".join(part for part in (self._place, name) if part)
        return _Fields(self.get(name), self._source, place)

    def items(self, name: str, most: int) -> list[_Fields]:
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(f"must be a list of at most {most}", name)
        place = ".".join(part for part in (self._place, name) if part)
        return [
            _Fields(one, self._source, f"{place}[{number}]") for number, one in enumerate(value)
        ]

    def text(self, name: str, most: int, default: str | None = None) -> str:
        value = self.get(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise self.wrong("is missing", name)
        return self.checked(name, value, most)

    def checked(self, name: str, value: object, most: int) -> str:
        """A value that is a text and not too long."""
        if not isinstance(value, str) or not value.strip():
            raise self.wrong("must be text; put it in quotes", name)
        if len(value) > most:
            raise self.wrong(f"has {len(value):,} characters; at most {most:,} are allowed", name)
        return value

    def texts(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        value = self.get(name)
        if value is None:
            return ()
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(f"must be a list of at most {most} texts", name)
        return tuple(self.checked(name, one, longest) for one in value)

    def choice(self, name: str, values: Collection[str], default: str | None = None) -> str:
        value = self.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in values:
            raise self.wrong(f"must be one of {', '.join(values)}", name)
        return value

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong("must be true or false", name)
        return bool(value)

    def number(self, name: str, least: float, most: float) -> float | None:
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong("must be a number", name)
        if not least <= value <= most:
            raise self.wrong(f"must be a number of {least:g} to {most:g}", name)
        return float(value)

    def language(self, name: str, value: str) -> str:
        """A language that files have."""
        language = language_named(value.strip())
        if not is_language(language):
            raise self.wrong(f"names {value!r}, which is no language that is known", name)
        return language

    def by_language(self, name: str, longest: int, *, common: bool = True) -> dict[str, str]:
        """A text for all languages, or for each of those that a mapping names."""
        value = self.get(name)
        if value is None:
            return {}
        if isinstance(value, str) and common:
            return {COMMON: self.checked(name, value, longest)}
        if not isinstance(value, Mapping) or len(value) > _MOST_ROWS:
            raise self.wrong(f"must be a mapping of languages, at most {_MOST_ROWS}", name)
        found: dict[str, str] = {}
        for languages, text in value.items():
            text = self.checked(name, text, longest)
            for language in self.checked(name, languages, 400).split(","):
                if not (common and language.strip() == COMMON):
                    language = self.language(name, language)
                found[language.strip()] = text
        return found

    def words(self, name: str) -> dict[str, Sequence[str]]:
        """Lists of words for all languages or for each."""
        value = self.get(name)
        if not isinstance(value, Mapping):
            words = self.texts(name, 60, 80)
            return {COMMON: words} if words else {}
        found: dict[str, Sequence[str]] = {}
        for languages, listed in value.items():
            if not isinstance(listed, list) or len(listed) > 60:
                raise self.wrong("must be lists of at most 60 texts", name)
            words = tuple(self.checked(name, one, 80) for one in listed)
            for language in self.checked(name, languages, 400).split(","):
                if language.strip() != COMMON:
                    language = self.language(name, language)
                found[language.strip()] = words
        return found


def _name(reader: _Fields) -> str:
    name = reader.text("name", _LONGEST_NAME)
    if not _NAME.fullmatch(name):
        raise reader.wrong("must be lower case letters and digits, with single dashes", "name")
    return name


def _snippets(reader: _Fields, name: str, *, least: int) -> tuple[Snippet, ...]:
    found: list[Snippet] = []
    for item in reader.items(name, MOST_SNIPPETS):
        language = item.language("language", item.text("language", 40))
        found.append(Snippet(language, item.text("code", MOST_CODE)))
        item.done()
    if len(found) < least:
        raise reader.wrong("must have an example at least", name)
    return tuple(found)


def _measured(reader: _Fields) -> Measured | None:
    if not reader.has("measured"):
        reader.get("measured")
        return None
    inner = reader.inner("measured")
    precision = inner.number("precision", 0, 1)
    hits = inner.number("hits", 0, 1e9)
    data = inner.text("data", 500)
    inner.done()
    if precision is None or hits is None:
        raise reader.wrong("must say its precision and hits", "measured")
    return Measured(precision, int(hits), data)


def _filter(reader: _Fields) -> Filter | None:
    if not reader.has("find"):
        reader.get("find")
        return None
    inner = reader.inner("find")
    words = inner.words("words")
    query = inner.by_language("query", _LONGEST_QUERY, common=False)
    regex = inner.by_language("regex", _LONGEST_REGEX)
    unless: list[Unless] = []
    for item in inner.items("unless", 20):
        unless.append(
            Unless(
                item.by_language("regex", _LONGEST_REGEX),
                item.by_language("query", _LONGEST_QUERY, common=False),
                cast("Within", item.choice("within", _WITHIN, "function")),
            )
        )
        item.done()
        if not unless[-1].regex and not unless[-1].query:
            raise item.wrong("must have a regex or a query")
    inner.done()
    if not query and not regex:
        raise inner.wrong("must have a regex or a query; without both leave find out")
    return Filter(words, query, regex, tuple(unless))
