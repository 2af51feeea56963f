"""Evaluation texts, as hashes; tells whether a training text repeats one of them.

Two tests. As a whole: two texts are the same if they agree after everything but letters and digits
is removed and case is folded, so formatting does not hide a repetition. By n-grams: a text is a
near-repetition if more than half of its runs of eight words occur in evaluation texts.

The n-gram test fails on documents that share their boilerplate: 92 % of the training rows of a
text-to-SQL set fall to it, because any two queries over one schema share their joins. Such sources
are marked `templated`: their documents are compared as a whole only, their queries by both tests.

Hashes have 64 bits and are the same in every process. They lie sorted in arrays, so that the
millions of n-grams of a benchmark take 8 bytes each and processes share them through a file. Texts
are hashed many at a time, as arrays of bytes, words and n-grams: a word is a polynomial of its
bytes modulo 2^64, a text one of its words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

SHINGLE = 8
"""Words of one n-gram."""
OVERLAP = 0.5
"""A text with more than this share of its n-grams in evaluation texts is dropped."""

_OF_BYTES, _OF_WORDS = np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)
_BLOCK_CHARACTERS = 1 << 17
"""Hashed at once: the arrays of such a block stay in the cache of a core."""
_WAITING = 1024
"""Texts that are remembered before they are hashed together."""
_ARRAYS = ("texts", "text_sets", "shingles", "shingle_sets")

_LETTERS, _DIGITS = b"abcdefghijklmnopqrstuvwxyz", b"0123456789"
_LOWER = np.arange(256, dtype=np.uint8)
_LOWER[list(_LETTERS.upper())] = list(_LETTERS)
_KIND = np.zeros(256, np.int8)
_KIND[list(_LETTERS + _LETTERS.upper())] = 1
_KIND[list(_DIGITS)] = 2


class Contamination:
    """Texts of named evaluation sets."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._waiting: list[tuple[int, str]] = []
        self._added: list[tuple[NDArray[np.int32], _Hashed]] = []
        self._sieves: dict[str, _Sieve] = {}
        self._arrays: dict[str, NDArray[np.generic]] = {
            name: np.empty(0, np.int32 if name.endswith("sets") else np.uint64) for name in _ARRAYS
        }

    def add(self, query: str, document: str, evaluation_set: str = "") -> None:
        """Remember an evaluation pair; either text may be empty."""
        if not self._names or self._names[-1] != evaluation_set:
            self._names.append(evaluation_set)
        self._waiting += [(len(self._names) - 1, text) for text in (query, document)]
        if len(self._waiting) >= _WAITING:
            self._hash_waiting()

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
        return self.sources([text], [ngrams])[0]

    def sources(self, texts: Sequence[str], ngrams: Sequence[bool]) -> list[str | None]:
        """`source` of many texts: for each the evaluation set that it repeats, or None."""
        if self.is_empty:
            return [None] * len(texts)
        found: list[str | None] = []
        for block in _blocks(texts):
            tested = np.array(ngrams[len(found) : len(found) + len(block)], bool)
            found.extend(
                None if number < 0 else self._names[number]
                for number in self._sets_of(_hashed(block, tested), tested).tolist()
            )
        return found

    def _sets_of(self, hashed: _Hashed, ngrams: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The number of the set that each text of a block repeats; -1 for none."""
        found = np.full(len(hashed.texts), -1, np.int64)
        there, sets = self._known(hashed.texts, "texts", "text_sets")
        there &= hashed.words > 0
        found[there] = sets[there]
        if not ngrams.any():
            return found
        there, sets = self._known(hashed.shingles, "shingles", "shingle_sets")
        owners, sets = hashed.owners[there], sets[there]
        known = np.bincount(owners, minlength=len(found))
        near = known > OVERLAP * np.maximum(hashed.words - SHINGLE + 1, 0)
        for text in np.flatnonzero(near & (found < 0)):
            found[text] = np.bincount(sets[owners == text]).argmax()
        return found

    def _known(
        self, hashes: Hashes, known: str, sets: str
    ) -> tuple[NDArray[np.bool_], NDArray[np.generic]]:
        """Which hashes are known, and the set of each that is."""
        there, numbers = self._of(known), self._of(sets)
        found = self._sieve(known).may_hold(hashes)
        left = np.flatnonzero(found)
        some = hashes[left]
        places = np.minimum(np.searchsorted(there, some), len(there) - 1)
        found[left] = there[places] == some
        named = np.zeros(len(hashes), np.int32)
        named[left] = numbers[places]
        return found, named

    def _sieve(self, known: str) -> _Sieve:
        if known not in self._sieves:
            self._sieves[known] = _Sieve(self._of(known).astype(np.uint64, copy=False))
        return self._sieves[known]

    def _hash_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        start = 0
        for block in _blocks([text for _, text in waiting]):
            numbers = [number for number, _ in waiting[start : start + len(block)]]
            self._added.append(
                (np.array(numbers, np.int32), _hashed(block, np.ones(len(block), bool)))
            )
            start += len(block)

    def _of(self, name: str) -> NDArray[np.generic]:
        """One of the arrays, with all that was added."""
        if self._waiting:
            self._hash_waiting()
        if self._added:
            added, self._added = self._added, []
            self._sieves.clear()
            worded = [hashed.words > 0 for _, hashed in added]
            texts = [hashed.texts[some] for (_, hashed), some in zip(added, worded, strict=True)]
            of_texts = [numbers[some] for (numbers, _), some in zip(added, worded, strict=True)]
            runs = [hashed.shingles for _, hashed in added]
            of_runs = [numbers[hashed.owners] for numbers, hashed in added]
            for (known, sets), new, owners in (
                (_ARRAYS[:2], texts, of_texts),
                (_ARRAYS[2:], runs, of_runs),
            ):
                hashes = np.concatenate([self._arrays[known], *new])
                numbers = np.concatenate([self._arrays[sets], *owners])
                # Of sets that share a text, the one that came first is named.
                self._arrays[known], first = np.unique(hashes, return_index=True)
                self._arrays[sets] = numbers[first]
        return self._arrays[name]


class _Sieve:
    """Tells at once of most hashes that they are not among some; a search misses every cache."""

    def __init__(self, hashes: Hashes) -> None:
        bits = max(3, (len(hashes) * 16).bit_length())
        self._shift = np.uint64(64 - bits)
        marks = np.zeros(1 << bits, bool)
        marks[hashes >> self._shift] = True
        self._marks = np.packbits(marks, bitorder="little")

    def may_hold(self, hashes: Hashes) -> NDArray[np.bool_]:
        """False for hashes that are not there, and true for some of those too."""
        places = hashes >> self._shift
        bytes_ = self._marks[places >> np.uint64(3)]
        bits = (places & np.uint64(7)).astype(np.uint8)
        found: NDArray[np.bool_] = (bytes_ >> bits) & np.uint8(1) > 0
        return found


@dataclass(frozen=True)
class _Hashed:
    """Texts of a block.

    Attributes:
        texts: (T,) a hash of each as a whole.
        words: (T,) how many words each has.
        shingles: (S,) a hash of each run of eight words within a text.
        owners: (S,) the text it is of.
    """

    texts: Hashes
    words: NDArray[np.int64]
    shingles: Hashes
    owners: NDArray[np.int64]


def _blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Texts in order, some at a time."""
    start = size = 0
    for place, text in enumerate(texts):
        size += len(text)
        if size >= _BLOCK_CHARACTERS:
            yield texts[start : place + 1]
            start, size = place + 1, 0
    if start < len(texts):
        yield texts[start:]


def _hashed(texts: Sequence[str], ngrams: NDArray[np.bool_]) -> _Hashed:
    """Texts, and the n-grams of some of them."""
    words, counts = _word_hashes(texts)
    starts = np.cumsum(counts) - counts
    whole = np.zeros(len(texts), np.uint64)
    whole[counts > 0] = _polynomials(words, counts[counts > 0], _OF_WORDS)
    runs = max(len(words) - SHINGLE + 1, 0) if ngrams.any() else 0
    owners = np.repeat(np.arange(len(texts)), counts)[:runs]
    within = ngrams[owners] & (np.arange(runs) + SHINGLE <= (starts + counts)[owners])
    rolled = words[:runs].copy()
    for place in range(1, SHINGLE):
        rolled *= _OF_WORDS
        rolled += words[place : place + runs]
    return _Hashed(whole, counts, _mixed(rolled[within]), owners[within])


def _word_hashes(texts: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """A hash of each run of letters or of digits, whatever its case, and how many each text has."""
    encoded = [text.encode(errors="surrogatepass") for text in texts]
    block = np.frombuffer(b"\n".join(encoded) + b"\n", np.uint8)
    kinds = _KIND[block]
    changes = np.flatnonzero(np.diff(kinds, prepend=np.int8(0)))
    starts = changes[kinds[changes] > 0]
    ends = changes[kinds[changes - 1] > 0]  # the block ends, and so begins for -1, with a line end
    words = _polynomials(_LOWER[block[kinds > 0]].astype(np.uint64), ends - starts, _OF_BYTES)
    text_ends = np.cumsum(np.array([len(text) + 1 for text in encoded], np.int64))
    before = np.searchsorted(starts, text_ends)
    return words, np.diff(before, prepend=0)


def _polynomials(values: Hashes, lengths: NDArray[np.int64], factor: np.uint64) -> Hashes:
    """A hash of each run of values; the runs, none of them empty, have these lengths."""
    if not len(lengths):
        return np.empty(0, np.uint64)
    starts = np.cumsum(lengths) - lengths
    powers = np.cumprod(np.full(int(lengths.max()), factor))
    places = np.arange(len(values)) - np.repeat(starts, lengths)
    return _mixed(np.add.reduceat(values * powers[places], starts))


def _mixed(hashes: Hashes) -> Hashes:
    hashes = hashes ^ (hashes >> _SHIFT)
    hashes *= _MIXER
    return hashes ^ (hashes >> _SHIFT)


def stable_hash(*texts: str) -> int:
    """64 bits of some texts, the same in every process."""
    joined = "\0".join(texts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "little")
