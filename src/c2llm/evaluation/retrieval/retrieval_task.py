"""A retrieval task: queries, documents and which document answers which query.

Real files repeat themselves: the same command answers two questions, the same docstring stands
above two functions. A system cannot tell equal texts apart, so a task holds each text once, and
every judgement of a repeated text counts for the one that is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and the group its score is also reported under (a language, or "")."""

    id: str
    text: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What can be found."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """That a document answers a query, and how well: a gain of 0 says it does not."""

    query_id: str
    document_id: str
    gain: float = 1.0


@dataclass(frozen=True)
class RetrievalTask:
    """Queries over one corpus. Every query has at least one relevant document."""

    name: str
    """`family` or `family:part`."""
    queries: tuple[Query, ...]
    documents: tuple[Document, ...]
    relevance: tuple[Mapping[int, float], ...]
    """Per query: position of a document -> gain > 0."""
    full_size: tuple[int, int]
    """Numbers of queries and documents before any limit."""

    @property
    def family(self) -> str:
        """The name before the colon: tasks of one family are averaged in a report."""
        return self.name.partition(":")[0]

    def digest(self) -> str:
        """SHA-256 over texts, ids and judgements: a result belongs to one digest only."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        content = json.dumps(
            [
                self.name,
                [(query.id, query.text, query.group) for query in self.queries],
                [(document.id, document.text) for document in self.documents],
                [sorted(gains.items()) for gains in self.relevance],
            ],
            ensure_ascii=True,
        )
        return hashlib.sha256(content.encode()).hexdigest()

    def limited(self, queries: int | None = None, documents: int | None = None) -> RetrievalTask:
        """A smaller task: `queries` chosen by hash, and `documents` that hold all their answers.

        The choice depends on ids alone, so every system and every run sees the same one. Where the
        answers are more than `documents`, all of them stay. A smaller corpus is an easier one:
        scores compare only at the same limits.
        """
        chosen = list(range(len(self.queries)))
        if queries is not None:
            chosen = sorted(_sample(chosen, [query.id for query in self.queries], queries))
        answers = {position for i in chosen for position in self.relevance[i]}
        kept = list(range(len(self.documents)))
        if documents is not None:
            others = [position for position in kept if position not in answers]
            ids = [document.id for document in self.documents]
            kept = sorted(answers.union(_sample(others, ids, documents - len(answers))))
        moved = {old: new for new, old in enumerate(kept)}
        return replace(
            self,
            queries=tuple(self.queries[i] for i in chosen),
            documents=tuple(self.documents[position] for position in kept),
            relevance=tuple(
                {moved[position]: gain for position, gain in self.relevance[i].items()}
                for i in chosen
            ),
        )


def assemble(
    name: str,
    queries: Iterable[Query],
    documents: Iterable[Document],
    judgements: Iterable[Judgement],
) -> RetrievalTask:
    """Build a task, each text once.

    Documents are one when equal up to white space, queries when equal up to white space and case.
    The first one's id and text stay; of two judgements of the same pair the higher gain counts.
    Queries without a relevant document are left out.

    Raises:
        ValueError: if an id stands for two texts, if a judgement names an unknown id, or if no
            query with an answer is left.
    """
    kept_queries, query_position = _once(queries, lambda text: _folded(text).casefold())
    kept_documents, document_position = _once(documents, _folded)
    gains: list[dict[int, float]] = [{} for _ in kept_queries]
    for judgement in judgements:
        if judgement.query_id not in query_position:
            raise ValueError(f"{name}: a judgement names the unknown query {judgement.query_id!r}")
        if judgement.document_id not in document_position:
            raise ValueError(
                f"{name}: a judgement names the unknown document {judgement.document_id!r}"
            )
        if judgement.gain > 0:
            row = gains[query_position[judgement.query_id]]
            position = document_position[judgement.document_id]
            row[position] = max(judgement.gain, row.get(position, 0.0))
    answered = [i for i, row in enumerate(gains) if row]
    if not answered:
        raise ValueError(f"{name}: no query has a relevant document")
    return RetrievalTask(
        name=name,
        queries=tuple(kept_queries[i] for i in answered),
        documents=tuple(kept_documents),
        relevance=tuple(gains[i] for i in answered),
        full_size=(len(answered), len(kept_documents)),
    )


Text = TypeVar("Text", Query, Document)


def _once(
    texts: Iterable[Text], identity: Callable[[str], str]
) -> tuple[list[Text], dict[str, int]]:
    """The texts without repetitions, and the position in them of every id that was given."""
    kept: list[Text] = []
    position_of_identity: dict[str, int] = {}
    position_of_id: dict[str, int] = {}
    for text in texts:
        position = position_of_identity.setdefault(identity(text.text), len(kept))
        if position == len(kept):
            kept.append(text)
        if position_of_id.setdefault(text.id, position) != position:
            raise ValueError(f"the id {text.id!r} stands for two different texts")
    return kept, position_of_id


def _folded(text: str) -> str:
    return " ".join(text.split())


def _sample(positions: Sequence[int], ids: Sequence[str], size: int) -> list[int]:
    """The `size` positions whose ids hash lowest, so that the order of a file does not matter."""

    def key(position: int) -> bytes:
        return hashlib.sha256(ids[position].encode("utf-8", "surrogatepass")).digest()

    return sorted(positions, key=key)[: max(0, size)]
