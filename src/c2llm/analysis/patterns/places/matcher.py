"""The filters of patterns over one file, parsed once for all of them.

Runs in a process of its own (`worker`), since neither an expression nor a query says beforehand how
long it takes. What is reported of a file is bounded.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from c2llm.analysis.patterns.allowed import unspoken
from c2llm.analysis.patterns.pattern import of_language
from c2llm.analysis.patterns.places.place import Place
from c2llm.analysis.patterns.places.predicates import QueryTrouble, judge, renamed
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.grammars.components import is_mixed, parts
from c2llm.codebase.syntax import Definition, definitions
from c2llm.codebase.syntax_tree import grammar_and_query, parse

if TYPE_CHECKING:
    from tree_sitter import Node, Query, Tree

MOST_PLACES = 200
"""Of one pattern in one file."""
_MOST_STATES = 20_000
"""Of a query that is under way: what needs more is not a pattern but a product."""
_MOST_CAPTURED = 5_000
_WHOLE_UNIT = 30
"""Lines of a function that is read as a whole for its meaning."""
_AROUND = 6
"""Lines above and below a place that are read instead, in a longer function or outside of any."""
_LONGEST_UNIT = 200
"""Lines of a function that meaning alone may find: a vector of more says little of any part."""
_SHORTEST_UNIT = 2
_PARENTS = 4
"""Nodes around one that are asked whether they are a comment."""

_STATEMENTS = {"expression_statement", "module", "block"}
"""What a text that nobody uses stands in: a docstring."""

Row = Mapping[str, Any]
"""A filter as `pattern.filter_rows` gives it; None for a pattern that has none."""
Announce = Callable[[int], None]


def places_in(
    text: str, language: str, filters: Sequence[tuple[int, Row | None]], announce: Announce
) -> dict[int, list[Place]]:
    """For each filter that lets any pass the places in a file, in their order.

    Args:
        text: The file.
        language: Its language.
        filters: Each with its number.
        announce: Told the number of each filter before it is asked, -1 before the file is parsed.

    Raises:
        QueryTrouble: A filter cannot be compiled.
    """
    announce(-1)
    files = [_File(text, language)]
    if is_mixed(language):
        source = text.encode("utf-8", "replace")
        files += [
            _File(part.source.decode("utf-8", "replace"), part.language)
            for part in parts(source, language)
        ]
    found: dict[int, list[Place]] = {}
    for number, row in filters:
        announce(number)
        places = {place for file in files for place in _of_filter(file, row)}
        if places:
            # One a line: what is found twice there is one thing to repair.
            first = {place.start_line: place for place in sorted(places, reverse=True)}
            found[number] = sorted(first.values())[:MOST_PLACES]
    return found


def _of_filter(file: _File, row: Row | None) -> Iterator[Place]:
    if row is None:
        yield from file.functions()
        return
    query, regex = (of_language(row[name], file.language) for name in ("query", "regex"))
    if query is not None and file.tree is None:
        return
    spans: Iterator[tuple[int, int]] = iter(())
    if query is not None:
        spans = file.queried(query)
        if regex is not None:
            expression = compiled(regex)
            spans = (span for span in spans if expression.search(file.part(span)))
    elif regex is not None:
        spans = file.matched(regex)
    for count, span in enumerate(spans):
        if count == MOST_PLACES:
            return
        if not any(_excuses(file, span, one) for one in row["unless"]):
            yield file.place(span)


def _excuses(file: _File, span: tuple[int, int], unless: Row) -> bool:
    """Whether what must not be around a place is there."""
    around = file.around(span, unless["within"])
    regex = of_language(unless["regex"], file.language)
    if regex is not None and compiled(regex).search(unspoken(file.part(around))):
        return True
    query = of_language(unless["query"], file.language)
    return query is not None and any(
        around[0] <= start and end <= around[1] for start, end in file.queried(query, within=around)
    )


@lru_cache(maxsize=512)
def compiled(expression: str) -> re.Pattern[str]:
    """A regular expression; `^` and `$` stand for the ends of a line.

    Raises:
        QueryTrouble: It is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what may mean a set in a later Python
            return re.compile(expression, re.MULTILINE)
    except (re.error, RecursionError, OverflowError, MemoryError) as error:
        raise QueryTrouble(f"{expression!r} is not a regular expression: {error}") from error


@lru_cache(maxsize=512)
def _query(query: str, language: str) -> Query:
    """A compiled query.

    Raises:
        QueryTrouble: It is none for this grammar.
    """
    from tree_sitter import Query

    try:
        return Query(grammar_and_query(language)[0], renamed(query))
    except QueryTrouble:
        raise
    except ValueError as error:  # QueryError is one
        raise QueryTrouble(f"the query for {language} cannot be read: {error}") from error


@dataclass
class _File:
    """A file, or the part of it that is in one language; spans are of characters."""

    text: str
    language: str

    @cached_property
    def source(self) -> bytes:
        # A half of a character has no bytes; each is one of another, so that places stay.
        return self.text.encode("utf-8", "replace")

    @cached_property
    def tree(self) -> Tree | None:
        return parse(self.source, self.language) if self.language in GRAMMARS else None

    @cached_property
    def _definitions(self) -> list[Definition]:
        return [
            one
            for one in definitions(self.source, self.language, self.tree)
            if one.kind == "function"
        ]

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def part(self, span: tuple[int, int]) -> str:
        return self.text[span[0] : span[1]]

    def queried(
        self, query: str, *, within: tuple[int, int] | None = None
    ) -> Iterator[tuple[int, int]]:
        """Where a query finds something, each place once."""
        from tree_sitter import QueryCursor

        if self.tree is None:
            return
        cursor = QueryCursor(_query(query, self.language), match_limit=_MOST_STATES)
        if within is not None:
            cursor.set_byte_range(self._byte(within[0]), self._byte(within[1]))
        seen: set[tuple[int, int]] = set()
        holds: Any = judge(self.source)  # the binding names its callback by a Protocol of its own
        for _, captures in cursor.matches(self.tree.root_node, holds)[:_MOST_CAPTURED]:
            nodes = captures.get("match") or [node for found in captures.values() for node in found]
            if nodes:
                seen.add((min(n.start_byte for n in nodes), max(n.end_byte for n in nodes)))
        for start, end in sorted(seen):
            yield self._character(start), self._character(end)

    def matched(self, regex: str) -> Iterator[tuple[int, int]]:
        """Where an expression finds something in code, and not in a comment or a docstring."""
        expression = compiled(regex)
        group = "match" if "match" in expression.groupindex else 0
        for found in expression.finditer(self.text):
            start, end = found.span(group)
            if start < 0:
                continue
            inner = found[group]
            start += len(inner) - len(inner.lstrip())
            end = max(start, end - (len(inner) - len(inner.rstrip())))
            if not self._is_remark(start, end):
                yield start, end

    def around(self, span: tuple[int, int], within: str) -> tuple[int, int]:
        """The part of the file that something must not be in."""
        if within == "match":
            return span
        whole = (0, len(self.text))
        if within == "file":
            return whole
        first, last = self._line(span[0]), self._line(max(span[0], span[1] - 1))
        if within == "function":
            function = self._function(first, last)
            if function is None:
                return whole
            first, last = function.start_line, function.end_line
        starts = self._line_starts
        return starts[first - 1], starts[last] if last < len(starts) else len(self.text)

    def place(self, span: tuple[int, int]) -> Place:
        first, last = self._line(span[0]), self._line(max(span[0], span[1] - 1))
        function = self._function(first, last)
        start, end = max(1, first - _AROUND), min(len(self._line_starts), last + _AROUND)
        symbol = ""
        if function is not None:
            symbol = f"{function.scope}.{function.name}" if function.scope else function.name
            start, end = max(start, function.start_line), min(end, function.end_line)
            if function.end_line - function.start_line < _WHOLE_UNIT:
                start, end = function.start_line, function.end_line
        columns = (
            span[0] - self._line_starts[first - 1] + 1,
            span[1] - self._line_starts[last - 1] + 1,
        )
        return Place(first, last, *columns, min(start, first), max(end, last), symbol)

    def functions(self) -> Iterator[Place]:
        """The functions of the file as places, those of a few lines or a great many aside."""
        for one in self._definitions:
            if _SHORTEST_UNIT <= one.end_line - one.line + 1 <= _LONGEST_UNIT:
                symbol = f"{one.scope}.{one.name}" if one.scope else one.name
                start, end = one.start_line, one.end_line
                last = self._line_starts[end - 1]
                length = self.text.find("\n", last)
                width = (length if length >= 0 else len(self.text)) - last
                yield Place(one.line, end, 1, width + 1, start, end, symbol)

    def _function(self, first: int, last: int) -> Definition | None:
        """The innermost function around some lines."""
        around = [
            one for one in self._definitions if one.start_line <= first <= last <= one.end_line
        ]
        return min(around, key=lambda one: one.end_line - one.start_line, default=None)

    def _line(self, at: int) -> int:
        return bisect_right(self._line_starts, at)

    def _byte(self, at: int) -> int:
        if len(self.source) == len(self.text):
            return at
        return len(self.text[:at].encode("utf-8", "replace"))

    def _character(self, at: int) -> int:
        if len(self.source) == len(self.text):
            return at
        return len(self.source[:at].decode("utf-8", "replace"))

    def _is_remark(self, start: int, end: int) -> bool:
        """Whether a place is in a comment or a docstring."""
        if self.tree is None:
            return False
        first, last = self._byte(start), self._byte(end)
        node: Node | None = self.tree.root_node.descendant_for_byte_range(first, last)
        for _ in range(_PARENTS):
            if node is None:
                return False
            if "comment" in node.type:
                return True
            parent = node.parent
            if node.type == "string" and parent is not None:
                return parent.type in _STATEMENTS
            node = parent
        return False
