"""What is trained and what is not: adapters and pooling, pooling alone; resumed runs of each."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from c2llm.encoding.encoder import Encoder
from c2llm.errors import UsageError
from c2llm.modeling.model import C2LLMModel
from c2llm.training.network.frozen_backbone import StateCache
from c2llm.training.network.network import build_network, empty_network
from c2llm.training.objective.teacher import Teacher
from c2llm.training.run.recipe import load_config
from c2llm.training.run.training_loop import Trainer
from tests.tiny import save_tiny_model
from tests.training.recipes import weights, write_recipe

LORA = ["tune.mode=lora", "tune.lora_rank=4", "tune.lora_alpha=8"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return write_recipe(tmp_path_factory.mktemp("recipe"), negatives=4, scores=True)


def moved(run):
    before, after = weights(run / "start"), weights(run / "model")
    assert set(before) == set(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_adapters_move_their_layers_and_the_whole_pooling(recipe, tmp_path):
    run = tmp_path / "run"
    Trainer(load_config(recipe, [*LORA, "optim.steps=3"]), run).train()
    names = moved(run)
    pooling = {n for n in weights(run / "start") if n.startswith("pooler.")}
    assert pooling <= names
    backbone = names - pooling
    assert backbone == {
        n
        for n in weights(run / "start")
        if n.startswith("backbone.encoder") and n.endswith("weight") and "LayerNorm" not in n
    }


def test_the_saved_folder_has_the_vectors_of_the_adapted_network(recipe, tmp_path):
    trainer = Trainer(load_config(recipe, [*LORA, "optim.steps=3"]), tmp_path / "run")
    folder = trainer.train()
    ids = torch.tensor([[2, 4, 7, 9, 3], [2, 5, 3, 0, 0]])
    mask = (ids > 0).long()
    trainer.model.eval()
    with torch.no_grad():
        live = trainer.model.embed(ids, mask)
        saved = C2LLMModel.from_pretrained(folder).eval().embed(ids, mask)
    torch.testing.assert_close(saved, live, rtol=1e-5, atol=1e-6)
    assert Encoder.load(folder).encode_queries(["parse toml"]).shape == (1, 32)


def test_named_targets_alone_get_adapters_and_unknown_ones_are_refused(recipe, tmp_path):
    named = [*LORA, "optim.steps=1", "tune.lora_targets=[query, value]"]
    Trainer(load_config(recipe, named), tmp_path / "run").train()
    backbone = {n for n in moved(tmp_path / "run") if n.startswith("backbone.")}
    assert backbone and all(".query." in n or ".value." in n for n in backbone)
    unknown = [*LORA, "tune.lora_targets=[q_proj]"]
    with pytest.raises(UsageError, match=r"no linear layer named q_proj; .* can name dense"):
        Trainer(load_config(recipe, unknown), tmp_path / "other").train()


def test_pooling_alone_leaves_the_backbone_and_reads_its_states_once(recipe, tmp_path, monkeypatch):
    seen = []
    real = C2LLMModel.hidden_states

    def counted(self, ids, mask):
        seen.extend(tuple(row[m.bool()].tolist()) for row, m in zip(ids, mask, strict=True))
        return real(self, ids, mask)

    monkeypatch.setattr(C2LLMModel, "hidden_states", counted)
    changes = ["tune.mode=pooler", "optim.steps=40", "data.hard_negatives=1"]
    reports = []
    config = load_config(recipe, changes)
    Trainer(config, tmp_path / "run", on_step=reports.append).train()
    names = moved(tmp_path / "run")
    assert names and all(n.startswith("pooler.") for n in names)
    assert len(seen) == len(set(seen))
    assert sum(r.loss for r in reports[-5:]) < 0.9 * sum(r.loss for r in reports[:5])


def test_a_pooling_without_weights_cannot_be_trained_alone(recipe, tmp_path):
    config = load_config(recipe, ["tune.mode=pooler", "model.pooling=mean"])
    with pytest.raises(UsageError, match="mean pooling has no weights"):
        Trainer(config, tmp_path / "run").train()


class StopError(Exception):
    """What a test stops a run with."""


@pytest.mark.parametrize(
    "changes",
    [
        ["optim.grad_cache=true", "model.dropout=0.2", "data.hard_negatives=2"],
        [*LORA, "tune.lora_dropout=0.2", "model.gradient_checkpointing=true"],
        ["tune.mode=pooler", "data.stream=true"],
    ],
    ids=["cached", "lora", "pooler"],
)
def test_resuming_equals_never_having_stopped(recipe, tmp_path, changes):
    config = load_config(recipe, [*changes, "optim.steps=9", "run.checkpoint_every=3"])
    straight = Trainer(config, tmp_path / "straight").train()

    def stop(report):
        if report.step == 5:  # between two checkpoints: steps 4 and 5 are done again
            raise StopError

    with pytest.raises(StopError):
        Trainer(config, tmp_path / "resumed", on_step=stop).train()
    resumed = Trainer(config, tmp_path / "resumed").train()
    for name, tensor in weights(straight).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    log = [json.loads(line) for line in (tmp_path / "resumed" / "metrics.jsonl").open()]
    assert [line["step"] for line in log] == list(range(1, 10))


def test_cached_dropout_is_that_of_the_plain_step(recipe, tmp_path):
    found = []
    for cached in ("false", "true"):
        changes = ["optim.steps=2", "model.dropout=0.3", f"optim.grad_cache={cached}"]
        run = tmp_path / cached
        Trainer(load_config(recipe, changes), run).train()
        found.append([json.loads(line)["gradient_norm"] for line in (run / "metrics.jsonl").open()])
    assert found[0] == pytest.approx(found[1], rel=1e-3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_makes_the_same_step(recipe, tmp_path, side):
    changes = ["optim.steps=1", f"model.padding_side={side}"]
    reports = []
    Trainer(load_config(recipe, changes), tmp_path / "run", on_step=reports.append).train()
    plain = []
    config = load_config(recipe, ["optim.steps=1", "optim.micro_batch_tokens=1"])  # no padding
    Trainer(config, tmp_path / "plain", on_step=plain.append).train()
    assert reports[0].gradient_norm == pytest.approx(plain[0].gradient_norm, rel=1e-3)


def test_a_whole_model_goes_on_with_its_own_pooling(recipe, tmp_path):
    first = Trainer(load_config(recipe, ["optim.steps=2"]), tmp_path / "first").train()
    changes = [f"model.start_from={first}", "optim.steps=1", "model.pooling=mean"]
    Trainer(load_config(recipe, changes), tmp_path / "second").train()
    for name, tensor in weights(first).items():
        assert torch.equal(tensor, weights(tmp_path / "second" / "start")[name]), name
    tokenizers = [(f / "tokenizer.json").read_text() for f in (first, tmp_path / "second/model")]
    assert tokenizers[0] == tokenizers[1]
    mistaken = load_config(recipe, [f"model.backbone={first}"])
    for build in (build_network, empty_network):
        with pytest.raises(UsageError, match=r"name it in model\.start_from instead"):
            build(mistaken.model)


@pytest.mark.slow
@pytest.mark.parametrize("distill", ["scores", "vectors"])
def test_a_teacher_is_followed(recipe, tmp_path, distill):
    teacher = Trainer(load_config(recipe, ["optim.steps=30"]), tmp_path / "teacher").train()
    changes = ["optim.steps=30", f"loss.distill={distill}", f"loss.teacher={teacher}"]
    found = {}
    for weight in (0, 5):
        run = tmp_path / f"student{weight}"
        options = [*changes, f"loss.distill_weight={weight}", "optim.seed=3"]
        Trainer(load_config(recipe, options), run).train()
        texts = [f"{a} {b}" for a in ("parse", "get") for b in ("toml", "http", "file")]
        vectors = [Encoder.load(f).encode_queries(texts) for f in (teacher, run / "model")]
        scores = [v @ v.T for v in vectors] if distill == "scores" else vectors
        found[weight] = abs(scores[0] - scores[1]).mean()
    assert found[5] < 0.8 * found[0]


def test_several_teachers_are_one_whose_scores_are_added(tmp_path):
    for name, seed in (("first", 0), ("second", 1)):
        save_tiny_model(tmp_path / name, seed=seed)
    texts = ["parse toml", "get http response", "return file"]
    first, second = (Encoder.load(tmp_path / name) for name in ("first", "second"))
    further = {str(tmp_path / "second"): 0.25}
    for _ in range(2):  # computed, and read again from the files
        teacher = Teacher(str(tmp_path / "first"), tmp_path / "kept", further)
        scores = teacher.queries(texts) @ teacher.documents(texts).T
        expected = [e.encode_queries(texts) @ e.encode_documents(texts).T for e in (first, second)]
        np.testing.assert_allclose(scores, expected[0] + 0.25 * expected[1], atol=2e-3)
    assert (tmp_path / "kept" / "further1" / "queries" / "index.bin").stat().st_size == 3 * 32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["loss.further_teachers={a: 1}"], "adds to a loss.teacher"),
        (["loss.distill=scores", "loss.teacher=a", "loss.further_teachers={b: 0}"], "above 0"),
        (["loss.distill=vectors", "loss.teacher=a", "loss.further_teachers={b: 1}"], "adds to a"),
    ],
)
def test_further_teachers_need_a_first_and_factors(recipe, changes, message):
    with pytest.raises(UsageError, match=message):
        load_config(recipe, changes)


def test_states_survive_a_cut_off_file(tmp_path):
    texts = [[1, 2, 3], [4], [5, 6]]

    def compute(chunk):
        return [torch.full((len(ids), 2), float(ids[0])) for ids in chunk]

    def refuse(chunk):
        raise AssertionError(chunk)

    cache = StateCache(tmp_path, 2)
    first = cache.states(texts, compute)
    assert all(torch.equal(a, b) for a, b in zip(first, compute(texts), strict=True))
    with (tmp_path / "states.f16").open("r+b") as file:
        file.truncate(4 * 2 * 2 + 1)  # killed in the middle of the third text
    cut = StateCache(tmp_path, 2)
    assert len(cut) == 2
    assert torch.equal(cut.states(texts[:2], refuse)[1], first[1])
    assert torch.equal(cut.states(texts, compute)[2], first[2])
    assert len(StateCache(tmp_path, 2)) == 3
