"""From the parts of a hit's score to its lines and to the words of the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from c2llm.codebase.chunk import Chunk
from c2llm.index.store.records import StoredChunk
from c2llm.search.answer import Hit
from c2llm.search.explain.why import REST, Basis, LineShare, Part, Why, WordShare
from c2llm.search.explain.word_shares import by_line, by_word, term_scores, words_of
from c2llm.search.query.query_parsing import Query
from c2llm.search.retrieval.pooling import pooled_statistics
from c2llm.search.retrieval.retrievers import searched_terms
from c2llm.search.target import SearchTarget

_NOTHING = 1e-12


def explained(targets: Sequence[SearchTarget], hits: Sequence[Hit], query: Query) -> list[Hit]:
    """The hits with what their lines and the words of the query contribute.

    Args:
        targets: The indexes that they were found in.
        hits: Hits of a request that says `explain`.
        query: Its query.
    """
    explainer = _Explainer(targets, hits, query)
    return [replace(hit, why=explainer.why(hit)) for hit in hits]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known of a hit's chunk."""

    stored: StoredChunk
    terms: dict[str, float]
    """What each term adds to its BM25."""


class _Explainer:
    """Explains the hits of one answer."""

    def __init__(self, targets: Sequence[SearchTarget], hits: Sequence[Hit], query: Query) -> None:
        readers = [one.reader for one in targets]
        self._targets = targets
        self._query = query
        self._words = words_of(query)
        self._marks = sorted({mark for reader in readers for mark in reader.languages()})
        terms = searched_terms(readers, query)
        statistics = pooled_statistics(readers, terms) if len(readers) > 1 else None
        self._found: dict[tuple[int, int], _Found] = {}
        for number, reader in enumerate(readers):
            bases = [hit.why.basis for hit in hits if hit.why.basis is not None]
            ids = {basis.chunk_id for basis in bases if basis.source == number}
            scores = term_scores(reader.store, terms, ids, statistics) if ids else {}
            for stored in reader.store.chunks(ids):
                self._found[number, stored.id] = _Found(stored, scores[stored.id])

    def why(self, hit: Hit) -> Why:
        """The whole explanation of a hit."""
        basis = hit.why.basis
        if basis is None:
            return hit.why
        found = self._found.get((basis.source, basis.chunk_id))
        parts = list(hit.why.parts)
        lines: list[LineShare] = []
        words = [WordShare(word, 0.0, 0.0) for word in self._words]
        if found is not None:
            terms = self._terms(parts, basis, found)
            parts = _told_apart(parts, terms)
            lines = self._lines(hit, found.stored.chunk, terms)
            by_words = by_word(self._words, terms, self._marks)
            words = [
                WordShare(word, 0.0, share)
                for word, share in zip(self._words, by_words, strict=True)
            ]
        rest = hit.score - sum(part.score for part in parts)
        if abs(rest) > _NOTHING:
            parts.append(Part(REST, "", rest))
        return Why(
            hit.why.reasons,
            tuple(parts),
            tuple(lines),
            hit.score - sum(one.score for one in lines),
            tuple(words),
            hit.score - sum(one.score for one in words),
        )

    def _terms(self, parts: Sequence[Part], basis: Basis, found: _Found) -> dict[str, float]:
        """What each term adds to the score; nothing where the words do not count for it."""
        if not any(part.name == "words" for part in parts):
            return {}
        return {term: basis.by_words * score for term, score in found.terms.items()}

    def _lines(self, hit: Hit, chunk: Chunk, terms: dict[str, float]) -> list[LineShare]:
        words = by_line(chunk, terms, self._marks)
        vectors = [0.0] * len(words)
        shares: list[LineShare] = []
        for row in range(len(hit.text.split("\n"))):
            line = hit.start_line + row
            at = line - chunk.start_line
            inside = 0 <= at < len(words)
            shares.append(
                LineShare(
                    min(line, hit.end_line),
                    vectors[at] if inside else 0.0,
                    words[at] if inside else 0.0,
                )
            )
        return shares


def _told_apart(parts: Sequence[Part], terms: dict[str, float]) -> list[Part]:
    """The parts with one for each term in place of all that BM25 says."""
    told: list[Part] = []
    for part in parts:
        if part.name == "words" and terms:
            told += [Part("word", term, score) for term, score in terms.items()]
        else:
            told.append(part)
    return told
