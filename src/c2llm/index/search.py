"""Ask the index: the lexical leg, the vectors, the definitions, and the ranker over all three."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from c2llm.index.query import Query, parse_query
from c2llm.index.rank import DEFAULT_WEIGHTS, Candidate, Ranked, RankWeights, rank
from c2llm.index.store import Store

if TYPE_CHECKING:
    from c2llm.index.vectors import Vectors

Mode = Literal["hybrid", "dense", "lexical"]
Granularity = Literal["chunk", "file"]

_PATH_WEIGHT, _SYMBOL_WEIGHT, _BODY_WEIGHT = 2.0, 2.0, 1.0
_MOST_DEFINITIONS = 50
"""A name that more chunks define than this says little; its definitions are not all pulled in."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer."""

    path: str
    """Relative to the searched root, with `/`."""
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    language: str
    kind: str
    symbol: str
    score: float
    """Comparable within one answer only."""
    text: str
    why: tuple[str, ...]
    """Short reasons, the strongest first."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which files may answer; everything when empty."""

    languages: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """Globs over paths, of which one must match; a plain directory name stands for all below it."""
    exclude: tuple[str, ...] = ()
    """Globs over paths, of which none may match."""

    def __bool__(self) -> bool:
        return bool(self.languages or self.include or self.exclude)

    def admits(self, path: str, language: str) -> bool:
        """Whether a file may answer."""
        if self.languages and language not in self.languages:
            return False
        if self.include and not any(_glob(path, pattern) for pattern in self.include):
            return False
        return not any(_glob(path, pattern) for pattern in self.exclude)


NO_FILTERS = Filters()


def search_store(
    store: Store,
    query_text: str,
    *,
    k: int,
    mode: Mode = "hybrid",
    filters: Filters = NO_FILTERS,
    vectors: Callable[[Sequence[int]], Vectors] | None = None,
    weights: RankWeights = DEFAULT_WEIGHTS,
    granularity: Granularity = "chunk",
) -> list[Hit]:
    """The best k chunks (or the best chunk of each of the best k files) for a query.

    Args:
        store: The index; the caller holds a `reading` block open.
        query_text: The query.
        k: How many answers, at least 1.
        mode: Which legs take part; in `dense` the lexical leg does not, and the other way round.
        filters: Which files may answer.
        vectors: Gives the similarities for the vector leg; called after the lexical leg with the
            chunk ids that one found. None in mode `lexical`.
        weights: What the evidence is worth.
        granularity: Whether a file may answer more than once.
    """
    query = parse_query(query_text)
    admitted: set[int] | None = None
    if filters:
        admitted = {
            state.id
            for state in store.files().values()
            if filters.admits(state.path, state.language)
        }
        if not admitted:
            return []
    wanted = max(200, 8 * k)
    lexical = lexical_leg(store, query, wanted, admitted)
    defining, definition_counts = _definitions(store, query, admitted)
    term_rarity = rarity(store, query)
    similar = None if vectors is None else vectors([chunk_id for chunk_id, _ in lexical])
    dense = [] if similar is None else similar.best(store, wanted, admitted)
    candidates = _candidates(store, lexical if mode != "dense" else [], dense, defining, similar)
    ranked = rank(candidates, query, term_rarity, 10 * k, weights, definition_counts)
    hits = [_hit(item) for item in ranked]
    if granularity == "file":
        best: dict[str, Hit] = {}
        for hit in hits:
            best.setdefault(hit.path, hit)
        hits = list(best.values())
    return hits[:k]


def lexical_leg(
    store: Store, query: Query, limit: int, admitted: set[int] | None = None
) -> list[tuple[int, float]]:
    """Ids and BM25 scores of the best chunks, the best first."""
    terms = [*query.terms, *query.exact]
    if not terms:
        return []
    match = " OR ".join(f'"{term}"' for term in dict.fromkeys(terms))
    within = ""
    values: list[object] = [match]
    if admitted is not None:
        within = (
            "AND rowid IN (SELECT id FROM chunks WHERE file_id IN (SELECT value FROM json_each(?)))"
        )
        values.append(json.dumps(sorted(admitted)))
    rows = store.all(
        f"SELECT rowid, bm25(lexicon, {_PATH_WEIGHT}, {_SYMBOL_WEIGHT}, {_BODY_WEIGHT}) AS score"
        f" FROM lexicon WHERE lexicon MATCH ? {within} ORDER BY score, rowid LIMIT {limit}",
        values,
    )
    return [(int(row[0]), -float(row[1])) for row in rows]


def rarity(store: Store, query: Query) -> dict[str, float]:
    """Weight of each of the query's terms: the idf of BM25 over the chunks."""
    if not query.terms:
        return {}
    total = int(store.all("SELECT count(*) FROM chunks")[0][0])
    rows = store.all(
        f"SELECT term, doc FROM lexicon_terms WHERE term IN ({','.join('?' * len(query.terms))})",
        query.terms,
    )
    counts = {str(term): int(count) for term, count in rows}
    return {
        term: math.log(1.0 + (total - n + 0.5) / (n + 0.5))
        for term in query.terms
        for n in (min(counts.get(term, 0), total),)
    }


def _definitions(
    store: Store, query: Query, admitted: set[int] | None
) -> tuple[list[int], dict[str, int]]:
    """Chunks that define one of the query's names, and how many define each name."""
    keys = [name.key for name in query.names]
    if not keys:
        return [], {}
    rows = store.all(
        "SELECT d.name, d.chunk_id, c.file_id FROM definitions d JOIN chunks c ON c.id = d.chunk_id"
        f" WHERE d.name IN ({','.join('?' * len(keys))}) ORDER BY d.name, d.chunk_id",
        keys,
    )
    by_name: dict[str, list[int]] = {}
    for name, chunk_id, file_id in rows:
        if admitted is None or file_id in admitted:
            by_name.setdefault(name, []).append(chunk_id)
    found = {
        chunk_id for ids in by_name.values() if len(ids) <= _MOST_DEFINITIONS for chunk_id in ids
    }
    return sorted(found), {name: len(ids) for name, ids in by_name.items()}


def _candidates(
    store: Store,
    lexical: Sequence[tuple[int, float]],
    dense: Sequence[tuple[int, float]],
    defining: Sequence[int],
    similar: Vectors | None,
) -> list[Candidate]:
    lexical_of = {
        chunk_id: (score, position) for position, (chunk_id, score) in enumerate(lexical, 1)
    }
    rank_of = {chunk_id: position for position, (chunk_id, _) in enumerate(dense, 1)}
    similarity_of = dict(dense)
    stored = store.chunks({*lexical_of, *rank_of, *defining})
    if similar is not None:
        similarity_of |= similar.of(chunk.id for chunk in stored if chunk.id not in rank_of)
    return [
        Candidate(
            chunk,
            *lexical_of.get(chunk.id, (0.0, 0)),
            similarity_of.get(chunk.id, 0.0),
            rank_of.get(chunk.id, 0),
        )
        for chunk in stored
    ]


def _hit(ranked: Ranked) -> Hit:
    chunk = ranked.stored.chunk
    return Hit(
        path=chunk.path,
        start_line=chunk.start_line,
        end_line=chunk.end_line,
        language=chunk.language,
        kind=chunk.kind,
        symbol=chunk.symbol,
        score=ranked.score,
        text=chunk.text,
        why=ranked.why,
    )


def _glob(path: str, pattern: str) -> bool:
    """Match a path: `*.py` anywhere, `src/**/x.py`, `src/net` and `src/net/` with all below."""
    pattern = pattern.removeprefix("./").rstrip("/")
    if "/" not in pattern and fnmatchcase(path.rpartition("/")[2], pattern):
        return True
    return (
        fnmatchcase(path, pattern)
        or fnmatchcase(path, pattern + "/*")
        or fnmatchcase(path, pattern.replace("**/", ""))
        or ("/" not in pattern and fnmatchcase(path, "*/" + pattern + "/*"))
    )
