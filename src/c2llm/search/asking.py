"""How an index is asked from Python, be it of one directory or of many repositories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from c2llm.search.answer import Hit, SearchAnswer
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, RankWeights
from c2llm.search.request import Granularity, Mode, SearchRequest

if TYPE_CHECKING:
    from c2llm.search.asked_index import AskedIndex


class RequestOptions(TypedDict, total=False):
    """What `CodeIndex.search` takes beside the query; see `SearchRequest`."""

    granularity: Granularity
    languages: str | Sequence[str]
    include: str | Sequence[str]
    exclude: str | Sequence[str]
    pattern: str | None
    symbol: bool
    recent: bool
    max_tokens: int | None
    explain: bool
    offset: int
    callers: bool
    siblings: bool


class Asking:
    """`search` and `answer` of whatever `answering.answer` asks."""

    def search(
        self: AskedIndex,
        query: str | SearchRequest,
        k: int | None = None,
        mode: Mode = "hybrid",
        *,
        weights: RankWeights = DEFAULT_WEIGHTS,
        **options: Unpack[RequestOptions],
    ) -> list[Hit]:
        """The hits alone of `answer`; the same index and query give the same list.

        Args:
            query: What is asked, or a whole request, beside which nothing else counts.
            k: How many hits; None for ten.
            mode: `hybrid`, or one retriever: `dense` (vectors) or `lexical` (no model is loaded).
            weights: What the ranker's features are worth.
            options: The other fields of a `SearchRequest`.

        Raises:
            UsageError: the request is not possible.
        """
        from c2llm.search import answering

        request = query
        if not isinstance(request, SearchRequest):
            request = SearchRequest(request, k, mode, **options)
        return list(answering.answer([self], request, weights=weights).hits)

    def answer(
        self: AskedIndex, request: SearchRequest, *, weights: RankWeights = DEFAULT_WEIGHTS
    ) -> SearchAnswer:
        """The hits of a request, the best first, and what they rest on.

        Raises:
            UsageError: the request leaves out all that the index has.
        """
        from c2llm.search import answering

        return answering.answer([self], request, weights=weights)
