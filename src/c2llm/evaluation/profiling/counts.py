"""Parameters, operations and bytes of one forward pass, counted from the sizes alone.

An operation is a multiplication or an addition of a matrix product, so a product of (m, k) and
(k, n) has 2 m n k; norms, softmax, rotations and activations are not counted. That is what
`torch.utils.flop_counter` counts, and the tests hold us to its number. Attention counts all L x L
scores, masked or not: that is what a dense kernel computes; a kernel that skips the upper triangle
of a causal model saves half of that term, which is given apart.

An embedding pass keeps no keys and values: they live within their layer. What a text generator of
the same shape would have to hold is given beside it, because it is what serving guides plan for.
"""

from __future__ import annotations

from dataclasses import dataclass

from c2llm.evaluation.profiling.shape import Shape


@dataclass(frozen=True, slots=True)
class Counts:
    """The costs of one batch of B texts of L tokens; bytes at the width that was asked for."""

    flops: int
    attention_flops: int
    """Of `flops`, those that grow with L squared."""
    pooling_flops: int
    """Of `flops`, those of PMA."""
    parameters: int
    weight_bytes: int
    """All weights."""
    read_bytes: int
    """Weights that the pass reads: the rows of B x L tokens stand for the whole token table."""
    peak_activation_bytes: int
    """What lives at once at the widest place of a layer, attention scores not kept."""
    moved_bytes: int
    """`read_bytes`, and every matrix product's input and output once."""
    generator_cache_bytes: int
    """Keys and values of all layers: a generator would keep them, an embedding pass does not."""

    def least_seconds(self, flops_per_second: float, bytes_per_second: float) -> float:
        """The roofline's bound: no machine of this ceiling is faster.

        Source: Williams, Waterman and Patterson, CACM 52(4), 2009.
        """
        return max(self.flops / flops_per_second, self.moved_bytes / bytes_per_second)

    def intensity(self) -> float:
        """Operations per byte moved."""
        return self.flops / self.moved_bytes


def count(shape: Shape, batch: int, length: int, bytes_per_number: int = 4) -> Counts:
    """The costs of a padded batch.

    Args:
        shape: the model.
        batch: texts, B.
        length: tokens of each, padding included, L.
        bytes_per_number: 4 for fp32, 2 for bf16, 1 for int8.

    Raises:
        ValueError: if a size is below 1.
    """
    if min(batch, length, bytes_per_number) < 1:
        raise ValueError(f"sizes must be positive: {batch=}, {length=}, {bytes_per_number=}")
    tokens = batch * length
    attention = shape.layers * 4 * batch * shape.heads * length * length * shape.head_width
    layers = shape.layers * 2 * tokens * layer_weights(shape)
    pooling = _pooling_flops(shape, batch, length)
    parameters = parameter_count(shape)
    table = shape.vocabulary * shape.hidden
    read = parameters - table + min(tokens, shape.vocabulary) * shape.hidden
    moved = read + _moved_numbers(shape, batch, length)
    return Counts(
        flops=layers + attention + pooling,
        attention_flops=attention,
        pooling_flops=pooling,
        parameters=parameters,
        weight_bytes=parameters * bytes_per_number,
        read_bytes=read * bytes_per_number,
        peak_activation_bytes=_peak_numbers(shape, batch, length) * bytes_per_number,
        moved_bytes=moved * bytes_per_number,
        generator_cache_bytes=2
        * shape.layers
        * tokens
        * shape.kv_heads
        * shape.head_width
        * bytes_per_number,
    )


def layer_weights(shape: Shape) -> int:
    """Numbers in the matrices of one layer; a token costs two operations for each."""
    if shape.kind == "static":
        return 0
    query = shape.hidden * shape.heads * shape.head_width
    key = shape.hidden * shape.kv_heads * shape.head_width
    forward = (3 if shape.kind == "decoder" else 2) * shape.hidden * shape.intermediate
    return 2 * query + 2 * key + forward


def parameter_count(shape: Shape) -> int:
    """All parameters; there is no output head."""
    hidden, layers = shape.hidden, shape.layers
    embeddings = (shape.vocabulary + shape.positions) * hidden
    if shape.kind == "decoder":
        biases = (shape.heads + 2 * shape.kv_heads) * shape.head_width
        norms = layers * 2 * hidden + hidden
    elif shape.kind == "encoder":
        biases = 4 * hidden + shape.intermediate + hidden
        norms = layers * 4 * hidden + 2 * hidden
    else:
        biases = norms = 0
    return embeddings + layers * (layer_weights(shape) + biases) + norms + pma_parameters(shape)


def pma_parameters(shape: Shape) -> int:
    """Parameters of the pooling: seeds, four matrices with biases, two norms."""
    dim = shape.pma_dim
    matrices = 2 * (dim * dim + dim) + 2 * (shape.hidden * dim + dim)
    return shape.pma_queries * dim + matrices + (4 * dim if shape.pma_norms else 0)


def _pooling_flops(shape: Shape, batch: int, length: int) -> int:
    """PMA with keys and values folded into the seeds (see `modeling/pooling.py`)."""
    dim, hidden, heads, queries = shape.pma_dim, shape.hidden, shape.pma_heads, shape.pma_queries
    project = 2 * queries * dim * dim * (2 if shape.pma_projected else 1)
    fold = 2 * queries * dim * hidden + 2 * queries * dim
    logits = 2 * batch * length * hidden * heads * queries
    average = 2 * batch * heads * queries * length * hidden
    read_out = 2 * batch * queries * dim * (hidden + dim)
    return project + fold + logits + average + read_out


def _layer_widths(shape: Shape) -> tuple[int, int]:
    """Numbers of one token in the attention block and in the feed-forward block of a layer."""
    width = shape.heads * shape.head_width
    attention = width + 2 * shape.kv_heads * shape.head_width
    forward = (2 if shape.kind == "decoder" else 1) * shape.intermediate
    return attention, forward


def _peak_numbers(shape: Shape, batch: int, length: int) -> int:
    """The residual, its normed copy, and the wider of the two blocks of a layer."""
    tokens = batch * length
    if shape.kind == "static":
        return tokens * (shape.hidden + shape.pma_heads * shape.pma_queries)
    return tokens * (2 * shape.hidden + max(_layer_widths(shape)))


def _moved_numbers(shape: Shape, batch: int, length: int) -> int:
    """Inputs and outputs of all products, each written and read once."""
    tokens = batch * length
    scores = 2 * tokens * shape.pma_heads * shape.pma_queries
    pooling = scores + 2 * tokens * shape.hidden
    if shape.kind == "static":
        return pooling
    attention, forward = _layer_widths(shape)
    return pooling + shape.layers * tokens * 2 * (4 * shape.hidden + attention + forward)
