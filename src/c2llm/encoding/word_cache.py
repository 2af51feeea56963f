"""Token ids of ASCII text from a memory of words: exact, and several times faster than tokenizing.

A repository says the same words over and over. Where the tokenizer treats every word alone (BERT's
pre-tokenizer, with or without our identifier splitting before it), a text is a list of words and
the ids of each word need to be found once. A table of bytes that blanks out all but the words, and
a dict, then outrun the tokenizer, which allocates strings and offsets for every token; for a model
that only looks tokens up this is most of the time there is. Such a model sums, so that the order of
the ids is nothing to it: words come first here, then punctuation, which is every other token.

Whatever could join or change words (other alphabets, control characters, the names of special
tokens) is left to the tokenizer.
"""

from __future__ import annotations

import json
import re
import string
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

# BERT's pre-tokenizer cuts at white space and around each punctuation mark. An underscore is such a
# mark, but identifier splitting looks at what stands beside it, so it stays with its word here.
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
    """Word -> token ids, int32 one behind the other, found by the tokenizer at the first look.

    Args:
        tokenizer: one for which `is_wordwise` holds.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        from c2llm.modeling.tokenizer import IDENTIFIER_BOUNDARY

        super().__init__()
        self._tokenizer = tokenizer
        self._vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        added = tokenizer.get_added_tokens_decoder().values()
        self._added = tuple(token.content for token in added)
        splits = len(_steps(tokenizer)) == 2
        self._boundary = re.compile(IDENTIFIER_BOUNDARY) if splits else None
        self._longest: int = tokenizer.model.max_input_chars_per_word

    def __missing__(self, word: str) -> bytes:
        parts = [word]
        if not (word.isalnum() and word == word.lower()):
            split = word if self._boundary is None else self._boundary.sub(" ", word)
            parts = _PARTS.findall(split)
        if len(parts) > 1:
            # Most parts are known where the whole name is new; what splits them stands between them
            # alone, so that each is treated as it would be in its place.
            ids = b"".join([self[part] for part in parts])
        elif len(word) <= self._longest and (found := self._vocabulary.get(word.lower())):
            ids = _packed([found])  # the longest match is the whole word
        else:  # or id 0, which is a special token's or rare
            ids = _packed(self._tokenizer.encode(word, add_special_tokens=False).ids)
        if len(self) >= LARGEST:
            self.clear()
        self[word] = ids
        return ids

    def ids(self, text: str) -> NDArray[np.int32] | None:
        """Token ids of a text in no order, without special ones; None leaves it to the tokenizer.

        As often as each occurs in it.
        """
        if not text.isascii() or any(token in text for token in self._added):
            return None
        content = text.encode()
        if content.translate(None, _SAFE):
            return None
        words = content.translate(_WORDS_ALONE).decode().split()
        packed = b"".join(map(self.__getitem__, words))
        marks = np.frombuffer(content.translate(None, _WORD_SIGNS + _BLANKS), np.uint8)
        return np.concatenate([np.frombuffer(packed, np.int32), self._marks[marks]])

    @cached_property
    def _marks(self) -> NDArray[np.int32]:
        """The id of each punctuation mark, at its code: BERT makes one token of it."""
        ids = np.zeros(128, np.int32)
        for code in _MARKS:
            (ids[code],) = np.frombuffer(self[chr(code)], np.int32)
        return ids


def _packed(ids: list[int]) -> bytes:
    return np.array(ids, np.int32).tobytes()


def is_wordwise(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer is known to treat the words of `_WORDS` one by one.

    Identifier splitting is the one normaliser besides BERT's that is known to keep to words.
    """
    from tokenizers.models import WordPiece

    from c2llm.modeling.tokenizer import IDENTIFIER_BOUNDARY

    cut, steps = _settings(tokenizer.pre_tokenizer), _steps(tokenizer)
    if len(steps) == 2:
        split = {"type": "Replace", "pattern": {"Regex": IDENTIFIER_BOUNDARY}, "content": " "}
        if steps[0] != split:
            return False
    added = tokenizer.get_added_tokens_decoder().values()
    return (
        len(steps) <= 2
        and steps[-1].get("type") == "BertNormalizer"
        and steps[-1].get("lowercase") is True
        and steps[-1].get("clean_text") is True
        and cut.get("type") == "BertPreTokenizer"
        and isinstance(tokenizer.model, WordPiece)
        and not any(token.normalized or token.single_word for token in added)
    )


def _steps(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """What the normaliser does, in order."""
    normalizer = _settings(tokenizer.normalizer)
    steps: list[dict[str, Any]] = normalizer.get("normalizers", [normalizer])
    return steps


def _settings(part: Normalizer | PreTokenizer | None) -> dict[str, Any]:
    """What tokenizer.json says of one part, without writing the whole vocabulary out."""
    return {} if part is None else dict(json.loads(part.__getstate__()))
