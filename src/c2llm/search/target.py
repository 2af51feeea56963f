"""One index made ready for one request: what the pipeline searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from c2llm.search.query.filters import NO_FILTERS, Filters
from c2llm.search.retrieval.index_reader import IndexReader

if TYPE_CHECKING:
    from c2llm.search.explain.nearness import Nearness
    from c2llm.search.retrieval.exact_scan import Vectors


class KeptFile(NamedTuple):
    """A file of a repository that a catalog keeps; it is on no disk."""

    catalog: str
    repository: str
    path: str
    """In the repository, with `/`."""

    @property
    def name(self) -> str:
        """Its last part, as a path on the disk has it."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return f"@{self.catalog}:{self.repository}/{self.path}"


LeftOut = tuple[Path | KeptFile, int, int]
"""A file and its first and last line that are no answer."""


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """One index, and how a request asks it."""

    reader: IndexReader
    filters: Filters = NO_FILTERS
    vectors: Callable[[Sequence[int]], Vectors] | None = None
    """Gives the similarities for the dense retriever; None where no vectors take part."""
    merged: Callable[[Sequence[Sequence[int]]], list[float]] | None = None
    """For groups of chunk ids how near the query is to the merged vectors of each, as cosines."""
    nearness: Callable[[], Nearness] | None = None
    """Makes what compares lines and words, for explanations; None where no vectors take part."""
    recency: Mapping[str, float] | None = None
    """For a path how recently it was changed, 1 now and 0 long ago."""
    left_out: tuple[str, int, int] | None = None
    """A path and its first and last line that are no answer: what the answers are like."""
    left_out_of: str = ""
    """Which repository of a catalog that path is in."""

    def leaves_out(self, path: str, start_line: int, end_line: int, repository: str = "") -> bool:
        """Whether something has lines that are no answer, or none that could be one."""
        records = self.filters.records
        if records is not None and not any(
            record.has_lines(start_line, end_line) for record in records.get(path, ())
        ):
            return True
        if self.left_out is None:
            return False
        left_out, first, last = self.left_out
        if repository != self.left_out_of:
            return False
        return path == left_out and first <= end_line and start_line <= last
