"""The ablation: cells that run, results that are kept, tables whose numbers are right."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from ablation_backbone import cut_backbone
from ablation_controls import KEYS, Mapped, TopLayers, UniformPMA, rescale_queries
from ablation_report import table_rows, with_part, write_report
from ablation_study import Ablation, CellResult, _principal_axes, _relabelled, read_study

from c2llm.errors import UsageError
from c2llm.modeling.pooling import PMA
from c2llm.training.data.training_pair import Pair
from tests.tiny import save_tiny_backbone, save_tiny_causal_backbone

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
    begin = "<!-- recipes: written by benchmarks/ablation.py --report -->"
    old = f"# By hand\n\n{begin}\nold tables\n<!-- recipes: end -->\nBelow.\n"
    (docs / "ablation.md").write_text(old)
    (docs / "ablation.json").write_text('{"other": {}}')
    page = write_report(ablation, docs).read_text()
    assert page.startswith(f"# By hand\n\n{begin}\n\n8 of 8 trainings")
    assert page.endswith("<!-- recipes: end -->\nBelow.\n")
    assert set(json.loads((docs / "ablation.json").read_text())) == {"other", "recipes"}
    assert write_report(ablation, docs).read_text() == page
    assert "old tables" not in page
    assert "| PMA | 2 |" in page
    assert "PMA, first 8" in page
    assert "PMA, 8 principal components" in page
    for name in ("pooling", "merging"):
        assert (tmp_path / "docs" / f"recipes-{name}.png").read_bytes().startswith(b"\x89PNG")


CAUSAL = """\
title: Controls
question: Which one?
seeds: [1, 2]
set: {ablation.rates: [1e-3, 1e-2]}
cells:
  PMA: {}
  uniform: {ablation.uniform: true}
  raw: {ablation.residual: raw, ablation.queries: 1}
  eos: {model.pooling: last, ablation.map: true}
  below: {ablation.layers: 2}
"""
TOP = """\
title: Adapters
question: Which one?
seeds: [1]
set: {ablation.top: 1, tune.mode: lora, tune.lora_rank: 2}
cells: {PMA: {}, uniform: {ablation.uniform: true}}
"""


@pytest.fixture(scope="module")
def causal(study, tmp_path_factory):
    _, root = study
    recipes = tmp_path_factory.mktemp("causal") / "causal"
    recipes.mkdir()
    backbone = save_tiny_causal_backbone(recipes / "backbone")
    base = BASE.replace("BACKBONE", str(backbone)).replace("layers: 1\n", "")
    base = base.replace("[pooling, merging]", "[controls, top, again]")
    base = base.replace("cap: 12,", "cap: 12, lengths: [9],")
    base = base.replace("validation_pairs: 0", "validation_pairs: 4")
    (recipes / "base.yaml").write_text(base)
    (recipes / "controls.yaml").write_text(CAUSAL)
    (recipes / "top.yaml").write_text(TOP)
    (recipes / "again.yaml").write_text(
        "{title: Again, question: Is it the same, seeds: [1],"
        " cells: {PMA: {ablation.rates: [1e-3, 1e-2]}}}"
    )
    found = read_study(recipes, root / "data")
    out = tmp_path_factory.mktemp("out")
    ablation = Ablation(found, out)
    ablation.compute_states()
    return ablation, {(r.table, r.cell, r.seed): r for r in ablation.run()}


def test_states_of_all_depths_are_computed_before_any_training(causal):
    ablation, _results = causal
    folders = sorted(path.name for path in ablation.out.glob("states-*"))
    assert len(folders) == 3  # 3 layers, 2, and 2 before the norm
    assert sum(name.endswith("-raw") for name in folders) == 1
    sizes = {(ablation.out / name / "states/rank0/index.bin").stat().st_size for name in folders}
    assert len(sizes) == 1  # no cell needed a text that was not there


def test_a_rate_is_chosen_once_on_the_validation_pairs(causal):
    _, results = causal
    first, second = results["controls", "PMA", 1], results["controls", "PMA", 2]
    assert set(first.validation) == {"0.001", "0.01"}
    assert first.validation[f"{first.rate:g}"] == max(first.validation.values())
    assert second.rate == first.rate
    assert set(second.validation) == {f"{first.rate:g}"}


def test_the_same_training_of_two_tables_is_run_once(causal):
    _, results = causal
    again = results["again", "PMA", 1]
    assert (again.seconds, again.ndcg) == (0.0, results["controls", "PMA", 1].ndcg)


def test_controls_attend_as_they_say(causal):
    _, results = causal
    assert results["controls", "uniform", 1].entropy == pytest.approx([1.0] * 8)
    assert results["controls", "eos", 1].entropy == [0.0]
    assert min(results["controls", "PMA", 1].entropy) < 1
    assert results["top", "uniform", 1].entropy == pytest.approx([1.0] * 8)
    assert results["controls", "below", 1].ndcg != results["controls", "PMA", 1].ndcg


def test_equally_many_short_and_long_documents_are_drawn(causal):
    _ablation, results = causal
    lengths = results["controls", "PMA", 1].lengths["held out"]
    assert sum(length < 9 for length in lengths) <= 6
    assert sum(length >= 9 for length in lengths) == 6


def test_what_is_trained_in_the_controls():
    pma = UniformPMA(16, 16, 4)
    states, mask = torch.randn(2, 5, 16), torch.tensor([[1] * 5, [1, 1, 0, 0, 0]])
    weights = pma.attention(states, mask)
    torch.testing.assert_close(weights[1, :, 0], torch.tensor([[0.5, 0.5, 0, 0, 0]] * 4))
    assert [n for n, p in pma.named_parameters() if not p.requires_grad] == [
        "fc_k.weight", "fc_k.bias"
    ]  # fmt: skip
    mapped = Mapped(pma)
    torch.testing.assert_close(mapped(states, mask), pma(states, mask))
    assert {"uniform", "residual", "queries", "map", "top"} == KEYS


@pytest.mark.parametrize("residual", ["projected", "raw"])
def test_rescaled_queries_leave_the_start_where_it_was(residual):
    torch.manual_seed(0)
    pma = PMA(32, 32, 16, residual=residual)
    pma.init_as_mean_pooling()
    states, mask = torch.randn(3, 5, 32), torch.ones(3, 5)
    before = pma(states, mask)
    rescale_queries(pma, 1.0)
    assert pma.queries().std().item() == pytest.approx(1, rel=0.4)
    torch.testing.assert_close(pma(states, mask), before, rtol=0, atol=1e-5)


def test_frozen_layers_below_and_trained_ones_above_are_the_whole_backbone(causal):
    ablation, _ = causal
    cell = next(c for c in ablation.study.in_order() if c.table == "top")
    _, model, _ = ablation._run_once(cell)
    assert isinstance(model.pooler, TopLayers)
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert any("lora_" in name for name in trained)
    assert not any("base_layer" in name for name in trained)
    whole = ablation._loaded(cut_backbone(cell.config.model.backbone, None, ablation.out))
    for parameter in model.pooler.layers.parameters():  # adapters off: the start
        if parameter.requires_grad:
            parameter.data.zero_()
    ids, mask = torch.tensor([[2, 5, 6, 3]]), torch.ones(1, 4)
    below = model.hidden_states(ids, mask)
    above = model.pooler.layers(inputs_embeds=below, attention_mask=mask).last_hidden_state
    want = whole(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(above, want, rtol=0, atol=1e-5)


def test_a_part_is_put_at_the_end_of_a_page_that_has_none():
    page = with_part("# Page\n", "one", "first")
    page = with_part(with_part(page, "two", "second"), "one", "changed")
    assert "first" not in page
    assert page.index("changed") < page.index("second")


def test_a_backbone_that_is_too_short_or_missing_is_named(causal):
    ablation, _ = causal
    name = ablation.study.in_order()[0].config.model.backbone
    with pytest.raises(UsageError, match="has 3 layers, not 7"):
        cut_backbone(name, 7, ablation.out)
    with pytest.raises(UsageError, match=r"file .*none\.gguf is not there"):
        cut_backbone("package:tests/none.gguf", None, ablation.out)


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
