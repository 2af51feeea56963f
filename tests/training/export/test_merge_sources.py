"""Adapters, checkpoints and runs as what they would be without adapters."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from c2llm.errors import ModelError, UsageError
from c2llm.modeling.model import C2LLMModel
from c2llm.training.export.merge_sources import read_weights
from c2llm.training.export.weight_merge import merge_models
from c2llm.training.network.lora import choose_trained, plain_model
from c2llm.training.run.checkpoint import save_checkpoint
from c2llm.training.run.distributed import join_world
from c2llm.training.run.recipe import TuneConfig
from tests.tiny import save_tiny_model

LAYER = "encoder.layer.0.attention.self.query"


@pytest.fixture
def base(tmp_path):
    return save_tiny_model(tmp_path / "base")


def save_adapter(folder, tensors, **config):
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    fields = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, **config}
    (folder / "adapter_config.json").write_text(json.dumps(fields))
    return folder


@pytest.mark.parametrize("prefix", ["base_model.model.backbone.", "base_model.model."])
def test_an_adapter_is_merged_into_its_base(tmp_path, base, prefix):
    down, up = torch.randn(2, 32), torch.randn(32, 2)
    query = torch.randn(1, 1, 32)
    adapter = save_adapter(
        tmp_path / "adapter",
        {
            f"{prefix}{LAYER}.lora_A.weight": down,
            f"{prefix}{LAYER}.lora_B.weight": up,
            "base_model.model.pooler.S": query,
        },
        base_model_name_or_path=str(base),
    )
    merged, before = read_weights(adapter).tensors, load_file(base / "model.safetensors")
    name = f"backbone.{LAYER}.weight"
    torch.testing.assert_close(merged[name], before[name] + 4 * up @ down)
    assert torch.equal(merged["pooler.S"], query)
    assert all(torch.equal(merged[n], before[n]) for n in before if n not in (name, "pooler.S"))


def test_the_base_of_an_adapter_can_be_named(tmp_path, base):
    tensors = {f"backbone.{LAYER}.lora_A.weight": torch.zeros(2, 32)}
    tensors[f"backbone.{LAYER}.lora_B.weight"] = torch.zeros(32, 2)
    adapter = save_adapter(tmp_path / "adapter", tensors, base_model_name_or_path="some/hub-id")
    with pytest.raises(UsageError, match=r"over 'some/hub-id'.*--base"):
        read_weights(adapter)
    assert read_weights(adapter, base).folder == base


@pytest.mark.parametrize(
    ("tensors", "config", "message"),
    [
        ({f"{LAYER}.lora_A.weight": torch.zeros(2, 32)}, {}, r"no .*lora_B"),
        ({"pooler.other": torch.zeros(2)}, {}, r"changes pooler\.other"),
        ({"pooler.S": torch.zeros(2)}, {}, r"pooler\.S of shape \(2,\)"),
        ({}, {"use_dora": True}, "use_dora"),
        ({}, {"peft_type": "IA3"}, "only LoRA"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(tmp_path, base, tensors, config, message):
    adapter = save_adapter(
        tmp_path / "adapter", tensors, base_model_name_or_path=str(base), **config
    )
    with pytest.raises(ModelError, match=message):
        read_weights(adapter)


def test_a_checkpoint_with_adapters_is_the_model_that_the_run_would_save(tmp_path, base):
    tune = TuneConfig(mode="lora", lora_rank=4, lora_alpha=8)
    model = C2LLMModel.from_pretrained(base)
    choose_trained(model, tune)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    run = tmp_path / "run"
    run.mkdir()
    base.rename(run / "start")
    recipe = {"recipe": {"tune": {"mode": "lora", "lora_rank": 4, "lora_alpha": 8.0}}}
    (run / "config.json").write_text(json.dumps(recipe))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    save_checkpoint(run, 7, model, optimizer, 2, join_world("cpu"))
    saved = plain_model(model, model.state_dict()).state_dict()
    read = read_weights(run / "checkpoints" / "000007")
    assert read.folder == run / "start"
    assert read.tensors.keys() == saved.keys()
    for name, tensor in saved.items():
        torch.testing.assert_close(read.tensors[name], tensor)
    merged = merge_models([run / "start", run / "checkpoints" / "000007"], None, tmp_path / "out")
    before = load_file(run / "start" / "model.safetensors")
    after = load_file(merged / "model.safetensors")
    torch.testing.assert_close(after["pooler.S"], (before["pooler.S"] + saved["pooler.S"]) / 2)


def test_a_run_stands_for_its_model(tmp_path, base):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    base.rename(run / "model")
    assert read_weights(run).folder == run / "model"
    with pytest.raises(UsageError, match="no model folder"):
        read_weights(tmp_path / "none")
