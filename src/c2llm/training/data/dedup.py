"""Near-duplicate documents, found by MinHash (Broder 1997) with locality-sensitive hashing.

Two functions that differ in a name or a comment teach nothing twice, and in one batch the second
is a false negative of the first. Signatures of 128 permutations over runs of five words estimate
the Jaccard similarity to about 0.06.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from c2llm.training.data.decontamination import normal_words

PERMUTATIONS = 128
RUN = 5
"""Words of one element of the compared sets."""


class NearDuplicates:
    """Tells whether a text is near one that came before, each dataset for itself.

    Args:
        threshold: Jaccard similarity from which two texts are near-duplicates, above 0.
    """

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHash, MinHashLSH

        self._minhash: Any = MinHash
        self._threshold = threshold
        self._new_index: Any = partial(MinHashLSH, threshold=threshold, num_perm=PERMUTATIONS)
        self._indexes: dict[str, Any] = {}
        self._signatures: dict[str, list[Any]] = {}
        # The permutations are the same for all signatures; making them is most of the cost of one.
        self._first = MinHash(num_perm=PERMUTATIONS)

    def repeats(self, dataset: str, text: str) -> bool:
        """Whether an earlier text of `dataset` is near `text`; if not, it is remembered."""
        signature = self._signature(text)
        if dataset not in self._indexes:
            self._indexes[dataset] = self._new_index()
        index = self._indexes[dataset]
        kept = self._signatures.setdefault(dataset, [])
        # The index proposes candidates; the signatures decide.
        for candidate in index.query(signature):
            if signature.jaccard(kept[candidate]) >= self._threshold:
                return True
        index.insert(len(kept), signature)
        kept.append(signature)
        return False

    def _signature(self, text: str) -> Any:
        words = normal_words(text)
        runs = {" ".join(words[i : i + RUN]).encode() for i in range(max(1, len(words) - RUN + 1))}
        signature = self._first.copy()
        signature.update_batch(sorted(runs))
        return signature
