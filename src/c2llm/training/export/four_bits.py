"""Weights in four bits: blocks of 32 that share a scale, unpacked where they are multiplied.

    w ~ scale (q - 8)     q from 0 to 15; scale is the block's value of largest size over -8, so
                          that this value is met and the grid has no level to spare

onnxruntime's MatMulNBits rounds what enters to int8 block by block and so needs no calibration; the
vector of a text depends on no other. Token embeddings, of which a text reads a few rows, are int8
with a scale a row as in `quantize.py`; norms, biases and pooling stay fp32. Rounding to the nearest
is all that is done: nearer methods (GPTQ, AWQ) need the model's own training texts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.training.export.constants import GraphConstants
from c2llm.training.export.quantize import (
    MICROSOFT,
    Floats,
    need_microsoft,
    products,
    quantize_embeddings,
)

BLOCK = 32
"""Inputs that share a scale."""
INT8_INPUT = 4
"""MatMulNBits' name for products of int8; without, it multiplies in fp32, several times slower."""


def quantize_four_bits(path: Path, out: Path) -> Path:
    """Round the backbone's weights of an fp32 graph; gives `out`.

    Args:
        path: the graph as torch exports it, which notes the module of each node.
        out: where to write the graph.
    """
    from onnx import helper

    with GraphConstants(path, out) as constants:
        for product in products(constants):
            for node, name in zip(product.nodes, product.weights, strict=True):
                weight: Floats = constants.array(name)
                packed, scales = packed_blocks(weight)
                label = node.output[0]
                inputs = [
                    product.entering,
                    constants.replace(name, f"{label}_four_bits", packed),
                    constants.add(f"{label}_block_scales", scales),
                ]
                del node.input[:]
                node.input.extend(inputs)
                node.op_type, node.domain = "MatMulNBits", MICROSOFT
                k, n = weight.shape
                for key, value in (
                    *(("K", k), ("N", n), ("bits", 4), ("block_size", BLOCK)),
                    ("accuracy_level", INT8_INPUT),
                ):
                    node.attribute.append(helper.make_attribute(key, value))
        quantize_embeddings(constants)
        need_microsoft(constants.model)
    return out


def packed_blocks(weight: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """Weights (K, N) as MatMulNBits reads them.

    Returns:
        Pairs of values, the first in the low half of a byte (N, blocks, 16), and scales of blocks
        (N, blocks); the last block is filled up with zeros.
    """
    k, n = weight.shape
    blocks = -(-k // BLOCK)
    rows = np.zeros((n, blocks * BLOCK), dtype=np.float32)
    rows[:, :k] = weight.T
    values = rows.reshape(n, blocks, BLOCK)
    place = np.abs(values).argmax(axis=2, keepdims=True)
    scales = np.take_along_axis(values, place, axis=2) / np.float32(-8)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(scales == 0, 0, values / scales)
    levels = np.clip(np.rint(steps) + 8, 0, 15).astype(np.uint8)
    return levels[..., ::2] | levels[..., 1::2] << 4, np.ascontiguousarray(scales[..., 0])
