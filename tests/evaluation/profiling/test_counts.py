"""Counts against torch: its own flop counter, its own parameters, the published totals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from c2llm.errors import UsageError
from c2llm.evaluation.profiling.counts import count, parameter_count, pma_parameters
from c2llm.evaluation.profiling.shape import NAMED, named_shape, shape_of
from c2llm.modeling.config import C2LLMConfig, StaticConfig
from c2llm.modeling.model import C2LLMModel
from tests.tiny import bert_config, qwen_config, tiny_model

MODELS = {
    "decoder": lambda: (qwen_config(), {}),
    "many queries": lambda: (qwen_config(), {"pma_num_queries": 3, "pma_dim": 64}),
    "raw seed": lambda: (qwen_config(), {"pma_residual": "raw", "pma_ln": False}),
    "encoder": lambda: (bert_config(), {}),
    "static": lambda: (StaticConfig(vocab_size=50, hidden_size=32), {}),
}


def built(name):
    backbone, fields = MODELS[name]()
    backbone._attn_implementation = "eager"  # torch's counter does not know the fused CPU kernel
    model = tiny_model(backbone, **fields)
    return model, shape_of(name, model.config.to_dict())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("batch", "length"), [(1, 2), (2, 7), (3, 16)])
def test_operations_are_those_that_torch_counts(name, batch, length):
    model, shape = built(name)
    tokens = torch.ones(batch, length, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(tokens, tokens)
    assert count(shape, batch, length).flops == counter.get_total_flops()


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_of_the_model(name):
    model, shape = built(name)
    assert parameter_count(shape) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("key", NAMED)
def test_the_published_shapes_are_those_of_the_model_on_the_meta_device(key):
    shape = named_shape(f"shape:{key}")
    with torch.device("meta"):
        model = C2LLMModel(C2LLMConfig(**shape.config()))
    assert parameter_count(shape) == sum(p.numel() for p in model.parameters())
    assert pma_parameters(shape) == {"0.5b": 3_219_328, "7b": 51_412_480}[key]
    assert shape_of(shape.name, model.config.to_dict()) == shape


def test_the_published_totals():
    assert parameter_count(NAMED["0.5b"]) == 497_252_096
    head = 152_064 * 3584
    assert parameter_count(NAMED["7b"]) + head == 7_667_028_992


def test_costs_grow_as_they_should():
    shape = NAMED["0.5b"]
    one, two = count(shape, 1, 512), count(shape, 2, 512)
    assert two.attention_flops == 2 * one.attention_flops
    assert count(shape, 1, 1024).attention_flops == 4 * one.attention_flops
    assert two.weight_bytes == one.weight_bytes == 2 * count(shape, 1, 512, 2).weight_bytes
    assert one.read_bytes < one.weight_bytes < one.moved_bytes + shape.vocabulary * shape.hidden * 4
    assert one.generator_cache_bytes == 2 * 24 * 512 * 2 * 64 * 4
    assert two.intensity() > one.intensity()  # the weights are read once for both texts


def test_the_bound_is_the_slower_of_the_two():
    counts = count(NAMED["0.5b"], 1, 64)
    assert counts.least_seconds(1e9, 1e30) == counts.flops / 1e9
    assert counts.least_seconds(1e30, 1e9) == counts.moved_bytes / 1e9


def test_what_cannot_be_counted_is_none_or_refused():
    fields = tiny_model().config.to_dict()
    assert shape_of("x", {**fields, "pooling": "mean"}) is None
    assert shape_of("x", {**fields, "backbone": {"model_type": "mamba"}}) is None
    with pytest.raises(UsageError, match=r"'shape:13b'; there are shape:0\.5b, shape:7b"):
        named_shape("shape:13b")
    with pytest.raises(ValueError, match="must be positive"):
        count(NAMED["7b"], 0, 4)
    with pytest.raises(ValueError, match="only decoders"):
        replace(NAMED["7b"], kind="encoder").config()
