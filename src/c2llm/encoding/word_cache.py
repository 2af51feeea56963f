"""Token ids of ASCII text from a memory of words: exact, and several times faster than tokenizing.

A repository says the same words over and over. Where the tokenizer treats every word alone (BERT's
pre-tokenizer, with or without our identifier splitting before it, and a vocabulary of word pieces),
a text is a list of words and the ids of each word need to be found once. A dict then outruns the
tokenizer, which allocates strings and offsets for every token; for a model that only looks tokens
up this is most of the time there is. Such a model sums, so that the order of the ids is nothing to
it: for a bag of them a table of bytes blanks out all but the words, and punctuation comes behind.
All that it takes is in tokenizer.json: a question in plain words waits for no library.

Whatever could join or change words (other alphabets, control characters, the names of special
tokens) is left to the tokenizer.
"""

from __future__ import annotations

import json
import re
import string
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.modeling.tokenizer import IDENTIFIER_BOUNDARY

# BERT's pre-tokenizer cuts at white space and around each punctuation mark. An underscore is such a
# mark, but identifier splitting looks at what stands beside it, so it stays with its word here.
_WORDS = re.compile(r"\w+|[^\w\s]", re.ASCII)
_WORD_SIGNS = (string.ascii_letters + string.digits + "_").encode()
_BLANKS = b"\t\n\r "
_MARKS = string.punctuation.replace("_", "").encode()
_WORDS_ALONE = bytes(code if code in _WORD_SIGNS else ord(" ") for code in range(256))
_SAFE = _WORD_SIGNS + _BLANKS + _MARKS
# What is one word to the tokenizer, once identifiers are split.
_PARTS = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9\s]", re.ASCII)
# Words that are remembered; beyond it the memory starts anew.
LARGEST = 1 << 19


class WordCache(dict[str, bytes]):
    """Word -> token ids, int32 one behind the other, found in the vocabulary at the first look.

    Args:
        fields: of a tokenizer.json for which `is_wordwise` holds.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__()
        model = fields["model"]
        self._vocabulary: dict[str, int] = model["vocab"]
        self._unknown = [self._vocabulary[model["unk_token"]]]
        self._within: str = model["continuing_subword_prefix"]
        self._longest: int = model["max_input_chars_per_word"]
        self._added = tuple(token["content"] for token in fields["added_tokens"])
        splits = len(_steps(fields)) == 2
        self._boundary = re.compile(IDENTIFIER_BOUNDARY) if splits else None
        self.prefix, self.suffix = _around(fields["post_processor"])
        """Ids of the special tokens that open and close every text."""
        self.highest = max(
            *self._vocabulary.values(), *(token["id"] for token in fields["added_tokens"])
        )
        """The highest id of a token."""

    def __missing__(self, word: str) -> bytes:
        parts = [word]
        if not (word.isalnum() and word == word.lower()):
            split = word if self._boundary is None else self._boundary.sub(" ", word)
            parts = _PARTS.findall(split)
        if len(parts) > 1:
            # Most parts are known where the whole name is new; what splits them stands between them
            # alone, so that each is treated as it would be in its place.
            ids = b"".join([self[part] for part in parts])
        else:
            ids = np.array(self._pieces(word.lower()), np.int32).tobytes()
        if len(self) >= LARGEST:
            self.clear()
        self[word] = ids
        return ids

    def ids(self, text: str) -> list[int] | None:
        """Token ids of a text without special tokens, or None if it is left to the tokenizer."""
        if self._safe(text) is None:
            return None
        packed = b"".join(map(self.__getitem__, _WORDS.findall(text)))
        ids: list[int] = np.frombuffer(packed, np.int32).tolist()
        return ids

    def bag(self, text: str) -> NDArray[np.int32] | None:
        """The same in no order, each as often as it occurs, at half the cost."""
        content = self._safe(text)
        if content is None:
            return None
        words = content.translate(_WORDS_ALONE).decode().split()
        packed = b"".join(map(self.__getitem__, words))
        marks = np.frombuffer(content.translate(None, _WORD_SIGNS + _BLANKS), np.uint8)
        return np.concatenate([np.frombuffer(packed, np.int32), self._marks[marks]])

    def _safe(self, text: str) -> bytes | None:
        """A text in which nothing joins or changes words; None for another one."""
        if not text.isascii() or any(token in text for token in self._added):
            return None
        content = text.encode()
        return None if content.translate(None, _SAFE) else content

    @cached_property
    def _marks(self) -> NDArray[np.int32]:
        """The id of each punctuation mark, at its code: BERT makes one token of it."""
        ids = np.zeros(128, np.int32)
        for code in _MARKS:
            (ids[code],) = np.frombuffer(self[chr(code)], np.int32)
        return ids

    def _pieces(self, word: str) -> list[int]:
        """The longest piece that the word begins with, then of the rest, and so on to its end.

        A word that is too long, or has a rest that begins with no piece, is unknown as a whole.
        """
        if len(word) > self._longest:
            return self._unknown
        ids: list[int] = []
        start = 0
        while start < len(word):
            before = self._within if start else ""
            for end in range(len(word), start, -1):
                piece = self._vocabulary.get(before + word[start:end])
                if piece is not None:
                    ids.append(piece)
                    start = end
                    break
            else:
                return self._unknown
        return ids


def read_words(content: bytes) -> WordCache | None:
    """The words of a tokenizer.json; None if it is of another kind, or its library has to judge."""
    try:
        fields = json.loads(content)
        return WordCache(fields) if is_wordwise(fields) else None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def is_wordwise(fields: dict[str, Any]) -> bool:
    """Whether a tokenizer.json is known to treat the words of `_WORDS` one by one.

    Identifier splitting is the one normaliser besides BERT's that is known to keep to words.

    Raises:
        TypeError, LookupError, AttributeError: where something is not of the kind that it is there.
    """
    model, steps = fields["model"], _steps(fields)
    if len(steps) == 2:
        pattern = {"Regex": IDENTIFIER_BOUNDARY}
        if steps[0] != {"type": "Replace", "pattern": pattern, "content": " "}:
            return False
    vocabulary, added = model["vocab"], fields["added_tokens"]
    ids = [*vocabulary.values(), *(token["id"] for token in added)]
    return (
        len(steps) <= 2
        and steps[-1].get("type") == "BertNormalizer"
        and steps[-1].get("lowercase") is True
        and steps[-1].get("clean_text") is True
        and fields["pre_tokenizer"] == {"type": "BertPreTokenizer"}
        and model["type"] == "WordPiece"
        and isinstance(vocabulary, dict)
        and model["unk_token"] in vocabulary
        and isinstance(model["continuing_subword_prefix"], str)
        and type(model["max_input_chars_per_word"]) is int
        and set(map(type, ids)) == {int}
        and min(ids) >= 0
        and not any(token["normalized"] or token["single_word"] for token in added)
        and all(isinstance(token["content"], str) and token["content"] for token in added)
    )


def _around(post_processor: Any) -> tuple[list[int], list[int]]:
    """Ids of the special tokens in front of a text and behind it.

    Raises:
        LookupError: if something else is done to a text.
    """
    if post_processor is None:
        return [], []
    if post_processor["type"] != "TemplateProcessing":
        raise LookupError("no template")
    special = post_processor["special_tokens"]
    around: tuple[list[int], list[int]] = ([], [])
    texts = 0
    for part in post_processor["single"]:
        if "SpecialToken" in part:
            around[min(texts, 1)].extend(special[part["SpecialToken"]["id"]]["ids"])
        else:
            texts += 1
    if texts != 1:
        raise LookupError("no text, or more than one")
    if not all(type(id) is int and id >= 0 for side in around for id in side):
        raise LookupError("an id that is none")
    return around


def _steps(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """What the normaliser does, in order."""
    normalizer = fields["normalizer"]
    steps: list[dict[str, Any]] = normalizer.get("normalizers", [normalizer])
    return steps
