"""Token ids of ASCII text from a memory of words: exact, and several times faster than tokenizing.

A repository says the same words over and over. Where the tokenizer treats every word alone (BERT's
pre-tokenizer, with or without our identifier splitting before it, and a vocabulary of word pieces),
a text is a list of words and the ids of each word need to be found once. Python's `re` and a dict
then outrun the tokenizer, which allocates strings and offsets for every token; for a model that
only looks tokens up this is most of the time there is. All that it takes is in tokenizer.json: a
question in plain words waits for no library.

Whatever could join or change words (other alphabets, control characters, the names of special
tokens) is left to the tokenizer.
"""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Any

from c2llm.modeling.tokenizer import IDENTIFIER_BOUNDARY

# BERT's pre-tokenizer cuts at white space and around each punctuation mark. An underscore is such a
# mark, but identifier splitting looks at what stands beside it, so it stays with its word here.
_WORDS = re.compile(r"\w+|[^\w\s]", re.ASCII)
_UNSAFE = re.compile(r"[^\t\n\r\x20-\x7e]")
# What is one word to the tokenizer, once identifiers are split.
_PARTS = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9\s]", re.ASCII)
# Words that are remembered; beyond it the memory starts anew.
LARGEST = 1 << 19


class WordCache(dict[str, tuple[int, ...]]):
    """Word -> token ids, found in the vocabulary at the first look.

    Args:
        fields: of a tokenizer.json for which `is_wordwise` holds.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__()
        model = fields["model"]
        self._vocabulary: dict[str, int] = model["vocab"]
        self._unknown = (self._vocabulary[model["unk_token"]],)
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

    def __missing__(self, word: str) -> tuple[int, ...]:
        split = word if self._boundary is None else self._boundary.sub(" ", word)
        parts = _PARTS.findall(split)
        if len(parts) > 1:
            # Most parts are known where the whole name is new; what splits them stands between them
            # alone, so that each is treated as it would be in its place.
            ids = tuple(chain.from_iterable([self[part] for part in parts]))
        else:
            ids = self._pieces(word.lower())
        if len(self) >= LARGEST:
            self.clear()
        self[word] = ids
        return ids

    def ids(self, text: str) -> list[int] | None:
        """Token ids of a text without special tokens, or None if it is left to the tokenizer."""
        if _UNSAFE.search(text) or any(token in text for token in self._added):
            return None
        return list(chain.from_iterable(map(self.__getitem__, _WORDS.findall(text))))

    def _pieces(self, word: str) -> tuple[int, ...]:
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
        return tuple(ids)


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
    return around


def _steps(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """What the normaliser does, in order."""
    normalizer = fields["normalizer"]
    steps: list[dict[str, Any]] = normalizer.get("normalizers", [normalizer])
    return steps
