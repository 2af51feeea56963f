"""The `table` engine: a static model folded into two arrays, read with numpy alone.

`table.npz` is a zip of plain arrays (no pickle); `modeling/fold.py` says what they are. A text's
vector is a softmax over the scores of its tokens, their weighted values, and PMA's readout, a
product of one small matrix.

A token's score does not depend on the text, so exp(score) times value is a table too, and the
softmax average of a text is a sum of rows over a sum of rows: no padding, no maximum per text. The
largest score of the whole table is taken off first; where scores are so far apart that float32
would lose the small ones, texts are padded and every text has its own maximum.

A table with a `tf_power` p below 1 lets n occurrences of a token weigh n ** p, as sublinear term
frequency does for words: a variable that a function names twenty times is not twenty times as
telling. Occurrences are counted in what is read at once: a whole text, or a window of a text longer
than `max_tokens`.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.engines import CPU_TOKENS, Ids, TokenLevel, Vectors
from c2llm.errors import ModelError
from c2llm.modeling.model_json import require_regular

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# exp of a difference of scores beyond it is lost beside 1 in float32 sums of any useful length.
WIDEST_SCORES = 60.0
# Rows that are summed in float32: few enough to stay in the caches.
RUN = 256

MOST_ARRAYS = 32
# Of a member's name and of what follows it, in the member's header.
_LENGTHS_AT = 26
REQUIRED = ("score", "value", "split_heads", "merge_mean")
NORM_EPS = np.float32(1e-5)


class TableEngine:
    """Looks tokens up instead of computing them.

    Args:
        path: a `table.npz`.
        vocabulary: tokens that it has to have rows for; None for as many as it has.

    Raises:
        ModelError: if the file is damaged or its arrays do not fit each other.
    """

    token_level = True
    token_budget = CPU_TOKENS
    streams = 1

    def __init__(self, path: Path, vocabulary: int | None = None) -> None:
        arrays = read_table(path)
        _check_arrays(arrays, path)
        if vocabulary is not None and len(arrays["score"]) < vocabulary:
            raise ModelError(
                f"{path} has rows for {len(arrays['score'])} tokens, but its config.json promises "
                f"{vocabulary}; copy table.npz and config.json from the same model."
            )
        self._score: Floats = arrays["score"].astype(np.float32)
        self._value: NDArray[Any] = arrays["value"]  # int8 stays int8 until it is looked up
        self._scale: Floats | None = None
        if "value_scale" in arrays and arrays["value_scale"].shape == self._value.shape[:1]:
            self._scale = arrays["value_scale"].astype(np.float32)
        elif self._value.dtype == np.int8:
            raise ModelError(f"{path} has int8 values without their scales; export it again.")
        self._split, self._merge_mean = bool(arrays["split_heads"]), bool(arrays["merge_mean"])
        self._tf_power = float(arrays.get("tf_power", 1.0))
        if not 0 < self._tf_power <= 1:
            raise ModelError(f"{path} has a tf_power of {self._tf_power}; export the model again.")
        self._rest: dict[str, NDArray[Any]] = arrays
        self._weights = self._token_weights()
        self._rows: Floats | None = None
        self._looked_up = 0

    @property
    def sums_rows(self) -> bool:
        """Whether `run_bags` works on this table."""
        return self._weights is not None

    @property
    def counts_tokens(self) -> bool:
        """Whether a token's weight depends on how often it occurs in what is read at once."""
        return self._tf_power != 1

    def run_bags(self, texts: Sequence[NDArray[np.int32]]) -> Vectors:
        """Unit vectors (len(texts), dim) of token ids, unpadded and in any order of length."""
        if self._weights is None:
            raise ValueError("These scores lie too far apart to be summed; use run().")
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        ids = np.concatenate([np.empty(0, np.int64), *texts])
        factors = None
        if self._tf_power != 1:
            ids, lengths, counts = _counted(ids, lengths, len(self._weights))
            factors = (counts**self._tf_power).astype(np.float32)
        rows, places = self._weighted_rows(self._weights, ids)
        heads = self._weights.shape[1]
        sums = _segment_sums(rows, places, lengths, factors)
        numerator, denominator = sums[:, :-heads], sums[:, -heads:]
        denominator[denominator == 0] = 1
        average = numerator.reshape(len(texts), heads, -1) / denominator[:, :, None]
        return self._finish(average.reshape(len(texts), 1, -1).astype(np.float32))

    def _token_weights(self) -> Floats | None:
        """exp(score) of every token, (V, heads); None where it would overflow."""
        queries = self._score.shape[2]
        apart = float(np.ptp(self._score, axis=0).max()) if self._score.size else 0.0
        if queries != 1 or not self._split or not apart < WIDEST_SCORES:
            return None
        weights: Floats = np.exp(self._score[:, :, 0] - self._score[:, :, 0].max(axis=0))
        return weights

    def _weighted_rows(
        self, weights: Floats, ids: NDArray[np.int64]
    ) -> tuple[Floats, NDArray[np.int64]]:
        """What `_products` says of these tokens, each once, and where in it each of `ids` is.

        The rows of all tokens are made when as many have been asked for: who embeds one query needs
        a dozen, and waits for no more.
        """
        self._looked_up += len(ids)
        if self._rows is None and self._looked_up < len(weights):
            asked, places = np.unique(ids, return_inverse=True)
            return self._products(weights, asked), places
        if self._rows is None:
            self._rows = self._products(weights, slice(None))
        return self._rows, ids

    def _products(self, weights: Floats, ids: NDArray[np.int64] | slice) -> Floats:
        """exp(score) times value and behind it exp(score) of these tokens, (n, w + heads)."""
        chosen = weights[ids]
        heads = chosen.shape[1]
        factors = chosen if self._scale is None else chosen * self._scale[ids, None]
        # One array, multiplied where it lies: the memory of a second would take as long again.
        rows = np.empty((len(chosen), self._value.shape[1] + heads), np.float32)
        rows[:, :-heads] = self._value[ids]
        parts = rows[:, :-heads].reshape(*factors.shape, self._value.shape[1] // heads)
        parts *= factors[:, :, None]
        rows[:, -heads:] = chosen
        return rows

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""
        logits, values = self._look_up(input_ids, attention_mask)
        weights = _softmax(logits, attention_mask)  # (B, heads, queries, L)
        if not self._split:
            return self._finish(
                (weights @ values[:, None]).reshape(len(values), -1, values.shape[2])
            )
        # Each head averages its own part of the values, so that all of them cost one product.
        batch, heads, queries, length = weights.shape
        parts = values.reshape(batch, length, heads, -1).transpose(0, 2, 1, 3)
        attended = (weights @ parts).transpose(0, 2, 1, 3)
        return self._finish(attended.reshape(batch, queries, -1))

    def tokens(self, input_ids: Ids, attention_mask: Ids) -> TokenLevel:
        """`run` with attention logits and values as token states."""
        logits, values = self._look_up(input_ids, attention_mask)
        return TokenLevel(self.run(input_ids, attention_mask), logits, values)

    def readout(self, context: Floats, weight_sum: Floats) -> Vectors:
        """Unit vectors (B, dim) of averaged values (B, heads, queries, w).

        `weight_sum` is not needed: where no token was attended to, the average is zero already.
        """
        batch, heads, queries, width = context.shape
        if not self._split:
            return self._finish(context.reshape(batch, heads * queries, width))
        parts = context.reshape(batch, heads, queries, heads, width // heads)
        own = parts[:, np.arange(heads), :, np.arange(heads)]  # (heads, B, queries, width / heads)
        return self._finish(own.transpose(1, 2, 0, 3).reshape(batch, queries, width))

    def _look_up(self, input_ids: Ids, attention_mask: Ids) -> tuple[Floats, Floats]:
        """Logits (B, heads, queries, L) and values (B, L, w)."""
        logits = self._score[input_ids].transpose(0, 2, 3, 1)
        if self._tf_power != 1:
            logits = logits + self._repetition_bias(input_ids, attention_mask)[:, None, None, :]
        values = self._value[input_ids].astype(np.float32)
        if self._scale is not None:
            values *= self._scale[input_ids][..., None]
        return logits, values

    def _repetition_bias(self, input_ids: Ids, attention_mask: Ids) -> Floats:
        """(tf_power - 1) log tf of every token, float32 (B, L)."""
        bias = np.zeros(input_ids.shape, dtype=np.float32)
        for row, (ids, kept) in enumerate(zip(input_ids, attention_mask != 0, strict=True)):
            _, place, counts = np.unique(ids[kept], return_inverse=True, return_counts=True)
            bias[row, kept] = (self._tf_power - 1) * np.log(counts[place])
        return bias

    def _finish(self, attended: Floats) -> Vectors:
        """(B, queries, width) to unit vectors: PMA's readout if there is one, merge, normalise."""
        rest, out = self._rest, attended
        if "base" in rest:
            out = self._norm(out + rest["base"], "ln0")
            forward = out @ rest["fc_o_weight"].T + rest["fc_o_bias"]
            out = self._norm(out + np.maximum(forward, 0), "ln1")
        merged = out.mean(axis=1) if self._merge_mean else out.reshape(len(out), -1)
        length = np.linalg.norm(merged, axis=1, keepdims=True)
        unit: Vectors = (merged / np.maximum(length, 1e-12)).astype(np.float32)
        return unit

    def _norm(self, x: Floats, name: str) -> Floats:
        if f"{name}_weight" not in self._rest:
            return x
        x = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((x * x).mean(axis=-1, keepdims=True) + NORM_EPS)
        normed: Floats = x / scale * self._rest[f"{name}_weight"] + self._rest[f"{name}_bias"]
        return normed


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a `table.npz` as they are stored, read-only.

    Raises:
        ModelError: if it is no such file, or lacks one that every table has.
    """
    require_regular(path)
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays = dict(_members(archive, content))
    except Exception as error:  # zipfile, struct and numpy's reader of headers each raise their own
        raise ModelError(f"{path} is not a table of arrays; copy the model again.") from error
    if missing := [name for name in REQUIRED if name not in arrays]:
        raise ModelError(f"{path} lacks {', '.join(missing)}; export the model again.")
    return arrays


def _members(archive: zipfile.ZipFile, content: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    """Name and array of each member, where it lies in the file's bytes.

    Raises:
        ValueError: unless they are arrays of numbers, stored as they are and whole.
    """
    members = archive.infolist()
    names = {member.filename for member in members}
    if len(names) != len(members) or len(members) > MOST_ARRAYS:
        raise ValueError("too many arrays, or two of one name")
    if sum(member.file_size for member in members) > len(content):
        raise ValueError("more is said to be inside than the file has")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or not member.filename.endswith(".npy"):
            raise ValueError("not stored as it is")
        with archive.open(member) as stream:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read = np.lib.format.read_array_header_2_0
            shape, in_columns, dtype = read(stream)
            header = stream.tell()
        if dtype.kind not in "biuf" or any(n < 0 for n in shape):
            raise ValueError("not an array of numbers")
        if math.prod(shape) * dtype.itemsize != member.file_size - header:
            raise ValueError("of another size than its header says")
        start = _start(member, content)
        whole = memoryview(content)[start : start + member.file_size]
        if zlib.crc32(whole) != member.CRC:
            raise ValueError("damaged")
        array = np.frombuffer(whole, dtype, math.prod(shape), header)
        name = member.filename.removesuffix(".npy")
        array = array.reshape(shape, order="F" if in_columns else "C")
        # Where an array lies in the file is any byte; numbers of several are copied to where
        # products are fast, and the same to the last bit.
        yield name, array.copy(order="K") if dtype.itemsize > 1 else array


def _start(member: zipfile.ZipInfo, content: bytes) -> int:
    """Where the bytes of a member begin, behind its own header and name."""
    header = member.header_offset
    name, extra = struct.unpack_from("<HH", content, header + _LENGTHS_AT)
    return header + _LENGTHS_AT + 4 + int(name) + int(extra)


def require_finite(path: Path) -> None:
    """Look through all numbers of a table, which takes too long for every start.

    Raises:
        ModelError: if one is not finite.
    """
    for name, array in read_table(path).items():
        if not np.isfinite(array).all():
            raise ModelError(
                f"{path} has numbers in {name} that are not finite; copy the model again."
            )


def _check_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    """Raise ModelError unless all arrays are of the shapes and kinds that `modeling/fold.py` gives.

    Values may be many and are not looked through: what is not finite there shows in the vectors.
    """
    score, value = arrays["score"], arrays["value"]
    if score.ndim != 3 or value.ndim != 2 or len(score) != len(value) or not score.size:
        raise ModelError(
            f"{path} has scores of shape {score.shape} and values of shape {value.shape}, which do "
            "not fit; export the model again."
        )
    (_, heads, queries), width = score.shape, value.shape[1]
    norms = ("ln0_weight", "ln0_bias", "ln1_weight", "ln1_bias")
    shapes: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(("split_heads", "merge_mean", "tf_power"), ()),
        "value_scale": (len(value),),
        "base": (queries, width),
        "fc_o_weight": (width, width),
        **dict.fromkeys(("fc_o_bias", *norms), (width,)),
    }
    for name, shape in shapes.items():
        if name in arrays and (arrays[name].shape != shape or not np.isfinite(arrays[name]).all()):
            raise ModelError(
                f"{path} has {name} of shape {arrays[name].shape}, not {shape}, or with numbers "
                "that are not finite; export the model again."
            )
    for name in ("split_heads", "merge_mean"):
        if arrays[name].item() not in (0, 1):
            raise ModelError(
                f"{path} has {name} as {arrays[name].item()}, which is neither yes nor no; export "
                "the model again."
            )
    wanted = ["fc_o_weight", "fc_o_bias"] if "base" in arrays else []
    wanted += [f"{name}_bias" for name in ("ln0", "ln1") if f"{name}_weight" in arrays]
    whole = all(name in arrays for name in wanted)
    kinds = score.dtype.kind == "f" and (value.dtype.kind == "f" or value.dtype == np.int8)
    split = width > 0 and (width % heads == 0 or not bool(arrays["split_heads"]))
    if not (whole and kinds and split and np.isfinite(score).all()):
        raise ModelError(
            f"{path} has arrays that do not fit each other or are not finite; export the model "
            "again."
        )


def _counted(
    ids: NDArray[np.int64], lengths: NDArray[np.int64], vocabulary: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Ids of segments of `lengths`, each once in its segment: ids, new lengths, and counts."""
    segments = np.repeat(np.arange(len(lengths)), lengths)
    keys, counts = np.unique(segments * vocabulary + ids, return_counts=True)
    return keys % vocabulary, np.bincount(keys // vocabulary, minlength=len(lengths)), counts


def _segment_sums(
    table: Floats,
    ids: NDArray[np.int64],
    lengths: NDArray[np.int64],
    factors: Floats | None = None,
) -> Doubles:
    """Sums of the table's rows `ids`, cut into segments of `lengths`: float64 (len(lengths), w).

    Runs of at most RUN rows are summed in float32 and the runs in float64, so that the sum of a
    long text keeps the precision of a short one. `factors` multiply the rows, one each.
    """
    sums = np.zeros((len(lengths), table.shape[1]))
    if factors is None:
        factors = np.ones(len(ids), np.float32)
    ends = np.cumsum(lengths)
    for row, (start, end) in enumerate(zip((ends - lengths).tolist(), ends.tolist(), strict=True)):
        for first in range(start, end, RUN):
            run = slice(first, min(first + RUN, end))
            # A product without BLAS, whose threads cost more than so few rows; `reduceat` over all
            # runs at once takes ten times as long.
            sums[row] += np.einsum("i,ij->j", factors[run], table[ids[run]])
    return sums


def _softmax(logits: Floats, mask: Ids) -> Floats:
    """Weights over the tokens that the mask keeps; zeros where it keeps none."""
    keep = mask[:, None, None, :] != 0
    shifted = np.where(keep, logits, np.float32(-3e38))
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    weights = np.exp(shifted) * keep
    total = weights.sum(axis=-1, keepdims=True)
    normalised: Floats = (weights / np.where(total > 0, total, 1)).astype(np.float32)
    return normalised
