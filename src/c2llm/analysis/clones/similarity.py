"""How alike pieces of code are: a number for a pair, a matrix for a set.

Four views of a piece, each compared by the cosine: its vector (`c2llm-nano`: what it is about), its
wording (runs of three tokens as they are spelled), its shape (runs of four forms of tokens: how it
is built) and its literals (what it says and counts with). In a set the parts of the last three
weigh by how few pieces have them, as words do in retrieval; a pair has no set and so no such
weights. The vector counts twice, the others once: docs/clones.md has what each is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.lexing import NUMBER, STRING, Tokens, tokens_of
from c2llm.analysis.clones.forms.statements import runs_hashed
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, table_handle
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder

_VECTOR_WEIGHT = 2.0
_WORDING, _SHAPE = 3, 4
_COLUMNS_AT_ONCE = 4_096


def clone_similarity(
    one: str, other: str, language: str, *, encoder: TextEncoder | None = None
) -> float:
    """How alike two pieces of code are, -1 to 1; of the very same code 1.

    Args:
        one: A piece, a function say.
        other: Another one.
        language: The language of both (`codebase.languages`); it tells comments from code.
        encoder: What makes the vectors; None for `c2llm-nano`.

    Raises:
        UsageError: There is no `c2llm-nano`, and no encoder was given.
    """
    return float(_similarities([one, other], [language] * 2, encoder, weighs=False)[0, 1])


def clone_similarities(
    pieces: Sequence[str],
    languages: str | Sequence[str],
    *,
    encoder: TextEncoder | None = None,
) -> NDArray[np.float32]:
    """How alike each piece is to each other one: float32 (n, n), symmetric, -1 to 1.

    What all pieces have in common counts little, so the numbers of two sets do not compare; within
    a set they rank, across languages too.

    Args:
        pieces: The pieces.
        languages: The language of all, or of each.
        encoder: What makes the vectors; None for `c2llm-nano`.

    Raises:
        UsageError: There are not as many languages as pieces; or there is no `c2llm-nano`, and no
            encoder was given.
    """
    spoken = [languages] * len(pieces) if isinstance(languages, str) else list(languages)
    if len(spoken) != len(pieces):
        raise UsageError(f"There are {len(pieces)} pieces and {len(spoken)} languages.")
    return _similarities(pieces, spoken, encoder, weighs=True)


def _similarities(
    pieces: Sequence[str], languages: Sequence[str], encoder: TextEncoder | None, *, weighs: bool
) -> NDArray[np.float32]:
    if not pieces:
        return np.empty((0, 0), np.float32)
    vectors = (encoder or _table()).encode_documents(pieces)
    total = np.float32(_VECTOR_WEIGHT) * (vectors @ vectors.T)
    read = [tokens_of(text, language) for text, language in zip(pieces, languages, strict=True)]
    views: tuple[Callable[[Tokens], NDArray[np.uint64]], ...] = (_wording, _shape, _literals)
    for view in views:
        total += _cosines([view(tokens) for tokens in read], weighs=weighs)
    found: NDArray[np.float32] = total / np.float32(_VECTOR_WEIGHT + len(views))
    return found


def _table() -> TextEncoder:
    handle = table_handle(DEFAULT_TABLE, alone=True)
    if handle is None:
        raise UsageError(f"There is no model {DEFAULT_TABLE} here; give an encoder.")
    return handle.get()


def _wording(tokens: Tokens) -> NDArray[np.uint64]:
    return _runs(tokens.spellings, _WORDING)


def _shape(tokens: Tokens) -> NDArray[np.uint64]:
    return _runs(tokens.forms, _SHAPE)


def _literals(tokens: Tokens) -> NDArray[np.uint64]:
    of_literals = (tokens.forms == NUMBER) | (tokens.forms == STRING)
    spelled: NDArray[np.uint64] = tokens.spellings[of_literals].astype(np.uint64)
    return spelled


def _runs(values: NDArray[np.generic], length: int) -> NDArray[np.uint64]:
    """Hashes of all runs of so many values; a shorter piece is one run."""
    if not len(values):
        return np.empty(0, np.uint64)
    starts = np.arange(max(1, len(values) - length + 1))
    return runs_hashed(values, starts, np.minimum(starts + length, len(values)))


def _cosines(parts: Sequence[NDArray[np.uint64]], *, weighs: bool) -> NDArray[np.float32]:
    """Cosines (n, n) of bags of parts, n times a part counting as the root of n.

    Two bags without any part are alike; one without and one with are not.
    """
    count = len(parts)
    owners = np.repeat(np.arange(count), [len(part) for part in parts])
    different, columns = np.unique(np.concatenate(parts), return_inverse=True)
    cells, times = np.unique(owners * max(1, len(different)) + columns, return_counts=True)
    row, column = np.divmod(cells, max(1, len(different)))
    values = np.sqrt(times)
    if weighs:
        holders = np.bincount(column, minlength=len(different))
        values *= np.log((count + 1) / (holders + 0.5))[column]
    norms = np.sqrt(np.bincount(row, values**2, count))
    values = (values / np.maximum(norms, 1e-12)[row]).astype(np.float32)
    order = np.argsort(column, kind="stable")
    row, column, values = row[order], column[order], values[order]
    found = np.zeros((count, count), np.float32)
    for start in range(0, len(different), _COLUMNS_AT_ONCE):
        low, high = np.searchsorted(column, [start, start + _COLUMNS_AT_ONCE])
        block = np.zeros((count, min(_COLUMNS_AT_ONCE, len(different) - start)), np.float32)
        block[row[low:high], column[low:high] - start] = values[low:high]
        found += block @ block.T
    empty = norms == 0
    found[np.ix_(empty, empty)] = 1
    return found
