"""Weights that can be trained again, from a graph that can only be run.

A shipped model is an int8 `model.onnx`; adapting it needs its float weights back. An exported graph
still holds all of them, only under other names and, in the pooling, folded:

- What the exporter left alone keeps its name (`model.backbone…`): biases, norms, embeddings.
- The weight of a linear layer lost its name and was transposed, but the bias that is added right
  after it has its name still: the weight of `….query.bias` is `….query.weight`.
- Int8 tensors stand beside their scale and zero point: w = scale (q - zero point). Those of our
  own quantiser were smoothed before, and the rows of outlier channels are beside them in fp32.
- Halves (fp16) stand under the name of what they are widened to, with an ending.
- Of PMA, the export keeps q = fc_q(S) and, per head, q W_k: S, fc_q and fc_k themselves are gone.
  Any S, fc_q, fc_k with the same products compute the same vectors. Chosen here: S is q, fc_q is
  the identity, and fc_k the smallest matrix (least squares, Moore-Penrose) that gives q W_k.

So the result computes what the graph computes, up to the rounding of int8 activations, and trains
on from there (`training/export/restore.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from c2llm.errors import ModelError
from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.model import C2LLMModel
from c2llm.training.export.onnx_export import FP16, Precision
from c2llm.training.export.quantize import INT8, INVERSE, OUTLIER_WEIGHT, OUTLIERS, SCALE, UINT8

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

_PREFIX = "model."
_PRODUCTS = ("MatMul", "FusedMatMul", "Gemm", "MatMulInteger", "MatMulIntegerToFloat")
_ON_THE_WAY = ("Cast", "Mul")
_ADDING = (*_ON_THE_WAY, "Add", "BiasGelu", "SkipLayerNormalization")
_REACH = 4
"""Nodes between a product and the addition of its bias."""

Array = NDArray[Any]


def restore_tensors(file: Path, config: C2LLMConfig) -> dict[str, torch.Tensor]:
    """The state dict of `C2LLMModel(config)`, float32, from an exported graph.

    Raises:
        ModelError: naming what is missing or of another shape.
    """
    if config.pooling != "pma":
        raise ModelError(f"{file} pools by {config.pooling!r}; only PMA can be restored.")
    graph = _read_graph(file)
    constants = dict(_constants(graph, file))
    found = {
        name.removeprefix(_PREFIX): value
        for name, value in constants.items()
        if name.startswith(_PREFIX)
    }
    layers = dict(_linear_weights(graph, constants))
    found |= {name: constants[constant].T for name, constant in layers.items()}
    folded = {
        name: value
        for name, value in constants.items()
        if not name.startswith(_PREFIX) and name not in layers.values()
    }
    found |= _unfold_pooling(folded, config, file)
    with torch.device("meta"):
        expected = {k: tuple(v.shape) for k, v in C2LLMModel(config).state_dict().items()}
    for name, shape in expected.items():
        if name not in found or found[name].shape != shape:
            has = f"in the shape {found[name].shape}" if name in found else "not at all"
            raise ModelError(
                f"{file} holds {name} {has}, but its config.json asks for {shape}: only exports of "
                "`c2llm export` with a BERT-like backbone can be restored; of other models take "
                "the folder with safetensors."
            )
    return {name: torch.from_numpy(np.array(found[name], np.float32)) for name in expected}


def graph_precision(file: Path) -> Precision:
    """In which numbers an exported graph keeps its weights.

    Raises:
        ModelError: if it cannot be read.
    """
    from onnx import TensorProto

    graph = _read_graph(file)
    if any(node.op_type == "MatMulNBits" for node in graph.node):
        return "int4"
    if any(tensor.name.endswith(INT8) for tensor in graph.initializer):
        return "int8"
    halved = any(tensor.data_type == TensorProto.FLOAT16 for tensor in graph.initializer)
    return "fp16" if halved else "fp32"


def _read_graph(file: Path) -> GraphProto:
    import onnx

    try:
        return onnx.load(file, load_external_data=False).graph
    except Exception as error:  # protobuf's own DecodeError has no type stubs
        raise ModelError(f"{file} cannot be read as ONNX; copy the model again.") from error


def _constants(graph: GraphProto, file: Path) -> Iterator[tuple[str, Array]]:
    """Names without the quantiser's suffix and values in float32."""
    from onnx import numpy_helper

    beside = str(file.parent)
    stored = {tensor.name: numpy_helper.to_array(tensor, beside) for tensor in graph.initializer}
    entering = {node.input[1]: node.input[0] for node in graph.node if node.op_type in _PRODUCTS}
    outliers = _outlier_indices(graph)
    for name, value in stored.items():
        if name.endswith(INT8):
            plain = name.removesuffix(INT8)
            zero = stored.get(f"{plain}_zero_point", np.float32(0)).astype(np.float32)
            weight = (value.astype(np.float32) - zero) * stored[f"{plain}{SCALE}"]
            source = entering.get(name, "").removesuffix(UINT8)
            if f"{source}{INVERSE}" in stored:  # W from s W and the rows of outlier channels
                weight = weight * stored[f"{source}{INVERSE}"][:, None]
            if kept := outliers.get(f"{plain}{OUTLIER_WEIGHT}"):
                weight[stored[kept]] = stored[f"{plain}{OUTLIER_WEIGHT}"]
            yield plain, weight
        elif name.endswith(FP16):
            yield name.removesuffix(FP16), value.astype(np.float32)
        elif not name.endswith((SCALE, "_zero_point", INVERSE, OUTLIERS, OUTLIER_WEIGHT)):
            yield name, value


def _outlier_indices(graph: GraphProto) -> dict[str, str]:
    """For each constant of outlier rows (`quantize.py`) the one that tells which they are.

    By the nodes between them: an export keeps equal constants once, under one of their names.
    """
    gathered = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "Gather"}
    return {
        name: gathered[source]
        for node in graph.node
        for source, name in zip(node.input, node.input[1:], strict=False)
        if name.endswith(OUTLIER_WEIGHT) and source in gathered
    }


def _linear_weights(graph: GraphProto, constants: dict[str, Array]) -> Iterator[tuple[str, str]]:
    """Our name of each linear layer's weight, and the constant (in, out) that it is."""
    readers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for node in graph.node:
        if node.op_type not in (*_PRODUCTS, "DynamicQuantizeMatMul") or len(node.input) < 2:
            continue
        constant = node.input[1].removesuffix(INT8)
        if constant in constants and constants[constant].ndim == 2:
            bias = _bias_after(node, readers, set(constants))
            if bias is not None:
                yield bias.removeprefix(_PREFIX).removesuffix("bias") + "weight", constant


def _bias_after(
    node: NodeProto, readers: dict[str, list[NodeProto]], constants: set[str]
) -> str | None:
    """The name of the bias that is added to a product, by the node itself or soon after it."""
    for _ in range(_REACH):
        if node.op_type not in _ON_THE_WAY:
            # SkipLayerNormalization's inputs 2 and 3 are the norm's own, 4 is a fused bias.
            inputs = node.input[4:] if node.op_type == "SkipLayerNormalization" else node.input
            named = [n for n in inputs if n in constants and n.endswith(".bias")]
            if named:
                return named[0] if named[0].startswith(_PREFIX) else None
        following = readers.get(node.output[0], [])
        if len(following) != 1 or following[0].op_type not in _ADDING:
            return None
        node = following[0]
    return None


def _unfold_pooling(folded: dict[str, Array], config: C2LLMConfig, file: Path) -> dict[str, Array]:
    """S, fc_q, fc_k and fc_v of PMA, from the products that the export keeps of them."""
    assert config.pma_dim is not None and config.backbone is not None
    d, hidden = config.pma_dim, int(config.backbone.hidden_size)
    heads, n = config.pma_num_heads, config.pma_num_queries
    width = d // heads

    def only(shape: tuple[int, ...], what: str) -> Array:
        matches = [v for v in folded.values() if v.shape == shape and v.dtype == np.float32]
        if len(matches) != 1:
            raise ModelError(
                f"{file} has {len(matches)} constants of shape {shape} where {what} is expected "
                "once; export the model again with `c2llm export`."
            )
        return matches[0]

    base = only((n, d), "the projected query of PMA")  # fc_q(S), or S itself
    keys = only((hidden, heads * n), "q W_k of PMA").T.reshape(heads, n, hidden)
    offsets = only((heads * n,), "q b_k of PMA").reshape(heads, n, 1)
    values = only((heads, hidden, width), "W_v of PMA")
    value_bias = only((heads, 1, width), "b_v of PMA")
    if n == 1:  # where the query is faint, the gradient of its keys is (`init_as_mean_pooling`)
        wide = np.random.default_rng(0).standard_normal(base.shape)
        value_bias = value_bias + (base - wide).reshape(value_bias.shape)
        base = wide
    queries = base.reshape(n, heads, width).transpose(1, 0, 2)  # (heads, n, width)
    inverse = np.linalg.pinv(queries.astype(np.float64))  # (heads, width, n)
    return {
        "pooler.S": base[None],
        "pooler.fc_q.weight": np.eye(d),
        "pooler.fc_q.bias": np.zeros(d),
        "pooler.fc_k.weight": (inverse @ keys).reshape(d, hidden),
        "pooler.fc_k.bias": (inverse @ offsets).reshape(d),
        "pooler.fc_v.weight": values.transpose(0, 2, 1).reshape(d, hidden),
        "pooler.fc_v.bias": value_bias.reshape(d),
    }
