"""Texts longer than the model reads: overlapping windows, merged exactly by the online softmax.

The network sees a window of `max_tokens` tokens at a time. Windows overlap by an eighth, so that no
token is judged without its neighbours, and every token counts once: of an overlap, each window
gives the half that lies nearer to its middle. Special tokens frame every window, because the
network was trained to see them, but count as they would in one long text: the opening ones of the
first window, the closing ones of the last. A prompt opens the first window.

What is pooled is exact (the formula, against one-shot pooling: `benchmarks/pooled_windows.py`);
what a token's state knows of its surroundings ends at its window. Tokenizing, windows and
sums are streams: a file of 100,000 lines needs the memory of a few windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.batches import length_batches, pad, shared_budget, side_by_side
from c2llm.encoding.engines import Engine
from c2llm.encoding.tokens import TextTokenizer, Tokens

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# An eighth of a window is read twice.
OVERLAP = 8
# Batches whose windows are sorted by length together: enough to fill them, few enough to be held.
WINDOWS_AT_ONCE = 8


class PoolSum:
    """A softmax-weighted sum of token states that can always be continued, per head and query."""

    def __init__(self, heads: int, queries: int, width: int) -> None:
        self._maximum: Doubles = np.full((heads, queries), -np.inf)
        self._denominator: Doubles = np.zeros((heads, queries))
        self._numerator: Doubles = np.zeros((heads, queries, width))

    def add(self, logits: Floats, states: Floats) -> None:
        """Count t more tokens: logits (heads, queries, t) and states (t, width)."""
        if not len(states):
            return
        maximum = np.maximum(self._maximum, logits.max(axis=-1))
        old = np.exp(self._maximum - maximum)  # 0 before the first token
        weights = np.exp(logits - maximum[..., None])
        self._maximum = maximum
        self._denominator = self._denominator * old + weights.sum(axis=-1)
        self._numerator = self._numerator * old[..., None] + weights @ states

    def average(self) -> tuple[Floats, Floats]:
        """The average (heads, queries, width) and its weight sums (heads, queries), 1 or 0."""
        seen = self._denominator > 0
        average = self._numerator / np.where(seen, self._denominator, 1)[..., None]
        return average.astype(np.float32), seen.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text's tokens and which of them this window counts."""

    tokens: Tokens
    start: int
    stop: int
    opens: bool
    closes: bool


def windows(stream: Iterable[Tokens], size: int, overlap: int) -> Iterator[Window]:
    """Cut a stream of tokens into windows of `size` tokens that share `overlap` with the next.

    The counted ranges [start, stop) partition the text. An empty text is one empty window.

    Raises:
        ValueError: unless 0 <= overlap < size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"An overlap of {overlap} does not fit into a window of {size} tokens.")
    half = overlap // 2
    source = iter(stream)
    ids, offsets = np.empty(0, np.int64), np.empty((0, 2), np.int64)
    opens = True
    while True:
        while len(ids) <= size and (more := next(source, None)) is not None:
            ids, offsets = np.concatenate([ids, more.ids]), np.concatenate([offsets, more.offsets])
        closes = len(ids) <= size
        yield Window(
            Tokens(ids[:size], offsets[:size]),
            start=0 if opens else overlap - half,
            stop=len(ids) if closes else size - half,
            opens=opens,
            closes=closes,
        )
        if closes:
            return
        ids, offsets = ids[size - overlap :], offsets[size - overlap :]
        opens = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens of one window that count, as the pooling sees them."""

    offsets: NDArray[np.int64]
    """(t, 2), empty spans for special tokens and the prompt."""
    logits: Floats
    """(heads, queries, t)."""
    states: Floats
    """(t, width)."""


class LongTextReader:
    """Runs an engine over the windows of one text.

    Args:
        engine: one whose `token_level` is true.
        tokenizer: of the same model.
        max_tokens: tokens the network reads at once, special ones included.
        pad_id: id of the padding token.
        token_budget: padded tokens of one engine call.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: TextTokenizer,
        *,
        max_tokens: int,
        pad_id: int,
        token_budget: int,
    ) -> None:
        self._engine, self._tokenizer, self._pad_id = engine, tokenizer, pad_id
        self._size = tokenizer.body_size(max_tokens)
        self._batch = max(1, token_budget // max_tokens)
        self._budget = token_budget
        self._frame = len(tokenizer.prefix) + len(tokenizer.suffix)

    def read(self, text: str, prompt: str) -> Iterator[Counted]:
        """Every token of the text once, in its order."""
        stream = self._windows(text, prompt)
        while batch := list(islice(stream, self._batch)):
            # Padded to the length of the others, the last window would cost as much as they do.
            for _, alike in groupby(batch, key=lambda window: len(window.tokens)):
                yield from self._run(list(alike))

    def _windows(self, text: str, prompt: str) -> Iterator[Window]:
        return windows(self._tokenizer.stream(text, prompt), self._size, self._size // OVERLAP)

    def pool(self, counted: Iterable[Counted]) -> Floats:
        """The vector (dim,) of all tokens."""
        total: PoolSum | None = None
        for part in counted:
            total = total or _empty_sum(part)
            total.add(part.logits, part.states)
        assert total is not None  # an empty text is one window too
        vector: Floats = self._vectors([total])[0]
        return vector

    def pool_texts(self, texts: Sequence[str], prompt: str) -> Floats:
        """The vectors (len(texts), dim) of several texts, whose windows share batches."""
        sums: dict[int, PoolSum] = {}
        stream = (
            (number, window)
            for number, text in enumerate(texts)
            for window in self._windows(text, prompt)
        )
        while some := list(islice(stream, WINDOWS_AT_ONCE * self._batch * self._engine.streams)):
            lengths = [len(window.tokens) + self._frame for _, window in some]
            streams = self._engine.streams
            batches = length_batches(lengths, shared_budget(sum(lengths), self._budget, streams))

            def run(batch: list[int], held: list[tuple[int, Window]] = some) -> list[Counted]:
                return list(self._run([held[i][1] for i in batch]))

            results = side_by_side(run, batches, min(streams, len(batches)))
            for batch, parts in zip(batches, results, strict=True):
                for i, part in zip(batch, parts, strict=True):
                    total = sums.setdefault(some[i][0], _empty_sum(part))
                    total.add(part.logits, part.states)
        return self._vectors([sums[number] for number in range(len(texts))])

    def pool_spans(
        self, counted: Iterable[Counted], spans: Sequence[tuple[int, int]]
    ) -> tuple[Floats, Floats]:
        """The vector (dim,) of all tokens and those of character spans (len(spans), dim).

        A span pools the tokens that share a character with it, special tokens and prompt left out.
        """
        bounds = np.array(spans, dtype=np.int64).reshape(-1, 2)
        sums: list[PoolSum] = []
        for part in counted:
            if not sums:
                sums = [_empty_sum(part) for _ in range(len(spans) + 1)]
            sums[0].add(part.logits, part.states)
            starts, stops = part.offsets[:, 0], part.offsets[:, 1]
            # A file has a thousand functions and a window a few of them.
            near = (bounds[:, 0] < stops.max(initial=0)) & (bounds[:, 1] > _first_start(part))
            for index in near.nonzero()[0]:
                start, stop = bounds[index]
                inside = (starts < stop) & (stops > start) & (stops > starts)
                sums[index + 1].add(part.logits[..., inside], part.states[inside])
        vectors = self._vectors(sums)
        return vectors[0], vectors[1:]

    def _run(self, batch: list[Window]) -> Iterator[Counted]:
        prefix, suffix = self._tokenizer.prefix, self._tokenizer.suffix
        framed = [np.concatenate([prefix, w.tokens.ids, suffix]).astype(np.int64) for w in batch]
        result = self._engine.tokens(*pad(framed, self._pad_id))
        for row, window in enumerate(batch):
            before, after = len(prefix) * window.opens, len(suffix) * window.closes
            first = len(prefix) + window.start - before
            last = len(prefix) + window.stop + after
            offsets = np.zeros((last - first, 2), dtype=np.int64)
            offsets[before : len(offsets) - after] = window.tokens.offsets[
                window.start : window.stop
            ]
            yield Counted(
                offsets, result.logits[row, :, :, first:last], result.states[row, first:last]
            )

    def _vectors(self, sums: Sequence[PoolSum]) -> Floats:
        averages = [total.average() for total in sums]
        context = np.stack([average for average, _ in averages])
        return self._engine.readout(context, np.stack([weight for _, weight in averages]))


def _first_start(part: Counted) -> int:
    """The first character of a window's tokens; special tokens have none."""
    starts = part.offsets[part.offsets[:, 1] > part.offsets[:, 0], 0]
    return int(starts.min()) if len(starts) else 0


def _empty_sum(part: Counted) -> PoolSum:
    heads, queries, _ = part.logits.shape
    return PoolSum(heads, queries, part.states.shape[1])
