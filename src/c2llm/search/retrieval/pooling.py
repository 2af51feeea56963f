"""Several indexes on one scale: what is counted of one is counted of all that are asked together.

How rare a word is decides what a chunk is worth. Counted in each index alone, the same file would
be the best answer of one and the worst of the other. What belongs to a place in one tree (who
imports whom, which path the query names) stays as that index says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from c2llm.index.store.records import WordStatistics
from c2llm.search.retrieval.index_reader import rarity

if TYPE_CHECKING:
    from c2llm.search.query.query_parsing import Query
    from c2llm.search.ranking.features import Corpus
    from c2llm.search.retrieval.index_reader import IndexReader
    from c2llm.search.retrieval.retrievers import Retrieved


def pooled_statistics(readers: Sequence[IndexReader], terms: Sequence[str]) -> WordStatistics:
    """How common the terms are in all the indexes together."""
    each = [reader.store.word_statistics(terms) for reader in readers]
    return WordStatistics(
        sum(one.chunks for one in each),
        sum(one.tokens for one in each),
        _sums([one.counts for one in each]),
    )


def pooled_corpora(
    readers: Sequence[IndexReader],
    query: Query,
    found: Sequence[Retrieved],
    statistics: WordStatistics,
) -> list[Corpus]:
    """What each index says of the query, on the scale of all of them.

    Args:
        readers: The indexes.
        query: The query.
        found: What the retrievers found in each.
        statistics: How common the words of the query are in all of them.
    """
    corpora = [each.corpus for each in found]
    facts = [candidate.facts for each in found for candidate in each.candidates]
    rarity_in_all = rarity(query.terms, statistics.chunks, statistics.counts)
    definition_counts = _sums([corpus.definition_counts for corpus in corpora])
    project = frozenset[str]().union(*(corpus.project for corpus in corpora))
    spellings = _sums([reader.spellings(facts) for reader in readers])
    return [
        replace(
            corpus,
            rarity=rarity_in_all,
            definition_counts=definition_counts,
            project=project,
            spellings=spellings,
        )
        for corpus in corpora
    ]


def _sums(each: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counts in each:
        total.update(counts)
    return dict(total)
