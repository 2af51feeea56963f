"""What finds candidates in one index: words, neighbouring words, definitions, places, vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.codebase.identifiers import split_identifier
from c2llm.codebase.words import stems, tokens
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.search.query.places import resolve
from c2llm.search.query.query_parsing import Query, QueryKind
from c2llm.search.ranking.chunk_facts import Facts, FactsCache
from c2llm.search.ranking.features import Corpus
from c2llm.search.ranking.import_graph import ImportGraph
from c2llm.search.ranking.ranker import Candidate

if TYPE_CHECKING:
    from c2llm.search.retrieval.exact_scan import Vectors

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

    def __init__(self, store: ChunkStore, root: Path | None = None, label: str = "") -> None:
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
            self._chunks = self.store.chunk_count()
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
            for term, count in self.store.document_frequencies(wanted).items():
                known[wanted[term]] = max(0, count - 1)
        return known

    def rarity(self, query: Query) -> dict[str, float]:
        """Weight of each of the query's terms: the idf of BM25 over the chunks."""
        total = self.chunk_count()
        counts = self.store.document_frequencies(query.terms)
        return {
            term: math.log(1.0 + (total - n + 0.5) / (n + 0.5))
            for term in query.terms
            for n in (min(counts.get(term, 0), total),)
        }


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
    lexical = store.lexical_candidates([*query.terms, *query.exact], wanted, admitted)
    by_name = _definitions(store, query, admitted)
    files = resolve(store, query.places) if query.places else {}
    similar = None if vectors is None else vectors([chunk_id for chunk_id, _ in lexical])
    dense = [] if similar is None else _nearest(similar, wanted, admitted)
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


def _phrases(store: ChunkStore, query: Query, ids: set[int]) -> dict[int, float]:
    """For each candidate the share of neighbouring words of the query that are neighbours in it."""
    if query.kind in (QueryKind.NAME, QueryKind.PATH):
        return {}
    pairs = list(zip(query.terms, query.terms[1:], strict=False))[:_MOST_PHRASES]
    shares: dict[int, float] = {}
    for first, second in pairs:
        for chunk_id in store.phrase_matches(first, second, ids):
            shares[chunk_id] = shares.get(chunk_id, 0.0) + 1.0 / len(pairs)
    return shares


def _definitions(
    store: ChunkStore, query: Query, admitted: set[int] | None
) -> dict[str, list[int]]:
    """For each of the query's names the chunks that define it."""
    if not query.names:
        return {}
    by_name = store.definitions(name.key for name in query.names)
    if admitted is None:
        return by_name
    kept = {name: [i for i in ids if i in admitted] for name, ids in by_name.items()}
    return {name: ids for name, ids in kept.items() if ids}


def _of_files(
    store: ChunkStore, files: Mapping[int, object], admitted: set[int] | None
) -> list[int]:
    """Chunks of the files whose places the query names; of each the first and those of the line."""
    chunks = store.chunks_of(list(files)[:_MOST_OF_PLACE]) if files else {}
    return [i for ids in chunks.values() for i in ids if admitted is None or i in admitted]


def _nearest(similar: Vectors, wanted: int, admitted: set[int] | None) -> list[tuple[int, float]]:
    if admitted is None:
        return similar.best(wanted)
    found = sorted(similar.of(admitted).items(), key=lambda pair: (-pair[1], pair[0]))
    return found[:wanted]
