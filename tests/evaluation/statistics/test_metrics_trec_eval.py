"""The metrics equal trec_eval's, with ties, documents never judged and answers never found."""

from __future__ import annotations

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from c2llm.evaluation.statistics.metrics import average_precision, mrr, ndcg_at_k, recall_at_k

CUTS = (1, 3, 10, 100)
MEASURES = {"map", "recip_rank"} | {
    f"{name}.{','.join(map(str, CUTS))}" for name in ("ndcg_cut", "recall", "map_cut")
}

ids = st.integers(0, 40).map("d{}".format)
# Few different scores, so that most are shared.
runs = st.dictionaries(ids, st.integers(-3, 3).map(lambda n: n / 4), min_size=1, max_size=30)
judgements = st.dictionaries(ids, st.integers(0, 3), min_size=1, max_size=12)


def trec_order(run):
    """Best first; trec_eval puts the greater id first among equals."""
    return [id for id, _ in sorted(run.items(), key=lambda item: (item[1], item[0]), reverse=True)]


@given(st.lists(st.tuples(runs, judgements), min_size=1, max_size=4))
def test_every_metric_equals_trec_evals(queries):
    qrels = {f"q{i}": judged for i, (_, judged) in enumerate(queries)}
    found = {f"q{i}": run for i, (run, _) in enumerate(queries)}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, MEASURES).evaluate(found)
    for query, run in found.items():
        ranked, gains, expected = trec_order(run), qrels[query], theirs[query]
        ours = {"recip_rank": mrr(ranked, gains), "map": average_precision(ranked, gains)}
        for k in CUTS:
            ours[f"ndcg_cut_{k}"] = ndcg_at_k(ranked, gains, k)
            ours[f"recall_{k}"] = recall_at_k(ranked, gains, k)
            ours[f"map_cut_{k}"] = average_precision(ranked, gains, k)
        assert ours == pytest.approx(expected, abs=1e-9)
