"""From the parts of a hit's score to its lines and to the words of the query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.chunks import header_of
from c2llm.codebase.words import normalized
from c2llm.index.store.records import StoredChunk
from c2llm.search.answer import Hit
from c2llm.search.explain.nearness import Nearness
from c2llm.search.explain.why import REST, Basis, LineShare, Part, Why, WordShare
from c2llm.search.explain.word_shares import (
    by_line,
    by_word,
    defining_line,
    term_scores,
    words_of,
)
from c2llm.search.query.query_parsing import Query
from c2llm.search.retrieval.pooling import pooled_statistics
from c2llm.search.retrieval.retrievers import searched_terms
from c2llm.search.target import SearchTarget

_NOTHING = 1e-12
_MOST_CHARACTERS = 60_000
"""Of hits whose lines the model embeds, some forty chunks; those of further hits are judged by the
table model alone."""


def explained(targets: Sequence[SearchTarget], hits: Sequence[Hit], query: Query) -> list[Hit]:
    """The hits with what their lines and the words of the query contribute.

    Args:
        targets: The indexes that they were found in.
        hits: Hits of a request that says `explain`.
        query: Its query.
    """
    explainer = _Explainer(targets, hits, query)
    explainer.prepare()
    return [replace(hit, why=explainer.why(hit)) for hit in hits]


def with_lines(targets: Sequence[SearchTarget], hits: Sequence[Hit], query: Query) -> list[Hit]:
    """The hits with what their lines contribute by words and by the table model, for a budget.

    The large model takes no part, so that it costs some milliseconds a hit. What `explained` needs
    is left in place.
    """
    explainer = _Explainer(targets, hits, query, quick=True)
    explainer.prepare()
    return [replace(hit, why=replace(hit.why, lines=explainer.lines(hit))) for hit in hits]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known of a hit's chunk."""

    stored: StoredChunk
    terms: dict[str, float]
    """What each term adds to its BM25."""
    near_words: list[float]
    """The cosine of each word of the query with it."""
    quick: bool
    """Its lines are judged by the table model alone."""


class _Explainer:
    """Explains the hits of one answer."""

    def __init__(
        self,
        targets: Sequence[SearchTarget],
        hits: Sequence[Hit],
        query: Query,
        *,
        quick: bool = False,
    ) -> None:
        readers = [one.reader for one in targets]
        self._query = query
        self._words = words_of(query)
        self._marks = sorted({mark for reader in readers for mark in reader.languages()})
        self._nearness: list[Nearness | None] = [
            None if one.nearness is None else one.nearness() for one in targets
        ]
        self._found: dict[tuple[int, int], _Found] = {}
        terms = searched_terms(readers, query)
        statistics = pooled_statistics(readers, terms) if len(readers) > 1 else None
        bases = [hit.why.basis for hit in hits if hit.why.basis is not None]
        left = -1 if quick else _MOST_CHARACTERS
        for number, (reader, nearness) in enumerate(zip(readers, self._nearness, strict=True)):
            ids = list(dict.fromkeys(one.chunk_id for one in bases if one.source == number))
            if not ids:
                continue
            scores = term_scores(reader.store, terms, ids, statistics)
            near = {}
            if nearness is not None and not quick:
                near = nearness.of_words(list(self._words), ids)
            stored = {one.id: one for one in reader.store.chunks(ids)}
            for one in (stored[chunk_id] for chunk_id in ids if chunk_id in stored):
                left -= len(one.chunk.text)
                near_words = near.get(one.id, [0.0] * len(self._words))
                found = _Found(one, scores[one.id], near_words, quick=left < 0)
                self._found[number, one.id] = found

    def prepare(self) -> None:
        """Embed the lines of all chunks, those of an index at once."""
        for number, nearness in enumerate(self._nearness):
            for quick in (False, True):
                texts = [
                    text
                    for (source, _), found in self._found.items()
                    if source == number and found.quick is quick
                    for text in _texts(found.stored.chunk)
                ]
                if nearness is not None and texts:
                    nearness.of_texts(texts, quick=quick)

    def why(self, hit: Hit) -> Why:
        """The whole explanation of a hit."""
        basis = hit.why.basis
        if basis is None:
            return hit.why
        parts = list(hit.why.parts)
        lines: Sequence[LineShare] = ()
        words: Sequence[WordShare] = ()
        found = self._found.get((basis.source, basis.chunk_id))
        if found is not None:  # another process may write meanwhile
            lines = self.lines(hit)
            terms = _terms(parts, basis, found)
            if terms:
                parts = [part for part in parts if part.name != "words"]
                parts += [Part("word", term, score) for term, score in terms.items()]
            words = self._shares_of_words(found, terms, _of(parts, "vectors"))
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

    def lines(self, hit: Hit) -> tuple[LineShare, ...]:
        """What each line of a hit contributes."""
        basis = hit.why.basis
        found = self._found.get((basis.source, basis.chunk_id)) if basis is not None else None
        if basis is None or found is None:
            return ()
        parts, chunk = hit.why.parts, found.stored.chunk
        of_words = by_line(chunk, _terms(parts, basis, found), self._marks)
        for at, score in self._placed(chunk, parts):
            of_words[at] += score
        return tuple(_lines(hit, chunk, self._near(found, basis, _of(parts, "vectors")), of_words))

    def _near(self, found: _Found, basis: Basis, vectors: float) -> list[float]:
        """The part of each line of a chunk in what the vectors say.

        Each counts by how far its own cosine lies above that from which the score counts. What is
        embedded for a chunk begins with a line that is not in it, which takes its part too.
        """
        chunk = found.stored.chunk
        texts = _texts(chunk)
        nearness = self._nearness[basis.source]
        if nearness is None or not vectors:
            return [0.0] * (len(texts) - 1)
        cosines = nearness.of_texts(texts, quick=found.quick)
        return _shares(vectors, [cosine - basis.floor for cosine in cosines])[:-1]

    def _placed(self, chunk: Chunk, parts: Sequence[Part]) -> Iterator[tuple[int, float]]:
        """What features say of one line: where a name of the query is defined, or its place."""
        lines = chunk.text.split("\n")
        for part in parts:
            at: int | None = None
            if part.of == "definition":
                keys = {name.key for name in self._query.names}
                names = (chunk.symbol, *chunk.definitions)
                defined = next((name for name in names if normalized(name) in keys), "")
                at = defining_line(lines, defined) if defined else None
            elif part.of == "place":
                at = self._named_line(chunk)
            if at is not None:
                yield at, part.score

    def _named_line(self, chunk: Chunk) -> int | None:
        """Which of a chunk's lines the query names, as a stack trace does."""
        name = chunk.path.rpartition("/")[2]
        for place in self._query.places:
            if place.line is None or place.path.rpartition("/")[2] != name:
                continue
            at = place.line - chunk.start_line
            if 0 <= at <= chunk.text.count("\n"):
                return at
        return None

    def _shares_of_words(
        self, found: _Found, terms: dict[str, float], vectors: float
    ) -> list[WordShare]:
        near = _shares(vectors, found.near_words)
        by_words = by_word(self._words, terms, self._marks)
        return [
            WordShare(word, *shares)
            for word, *shares in zip(self._words, near, by_words, strict=True)
        ]


def _texts(chunk: Chunk) -> list[str]:
    """The lines of a chunk, and the one that stands in front of it where it is embedded."""
    return [*chunk.text.split("\n"), header_of(chunk)]


def _of(parts: Sequence[Part], name: str) -> float:
    return sum(part.score for part in parts if part.name == name)


def _terms(parts: Sequence[Part], basis: Basis, found: _Found) -> dict[str, float]:
    """What each term adds to a hit's score; nothing where words do not count for it."""
    if not _of(parts, "words"):
        return {}
    return {term: basis.by_words * score for term, score in found.terms.items()}


def _lines(
    hit: Hit, chunk: Chunk, vectors: Sequence[float], words: Sequence[float]
) -> list[LineShare]:
    """The lines of a hit, which may have more or fewer than its chunk; those left out are not told.

    Lines of a notebook's cell may all be one of its file, so they are counted by rows.
    """
    shares: list[LineShare] = []
    for row, (line, _) in enumerate(hit.rows()):
        if line is None:
            continue
        at = (line if hit.shown else hit.start_line + row) - chunk.start_line
        inside = 0 <= at < len(words)
        own = (vectors[at], words[at]) if inside else (0.0, 0.0)
        shares.append(LineShare(line, *own))
    return shares


def _shares(whole: float, weights: Sequence[float]) -> list[float]:
    """A whole shared in proportion to the weights above 0; nothing where there are none."""
    above = [max(0.0, weight) for weight in weights]
    total = sum(above)
    return [whole * weight / total if total else 0.0 for weight in above]
