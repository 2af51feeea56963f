"""Fused attention: one node a layer where only padding is hidden, the same vectors, never NaN."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession

from c2llm.training.export.onnx_export import _trace
from tests.tiny import bert_config, qwen_config, tiny_model


def exported(model, path):
    _trace(model, path)
    return InferenceSession(str(path), providers=["CPUExecutionProvider"])


def nodes(path):
    return Counter(node.op_type for node in onnx.load(path).graph.node)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A model, its session and its file."""
    model, path = tiny_model(bert_config()), tmp_path_factory.mktemp("bert") / "m.onnx"
    return model, exported(model, path), path


def test_one_node_a_layer_and_none_that_guards(bert):
    model, _, path = bert
    counts = nodes(path)
    assert counts["MultiHeadAttention"] == model.config.backbone.num_hidden_layers
    assert counts["IsNaN"] == 0
    assert counts["Softmax"] == 1  # the pooling's


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(bert, side):
    model, session, _ = bert
    ids = torch.randint(1, 20, (1, 11))
    lone = np.ones((1, 11), np.int64)
    [want] = session.run(["sentence_embedding"], {"input_ids": ids.numpy(), "attention_mask": lone})
    with torch.no_grad():
        torch_side = model.embed(ids, torch.from_numpy(lone)).numpy()
    np.testing.assert_allclose(want, torch_side, rtol=0, atol=1e-6)
    wide = np.random.default_rng(0).integers(1, 20, (3, 40))
    mask = np.zeros_like(wide)
    mask[1:] = 1
    where = slice(29, 40) if side == "left" else slice(0, 11)
    wide[0, where], mask[0, where] = ids.numpy(), 1
    vectors, states = session.run(
        ["sentence_embedding", "token_states"], {"input_ids": wide, "attention_mask": mask}
    )
    np.testing.assert_allclose(vectors[:1], want, rtol=0, atol=1e-6)
    assert np.isfinite(states).all()


def test_a_text_that_is_all_padding_is_finite(bert):
    _, session, _ = bert
    ids, mask = np.zeros((2, 5), np.int64), np.zeros((2, 5), np.int64)
    mask[1] = 1
    for output in session.run(None, {"input_ids": ids, "attention_mask": mask}):
        assert np.isfinite(output).all()


@pytest.mark.slow
def test_a_causal_backbone_keeps_its_own_attention(tmp_path):
    model = tiny_model(qwen_config())
    before = model.backbone.config._attn_implementation
    exported(model, tmp_path / "m.onnx")
    assert nodes(tmp_path / "m.onnx")["MultiHeadAttention"] == 0
    assert model.backbone.config._attn_implementation == before
