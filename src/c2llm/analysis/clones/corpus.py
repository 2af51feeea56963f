"""All files that are compared, as a few long arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.clone_class import Role
from c2llm.analysis.clones.forms.file_form import (
    FUNCTION_ROW,
    KEYS,
    STATEMENT_ROW,
    STEP_BYTES,
    FileForm,
)


@dataclass(frozen=True, slots=True)
class ComparedFile:
    """A file among others."""

    repository: str
    """Label of its index."""
    path: str
    language: str
    role: Role
    form: FileForm


@dataclass(frozen=True, slots=True)
class Corpus:
    """The files in the order of repository and path, and what they hold one after the other."""

    files: Sequence[ComparedFile]
    statements: NDArray[np.void]
    """Of all files; `forms.STATEMENT_ROW`."""
    functions: NDArray[np.void]
    """Of all files; `first` and `last` count in `statements` here."""
    statement_starts: NDArray[np.int64]
    """Where in `statements` each file begins, and the end."""
    file_of_function: NDArray[np.int64]
    """For each function the number of its file."""
    keys: NDArray[np.uint32]
    """Of all functions."""
    vectors: NDArray[np.float32]
    """Of all functions, (n, dim) of unit length or 0; of no width where there was no model."""
    names: Sequence[str]
    """Of the functions."""

    @classmethod
    def of(cls, files: Sequence[ComparedFile]) -> Corpus:
        """The corpus of some files, whatever their order."""
        ordered = sorted(files, key=lambda file: (file.repository, file.path))
        forms = [file.form for file in ordered]
        starts = np.zeros(len(forms) + 1, np.int64)
        np.cumsum([len(form.statements) for form in forms], out=starts[1:])
        empty = np.empty(0, FUNCTION_ROW)
        functions = np.concatenate([empty, *(form.functions for form in forms)])
        counts = [len(form.functions) for form in forms]
        file_of = np.repeat(np.arange(len(forms)), counts)
        shift = starts[:-1][file_of].astype(np.uint32)
        functions["first"] += shift
        functions["last"] += shift
        return cls(
            ordered,
            np.concatenate([np.empty(0, STATEMENT_ROW), *(form.statements for form in forms)]),
            functions,
            starts,
            file_of,
            np.concatenate([np.empty((0, KEYS), np.uint32), *(form.keys for form in forms)]),
            _vectors([form.vectors for form in forms]),
            [name for form in forms for name in form.names],
        )


def _vectors(packed: Sequence[NDArray[np.int8]]) -> NDArray[np.float32]:
    rows = [part for part in packed if part.size]
    total = sum(map(len, packed))
    if not rows:
        return np.empty((total, 0), np.float32)
    together = np.concatenate(rows)
    steps = np.ascontiguousarray(together[:, :STEP_BYTES]).view("<f4")
    found: NDArray[np.float32] = together[:, STEP_BYTES:].astype(np.float32) * steps
    return found
