"""A whole run on a tiny model: it learns, it resumes exactly, it refuses what it cannot train."""

from __future__ import annotations

import json
import os
import signal

import pytest
import torch

from c2llm.encoding.encoder import Encoder
from c2llm.errors import DataError, UsageError
from c2llm.modeling.config import StaticConfig
from c2llm.modeling.static import StaticModel
from c2llm.training.export.table_export import export_table
from c2llm.training.run.recipe import load_config
from c2llm.training.run.training_loop import Trainer
from tests.tiny import WORDS, tiny_tokenizer
from tests.training.recipes import weights, write_recipe


@pytest.fixture()
def recipe(tmp_path):
    return write_recipe(tmp_path)


def test_training_learns_and_the_folder_serves(recipe, tmp_path):
    reports = []
    config = load_config(recipe, ["optim.steps=60"])
    folder = Trainer(config, tmp_path / "run", on_step=reports.append).train()
    first, last = (sum(r.loss for r in part) / 10 for part in (reports[:10], reports[-10:]))
    assert last < 0.8 * first
    assert reports[-1].validation_mrr > reports[5].validation_mrr
    encoder = Encoder.load(folder, engine="torch")
    assert encoder.encode_queries(["parse toml"]).shape == (1, 32)
    log = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [line["step"] for line in log] == list(range(1, 61))


def test_resuming_equals_never_having_stopped(recipe, tmp_path):
    config = load_config(recipe)
    straight = Trainer(config, tmp_path / "straight").train()

    class StopError(Exception):
        pass

    def stop(report):
        if report.step == 7:  # between two checkpoints: steps 5 to 7 are done again
            raise StopError

    with pytest.raises(StopError):
        Trainer(config, tmp_path / "resumed", on_step=stop).train()
    resumed = Trainer(config, tmp_path / "resumed").train()
    for name, tensor in weights(straight).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_interrupt_writes_a_checkpoint_first(recipe, tmp_path):
    def interrupt(report):
        if report.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(load_config(recipe), tmp_path / "run", on_step=interrupt).train()
    assert [p.name for p in (tmp_path / "run" / "checkpoints").iterdir()] == ["000003"]


def test_ctrl_c_ends_the_step_and_writes_a_checkpoint(recipe, tmp_path):
    def interrupt(report):
        if report.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Trainer(load_config(recipe), tmp_path / "run", on_step=interrupt).train()
    (folder,) = (tmp_path / "run" / "checkpoints").iterdir()
    assert json.loads((folder / "state.json").read_text())["step"] == 2


def test_micro_batches_do_not_change_the_gradient(recipe, tmp_path):
    """One step with tiny micro-batches and one with a single batch move the weights alike."""
    dropout_off(recipe)
    small = load_config(recipe, ["optim.steps=1", "optim.micro_batch_tokens=1"])
    large = load_config(recipe, ["optim.steps=1", "optim.micro_batch_tokens=100000"])
    moved = []
    for name, config in (("small", small), ("large", large)):
        trainer = Trainer(config, tmp_path / name)
        moved.append(weights(trainer.train()))
    # The gradient of fc_k's bias is zero but for rounding (a softmax does not see what is added to
    # all logits), and Adam makes a step of any rounding.
    compared = [name for name in moved[0] if not name.endswith("fc_k.bias")]
    assert len(compared) == len(moved[0]) - 1
    for name in compared:
        torch.testing.assert_close(moved[0][name], moved[1][name], rtol=0, atol=2e-4)


def test_a_folder_of_another_recipe_is_refused(recipe, tmp_path):
    Trainer(load_config(recipe), tmp_path / "run")
    with pytest.raises(UsageError, match="another recipe"):
        Trainer(load_config(recipe, ["optim.seed=1"]), tmp_path / "run")


def test_a_run_that_began_before_an_option_existed_goes_on(recipe, tmp_path):
    Trainer(load_config(recipe), tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    kept = json.loads(path.read_text())
    recipe_then = kept["recipe"]
    del recipe_then["model"]["pooling"], recipe_then["tune"]
    for name in ("mix", "mixing", "grad_cache"):
        del recipe_then["optim"][name]
    path.write_text(json.dumps(kept))
    Trainer(load_config(recipe), tmp_path / "run")


@pytest.mark.parametrize("pooling", ["pma", "mean", "last", "gate", "latent"])
def test_every_pooling_trains_at_several_widths(recipe, tmp_path, pooling):
    changes = ["optim.steps=2", "loss.matryoshka_dims=[8, 32]", f"model.pooling={pooling}"]
    folder = Trainer(load_config(recipe, changes), tmp_path / "run").train()
    assert Encoder.load(folder, dim=8).encode_queries(["parse toml"]).shape == (1, 8)


def test_a_static_backbone_trains_and_folds_into_a_table(recipe, tmp_path):
    torch.manual_seed(0)
    StaticModel(StaticConfig(len(WORDS), 32)).save_pretrained(tmp_path / "static")
    tiny_tokenizer().save(str(tmp_path / "static" / "tokenizer.json"))
    changes = [f"model.backbone={tmp_path / 'static'}", "optim.steps=60", "optim.backbone_lr=1e-2"]
    reports = []
    config = load_config(recipe, changes)
    folder = Trainer(config, tmp_path / "run", on_step=reports.append).train()
    assert reports[-1].loss < 0.8 * reports[0].loss
    # Both sum float32 in an order of their own, and LayerNorm divides by a small spread.
    assert export_table(folder, tmp_path / "table").max_abs_difference < 1e-5


def dropout_off(recipe):
    config = recipe.parent / "backbone" / "config.json"
    fields = json.loads(config.read_text())
    fields.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optim.stepz=3", "Unknown key optim.stepz; known here: .*steps"),
        ("optim.steps=many", "optim.steps must be int, not 'many'"),
        ("optim.steps=0", "optim.steps is 0"),
        ("optim.batch_size=1", "at least 2 pairs"),
        ("data.sources=[{weight: 2}]", "has no `file`"),
        ("data.sources=[{file: a, weight: 0}]", "must be above 0"),
        ("model.pma_start=zero", "must be 'mean', 'xavier' or 'scaled'"),
        ("model.pma_dim=wide", "model.pma_dim must be int"),
        ("nonsense", "written key=value"),
        ("optim=3", "optim must be a mapping"),
    ],
)
def test_bad_overrides_are_named(recipe, override, message):
    with pytest.raises(UsageError, match=message):
        load_config(recipe, [override])


def test_numbers_may_be_written_as_yaml_strings(recipe):
    assert load_config(recipe, ["optim.backbone_lr=3e-5"]).optim.backbone_lr == 3e-5


def test_missing_files_are_found_before_training(recipe, tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.jsonl is not there"):
        load_config(recipe, ["data.decontaminate=[nowhere.jsonl]"]).validate()
    with pytest.raises(UsageError, match="names no data"):
        load_config(recipe, ["data.sources=[]"]).validate()
    with pytest.raises(UsageError, match="Cannot read the recipe"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["model", "data", "config.json", "checkpoints"])
def test_a_folder_that_holds_something_of_the_user_is_refused(recipe, tmp_path, name):
    mine = tmp_path / "run" / name
    mine = mine if name == "config.json" else mine / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("{}")
    with pytest.raises(UsageError, match="name another folder"):
        Trainer(load_config(recipe), tmp_path / "run")
    assert mine.read_text() == "{}"
