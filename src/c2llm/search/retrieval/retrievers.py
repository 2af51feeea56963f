"""What finds candidates in one index: words, neighbouring words, definitions, places, vectors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.codebase.identifiers import split_identifier
from c2llm.codebase.words import stems, tokens
from c2llm.index.store.sqlite_store import Store
from c2llm.search.query.places import resolve
from c2llm.search.query.query_parsing import Query, QueryKind
from c2llm.search.ranking.chunk_facts import Facts, FactsCache
from c2llm.search.ranking.features import Corpus
from c2llm.search.ranking.import_graph import ImportGraph
from c2llm.search.ranking.ranker import Candidate

if TYPE_CHECKING:
    from c2llm.search.retrieval.exact_scan import Vectors

_PATH_WEIGHT, _SYMBOL_WEIGHT, _BODY_WEIGHT = 2.0, 2.0, 1.0
_MOST_DEFINITIONS = 50
"""A name that more chunks define than this says little; its definitions are not all pulled in."""
_MOST_PHRASES = 8
_MOST_OF_PLACE = 12
_MOST_OF_PATTERN = 400
# Folders that hold a project's code and are not called by it.
_PLAIN_FOLDERS = frozenset(
    "app code java kotlin lib main master packages project repo scala shared source sources src "
    "trunk".split()
)
_MOST_PARENTS = 3


class IndexReader:
    """One index to be searched, with what is remembered of it between queries."""

    def __init__(self, store: Store, root: Path | None = None, label: str = "") -> None:
        self.store = store
        self.label = label
        """What its answers are told apart by when several indexes are searched."""
        self.facts = FactsCache(store)
        self.graph = ImportGraph(store, root.parts if root else ())
        self.project = frozenset(stems(project_name(root))) if root else frozenset()
        self._generation = -1
        self._chunks = 0
        self._references: dict[str, int] = {}

    def chunk_count(self) -> int:
        """How many chunks there are."""
        generation = self.store.generation()
        if generation != self._generation:
            self._generation = generation
            self._chunks = int(self.store.all("SELECT count(*) FROM chunks")[0][0])
            self._references.clear()
        return self._chunks

    def references(self, found: Sequence[Facts]) -> dict[str, int]:
        """For the symbols of several words, how many other chunks spell them."""
        known = self._references
        wanted: dict[str, str] = {}
        for facts in found:
            if facts.symbol_key and facts.symbol_key not in known:
                known[facts.symbol_key] = 0
                if len(split_identifier(facts.symbol)) > 1:
                    wanted[tokens(facts.symbol).split(" ", 1)[0]] = facts.symbol_key
        if wanted:
            for term, count in self._documents(list(wanted)).items():
                known[wanted[term]] = max(0, count - 1)
        return known

    def rarity(self, query: Query) -> dict[str, float]:
        """Weight of each of the query's terms: the idf of BM25 over the chunks."""
        total = self.chunk_count()
        counts = self._documents(query.terms)
        return {
            term: math.log(1.0 + (total - n + 0.5) / (n + 0.5))
            for term in query.terms
            for n in (min(counts.get(term, 0), total),)
        }

    def _documents(self, terms: Sequence[str]) -> dict[str, int]:
        """How many chunks have a term, for those that some chunk has."""
        rows = self.store.all(
            "SELECT term, doc FROM lexicon_terms WHERE term IN (SELECT value FROM json_each(?))",
            [json.dumps(list(terms))],
        )
        return {str(term): int(count) for term, count in rows}


def project_name(root: Path) -> str:
    """What a project is called by its directory, `zls` for `zls/src`."""
    names = [name for name in root.parts[-_MOST_PARENTS:] if name.lower() not in _PLAIN_FOLDERS]
    return names[-1] if names else ""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What the retrievers found in one index."""

    candidates: list[Candidate]
    corpus: Corpus


def find(
    source: IndexReader,
    query: Query,
    *,
    wanted: int,
    admitted: set[int] | None,
    words: bool,
    vectors: Callable[[Sequence[int]], Vectors] | None,
    recency: Mapping[str, float],
    number: int = 0,
) -> Retrieved:
    """The candidates of one index.

    Args:
        source: The index.
        query: The query.
        wanted: How many candidates a retriever gives.
        admitted: Ids of the chunks that may answer, None for all.
        words: Whether the lexical retriever takes part.
        vectors: Gives the similarities for the dense retriever; called with the chunk ids that the
            lexical retriever found, the best first.
        recency: For a path how recently it was changed.
        number: The index's number among those that are searched.
    """
    store = source.store
    lexical = lexical_candidates(store, query, wanted, admitted)
    by_name = _definitions(store, query, admitted)
    files = resolve(store, query.places) if query.places else {}
    similar = None if vectors is None else vectors([chunk_id for chunk_id, _ in lexical])
    dense = [] if similar is None else _nearest(similar, store, wanted, admitted)
    lexical_of = {
        chunk_id: (score, position)
        for position, (chunk_id, score) in enumerate(lexical if words else [], 1)
    }
    rank_of = {chunk_id: position for position, (chunk_id, _) in enumerate(dense, 1)}
    ids = {*lexical_of, *rank_of, *_of_files(store, files, admitted)}
    for chunk_ids in by_name.values():
        if len(chunk_ids) <= _MOST_DEFINITIONS:
            ids.update(chunk_ids)
    if admitted is not None and len(ids) < wanted:
        ids.update(sorted(admitted)[:_MOST_OF_PATTERN])
    similarity_of = dict(dense)
    if similar is not None:
        similarity_of |= similar.of(chunk_id for chunk_id in ids if chunk_id not in rank_of)
    facts = source.facts.of(sorted(ids))
    corpus = Corpus(
        rarity=source.rarity(query),
        definition_counts={name: len(chunk_ids) for name, chunk_ids in by_name.items()},
        project=source.project,
        phrases=_phrases(store, query, ids),
        references=source.references(facts),
        links=source.graph.among(facts),
        places=files,
        recency=recency,
        contrast=None if similar is None else similar.contrast(),
    )
    candidates = [
        Candidate(
            chunk,
            *lexical_of.get(chunk.id, (0.0, 0)),
            similarity_of.get(chunk.id, 0.0),
            rank_of.get(chunk.id, 0),
            number,
        )
        for chunk in facts
    ]
    return Retrieved(candidates, corpus)


def lexical_candidates(
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
        within = "AND rowid IN (SELECT value FROM json_each(?))"
        values.append(json.dumps(sorted(admitted)))
    rows = store.all(
        f"SELECT rowid, bm25(lexicon, {_PATH_WEIGHT}, {_SYMBOL_WEIGHT}, {_BODY_WEIGHT}) AS score"
        f" FROM lexicon WHERE lexicon MATCH ? {within} ORDER BY score, rowid LIMIT {limit}",
        values,
    )
    return [(int(row[0]), -float(row[1])) for row in rows]


def _phrases(store: Store, query: Query, ids: set[int]) -> dict[int, float]:
    """For each candidate the share of neighbouring words of the query that are neighbours in it."""
    if query.kind in (QueryKind.NAME, QueryKind.PATH):
        return {}
    pairs = list(zip(query.terms, query.terms[1:], strict=False))[:_MOST_PHRASES]
    shares: dict[int, float] = {}
    for first, second in pairs:
        rows = store.all(
            "SELECT rowid FROM lexicon WHERE lexicon MATCH ?", (f'body : "{first}" + "{second}"',)
        )
        for (chunk_id,) in rows:
            if chunk_id in ids:
                shares[chunk_id] = shares.get(chunk_id, 0.0) + 1.0 / len(pairs)
    return shares


def _definitions(store: Store, query: Query, admitted: set[int] | None) -> dict[str, list[int]]:
    """For each of the query's names the chunks that define it."""
    keys = [name.key for name in query.names]
    if not keys:
        return {}
    rows = store.all(
        "SELECT name, chunk_id FROM definitions"
        f" WHERE name IN ({','.join('?' * len(keys))}) ORDER BY name, chunk_id",
        keys,
    )
    by_name: dict[str, list[int]] = {}
    for name, chunk_id in rows:
        if admitted is None or chunk_id in admitted:
            by_name.setdefault(name, []).append(chunk_id)
    return by_name


def _of_files(store: Store, files: Mapping[int, object], admitted: set[int] | None) -> list[int]:
    """Chunks of the files whose places the query names; of each the first and those of the line."""
    found: list[int] = []
    for file_id in list(files)[:_MOST_OF_PLACE]:
        rows = store.all("SELECT id FROM chunks WHERE file_id = ? ORDER BY start_line", (file_id,))
        found += [row[0] for row in rows if admitted is None or row[0] in admitted]
    return found


def _nearest(
    similar: Vectors, store: Store, wanted: int, admitted: set[int] | None
) -> list[tuple[int, float]]:
    if admitted is None:
        return similar.best(store, wanted)
    found = sorted(similar.of(admitted).items(), key=lambda pair: (-pair[1], pair[0]))
    return found[:wanted]
