"""What finds candidates in one index: words, neighbouring words, definitions, places, vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from c2llm.codebase.words import inflected_tokens
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.index.store.records import WordStatistics
from c2llm.search.query.query_parsing import Query, QueryKind
from c2llm.search.query.resolve import resolve
from c2llm.search.ranking.features import Corpus
from c2llm.search.ranking.ranker import Candidate
from c2llm.search.retrieval.index_reader import IndexReader

if TYPE_CHECKING:
    from c2llm.search.retrieval.exact_scan import Vectors

_MOST_DEFINITIONS = 50
"""A name that more chunks define than this says little; its definitions are not all pulled in."""
_MOST_PHRASES = 8
_MOST_LOOKED_AT = 50
_MOST_OF_PLACE = 12


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What the retrievers found in one index."""

    candidates: list[Candidate]
    corpus: Corpus
    by_words: bool
    """A chunk that may answer has a word of the query, defines its name or is at its place."""
    words_outside: bool
    """None of them has, and some that may not answer do."""


def retrieve(
    reader: IndexReader,
    query: Query,
    terms: Sequence[str],
    *,
    wanted: int,
    admitted: set[int] | None,
    words: bool,
    fill: int,
    vectors: Callable[[Sequence[int]], Vectors] | None,
    recency: Mapping[str, float],
    number: int = 0,
    statistics: WordStatistics | None = None,
) -> Retrieved:
    """The candidates of one index.

    Args:
        reader: The index.
        query: The query.
        terms: `searched_terms` of it in all the indexes that are searched.
        wanted: How many candidates a retriever gives.
        admitted: Ids of the chunks that may answer, None for all.
        words: Whether the lexical retriever takes part.
        fill: So many of what may answer are candidates for that alone, where there are few.
        vectors: Gives the similarities for the dense retriever; called with the chunk ids that the
            lexical retriever found, the best first.
        recency: For a path how recently it was changed.
        number: The index's number among those that are searched.
        statistics: How common the terms are in all of those; None where it is the only one.
    """
    store = reader.store
    lexical = store.lexical_candidates(terms, wanted, admitted, statistics)
    by_name = _definitions(store, query, admitted)
    files = resolve(store, query.places) if query.places else {}
    similar = None if vectors is None else vectors([chunk_id for chunk_id, _ in lexical])
    dense = [] if similar is None else _nearest(similar, wanted, admitted)
    lexical_of = {
        chunk_id: (score, position)
        for position, (chunk_id, score) in enumerate(lexical if words else [], 1)
    }
    rank_of = {chunk_id: position for position, (chunk_id, _) in enumerate(dense, 1)}
    of_places = _of_files(store, files, admitted)
    ids = {*lexical_of, *rank_of, *of_places}
    for chunk_ids in by_name.values():
        if len(chunk_ids) <= _MOST_DEFINITIONS:
            ids.update(chunk_ids)
    if fill and admitted is not None and len(ids) < wanted:
        ids.update(sorted(admitted)[:fill])
    similarity_of = dict(dense)
    if similar is not None:
        similarity_of |= similar.of(chunk_id for chunk_id in ids if chunk_id not in rank_of)
    facts = reader.facts.of(sorted(ids))
    corpus = Corpus(
        rarity=reader.rarity(query),
        definition_counts={name: len(chunk_ids) for name, chunk_ids in by_name.items()},
        project=reader.project,
        phrases=_phrases(store, query, ids),
        spellings=reader.spellings(facts),
        links=reader.graph.among(facts),
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
    by_words = bool(lexical or by_name or of_places)
    outside = (
        not by_words
        and admitted is not None
        and bool(store.document_frequencies([*query.terms, *query.exact]))
    )
    return Retrieved(candidates, corpus, by_words, outside)


def asked_here(readers: Sequence[IndexReader], query: Query) -> Query:
    """The query in the words that the indexes have of it.

    A foreign word that stands in a comment or a name is looked for beside its translation; one that
    stands nowhere would only make the others count less. What stands somewhere just as the query
    has it, a phrase of a comment, is looked for as it stands, like grep.
    """
    if not query.written:
        return query
    asked = (*query.foreign, *query.written)
    here = {term for reader in readers for term in reader.store.document_frequencies(asked)}
    if here.issuperset(query.written) and _stands_somewhere(readers, query):
        return replace(query, terms=tuple(query.written), spelled=query.written)
    terms = tuple(term for term in query.terms if term not in query.foreign or term in here)
    return replace(query, terms=terms)


def _stands_somewhere(readers: Sequence[IndexReader], query: Query) -> bool:
    """Whether one of the likeliest chunks has the query's text in its own."""
    for reader in readers:
        likely = reader.store.lexical_candidates(tuple(query.written), _MOST_LOOKED_AT)
        ids = [chunk_id for chunk_id, _ in likely]
        if ids and any(True for _ in reader.store.texts([query.text], ids)):
            return True
    return False


def searched_terms(readers: Sequence[IndexReader], query: Query) -> list[str]:
    """What the lexical retriever looks for: the query's words and the names that it spells.

    Where an index has code in languages other than English, also the words' stems in those, if more
    chunks have them: of a word that English code has too they would only find the few others.
    """
    terms = [*query.terms, *query.exact]
    terms += _in_comments(readers, query)
    marks = {mark for reader in readers for mark in reader.languages()}
    if not marks:
        return terms
    inflected_of = {term: inflected_tokens(word, marks) for term, word in query.spelled.items()}
    asked = [*inflected_of, *(token for tokens in inflected_of.values() for token in tokens)]
    counts: Counter[str] = Counter()
    for reader in readers:
        counts.update(reader.store.document_frequencies(asked))
    return terms + [
        token
        for term, tokens in inflected_of.items()
        for token in tokens
        if counts[token] > counts[term]
    ]


def _in_comments(readers: Sequence[IndexReader], query: Query) -> list[str]:
    """What the query's words are in the languages that an index's comments are in."""
    languages = {language for reader in readers for language in reader.commented_in()}
    if not languages:
        return []
    from c2llm.search.translation.comments import tokens_in

    return tokens_in(languages, [term for term in query.terms if term not in query.foreign])


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
