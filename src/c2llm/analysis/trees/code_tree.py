"""What a comparison reads: files by content hash, and the functions in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Function:
    """A function as one version of a file has it, its comment and decorators counted in.

    The code of a file that is in no function is one more of an empty name, the lines between the
    functions joined.
    """

    path: str
    """Relative to the root of its tree, with `/`."""
    name: str
    scope: str
    """Names of the enclosing definitions joined by `.`, or ""."""
    language: str
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    text: str


class CodeTree(Protocol):
    """The code of a folder or of a revision; every file is read when it is asked for."""

    @property
    def label(self) -> str:
        """How the user named it."""

    def files(self) -> Mapping[str, str]:
        """The hash of the content of each file that has code, by path; equal bytes, equal hash."""

    def text(self, path: str) -> str:
        """A file, decoded.

        Raises:
            DataError: It cannot be read.
        """

    def functions(self, path: str) -> Sequence[Function]:
        """The functions of a file in the order of lines, and what is outside of them."""
