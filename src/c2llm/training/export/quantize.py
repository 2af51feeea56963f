"""Int8 that stays near fp32: outlier channels apart, the others smoothed, every scale fixed.

onnxruntime's own dynamic quantisation gives all that enters a product one scale, taken from the
batch at hand. In a transformer a few channels are ten times as large as the others (Dettmers et al.
2022, LLM.int8(), arXiv 2208.07339) and padding is larger still, so that scale is coarse for the
rest, and a text's vector depends on its batch. Here the fp32 graph runs on calibration texts
first, and from the range of each channel j of what enters a product follows

    x W ~ q(x / s) q(s W)       s_j = max|x_j|^a / max|W_j|^(1-a): some of the range of x
                                      moves into W (SmoothQuant, Xiao et al. 2022, arXiv
                                      2211.10438, eq. 4); q rounds x to uint8 with one scale and
                                      zero point, W to int8 with a scale per output channel
        + x[outliers] W[outliers]     up to the 48th part of channels, those with the largest max,
                                      stays in fp32 where that makes the steps of q finer; q clips
                                      them, and their rows of W are 0 in the first product
    E[ids] = scale[ids] E8[ids]       embeddings with a scale per row

Neither is free: 1/s is a pass over all that enters, outliers are two over all that comes out. In
batches that stay in the caches, on a Xeon with AMX, a pass over a number takes as long as some 200
multiplications of the product. So of the forms with and without the two the one is chosen whose
width of q, which is its error, times its price is least (`choose_form`).

The vector of a text then depends on no other text. Products of uint8 and int8 saturate on x86 CPUs
that have neither VNNI nor AMX; 7-bit weights never do, hence the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.onnx_runtime import onnx_runtime
from c2llm.training.export.constants import GraphConstants

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

Floats = NDArray[np.float32]
Feed = dict[str, NDArray[np.int64]]

SMOOTHING = 0.6
"""The exponent a; 0.5 and 0.7 are worse on MiniLM."""
OUTLIER_SHARE = 48
"""At most one channel in so many stays in fp32."""
PASS = 240
"""The price of reading and writing a number once more, in multiplications of an int8 product."""
MICROSOFT = "com.microsoft"
# Ends of names, which `from_onnx.py` reads: int8 weights and their scale; of what enters, its uint8
# form, 1/s and the indices of outliers; the weight rows of those.
INT8, SCALE = "_quantized", "_scale"
UINT8, INVERSE, OUTLIERS, OUTLIER_WEIGHT = "_uint8", "_inverse", "_outlier_index", "_outlier_weight"
BACKBONE = "model.backbone"
"""The module whose products are quantised: pooling is a thousandth of the work and stays fp32."""
_TINY = np.float32(1e-5)
ROWS = 1 << 14
"""Of a table of embeddings that are rounded at once."""


@dataclass(frozen=True)
class Product:
    """Constant weights that one tensor is multiplied with."""

    entering: str
    nodes: list[NodeProto]
    weights: list[str]
    """Names of constants (K, N)."""


@dataclass(frozen=True)
class Form:
    """How what enters a product is rounded."""

    scales: Floats | None
    """The s (K,) of the module's formula; None where all are 1."""
    outliers: NDArray[np.int64]
    """Channels that stay in fp32."""
    low: float
    high: float
    """What q(x / s) reaches from and to."""


def quantize(path: Path, out: Path, feeds: Sequence[Feed], *, weight_bits: int = 7) -> Path:
    """Quantise the backbone of an fp32 graph.

    Args:
        path: the graph as torch exports it, which notes the module of each node.
        out: where to write the int8 graph.
        feeds: inputs to calibrate on.
        weight_bits: of the rounded weights; 8 needs a CPU with VNNI or AMX, or ARM.

    Returns:
        `out`.
    """
    levels = 2 ** (weight_bits - 1) - 1
    with GraphConstants(path, out) as constants:
        found = products(constants)
        ranges = channel_ranges(constants.model, path, [p.entering for p in found], feeds)
        for product in found:
            _quantize_product(constants, product, ranges[product.entering], levels)
        quantize_embeddings(constants)
        need_microsoft(constants.model)
    return out


def need_microsoft(model: ModelProto) -> None:
    """Say in a graph that it has operators of onnxruntime's own."""
    from onnx import helper

    if all(opset.domain != MICROSOFT for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))


def products(constants: GraphConstants) -> list[Product]:
    """The backbone's products with constant weights, by what enters them."""
    grouped: dict[str, list[NodeProto]] = {}
    for node in _backbone(constants.graph, "MatMul"):
        weights = constants.tensor(node.input[1])
        if weights is not None and len(weights.dims) == 2:
            grouped.setdefault(node.input[0], []).append(node)
    return [
        Product(name, nodes, [node.input[1] for node in nodes]) for name, nodes in grouped.items()
    ]


def channel_ranges(
    model: ModelProto, path: Path, names: Sequence[str], feeds: Sequence[Feed]
) -> dict[str, Floats]:
    """The least and the largest value of each channel of the named tensors (2, K); 0 is within.

    Args:
        model: the graph.
        path: where it was read from, with what it has outside.
        names: tensors whose last axis is that of channels.
        feeds: inputs to run.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    first = numpy_helper.from_array(np.array([0], dtype=np.int64), "c2llm_first_axis")
    watched.graph.initializer.append(first)
    wanted: list[str] = []
    for name in names:  # reduced there: the tensors themselves would take gigabytes
        rows = f"{name}_rows_of_channels"
        watched.graph.node.append(helper.make_node("Flatten", [name], [rows], axis=-1))
        for kind in ("ReduceMin", "ReduceMax"):
            wanted.append(f"{name}_{kind}")
            node = helper.make_node(kind, [rows, first.name], wanted[-1:], keepdims=0)
            watched.graph.node.append(node)
            output = helper.make_tensor_value_info(wanted[-1], TensorProto.FLOAT, None)
            watched.graph.output.append(output)
    file = path.with_name("watched.onnx")  # beside its weights
    file.write_bytes(watched.SerializeToString())
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.add_session_config_entry("session.disable_prepacking", "1")  # a copy of all weights
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    ranges: dict[str, Floats] = {}
    for feed in feeds:
        found = session.run(wanted, feed)
        for name, low, high in zip(names, found[::2], found[1::2], strict=True):
            before = ranges.get(name, np.zeros((2, len(low)), dtype=np.float32))
            ranges[name] = np.stack([np.minimum(before[0], low), np.maximum(before[1], high)])
    file.unlink()
    return ranges


def smoothing_scales(largest: Floats, weights: Sequence[Floats]) -> Floats:
    """The s (K,) of the module's formula for weights (K, N), their geometric mean 1."""
    rows = np.max([np.abs(w).max(axis=1) for w in weights], axis=0)
    top, bottom = np.maximum(largest, _TINY), np.maximum(rows, _TINY)
    logarithm = SMOOTHING * np.log(top) - (1 - SMOOTHING) * np.log(bottom)
    scales: Floats = np.exp(logarithm - logarithm.mean()).astype(np.float32)
    return scales


def choose_form(ranges: Floats, weights: Sequence[Floats]) -> Form:
    """How what enters products is rounded: smoothed or not, outliers apart or not.

    Args:
        ranges: least and largest value of each channel (2, K).
        weights: (K, N) each.
    """
    largest = np.abs(ranges).max(axis=0)
    order = np.argsort(-largest)
    rows, columns = len(order), sum(weight.shape[1] for weight in weights)
    most = rows // OUTLIER_SHARE
    chosen, least = None, np.inf
    for scales in (None, smoothing_scales(largest, weights)):
        for count in sorted({0, most // 4, most // 2, most}):
            form = Form(scales, np.sort(order[:count]), *_bounds(ranges, scales, order[:count]))
            passes = rows * (scales is not None) + 2 * columns * (count > 0)
            cost = (form.high - form.low) * (1 + PASS * passes / (rows * columns))
            if cost < least:
                chosen, least = form, cost
    assert chosen is not None
    return chosen


def _bounds(
    ranges: Floats, scales: Floats | None, outliers: NDArray[np.int64]
) -> tuple[float, float]:
    """The least and the largest value of x / s, outliers left out; 0 is within."""
    low, high = np.delete(ranges if scales is None else ranges / scales, outliers, axis=1)
    return min(float(low.min()), 0.0), max(float(high.max()), 0.0)


def _quantize_product(
    constants: GraphConstants, product: Product, ranges: Floats, levels: int
) -> None:
    """Put the products of one tensor into the module's form, weights rounded to +-levels."""
    from onnx import helper

    graph = constants.graph
    weights: list[Floats] = [constants.array(name) for name in product.weights]
    form = choose_form(ranges, weights)
    scales, outliers = form.scales, form.outliers
    count = len(outliers)
    step = np.array(max(form.high - form.low, float(_TINY)) / 255, dtype=np.float32)
    zero = np.array(np.clip(np.rint(-form.low / step), 0, 255), dtype=np.uint8)
    name = product.entering
    smooth, rounded, apart = f"{name}_smooth", f"{name}{UINT8}", f"{name}_outliers"
    step_name = constants.add(f"{name}_step{SCALE}", step)
    zero_name = constants.add(f"{name}_zero_point", zero)
    before: list[NodeProto] = []
    if scales is not None:
        inverse = constants.add(f"{name}{INVERSE}", 1 / scales)
        before.append(helper.make_node("Mul", [name, inverse], [smooth]))
    entering = name if scales is None else smooth
    before.append(helper.make_node("QuantizeLinear", [entering, step_name, zero_name], [rounded]))
    if count:
        index = constants.add(f"{name}{OUTLIERS}", outliers.astype(np.int64))
        before.append(helper.make_node("Gather", [name, index], [apart], axis=-1))
    _insert(graph, _position(graph, product.nodes[0]), before)
    for node, weight in zip(product.nodes, weights, strict=True):
        scaled = weight.copy() if scales is None else weight * scales[:, None]
        scaled[outliers] = 0
        column = np.maximum(np.abs(scaled).max(axis=0), _TINY) / np.float32(levels)
        label = node.output[0]
        bias = _bias(graph, node)
        result = bias.output[0] if bias is not None else label
        inputs = [
            rounded,
            constants.replace(
                node.input[1], f"{label}{INT8}", np.rint(scaled / column).astype(np.int8)
            ),
            step_name,
            constants.add(f"{label}{SCALE}", column),
            zero_name,
        ]
        if bias is not None:
            inputs += ["", next(name for name in bias.input if name != label)]
        sum_name = f"{label}_rounded" if count else result
        new = [helper.make_node("MatMulIntegerToFloat", inputs, [sum_name], domain=MICROSOFT)]
        if count:
            kept = constants.add(f"{label}{OUTLIER_WEIGHT}", weight[outliers])
            new += [
                helper.make_node("MatMul", [apart, kept], [f"{label}_side"]),
                helper.make_node("Add", [sum_name, f"{label}_side"], [result]),
            ]
        position = _position(graph, node)
        graph.node.remove(node)
        if bias is not None:
            graph.node.remove(bias)
        _insert(graph, position, new)


def _bias(graph: GraphProto, node: NodeProto) -> NodeProto | None:
    """The addition of a constant row behind a product, if it is all that reads the product."""
    constants = {i.name for i in graph.initializer if len(i.dims) == 1}
    readers = [n for n in graph.node if node.output[0] in n.input]
    if len(readers) == 1 and readers[0].op_type == "Add" and constants & set(readers[0].input):
        return readers[0]
    return None


def quantize_embeddings(constants: GraphConstants) -> None:
    """Backbone embeddings to int8 with a scale per row."""
    from onnx import TensorProto, helper

    graph = constants.graph
    for node in list(_backbone(graph, "Gather")):
        name = node.input[0]
        table = constants.tensor(name)
        if table is None or len(table.dims) != 2 or table.data_type != TensorProto.FLOAT:
            continue
        rows, scale = _rounded_rows(constants.array(name))
        label, ids = node.output[0], node.input[1]
        whole = constants.replace(name, f"{name}{INT8}", rows)
        scales = constants.add(f"{name}{SCALE}", scale)
        node.input[0], node.output[0] = whole, f"{label}_rows"
        after = [
            helper.make_node("Cast", [f"{label}_rows"], [f"{label}_cast"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [scales, ids], [f"{label}_scale"], axis=0),
            helper.make_node("Mul", [f"{label}_cast", f"{label}_scale"], [label]),
        ]
        _insert(graph, _position(graph, node) + 1, after)


def _rounded_rows(rows: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Int8 values and a scale for each row (N, 1), a block at a time."""
    rounded = np.empty(rows.shape, dtype=np.int8)
    scales = np.empty((len(rows), 1), dtype=np.float32)
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        scale = np.maximum(np.abs(block).max(axis=1, keepdims=True), _TINY) / np.float32(127)
        scales[start : start + ROWS] = scale
        rounded[start : start + ROWS] = np.rint(block / scale)
    return rounded, scales


def _backbone(graph: GraphProto, op_type: str) -> Iterator[NodeProto]:
    for node in graph.node:
        if node.op_type == op_type and any(BACKBONE in p.value for p in node.metadata_props):
            yield node


def _position(graph: GraphProto, node: NodeProto) -> int:
    return next(i for i, other in enumerate(graph.node) if other is node or other == node)


def _insert(graph: GraphProto, position: int, nodes: Sequence[NodeProto]) -> None:
    for offset, node in enumerate(nodes):
        graph.node.insert(position + offset, node)
