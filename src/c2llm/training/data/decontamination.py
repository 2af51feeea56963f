"""Evaluation texts, as hashes; tells whether a training text repeats one of them.

Two tests. As a whole: two texts are the same if they agree after everything but letters and digits
is removed and case is folded, so formatting does not hide a repetition. By n-grams: a text is a
near-repetition if more than half of its runs of eight words occur in evaluation texts.

The n-gram test fails on documents that share their boilerplate: 92 % of the training rows of a
text-to-SQL set fall to it, because any two queries over one schema share their joins. Such sources
are marked `templated`: their documents are compared as a whole only, their queries by both tests.

Hashes have 64 bits and are the same in every process. They lie sorted in arrays, so that the
millions of n-grams of a benchmark take 8 bytes each and processes share them through a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

SHINGLE = 8
"""Words of one n-gram."""
OVERLAP = 0.5
"""A text with more than this share of its n-grams in evaluation texts is dropped."""

_WORD = re.compile(r"[A-Za-z]+|[0-9]+")
_FACTOR, _MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)
_MOST_WORDS = 500_000
"""Words whose hashes are remembered."""
_ARRAYS = ("texts", "text_sets", "shingles", "shingle_sets")


def normal_words(text: str) -> list[str]:
    """Runs of letters and of digits, in lower case."""
    return _WORD.findall(text.lower())


class Contamination:
    """Texts of named evaluation sets."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._added: list[tuple[int, Hashes, Hashes]] = []
        self._words: dict[str, int] = {}
        self._arrays: dict[str, NDArray[np.generic]] = {
            name: np.empty(0, np.int32 if name.endswith("sets") else np.uint64) for name in _ARRAYS
        }

    def add(self, query: str, document: str, evaluation_set: str = "") -> None:
        """Remember an evaluation pair; either text may be empty."""
        if not self._names or self._names[-1] != evaluation_set:
            self._names.append(evaluation_set)
        for text in (query, document):
            words = normal_words(text)
            if words:
                whole = np.array([_whole(words)], np.uint64)
                self._added.append((len(self._names) - 1, whole, self._shingles(words)))

    @property
    def is_empty(self) -> bool:
        """Whether there is no text to repeat."""
        return not len(self._of("texts"))

    @property
    def fingerprint(self) -> str:
        """Changes with the texts and the names of their sets."""
        digest = hashlib.blake2b(json.dumps(self._names).encode(), digest_size=16)
        for name in _ARRAYS:
            digest.update(np.ascontiguousarray(self._of(name)).data)
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write everything into a folder, for other processes to `load`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", self._of(name), allow_pickle=False)
        (folder / "names.json").write_text(json.dumps(self._names), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Contamination:
        """What was saved, memory-mapped."""
        loaded = cls()
        loaded._names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        loaded._arrays = {
            # A plain view: what a memmap adds to each lookup costs more than the lookup.
            name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
            for name in _ARRAYS
        }
        return loaded

    def covers(self, text: str) -> bool:
        """Whether `text` repeats a remembered text, or shares most of its n-grams with them."""
        return self.source(text) is not None

    def source(self, text: str, *, ngrams: bool = True) -> str | None:
        """The evaluation set that `text` repeats, or None.

        Args:
            text: a training text.
            ngrams: also test by n-grams, not only as a whole.
        """
        if self.is_empty:
            return None
        words = normal_words(text)
        whole = np.array([_whole(words)], np.uint64)
        found = self._sets(whole, "texts", "text_sets")
        if len(found):
            return self._names[int(found[0])]
        if not ngrams or len(words) < SHINGLE:
            return None
        shingles = self._shingles(words)
        found = self._sets(shingles, "shingles", "shingle_sets")
        if len(found) <= OVERLAP * len(shingles):
            return None
        return self._names[int(np.bincount(found).argmax())]

    def _sets(self, hashes: Hashes, known: str, sets: str) -> NDArray[np.int32]:
        """The sets of those hashes that are known."""
        there = self._of(known)
        if not len(there):
            return np.empty(0, np.int32)
        places = np.minimum(np.searchsorted(there, hashes), len(there) - 1)
        found: NDArray[np.int32] = self._of(sets)[places[there[places] == hashes]]
        return found

    def _of(self, name: str) -> NDArray[np.generic]:
        """One of the arrays, with all that was added."""
        if self._added:
            added, self._added = self._added, []
            numbers = np.array([number for number, _, _ in added], np.int32)
            whole, runs = [entry[1] for entry in added], [entry[2] for entry in added]
            for (known, sets), parts in ((_ARRAYS[:2], whole), (_ARRAYS[2:], runs)):
                lengths = [len(entry) for entry in parts]
                hashes = np.concatenate([self._arrays[known], *parts])
                owners = np.concatenate([self._arrays[sets], np.repeat(numbers, lengths)])
                # Of sets that share a text, the one that came first is named.
                self._arrays[known], first = np.unique(hashes, return_index=True)
                self._arrays[sets] = owners[first]
        return self._arrays[name]

    def _shingles(self, words: list[str]) -> Hashes:
        """A hash of each run of eight words."""
        if len(words) < SHINGLE:
            return np.empty(0, np.uint64)
        if len(self._words) > _MOST_WORDS:
            self._words.clear()
        known = self._words
        for word in set(words) - known.keys():
            known[word] = stable_hash(word)
        hashes = np.array([known[word] for word in words], np.uint64)
        count = len(hashes) - SHINGLE + 1
        rolled = hashes[:count].copy()
        for place in range(1, SHINGLE):
            rolled *= _FACTOR
            rolled += hashes[place : place + count]
        rolled ^= rolled >> _SHIFT
        rolled *= _MIXER
        return rolled


def stable_hash(*texts: str) -> int:
    """64 bits of some texts, the same in every process."""
    joined = "\0".join(texts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "little")


def _whole(words: Iterable[str]) -> int:
    return stable_hash(" ".join(words))
