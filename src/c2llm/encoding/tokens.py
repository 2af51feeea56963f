"""Text to token ids: all at once for short texts, as a stream of pieces for texts of any length.

Truncation and special tokens are handled here and not by the tokenizer's own settings, because one
tokenizer serves texts that are cut, texts that are read in windows, and threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.guard import blamed_on
from c2llm.encoding.word_cache import read_words
from c2llm.errors import ModelError
from c2llm.modeling.model_json import LARGEST_TOKENIZER, read_bytes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Characters that are tokenized at once: some ten thousand tokens, a few MB of bookkeeping.
PIECE = 1 << 16
# How far before that a good place to cut is looked for.
LOOK_BACK = 1 << 12


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids (T,) and the character span of each (T, 2), both int64.

    The span is empty, (0, 0), where a token stands for no character of the text: special tokens and
    those of a prompt.
    """

    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A text whose tokens are counted, to be embedded in a batch with others."""

    text: str
    prompt: str
    ids: NDArray[np.int64] | NDArray[np.int32] | None
    """What one run of the engine reads; None for a text that is read in windows."""
    tokens: int
    """How many the model reads, special ones and prompt included."""
    cut: bool
    """Whether the model reads only the beginning."""


class TextTokenizer:
    """The `tokenizer.json` of a model.

    Args:
        path: the file.
        vocabulary: rows of the model's token embedding.

    Raises:
        ModelError: if the file is no tokenizer, or that of a model with more tokens.
    """

    def __init__(self, path: Path, vocabulary: int) -> None:
        self._path, self._vocabulary = path, vocabulary
        self._content = read_bytes(path, LARGEST_TOKENIZER)
        self._words = read_words(self._content)
        self.prefix: list[int]
        """Special tokens that open every text, such as [CLS]."""
        self.suffix: list[int]
        """Special tokens that close every text, such as [SEP]."""
        if self._words is not None:
            self._require_known(self._words.highest)
            self.prefix, self.suffix = self._words.prefix, self._words.suffix
        else:
            with self._blamed():
                probe = self._tokenizer.encode("x")
            body = [i for i, special in enumerate(probe.special_tokens_mask) if not special]
            first, last = (body[0], body[-1] + 1) if body else (len(probe.ids), len(probe.ids))
            self.prefix, self.suffix = probe.ids[:first], probe.ids[last:]
        around = [*self.prefix, *self.suffix]
        if not all(0 <= i < vocabulary for i in around):
            raise ModelError(
                f"{path} puts token {max(around)} around a text, but the model is one of "
                f"{vocabulary} tokens; copy tokenizer.json and weights from the same model."
            )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        # Loaded by the first text that is not of plain words: a question mostly is.
        # A parallel tokenizer warns and stalls after fork; texts here are short.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        tokenizer = _read(self._content, self._path)
        self._require_known(_highest(tokenizer))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def _require_known(self, highest: int) -> None:
        """Raise ModelError unless the model has this token."""
        if highest >= self._vocabulary:
            raise ModelError(
                f"{self._path} knows token {highest}, but the model is one of {self._vocabulary} "
                "tokens; copy tokenizer.json and weights from the same model."
            )

    def _blamed(self) -> AbstractContextManager[None]:
        return blamed_on(self._path, "used as a tokenizer")

    def id_lists(self, texts: Sequence[str], prompt: str) -> list[list[int]]:
        """Token ids of whole texts, special tokens included, from remembered words if it can be."""
        lists: list[list[int]] = []
        with self._blamed():
            for text in texts:
                ids = self._words.ids(prompt + text) if self._words is not None else None
                if ids is None:
                    whole = prompt + clean(text)
                    ids = self._tokenizer.encode(whole, add_special_tokens=False).ids
                lists.append([*self.prefix, *ids, *self.suffix])
        return lists

    def bags(
        self, texts: Sequence[str], prompt: str, first: int | None = None
    ) -> list[NDArray[np.int32]]:
        """Token ids of whole texts, special tokens included, in no order.

        Args:
            texts: The texts.
            prompt: Stands before each.
            first: So many tokens of a text at most, the first ones; None for all.
        """
        around = np.array(self.prefix + self.suffix, np.int32)
        found: list[NDArray[np.int32]] = []
        for text in texts:
            ids = self._words.bag(prompt + text) if self._words is not None else None
            if ids is None or (first is not None and len(ids) + len(around) > first):
                ids = np.array(self.id_lists([text], prompt)[0], np.int32)[:first]
            elif len(around):
                ids = np.concatenate([ids, around])
            found.append(ids)
        return found

    def body_size(self, max_tokens: int) -> int:
        """How many tokens of a text fit beside the special ones."""
        return max(1, max_tokens - len(self.prefix) - len(self.suffix))

    def tokens(self, texts: Sequence[str], prompt: str, *, offsets: bool) -> list[Tokens]:
        """Tokens of whole texts, special tokens included, never cut.

        Offsets cost as much again as the ids; they have no rows unless they are asked for.
        """
        if not offsets and self._words is not None:
            lists = self.id_lists(texts, prompt)
            return [Tokens(np.array(ids, dtype=np.int64), _offsets([], 0)) for ids in lists]
        with self._blamed():
            encodings = self._tokenizer.encode_batch([prompt + clean(text) for text in texts])
        return [
            Tokens(
                np.array(encoding.ids, dtype=np.int64),
                _offsets(encoding.offsets if offsets else [], -len(prompt)),
            )
            for encoding in encodings
        ]

    def truncate(self, tokens: Tokens, max_tokens: int) -> Tokens:
        """The first `max_tokens` tokens, the closing special tokens kept."""
        if len(tokens) <= max_tokens:
            return tokens
        opening = len(self.prefix) + self.body_size(max_tokens)
        ending = len(tokens) - len(self.suffix)
        return Tokens(
            *(np.concatenate([a[:opening], a[ending:]]) for a in (tokens.ids, tokens.offsets))
        )

    def stream(self, text: str, prompt: str) -> Iterator[Tokens]:
        """Tokens of a text of any length, piece by piece, without special tokens."""
        text = prompt + text
        for start, piece in pieces(text):
            with self._blamed():
                encoding = self._tokenizer.encode(clean(piece), add_special_tokens=False)
            yield Tokens(
                np.array(encoding.ids, dtype=np.int64),
                _offsets(encoding.offsets, start - len(prompt)),
            )


def _read(content: bytes, path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    with blamed_on(path, "used: it is not a tokenizer"):
        # As a string: its own reader takes no path that is not UTF-8, and would wait for a FIFO.
        tokenizer: Tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        return tokenizer


def _highest(tokenizer: Tokenizer) -> int:
    """The highest token id.

    Ids without gaps are told by their number: at every start, listing a vocabulary is felt.
    """
    size: int = tokenizer.get_vocab_size(with_added_tokens=False)
    if size and tokenizer.id_to_token(size - 1) is None:
        return max(tokenizer.get_vocab().values())
    return max(size - 1, *tokenizer.get_added_tokens_decoder(), 0)


def pieces(text: str, size: int = PIECE) -> Iterator[tuple[int, str]]:
    """Cut a text into (start, piece), each of at most `size` characters, where tokens end anyway.

    The best place is a line break before a line that starts at its margin: no tokenizer joins what
    stands on its two sides. Then any line break, any blank, and only then anywhere.
    """
    start = 0
    while len(text) - start > size:
        low, high = start + max(1, size - LOOK_BACK), start + size
        end = _margin_break(text, low, high) or text.rfind("\n", low, high) + 1
        end = end or text.rfind(" ", low, high) or high
        end = end if end > start else high
        yield start, text[start:end]
        start = end
    if start < len(text):
        yield start, text[start:]


def _margin_break(text: str, low: int, high: int) -> int:
    """The last position in (low, high] that follows a line break and precedes no white space."""
    position = high
    while (position := text.rfind("\n", low, position)) >= 0:
        if not text[position + 1 : position + 2].isspace():
            return position + 1
    return 0


def _offsets(spans: Sequence[tuple[int, int]], shift: int) -> NDArray[np.int64]:
    """Spans moved by `shift` and cut at the start of the text; empty ones become (0, 0)."""
    moved = np.array(spans, dtype=np.int64).reshape(-1, 2)
    empty = moved[:, 0] == moved[:, 1]
    moved = (moved + shift).clip(min=0)
    moved[empty | (moved[:, 0] == moved[:, 1])] = 0
    return moved


def clean(text: str) -> str:
    """Replace lone surrogates, which stand for bytes that are not UTF-8 and cannot be tokenized.

    One character stands for one, so offsets stay true.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
