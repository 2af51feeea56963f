"""The ablation: cells that run, results that are kept, tables whose numbers are right."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from ablation_report import MARKER, table_rows, write_report
from ablation_study import Ablation, CellResult, _principal_axes, _relabelled, read_study

from c2llm.errors import UsageError
from c2llm.training.data.training_pair import Pair
from tests.tiny import save_tiny_backbone

BASE = """\
layers: 1
tables: [pooling, merging]
evaluate:
  - {name: held out, file: held-out.jsonl, cap: 12, max_document_tokens: 24}
model: {backbone: BACKBONE, pma_num_heads: 8, split_identifiers: false}
tune: {mode: pooler}
data:
  sources: [{file: pairs.jsonl}]
  header_probability: 0
  validation_pairs: 0
optim: {steps: 3, batch_size: 4, bf16: false}
"""
POOLING = """\
title: Pooling
question: Which one?
seeds: [1, 2]
cells:
  PMA: {ablation.dims: [8], ablation.pca: [8]}
  mean: {model.pooling: mean}
  wider: {model.pma_start: xavier, model.pma_dim: 64}
"""
MERGING = """\
title: Merging
question: One or more?
seeds: [1]
cells: {two merged: {ablation.merged: 2}, adapters: {tune.mode: lora, tune.lora_rank: 2}}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("ablation")
    backbone = save_tiny_backbone(root / "backbone")
    recipes, data = root / "recipes", root / "data"
    recipes.mkdir()
    data.mkdir()
    (recipes / "base.yaml").write_text(BASE.replace("BACKBONE", str(backbone)))
    (recipes / "pooling.yaml").write_text(POOLING)
    (recipes / "merging.yaml").write_text(MERGING)
    words = "parse toml file get http response class return".split()
    for name, shift in (("pairs", 0), ("held-out", 3)):
        rows = [
            {
                "query": f"{words[i % 8]} {words[(i // 8 + shift) % 8]} a",
                "positive": f"def {words[i % 8]} ( b ) : return {words[(i * 5 + shift) % 8]} {i}",
                "language": "python",
            }
            for i in range(24)
        ]
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_study(recipes, data), root


def test_cells_run_are_kept_and_reported(study, tmp_path):
    found, _ = study
    ablation = Ablation(found, tmp_path)
    results = list(ablation.run())
    assert [(r.table, r.cell, r.seed) for r in results] == [
        ("pooling", "PMA", 1), ("pooling", "mean", 1), ("pooling", "wider", 1),
        ("pooling", "PMA", 2), ("pooling", "mean", 2), ("pooling", "wider", 2),
        ("merging", "two merged", 1), ("merging", "adapters", 1),
    ]  # fmt: skip
    first = results[0]
    assert set(first.ndcg) == {"held out", "held out@8", "held out@pca8"}
    assert len(first.ndcg["held out"]) == len(first.lengths["held out"]) == 12
    by_cell = {(r.cell, r.seed): r for r in results}
    assert by_cell["mean", 1].ndcg == by_cell["mean", 2].ndcg  # nothing is trained there
    assert by_cell["mean", 1].trained_parameters == 0
    assert list(Ablation(found, tmp_path).run()) == []
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "ablation.md").write_text(f"# By hand\n\n{MARKER}\nold tables\n")
    page = write_report(ablation, docs).read_text()
    assert page.startswith(f"# By hand\n\n{MARKER}\n\n8 of 8 trainings")
    assert "old tables" not in page
    assert "| PMA | 2 |" in page
    assert "PMA, first 8" in page
    assert "PMA, 8 principal components" in page
    for name in ("pooling", "merging"):
        assert (tmp_path / "docs" / f"ablation-{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_cell_that_changed_is_run_again_and_a_budget_ends_it(study, tmp_path):
    found, root = study
    notes: list[str] = []
    ablation = Ablation(found, tmp_path, notes.append)
    assert list(ablation.run(budget=0.0, only=["merging"])) == []
    assert "the same command goes on" in notes[0]
    (result,) = [r for r in ablation.run(only=["merging"]) if r.cell == "two merged"]
    assert math.isfinite(result.final_loss)
    changed = read_study(root / "recipes", root / "data", ["optim.steps=2"])
    assert len(list(Ablation(changed, tmp_path).run(only=["merging"]))) == 2


def test_an_unknown_key_is_named(study):
    _, root = study
    (root / "recipes" / "pooling.yaml").write_text(POOLING.replace("ablation.dims", "ablation.dim"))
    with pytest.raises(UsageError, match=r"pooling\.yaml, PMA: unknown key ablation\.dim"):
        read_study(root / "recipes", root / "data")
    (root / "recipes" / "pooling.yaml").write_text(POOLING)


@pytest.mark.parametrize(
    ("pure", "groups"), [("both", 4), ("dataset", 2), ("language", 2), ("none", 1)]
)
def test_what_a_batch_may_mix(pure, groups):
    pairs = [Pair("q", "d", dataset, language) for dataset in "ab" for language in "xy"]
    assert len({(p.dataset, p.language) for p in _relabelled(pairs, pure)}) == groups


def test_principal_axes_explain_the_most():
    torch.manual_seed(0)
    vectors = torch.randn(200, 6) * torch.tensor([9.0, 1, 1, 5, 1, 1])
    axes = _principal_axes(vectors)
    assert int(axes[:, 0].abs().argmax()) == 0
    assert int(axes[:, 1].abs().argmax()) == 3
    torch.testing.assert_close(axes.T @ axes, torch.eye(6), atol=1e-5, rtol=0)


def result(cell, seed, values):
    return CellResult("t", cell, seed, "", 1.0, 3, 10, 0.5, {"s": values}, {"s": [1] * len(values)})


def test_intervals_are_those_of_the_formulas():
    results = [result("a", s, [v, 1.0]) for s, v in ((1, 0.2), (2, 0.4), (3, 0.6))]
    results += [result("b", s, [v + 0.1, 1.0]) for s, v in ((1, 0.2), (2, 0.4), (3, 0.6))]
    first, second = table_rows(results, "s")
    assert first.mean == pytest.approx(0.7)
    spread = np.std([0.6, 0.7, 0.8], ddof=1) / math.sqrt(3)
    assert first.half_width == pytest.approx(4.303 * spread)
    assert first.difference is None
    mean, low, high = second.difference
    assert mean == pytest.approx(0.05)
    assert (low, high) == pytest.approx((0.0, 0.1))
    assert table_rows(results[:1], "s")[0].half_width is None
