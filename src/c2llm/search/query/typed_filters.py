"""Filters that are written into the text of a query: `retry lang:go -path:tests repo:"my api"`.

A filter stands alone, between spaces, with its value right behind the colon; one that begins with
`-` leaves out. Everything else is the query as it was typed. Text of several lines and `code:` hold
no filters: they are code, or a trace, in which `path:` is somebody else's. A word that is meant as
it stands is put in quotes: `"path:"`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from c2llm.search.query.query_parsing import CODE_FORM

_MOST_CHARACTERS = 4_000
"""Longer text is pasted, and holds no filters."""
_NAMES = {"lang": "lang", "language": "lang", "path": "path", "repo": "repo", "like": "like"} | {
    "sym": "sym",
    "symbol": "sym",
    "where": "where",
    "sort": "sort",
}
_FILTER = re.compile(
    rf"""(?<!\S)(?P<minus>-?)(?P<name>{"|".join(_NAMES)}):
    (?P<value> "(?:[^"\\]|\\.)*"(?!\S) | "[^"]*$ | [^\s"]\S* )""",
    re.VERBOSE | re.IGNORECASE,
)
_NEGATED = ("lang", "path", "repo")
"""What can be left out; `-sym:` and the others are words of a query as any others."""


@dataclass(frozen=True, slots=True)
class TypedFilter:
    """One filter, where it stands in the text."""

    name: str
    """`lang`, `path`, `repo`, `sym`, `like`, `where` or `sort`."""
    value: str
    excludes: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TypedQuery:
    """A text, taken apart into a query and its filters."""

    text: str
    query: str
    """What is left without the filters, "" for nothing."""
    filters: tuple[TypedFilter, ...] = ()

    def values(self, name: str, *, excludes: bool = False) -> tuple[str, ...]:
        """The values of all filters of a name, each once."""
        found = (one.value for one in self.filters if (one.name, one.excludes) == (name, excludes))
        return tuple(dict.fromkeys(found))

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that are wanted, and with `-` those that are not: those of a request."""
        unwanted = (f"-{name}" for name in self.values("lang", excludes=True))
        return (*self.values("lang"), *unwanted)

    @property
    def symbol(self) -> str:
        """The name that is looked for, "" for none."""
        return " ".join(self.values("sym"))

    @property
    def like(self) -> str:
        """The place `PATH:LINE` whose like is looked for, "" for none."""
        return next(iter(self.values("like")), "")

    @property
    def where(self) -> str | None:
        """What records have to meet: all the conditions that are there."""
        conditions = self.values("where")
        if len(conditions) < 2:
            return conditions[0] if conditions else None
        return " and ".join(f"({one})" for one in conditions)

    @property
    def sort(self) -> str | None:
        """The column of records that comes first, `-` before it for the largest."""
        return next(iter(self.values("sort")), None)

    def toggled(self, name: str, value: str, *, excludes: bool = False) -> str:
        """The text with a filter put behind it, or without it where it is there already.

        A filter that says the opposite goes either way.
        """
        same = [one for one in self.filters if (one.name, one.value) == (name, value)]
        there = any(one.excludes == excludes for one in same)
        left = self._without(same)
        if there:
            return left
        return f"{left} {'-' if excludes else ''}{name}:{quoted(value)}".strip()

    def only(self, name: str, value: str) -> str:
        """The text with this filter and no other of its name."""
        rest = self._without([one for one in self.filters if one.name == name])
        return f"{rest} {name}:{quoted(value)}".strip()

    def _without(self, filters: list[TypedFilter]) -> str:
        text = self.text.strip()
        shift = len(self.text) - len(self.text.lstrip())
        for one in reversed(filters):
            start, end = one.start - shift, one.end - shift
            text = f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()
        return text


def parse_typed(text: str) -> TypedQuery:
    """Take a text apart; one without filters is its own query."""
    bare = text.strip()
    if "\n" in bare or len(bare) > _MOST_CHARACTERS or bare.startswith(CODE_FORM):
        return TypedQuery(text, bare)
    filters: list[TypedFilter] = []
    for match in _FILTER.finditer(text):
        name, value = _NAMES[match["name"].lower()], _unquoted(match["value"])
        excludes = match["minus"] == "-"
        if value and (name in _NEGATED or not excludes):
            filters.append(TypedFilter(name, value, excludes, *match.span()))
    parts = []
    done = 0
    for one in filters:
        parts.append(text[done : one.start].strip())
        done = one.end
    parts.append(text[done:].strip())
    return TypedQuery(text, " ".join(part for part in parts if part), tuple(filters))


def quoted(value: str) -> str:
    """A value as it stands behind the colon, in quotes where it needs them."""
    if value and not re.search(r'[\s"\\]', value):
        return value
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    inner = value[1:-1] if len(value) > 1 and value.endswith('"') else value[1:]
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL).strip()
