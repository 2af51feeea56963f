"""What words contribute to a chunk's BM25: term by term, line by line."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.words import inflected_tokens, stems, tokens
from c2llm.index.store.chunk_store import BODY_WEIGHT, PATH_WEIGHT, SYMBOL_WEIGHT, ChunkStore
from c2llm.index.store.records import WordStatistics
from c2llm.search.answers.best_line import COMMENT
from c2llm.search.query.query_parsing import Query

_WORD = re.compile(r"\w+")
_MOST_WORDS = 64
"""Different words of a pasted text that are told apart; the others are in the rest."""


def term_scores(
    store: ChunkStore,
    terms: Sequence[str],
    ids: Collection[int],
    statistics: WordStatistics | None,
) -> dict[int, dict[str, float]]:
    """For each of the chunks what each term adds to its BM25.

    BM25 is a sum over terms, so each is asked for alone.

    Args:
        store: The index.
        terms: What the lexical retriever looked for.
        ids: The chunks.
        statistics: As in `ChunkStore.lexical_candidates`.
    """
    scores: dict[int, dict[str, float]] = {chunk_id: {} for chunk_id in ids}
    for term in dict.fromkeys(terms):
        for chunk_id, score in store.lexical_candidates([term], len(ids), ids, statistics):
            scores[chunk_id][term] = score
    return scores


def by_line(chunk: Chunk, scores: Mapping[str, float], marks: Collection[str]) -> list[float]:
    """The part of each line of a chunk's text in what its terms add to BM25.

    Saturation makes a term's further occurrences count less; all occurrences share that alike. So
    do those in the path, which are in no line. A name that the chunk defines counts where it is
    defined.

    Args:
        chunk: The chunk.
        scores: What each term adds.
        marks: Of the languages other than English in whose stems words were looked for.
    """
    lines = chunk.text.split("\n")
    shares = [0.0] * len(lines)
    if not scores:
        return shares
    if not any(term.startswith(mark) for term in scores for mark in marks):
        marks = ()  # no other form of a word was found, and looking for them takes long
    counts = [Counter(_tokens(line, marks, scores)) for line in lines]
    elsewhere = Counter(tokens(f"{chunk.path} {chunk.scope}").split())
    path = {term: PATH_WEIGHT * elsewhere[term] for term in scores}
    defined: dict[int, defaultdict[str, float]] = {}
    for name in (chunk.symbol, *chunk.definitions):
        found = [term for term in tokens(name).split() if term in scores]
        at = defining_line(lines, name) if found else None
        for term in found:
            if at is None:
                path[term] += SYMBOL_WEIGHT
            else:
                defined.setdefault(at, defaultdict(float))[term] += SYMBOL_WEIGHT
    for term, score in scores.items():
        of_lines = [BODY_WEIGHT * count[term] for count in counts]
        for at, more in defined.items():
            of_lines[at] += more[term]
        total = sum(of_lines) + path[term]
        if total:
            for at, weight in enumerate(of_lines):
                shares[at] += score * weight / total
    return shares


def defining_line(lines: Sequence[str], name: str) -> int | None:
    """The first line with a name that is no comment, or else the first one with it."""
    spelled = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    found = [at for at, line in enumerate(lines) if spelled.search(line)]
    return next((at for at in found if not COMMENT.match(lines[at])), next(iter(found), None))


def _tokens(line: str, marks: Collection[str], wanted: Collection[str]) -> list[str]:
    """Those of the lexical index's tokens of a line that are wanted."""
    found = [token for token in tokens(line).split() if token in wanted]
    if marks:
        for word in _WORD.findall(line):
            found += [token for token in inflected_tokens(word, marks) if token in wanted]
    return found


def words_of(query: Query) -> dict[str, list[tuple[int, int]]]:
    """The different words of a query as they are spelled first, with the places of each in it."""
    places: dict[str, list[tuple[int, int]]] = {}
    spelled: dict[str, str] = {}
    for match in _WORD.finditer(query.text):
        word = spelled.setdefault(match[0].lower(), match[0])
        if word in places or len(places) < _MOST_WORDS:
            places.setdefault(word, []).append(match.span())
    return places


def by_word(
    words: Collection[str], scores: Mapping[str, float], marks: Collection[str]
) -> list[float]:
    """What each word of a query adds to BM25 by its terms; each term is of the first that has it.

    Args:
        words: The words.
        scores: What each term adds.
        marks: As in `by_line`.
    """
    left = dict(scores)
    shares: list[float] = []
    for word in words:
        own = {*tokens(word).split(), *stems(word)}
        if marks:
            own.update(inflected_tokens(word.lower(), marks))
        shares.append(sum(left.pop(term, 0.0) for term in own))
    return shares
