"""Backbone and pooling together: padding, batch-mates, folders, published parameter counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import AutoModel, Qwen2Config

from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.pooling import PMA
from tests.tiny import bert_config, qwen_config, save_tiny_backbone, tiny_model

BACKBONES = {"bert": bert_config, "qwen2": qwen_config}


@pytest.mark.parametrize("backbone", BACKBONES)
def test_padding_side_and_batch_mates_do_not_change_a_vector(backbone):
    model = tiny_model(BACKBONES[backbone]()).double()
    text = torch.tensor([[2, 4, 9, 7, 3]])
    alone = model.embed(text, torch.ones_like(text))
    other = torch.tensor([[2, 5, 6, 7, 8, 9, 10, 3]])
    pad = torch.zeros(1, 3, dtype=torch.long)
    for padded, mask in (
        (torch.cat([text, pad], 1), [1] * 5 + [0] * 3),
        (torch.cat([pad, text], 1), [0] * 3 + [1] * 5),
    ):
        batch = model.embed(torch.cat([padded, other]), torch.tensor([mask, [1] * 8]))
        torch.testing.assert_close(batch[:1], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_padding_tokens_themselves_do_not_matter(backbone):
    model = tiny_model(BACKBONES[backbone]()).double()
    ids, mask = torch.tensor([[2, 4, 3, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]])
    other = ids.clone()
    other[0, 3:] = 9
    torch.testing.assert_close(model.embed(ids, mask), model.embed(other, mask), rtol=0, atol=1e-12)


def test_embedding_is_a_unit_vector_of_the_promised_width():
    for queries, merge, width in ((1, "concat", 32), (3, "concat", 96), (3, "mean", 32)):
        model = tiny_model(pma_num_queries=queries, pma_merge=merge)
        ids = torch.tensor([[2, 4, 3]])
        vector = model.embed(ids, torch.ones_like(ids))
        assert vector.shape == (1, width) and model.config.embedding_dim == width
        torch.testing.assert_close(vector.norm(dim=-1), torch.ones(1))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_saved_folder_loads_to_the_same_vectors(tmp_path, backbone):
    model = tiny_model(BACKBONES[backbone](), pma_dim=48, pma_residual="raw")
    model.save_pretrained(tmp_path)
    ids, mask = torch.tensor([[2, 4, 9, 3]]), torch.ones(1, 4, dtype=torch.long)
    again = C2LLMModel.from_pretrained(tmp_path).eval()
    assert again.config.pma_residual == "raw" and again.config.pma_dim == 48
    assert torch.equal(model.embed(ids, mask), again.embed(ids, mask))
    assert type(AutoModel.from_pretrained(tmp_path)) is C2LLMModel


def test_a_saved_config_names_no_path(tmp_path):
    source = save_tiny_backbone(tmp_path / "backbone")
    C2LLMModel.from_backbone(source, pma_num_heads=4).save_pretrained(tmp_path / "model")
    assert str(tmp_path) not in (tmp_path / "model" / "config.json").read_text()


def test_the_backbone_keeps_its_trained_weights(tmp_path):
    source = save_tiny_backbone(tmp_path)
    model = C2LLMModel.from_backbone(source, pma_num_heads=4)
    want = AutoModel.from_pretrained(source).embeddings.word_embeddings.weight
    assert torch.equal(model.backbone.embeddings.word_embeddings.weight, want)


@pytest.mark.parametrize(
    ("size", "backbone_parameters", "pma_parameters", "total"),
    [
        ((896, 24, 14, 2, 4864, 151936), 494_032_768, 3_219_328, 497_252_096),
        # The published 7B count includes 152064 x 3584 of an lm_head that embedding never needs.
        ((3584, 28, 28, 4, 18944, 152064), 7_615_616_512 - 544_997_376, 51_412_480, 7_122_031_616),
    ],
)
def test_parameter_counts_of_the_published_models(size, backbone_parameters, pma_parameters, total):
    hidden, layers, heads, kv_heads, intermediate, vocabulary = size
    config = C2LLMConfig(
        Qwen2Config(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            intermediate_size=intermediate,
            vocab_size=vocabulary,
        )
    )
    with torch.device("meta"):
        model = C2LLMModel(config)
    assert count(model.backbone) == backbone_parameters
    assert count(model.pooler) == pma_parameters
    assert count(model) == total


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pma_num_heads": 5}, "does not divide"),
        ({"pma_merge": "sum"}, "pma_merge"),
        ({"pma_residual": "none"}, "pma_residual"),
    ],
)
def test_contradictory_configs_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        C2LLMConfig(bert_config(), **fields)


def test_the_pooler_is_reachable_by_name():
    assert isinstance(tiny_model().pooler, PMA)
