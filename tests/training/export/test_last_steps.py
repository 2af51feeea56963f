"""A run that ends in the mean of its last checkpoints, however often it was stopped."""

from __future__ import annotations

import pytest
import torch

from c2llm.errors import DataError, UsageError
from c2llm.training.export.last_steps import merged_steps
from c2llm.training.run.checkpoint import checkpoints, load_weights
from c2llm.training.run.recipe import load_config
from c2llm.training.run.training_loop import Trainer
from tests.training.recipes import weights, write_recipe


@pytest.fixture()
def recipe(tmp_path):
    return write_recipe(tmp_path)


def test_the_steps_that_count_follow_from_the_recipe():
    assert merged_steps(10, 4, 2) == [8, 10]
    assert merged_steps(12, 4, 2) == [8, 12]
    assert merged_steps(12, 4, 9) == [4, 8, 12]
    assert merged_steps(3, 4, 4) == [3]


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_the_model_is_the_mean_of_the_last_checkpoints(recipe, tmp_path, mode):
    changes = [f"tune.mode={mode}", "tune.lora_rank=2", "data.validation_pairs=0", "optim.steps=10"]
    alone = Trainer(load_config(recipe, [*changes, "run.keep_checkpoints=9"]), tmp_path / "run")
    alone.train()
    steps = []
    for folder in checkpoints(tmp_path / "run")[-3:]:
        load_weights(folder, alone.model)
        steps.append(weights(alone.save_model("one")))
    merged = load_config(recipe, [*changes, "run.keep_checkpoints=1", "run.merge_last=3"])
    found = weights(Trainer(merged, tmp_path / "merged").train())
    assert [int(folder.name) for folder in checkpoints(tmp_path / "merged")] == [4, 8, 10]
    assert found.keys() == steps[0].keys()
    for name, tensor in found.items():
        mean = torch.stack([step[name].double() for step in steps]).mean(0)
        torch.testing.assert_close(tensor.double(), mean, rtol=0, atol=1e-6)
    assert any(not torch.equal(found[name], steps[-1][name]) for name in found)


def test_a_run_that_was_stopped_merges_the_same_steps(recipe, tmp_path):
    config = load_config(recipe, ["run.merge_last=3", "run.keep_checkpoints=1"])
    straight = weights(Trainer(config, tmp_path / "straight").train())

    for stopped in (3, 7, 11):  # Ctrl-C leaves a checkpoint between those that count

        def interrupt(report, stopped=stopped):
            if report.step == stopped:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Trainer(config, tmp_path / "resumed", on_step=interrupt).train()
    resumed = weights(Trainer(config, tmp_path / "resumed").train())
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in straight.items())
    again = weights(Trainer(config, tmp_path / "resumed").train())  # nothing is left to do
    assert all(torch.equal(tensor, again[name]) for name, tensor in straight.items())


def test_what_cannot_be_merged_is_said(recipe, tmp_path):
    with pytest.raises(UsageError, match="merge_last is 0"):
        load_config(recipe, ["run.merge_last=0"])
    config = load_config(recipe, ["run.merge_last=2"])
    Trainer(config, tmp_path / "run").train()
    (tmp_path / "run" / "checkpoints" / "000008" / "model.safetensors").write_bytes(b"half")
    with pytest.raises(DataError, match="000008 cannot be read"):
        Trainer(config, tmp_path / "run").train()
