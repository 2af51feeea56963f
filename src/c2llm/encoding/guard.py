"""Whatever a library raises over a model's files is the model's fault, and is said as such."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.errors import C2LLMError, ModelError, UsageError

LONGEST_VECTOR = 1.01
"""Vectors are of unit length, or zero where no token was known; bfloat16 is half a percent off."""


@contextmanager
def blamed_on(path: Path, doing: str) -> Iterator[None]:
    """Turn what is raised inside into a ModelError that names `path`.

    Rust's panics are no `Exception` in Python, but `BaseException`, as Ctrl-C is.
    """
    try:
        yield
    except (C2LLMError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise ModelError(f"{path} cannot be {doing} ({said}); copy the model again.") from error


def require_texts(given: Iterable[str]) -> Sequence[str]:
    """What was given to be embedded, as a sequence; a generator is read to its end.

    Raises:
        UsageError: It is one string, or has something in it that is none.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise UsageError(
            f"Give a list of texts, not one {type(given).__name__}: encode_queries([text])."
        )
    texts = given if isinstance(given, Sequence) else list(given)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise UsageError(
                f"Text {place} of {len(texts)} is {type(text).__name__}, not a string; leave it "
                'out, or give "" in its place.'
            )
    return texts


def require_unit(vectors: NDArray[np.float32], path: Path) -> None:
    """Raise ModelError for rows (B, dim) that are not finite, or longer than one."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    if not (squares <= LONGEST_VECTOR**2).all():  # false for NaN too
        raise ModelError(
            f"{path} gives vectors that are not finite or not of unit length, so that nothing can "
            "be compared by them; copy the model again."
        )
