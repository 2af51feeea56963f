"""How words and vectors are fused: how much each counts, worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from c2llm.search.query.query_parsing import QueryKind, parse_query
from c2llm.search.ranking.chunk_facts import Facts, PathFacts
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS
from c2llm.search.ranking.features import FEATURES, Corpus
from c2llm.search.ranking.ranker import Candidate, feature_extractors, rank, trust_in_vectors, weigh
from c2llm.search.retrieval.exact_scan import Nearest, Vectors

QUERY = parse_query("parse a token")
WEIGHTS = replace(
    DEFAULT_WEIGHTS,
    dense=dict.fromkeys(QueryKind, 0.5),
    contrast={**dict.fromkeys(QueryKind, 0.0), QueryKind.QUESTION: math.log(3.0)},
    ordinary_contrast=3.0,
    features={kind: (0.0,) * len(FEATURES) for kind in QueryKind},
)
"""One standard deviation above the ordinary contrast, vectors count three times the words."""


def facts(number: int, *name_words: str) -> Facts:
    path = PathFacts(f"x{number}", frozenset({f"x{number}"}), frozenset())
    return Facts(
        number, number, f"x{number}.py", 1, 9, "python", "", "", "", {}, frozenset(name_words),
        path, frozenset(),
    )  # fmt: skip


CANDIDATES = [
    Candidate(facts(1, "pars", "token"), lexical=8.0, lexical_rank=1, dense=0.2, dense_rank=3),
    Candidate(facts(2), lexical=4.0, lexical_rank=2, dense=0.4, dense_rank=2),
    Candidate(facts(3), dense=0.6, dense_rank=1),
]


def corpus(contrast: float | None) -> Corpus:
    return Corpus(rarity={"pars": 1.0, "token": 3.0}, contrast=contrast)


@pytest.mark.parametrize(
    ("contrast", "trust"), [(3.0, 1.0), (4.0, 1.5), (2.0, 0.5), (5.0, 1.8), (None, 1.0)]
)
def test_trust_in_vectors_is_logistic_in_their_contrast(contrast, trust):
    assert trust_in_vectors([corpus(contrast)], QUERY, WEIGHTS) == pytest.approx(trust)


def test_of_several_indexes_the_highest_contrast_counts_and_other_kinds_know_none():
    several = [corpus(2.0), corpus(None), corpus(4.0)]
    assert trust_in_vectors(several, QUERY, WEIGHTS) == pytest.approx(1.5)
    assert trust_in_vectors(several, parse_query("parse_token"), WEIGHTS) == 1.0


@pytest.mark.parametrize(
    ("trust", "fused_scores"),
    [
        (1.0, [0.5, 0.25 + 0.25, 0.5]),
        (1.5, [0.25, 0.125 + 0.375, 0.75]),
        (0.5, [0.75, 0.375 + 0.125, 0.25]),
    ],
)
def test_what_vectors_gain_words_lose(trust, fused_scores):
    extractors = feature_extractors(CANDIDATES, QUERY, [corpus(None)])
    scored = weigh(CANDIDATES, QUERY, extractors, 0.5, trust)
    assert [item.fused for item in scored] == pytest.approx(fused_scores)
    # "parse" and "token" are all that the query says, and the first chunk's names have both.
    assert scored[0].row[FEATURES.index("names")] == pytest.approx(2.0 - trust)


def test_where_only_one_leg_found_something_it_has_the_whole_share():
    words = [replace(one, dense=0.0, dense_rank=0) for one in CANDIDATES[:2]]
    vectors = [replace(one, lexical=0.0, lexical_rank=0) for one in CANDIDATES]
    for found, fused_scores in ((words, [1.0, 0.5]), (vectors, [0.0, 0.5, 1.0])):
        extractors = feature_extractors(found, QUERY, [corpus(None)])
        assert [item.fused for item in weigh(found, QUERY, extractors, 0.5)] == pytest.approx(
            fused_scores
        )


@pytest.mark.parametrize(("contrast", "best"), [(2.0, "x1.py"), (4.0, "x3.py")])
def test_the_order_turns_with_the_contrast(contrast, best):
    found = rank(CANDIDATES, QUERY, [corpus(contrast)], 3, WEIGHTS)
    assert found[0].candidate.facts.path == best


def test_contrast_is_told_in_standard_deviations_of_all_chunks():
    ids = np.arange(5, dtype=np.int64)
    cosines = np.array([0.1, 0.1, 0.1, 0.1, 0.6], np.float32)  # mean 0.2, deviation 0.2
    assert Vectors(ids, cosines).contrast() == pytest.approx(2.0)
    assert Vectors(ids, np.full(5, 0.3, np.float32)).contrast() is None
    assert Vectors(ids[:0], cosines[:0]).contrast() is None
    assert Nearest(ids, cosines, lambda chosen: Vectors(ids, cosines)).contrast() is None
