"""Texts of a step to unit vectors: tokens, length-sorted micro-batches of a token budget, padding.

All texts of a step, queries and documents alike, are sorted by length together and cut into runs of
at most `budget` padded tokens where that pads least, so that short texts are not padded to the
length of long ones. A
text that occurs several times in a step (a hard negative of two rows) is embedded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from c2llm.modeling.model import C2LLMModel
from c2llm.training.network.frozen_backbone import StateCache

TokenIds = list[int]

_RUN_SHARE = 0.05
"""What a micro-batch costs besides its tokens, as a share of the budget."""


class Embedder(nn.Module):
    """What DDP and FSDP wrap: padded ids (or frozen states) in, unit vectors out."""

    def __init__(self, model: C2LLMModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors (n, d) of ids (n, L) int64, or of states (n, L, h), under a mask (n, L)."""
        if inputs.is_floating_point():
            return F.normalize(self.model._merge(self.model.pooler(inputs, mask)), dim=-1)
        return self.model.embed(inputs, mask)


class MicroBatches:
    """The texts of one step, ready to be embedded piece by piece.

    Args:
        ids: token ids of every text, in the order in which vectors are wanted.
        budget: padded tokens of one micro-batch.
        at_least: fill up to so many (all ranks that shard weights need equally many).
    """

    def __init__(self, ids: Sequence[TokenIds], budget: int, at_least: int = 1) -> None:
        first: dict[tuple[int, ...], int] = {}
        places = [first.setdefault(tuple(tokens), len(first)) for tokens in ids]
        unique = [list(tokens) for tokens in first]
        order = sorted(range(len(unique)), key=lambda i: len(unique[i]))
        self.chunks = [[unique[i] for i in run] for run in _runs(order, unique, budget)]
        # Vectors of what is added here are asked for by nobody and get no gradient.
        self.chunks.extend([unique[order[0]]] for _ in range(at_least - len(self.chunks)))
        position = {text: place for place, text in enumerate(order)}
        self._gather = torch.tensor([position[text] for text in places])
        self.tokens = sum(map(len, unique))

    def __len__(self) -> int:
        return len(self.chunks)

    def restore(self, vectors: Tensor) -> Tensor:
        """Vectors of all micro-batches (unique, d), one after the other, as (texts, d)."""
        return vectors[self._gather.to(vectors.device)]


class TextEmbedder:
    """Embeds micro-batches through the (wrapped) network.

    Args:
        module: an `Embedder`, or what wraps one.
        model: the network itself.
        pad_left: where padding goes.
        bf16: compute in bf16 where that is safe (autocast).
        cache: states of a frozen backbone.
    """

    def __init__(
        self,
        module: nn.Module,
        model: C2LLMModel,
        *,
        device: torch.device,
        pad_left: bool = False,
        bf16: bool = True,
        cache: StateCache | None = None,
    ) -> None:
        self.module, self._model, self._device = module, model, device
        self._pad_left, self._bf16, self._cache = pad_left, bf16, cache
        self._pad_id = model.config.backbone.pad_token_id or 0

    def __call__(self, chunk: list[TokenIds]) -> Tensor:
        """Unit vectors (n, d) of one micro-batch."""
        with self._autocast():
            if self._cache is not None:
                states = self._cache.states(chunk, self._hidden_states)
                inputs, mask = pad_states(states, left=self._pad_left)
            else:
                inputs, mask = pad(chunk, self._pad_id, left=self._pad_left)
            vectors: Tensor = self.module(inputs.to(self._device), mask.to(self._device))
        return vectors

    @torch.no_grad()
    def _hidden_states(self, chunk: list[TokenIds]) -> list[Tensor]:
        ids, mask = pad(chunk, self._pad_id, left=False)
        training = self._model.backbone.training
        self._model.backbone.eval()  # kept for every pass, so without dropout
        states = self._model.hidden_states(ids.to(self._device), mask.to(self._device))
        self._model.backbone.train(training)
        return [rows[: len(tokens)] for rows, tokens in zip(states, chunk, strict=True)]

    def _autocast(self) -> Any:
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bf16)


def tokenize(tokenizer: Tokenizer, texts: list[str], max_tokens: int) -> list[TokenIds]:
    """Token ids of texts, cut to `max_tokens`; an empty text becomes the padding token."""
    tokenizer.enable_truncation(max_tokens)
    encodings = tokenizer.encode_batch(texts)
    tokenizer.no_truncation()
    return [encoding.ids or [0] for encoding in encodings]


def pad(batch: Sequence[TokenIds], pad_id: int, *, left: bool) -> tuple[Tensor, Tensor]:
    """Token ids (n, L) and mask (n, L), both int64."""
    width = max(map(len, batch))
    ids = torch.full((len(batch), width), pad_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(batch):
        place = slice(width - len(tokens), width) if left else slice(len(tokens))
        ids[row, place] = torch.tensor(tokens)
        mask[row, place] = 1
    return ids, mask


def pad_states(states: Sequence[Tensor], *, left: bool) -> tuple[Tensor, Tensor]:
    """States (n, L, h) and mask (n, L) of states (length, h) each."""
    width = max(map(len, states))
    padded = states[0].new_zeros(len(states), width, states[0].shape[1])
    mask = torch.zeros(len(states), width, dtype=torch.long)
    for row, own in enumerate(states):
        place = slice(width - len(own), width) if left else slice(len(own))
        padded[row, place] = own
        mask[row, place] = 1
    return padded, mask


def _runs(order: list[int], ids: list[TokenIds], budget: int) -> list[list[int]]:
    """Cut an order of increasing length into runs of at most `budget` padded tokens.

    Of all such cuts the one with the fewest padded tokens, where each run costs `_RUN_SHARE` of
    the budget besides: fuller runs where lengths are alike, shorter ones where they are not.
    """
    lengths = np.array([len(ids[index]) for index in order])
    cost = np.zeros(len(order) + 1)  # of the best cut of the first n texts
    begin = np.zeros(len(order) + 1, np.int64)  # where its last run begins
    for end in range(1, len(order) + 1):
        longest = int(lengths[end - 1])
        first = max(0, end - max(1, budget // longest))
        costs = cost[first:end] + longest * np.arange(end - first, 0, -1)
        best = int(costs.argmin())
        begin[end], cost[end] = first + best, costs[best] + _RUN_SHARE * budget
    runs: list[list[int]] = []
    end = len(order)
    while end:
        runs.append(order[begin[end] : end])
        end = int(begin[end])
    return runs[::-1]
