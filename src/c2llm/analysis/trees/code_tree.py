"""What a comparison reads: files by content hash, and the functions in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Function:
    """A function as one version of a file has it, its comment and decorators counted in.

    The code of a file that is in no function is one more of an empty name, with empty lines where
    the functions are, so that each of its lines stands where the file has it.
    """

    path: str
    """Relative to the root of its tree, with `/`."""
    name: str
    scope: str
    """Names of the enclosing definitions joined by `.`, or ""."""
    language: str
    start_line: int
    """From 1; line n of `text` is line `start_line + n - 1` of the file."""
    end_line: int
    """Inclusive."""
    text: str


class CodeTree(Protocol):
    """The code of a folder or of a revision; every file is read when it is asked for."""

    @property
    def label(self) -> str:
        """How the user named it."""

    def files(self) -> Mapping[str, str]:
        """The hash of the content of each file of code or configuration, by path.

        Equal hashes mean equal bytes; unequal ones mostly mean others. What a look into the file
        rules out (binary, generated, a key) is among them and has no functions.
        """

    def too_large(self) -> Mapping[str, str]:
        """The hash, likewise, of each file that would have code and is too large to be read."""

    def read_ahead(self, paths: Iterable[str]) -> None:
        """Read files at once that are asked for next, where that is cheaper than one by one."""

    def text(self, path: str) -> str:
        """A file, decoded.

        Raises:
            DataError: It cannot be read.
        """

    def functions(self, path: str) -> Sequence[Function]:
        """The functions of a file in the order of lines, and what is outside of them."""
