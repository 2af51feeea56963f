"""What an answer asks of an index: `CodeIndex` of one directory, `CatalogIndex` of many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.codebase.files.walk import Skipped
    from c2llm.search.answer import SearchedIndex
    from c2llm.search.answers.callers import CallerFinder
    from c2llm.search.request import Mode, SearchRequest
    from c2llm.search.target import LeftOut, SearchTarget


class LeavesOutError(UsageError):
    """What is asked is nothing that an index of this kind has; others may have it."""


@runtime_checkable
class TreeIndex(Protocol):
    """The index of a directory, which may hold files that it leaves out."""

    root: Path

    @property
    def label(self) -> str:
        """What its answers are told apart by."""
        ...

    def left_out_files(self) -> Sequence[Skipped]:
        """Files of the directory that are not indexed."""
        ...


class AskedIndex(Protocol):
    """One of the indexes that `answering.answer` asks together."""

    @property
    def label(self) -> str:
        """What its answers are told apart by, or what that begins with; "" for nothing."""
        ...

    @property
    def source(self) -> Path | str:
        """The directory or the catalog that it is the index of; two of one are asked once."""
        ...

    @property
    def model(self) -> str:
        """The model that embeds candidates."""
        ...

    def believed(self) -> AbstractContextManager[None]:
        """Around what reads the index: if it fails because of damage in the file, that is told."""
        ...

    def read_for(self, request: SearchRequest) -> None:
        """Read what smells of a request, where files have not been read yet."""
        ...

    def target(
        self,
        request: SearchRequest,
        others: Sequence[AskedIndex] = (),
        left_out: LeftOut | None = None,
    ) -> SearchTarget:
        """The index made ready for a request.

        Args:
            request: What is asked.
            others: The indexes that are asked too.
            left_out: A file on the disk and its first and last line that are no answer.

        Raises:
            UsageError: The request leaves out all that it has.
        """
        ...

    def described(self, mode: Mode) -> SearchedIndex:
        """What it holds at this moment, for an answer in this mode."""
        ...

    def remarks(self, request: SearchRequest) -> Iterator[str]:
        """Sentences that whoever shows an answer tells with it."""
        ...

    def has(self, called: str) -> bool:
        """Whether hits that say to be in this repository are its own."""
        ...

    def caller_finder(self, called: str = "") -> CallerFinder:
        """What finds of a hit in this repository who calls it."""
        ...
