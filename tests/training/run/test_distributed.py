"""Two processes make the gradient of one: whichever form, cached or not, copied or sharded."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from c2llm.training.run.recipe import load_config
from c2llm.training.run.training_loop import Trainer
from c2llm.training.run.training_step import Step
from tests.training.ranks import flat, on_ranks, save_gradients
from tests.training.recipes import weights, write_recipe

FORMS = {
    "single": ["data.hard_negatives=2"],
    "two_term": ["data.hard_negatives=2", "loss.form=two_term"],
    "cached": ["data.hard_negatives=2", "optim.grad_cache=true"],
    "no_hard": ["loss.symmetric=false"],
    "margin": ["data.hard_negatives=3", "loss.false_negative_margin=0.02"],
    "scores": ["data.hard_negatives=3", "loss.distill=scores"],
    "teacher": ["data.hard_negatives=1", "loss.distill=scores", "loss.teacher=c2llm-nano"],
    "pooler": ["tune.mode=pooler", "data.hard_negatives=1"],
    "lora": ["tune.mode=lora", "tune.lora_rank=4", "data.hard_negatives=1"],
}
SHARDED = {
    "fsdp": ["data.hard_negatives=2", "run.strategy=fsdp"],
    "fsdp_lora": ["tune.mode=lora", "tune.lora_rank=4", "run.strategy=fsdp"],
}
RUN = ["optim.steps=4", "data.hard_negatives=1", "run.validate_every=2"]


def gradients(recipe: str, folder: str, forms: dict[str, list[str]]) -> None:
    """One step of each form, the gradients written to FOLDER/FORM.safetensors."""
    for name, changes in forms.items():
        alone = "RANK" not in os.environ
        given = [c for c in changes if not (alone and c == "run.strategy=fsdp")]
        config = load_config(recipe, given)
        trainer = Trainer(config, Path(folder) / name)
        from c2llm.training.network.lora import choose_trained

        choose_trained(trainer.model, config.tune)
        step = Step(trainer.model, trainer.tokenizer, config, trainer.world, trainer.run)
        step.gradients(trainer.plan.batch(0), 0, 1.0)
        save_gradients(trainer.model, Path(folder) / f"{name}.safetensors")


def train(recipe: str, run: str, changes: list[str], stop_after: int) -> None:
    """A run that is interrupted after some steps on every rank, and goes on."""

    def stop(report):
        if report.step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)  # of rank 0 alone: the others have to agree

    config = load_config(recipe, changes)
    try:
        Trainer(config, Path(run), on_step=stop).train()
    except KeyboardInterrupt:
        Trainer(config, Path(run)).train()


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return write_recipe(tmp_path_factory.mktemp("recipe"), negatives=4, scores=True)


@pytest.fixture(scope="module")
def straight(recipe, tmp_path_factory):
    """What a run with copied weights, never interrupted, ends in."""
    run = tmp_path_factory.mktemp("straight")
    on_ranks(2, train, str(recipe), str(run), RUN, 0)
    return weights(run / "model")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.slow
def test_interrupted_ranks_go_on_together(recipe, straight, tmp_path, strategy):
    """Each rank has its own hash seed: they agree on the order in which parameters are restored."""
    on_ranks(2, train, str(recipe), str(tmp_path), [*RUN, f"run.strategy={strategy}"], 2)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"000002", "000004"}
    log = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert [line["step"] for line in log if line.get("validation_mrr")] == [2, 4]
    resumed = weights(tmp_path / "model")
    for name, tensor in straight.items():
        # Adam makes steps of rounding where a gradient is zero (test_training_loop.py).
        if not name.endswith("fc_k.bias"):
            torch.testing.assert_close(resumed[name], tensor, rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def both(recipe, tmp_path_factory):
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    forms = FORMS | SHARDED
    gradients(str(recipe), str(one), forms)
    on_ranks(2, gradients, str(recipe), str(two), forms)
    return {
        name: tuple(load_file(folder / f"{name}.safetensors") for folder in (one, two))
        for name in forms
    }


@pytest.mark.parametrize("form", FORMS | SHARDED)
def test_two_ranks_have_the_gradient_of_one(both, form):
    one, two = (flat(g).double() for g in both[form])
    assert one.norm() > 1e-3
    assert abs(torch.dot(one, two) / (one.norm() * two.norm()) - 1) < 1e-6
    assert abs(two.norm() / one.norm() - 1) < 1e-6


def test_the_cached_gradient_is_the_plain_one(both):
    for plain, cached in zip(both["single"], both["cached"], strict=True):
        for name, gradient in plain.items():
            torch.testing.assert_close(cached[name], gradient, rtol=1e-4, atol=1e-6)
