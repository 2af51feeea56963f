"""The search for weights: it finds an optimum that is known, and keeps to its evaluations."""

from __future__ import annotations

import json

import pytest
import torch

from c2llm.encoding.encoder import Encoder
from c2llm.errors import DataError, UsageError
from c2llm.training.export.weight_merge import read_models
from c2llm.training.merge_search import DevelopmentSet, search_merge, search_shares
from c2llm.training.run.validation import retrieval_scores
from tests.tiny import save_tiny_model


@pytest.mark.parametrize("target", [(1.0, 0.0, 0.0), (0.0, 0.25, 0.75), (0.5, 0.25, 0.25)])
def test_a_known_optimum_is_approached(target):
    def score(shares):
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        return -sum((a - b) ** 2 for a, b in zip(shares, target, strict=True))

    best, trials = search_shares(3, score, 40)
    assert max(abs(a - b) for a, b in zip(best, target, strict=True)) < 0.1
    assert len(trials) <= 40
    assert len({t.weights for t in trials}) == len(trials)


@pytest.mark.parametrize("evaluations", [4, 5, 9])
def test_no_more_is_evaluated_than_asked_for(evaluations):
    calls = []
    search_shares(3, lambda shares: calls.append(shares) or sum(s * s for s in shares), evaluations)
    assert len(calls) <= evaluations


def test_the_models_themselves_are_always_tried(tmp_path):
    folders = [save_tiny_model(tmp_path / f"m{seed}", seed=seed) for seed in range(2)]
    data = tmp_path / "dev.jsonl"
    rows = [{"query": f"get {a} http", "positive": f"def {a} ( {b} ) : return {b} file"}
            for a in ("a", "b", "parse", "toml") for b in ("a", "response")]  # fmt: skip
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    models = read_models(folders)
    report = search_merge(models, DevelopmentSet(data, folders[1]), evaluations=5)
    singles = [t.ndcg_at_10 for t in report.trials if max(t.weights) == 1]
    assert len(singles) == 2
    assert report.ndcg_at_10 >= max(singles) == report.best_single
    for folder, value in zip(folders, singles, strict=True):
        encoder = Encoder.load(folder)
        queries = torch.from_numpy(encoder.encode_queries([r["query"] for r in rows]))
        documents = torch.from_numpy(encoder.encode_documents([r["positive"] for r in rows]))
        assert retrieval_scores(queries, documents)[1] == pytest.approx(value, abs=1e-3)
    with pytest.raises(UsageError, match="need 3 evaluations, got 2"):
        search_merge(models, DevelopmentSet(data, folders[1]), evaluations=2)


def test_an_empty_development_set_is_refused(tmp_path):
    folder = save_tiny_model(tmp_path / "m")
    data = tmp_path / "dev.jsonl"
    data.write_text('{"query": "q", "positive": "d"}\n')
    with pytest.raises(DataError, match="has 1 pairs"):
        DevelopmentSet(data, folder)
