"""What a search is asked: one object, built and checked at the door, whoever knocks.

The command line, Python, `-i` and the evaluations all make a `SearchRequest`; what is behind the
door may rely on its bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from c2llm.errors import UsageError
from c2llm.printable import quoted

Mode = Literal["hybrid", "dense", "lexical"]
Granularity = Literal["chunk", "function", "class", "file"]

_HITS, _BUDGET_HITS = 10, 50
"""Hits where no number is given; those among which a token budget chooses."""
MOST_HITS = 10_000
"""Results of one search at most."""
MOST_CHARACTERS = 200_000
"""Of a query; a longer paste is cut by whoever reads it."""
_MOST_FILTERS, _MOST_OF_FILTER = 1_000, 1_000
"""Languages, or globs of one kind; and characters of one of them."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One question, with what its answer is limited to and how it is shown.

    A single string is as good as a sequence of one for `languages`, `include` and `exclude`.

    Raises:
        UsageError: a value is out of its bounds; the sentence names both and the cure.
    """

    query: str
    """A question, some words, a name, a path with a line, pasted code or a stack trace."""
    k: int | None = None
    """Number of hits, 1 to 10,000; None for ten, or for as many as fit into `max_tokens`."""
    mode: Mode = "hybrid"
    """Both retrievers, or one: `dense` (vectors) or `lexical` (words; no model is loaded)."""
    granularity: Granularity = "chunk"
    """What a hit is: a chunk, a whole function or class, or a file shown by its best chunk."""
    languages: Sequence[str] = ()
    """Only files in these languages, by name or common short name; all when empty. One with `-`
    before it is left out."""
    include: Sequence[str] = ()
    """Only paths that match one of these globs; a directory stands for all below it."""
    exclude: Sequence[str] = ()
    """No path that matches one of these globs."""
    pattern: str | None = None
    """Only code in which this regular expression finds something; `^` and `$` are line ends."""
    symbol: bool = False
    """The query is a name, whatever it looks like."""
    recent: bool = False
    """What was changed recently comes first, other things being equal."""
    max_tokens: int | None = None
    """Whole code of the best hits, up to `k` or fifty, that fits into about this many tokens."""
    explain: bool = False
    """Whoever shows the answer shows the reasons of each hit too."""
    offset: int = 0
    """Leave so many of the best hits out: with the same `k` the next ones of the same list."""
    callers: bool = False
    """Find for each hit who calls it, what its file imports and what imports that."""
    facets: bool = False
    """Count what the answer is made of: languages, kinds, folders, repositories."""
    siblings: bool = False
    """Near copies of a hit keep their places, too, and are not only named with it."""
    where: str | None = None
    """Only code with a record (`c2llm records`) that meets this condition, as
    `sharpe > 1 and market = 'fx'`."""
    sort: str | None = None
    """By this column of the records, the least first; with `-` before it the largest: the first
    `k` of all code that may answer. What the query finds first decides between equals."""
    among: int | None = None
    """Sort so many of the hits that the query finds first, and no others."""
    group_by: str | None = None
    """The hits with the same in this column of their records together."""
    records: bool = False
    """Only code with a record, and the records with it."""

    def __post_init__(self) -> None:
        _require_one_of("mode", self.mode, get_args(Mode))
        self._check_query()
        if self.k is not None:
            _require_count("number of results", self.k, MOST_HITS)
        _require_count("offset", self.offset, MOST_HITS, least=0)
        if self.max_tokens is not None:
            _require_count("token budget", self.max_tokens, 10**9)
        _require_one_of("granularity", self.granularity, get_args(Granularity))
        for name in ("symbol", "recent", "explain", "callers", "facets", "siblings", "records"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(
                    f"{name} must be true or false, not {quoted(getattr(self, name))}."
                )
        for name in ("languages", "include", "exclude"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        for glob in (*self.include, *self.exclude):
            if "{" in glob:
                from c2llm.search.query.globs import expanded

                expanded(glob)
        if self.pattern is not None:
            if not isinstance(self.pattern, str):
                raise UsageError(f"The pattern must be text, not {quoted(self.pattern)}.")
            from c2llm.search.query.pattern import Pattern

            Pattern.parse(self.pattern)
        if self.asks_records or self.among is not None:
            self._check_records()

    def _check_query(self) -> None:
        if not isinstance(self.query, str):
            raise UsageError(f"The query must be text, not {type(self.query).__name__}.")
        if not self.query.strip():
            if self.symbol or not self.asks_records:
                raise UsageError("The query is empty; say what you are looking for.")
            object.__setattr__(self, "mode", "lexical")  # there is nothing that a model could read
        if len(self.query) > MOST_CHARACTERS:
            raise UsageError(
                f"The query has {len(self.query):,} characters; at most {MOST_CHARACTERS:,} are "
                "taken."
            )

    def _check_records(self) -> None:
        for name in ("where", "sort", "group_by"):
            given = getattr(self, name)
            if given is not None and not (
                isinstance(given, str) and given.strip() not in ("", "-")
            ):
                raise UsageError(f"{name} must be a text that is not empty, not {quoted(given)}.")
        if self.among is not None:
            _require_count("number of hits to sort", self.among, MOST_HITS)
            if self.sort is None:
                raise UsageError("Of so many hits none is sorted; name a column to sort them by.")
        if self.where is not None:
            from c2llm.index.store.imported.condition import parse_condition

            parse_condition(self.where)

    @property
    def asks_records(self) -> bool:
        """Whether only code with imported records is an answer."""
        return self.records or not (self.where is self.sort is self.group_by is None)

    @property
    def limit(self) -> int:
        """Hits at most."""
        if self.k is not None:
            return self.k
        return _HITS if self.max_tokens is None else _BUDGET_HITS

    @property
    def text(self) -> str:
        """The query as it is parsed."""
        return f"sym:{self.query}" if self.symbol else self.query


def _require_count(what: str, value: object, most: int, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"The {what} must be a whole number, not {quoted(value)}.")
    if not least <= value <= most:
        raise UsageError(f"The {what} must be at least {least} and at most {most:,}, not {value}.")


def _require_one_of(what: str, value: object, known: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in known:
        raise UsageError(f"The {what} must be one of {', '.join(known)}, not {quoted(value)}.")


def _texts(what: str, given: object) -> tuple[str, ...]:
    values = (given,) if isinstance(given, str) else given
    if not isinstance(values, Sequence) or not all(isinstance(one, str) for one in values):
        raise UsageError(f"{what} must be a list of texts, not {quoted(given)}.")
    if len(values) > _MOST_FILTERS:
        raise UsageError(
            f"{what} has {len(values):,} entries; at most {_MOST_FILTERS:,} are taken."
        )
    if wrong := [one for one in values if not 1 <= len(one) <= _MOST_OF_FILTER]:
        raise UsageError(
            f"{what} takes texts of 1 to {_MOST_OF_FILTER} characters, not {wrong[0]!r:.40}."
        )
    return tuple(values)
