"""Copies that differ in a few words: MinHash signatures in bands (Broder 1997; Leskovec et al.).

A text is the set of its runs of three words. Of each of 32 hash functions the smallest value is
kept; the share of equal values estimates the Jaccard similarity of two sets. Texts that agree in
all four values of one of eight bands are compared: of pairs with similarity 0.8, 98 in 100 are.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.identifiers import words

_HASHES, _ROWS = 32, 4
_SHINGLE = 3
_MIXERS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_LONGEST = 2000
"""Words of a text that are looked at."""


class NearDuplicates:
    """Tells of each text whether a similar one has come before.

    Args:
        threshold: Estimated Jaccard similarity from which a text counts as a copy.
    """

    def __init__(self, threshold: float = 0.8) -> None:
        self._threshold = threshold
        rng = np.random.default_rng(17)
        self._seeds = rng.integers(0, 1 << 63, _HASHES, dtype=np.uint64)[:, None]
        self._signatures: list[NDArray[np.uint64]] = []
        self._bands: dict[tuple[str, int, bytes], list[int]] = {}

    def add(self, text: str, kind: str = "") -> bool:
        """Whether `text` is a copy of one that was added before; if it is not, it is added.

        Args:
            text: Code or prose.
            kind: Texts of different kinds are not compared.
        """
        signature = self._signature(text)
        keys = [
            (kind, band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes())
            for band in range(_HASHES // _ROWS)
        ]
        candidates = {i for key in keys for i in self._bands.get(key, ())}
        if any((self._signatures[i] == signature).mean() >= self._threshold for i in candidates):
            return True
        for key in keys:
            self._bands.setdefault(key, []).append(len(self._signatures))
        self._signatures.append(signature)
        return False

    def _signature(self, text: str) -> NDArray[np.uint64]:
        found = words(text)[:_LONGEST]
        runs = {
            zlib.crc32(" ".join(found[i : i + _SHINGLE]).encode(errors="replace"))
            for i in range(max(1, len(found) - _SHINGLE + 1))
        }
        values = np.fromiter(runs, np.uint64, len(runs))
        # The finaliser of MurmurHash3: a product alone would keep the order of small values.
        mixed = values ^ self._seeds
        for factor in _MIXERS:
            mixed = (mixed ^ (mixed >> np.uint64(33))) * factor  # modulo 2**64
        smallest: NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(33))).min(1)
        return smallest
