"""One index made ready for one request: what the pipeline searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c2llm.search.query.filters import NO_FILTERS, Filters
from c2llm.search.retrieval.index_reader import IndexReader

if TYPE_CHECKING:
    from c2llm.search.retrieval.exact_scan import Vectors


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """One index, and how a request asks it."""

    reader: IndexReader
    filters: Filters = NO_FILTERS
    vectors: Callable[[Sequence[int]], Vectors] | None = None
    """Gives the similarities for the dense retriever; None where no vectors take part."""
    merged: Callable[[Sequence[Sequence[int]]], list[float]] | None = None
    """For groups of chunk ids how near the query is to the merged vectors of each, as cosines."""
    recency: Mapping[str, float] | None = None
    """For a path how recently it was changed, 1 now and 0 long ago."""
