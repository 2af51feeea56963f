"""Four bits: what is packed is what the operator reads, half a step from the weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from c2llm.training.export.four_bits import BLOCK, packed_blocks, quantize_four_bits
from tests.training.export.test_quantize import product_graph, run


def unpacked(packed, scales, k):
    levels = np.stack([packed & 15, packed >> 4], axis=-1).reshape(*scales.shape, BLOCK)
    values = (levels.astype(np.float32) - 8) * scales[..., None]
    return values.reshape(len(values), -1)[:, :k].T


@pytest.mark.parametrize("k", [32, 96, 80, 7])
def test_every_weight_is_at_most_half_a_step_off_and_the_largest_is_met(k):
    weight = np.random.default_rng(k).normal(size=(k, 5)).astype(np.float32)
    weight[:, 2] = 0
    weight[3, 1] = -50
    packed, scales = packed_blocks(weight)
    assert packed.shape == (5, -(-k // BLOCK), BLOCK // 2)
    read = unpacked(packed, scales, k)
    step = np.repeat(np.abs(scales), BLOCK, axis=1)[:, :k].T
    # A value as large as the largest, of the other sign, has no level of its own: 7 of 8.
    assert (
        np.abs(read - weight) <= np.where(np.abs(weight) > 7 * step, 1, 0.5) * step + 1e-6
    ).all()
    assert read[3, 1] == -50
    assert not read[:, 2].any()


def test_the_operator_multiplies_with_what_was_packed(tmp_path):
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(96, 24)).astype(np.float32)
    bias = rng.normal(size=24).astype(np.float32)
    x = rng.normal(size=(8, 96)).astype(np.float32)
    full = product_graph(tmp_path / "full.onnx", weight, bias)
    small = quantize_four_bits(full, tmp_path / "int4.onnx")
    wanted = x @ unpacked(*packed_blocks(weight), 96) + bias
    got = run(small, x)
    assert np.abs(got - wanted).max() < 0.3  # what enters is rounded to int8
    names = {i.name for i in onnx.load(small).graph.initializer}
    assert "w" not in names
    np.testing.assert_array_equal(run(small, x[:1])[0], got[0])  # whatever the other rows are
