"""Whether a function is there already, before it is written or beside the one at a place.

The search for similar code names the files; their functions are compared with this one as
`clones` compares all with all, so that both mean the same by a type and a similarity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from c2llm.analysis.clones.alike import SAME_STATEMENTS, likeness
from c2llm.analysis.clones.clone_class import CloneType, Member
from c2llm.analysis.clones.corpus import ComparedFile, Corpus
from c2llm.analysis.clones.forms.file_form import (
    LEAST_TOKENS,
    FileForm,
    compared_functions,
    form_of,
    function_texts,
)
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.codebase.chunk import Chunk
from c2llm.codebase.chunks import cut_text
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, table_handle
from c2llm.errors import UsageError
from c2llm.search.answers.similar_code import Specimen, similar

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.search.answer import SearchAnswer
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.request import SearchRequest

_ASKED = "\0asked"
"""Label of what is asked about, which no index has."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A function that has been written already."""

    of: str
    """The function that it is a copy of."""
    type: CloneType
    similarity: float
    member: Member


@dataclass(frozen=True, slots=True)
class Copies:
    """What was found, and in what."""

    copies: tuple[Copy, ...]
    """The stricter types first, then the more similar ones."""
    answer: SearchAnswer
    """The similar code whose files were compared."""
    functions: int
    """How many functions were compared."""


def copies_of(
    indexes: Sequence[CodeIndex], specimen: Specimen, language: str | None, request: SearchRequest
) -> Copies:
    """The functions that a piece of code has copies among.

    Args:
        indexes: Where to look; the callers hold them open.
        specimen: A function, or some; where it is from a file, its place there is no copy.
        language: What it is written in.
        request: Its query is `similar_code.as_query(specimen)`; so many hits name the files.

    Raises:
        UsageError: There is no function in it that is long enough to be compared.
    """
    handle = table_handle(DEFAULT_TABLE, alone=True)
    model = None if handle is None else handle.get()
    asked = _form(cut_text("asked", specimen.text, language).chunks, model)
    if not (asked.functions["tokens"] >= LEAST_TOKENS).any():
        cure = (
            f"give the whole of one in {language}"
            if language
            else "name the file that it is for, so that its language is known"
        )
        raise UsageError(
            f"There is no function of {LEAST_TOKENS} tokens or more in this code; {cure}."
        )
    found = similar(indexes, specimen, request)
    files = [ComparedFile(_ASKED, "asked", language or "text", "code", asked)]
    files += _hit_files(indexes, found, model)
    corpus = Corpus.of(files)
    copies = [copy for copy in _compared(corpus) if not _is_itself(copy, specimen, indexes)]
    copies.sort(key=lambda one: (one.type, -one.similarity, one.member.repository, one.member.path))
    return Copies(tuple(copies), found, len(corpus.functions) - len(asked.functions))


def _form(chunks: Sequence[Chunk], model: TextEncoder | None) -> FileForm:
    form = form_of(chunks)
    if model is None:
        return form
    vectors = model.encode_documents(function_texts(chunks, form))
    return form.with_vectors(compared_functions(form), vectors)


def _hit_files(
    indexes: Sequence[CodeIndex], found: SearchAnswer, model: TextEncoder | None
) -> Iterator[ComparedFile]:
    for index in indexes:
        wanted = {hit.path for hit in found.hits if hit.repository == index.label}
        store = index.target(found.request).reader.store
        files = [file for file in store.files() if file.path in wanted]
        ids = store.chunks_of(file.id for file in files)
        for file in sorted(files, key=lambda one: one.path):
            chunks = [one.chunk for one in store.chunks(ids.get(file.id, []))]
            form = _form(chunks, model)
            yield ComparedFile(index.label, file.path, file.language, "code", form)


def _compared(corpus: Corpus) -> Iterator[Copy]:
    """Each function that is asked about beside each other one, as `alike` judges pairs."""
    limits = ClonesRequest()
    own = next(at for at, file in enumerate(corpus.files) if file.repository == _ASKED)
    rows = corpus.functions
    long = rows["tokens"] >= LEAST_TOKENS
    mine = np.flatnonzero((corpus.file_of_function == own) & long)
    others = np.flatnonzero((corpus.file_of_function != own) & long)
    one, other = np.repeat(mine, len(others)), np.tile(others, len(mine))
    if not len(one):
        return
    shared, cosine = likeness(corpus, one, other)
    for a, b, alike, close in zip(one, other, shared.tolist(), cosine.tolist(), strict=True):
        similarity = (alike + min(max(close, 0.0), 1.0)) / 2
        kind: CloneType
        if rows["spelling"][a] == rows["spelling"][b]:
            kind, similarity = 1, 1.0
        elif rows["renamed"][a] == rows["renamed"][b] or rows["form"][a] == rows["form"][b]:
            kind = 2
        elif similarity >= limits.similarity or close >= limits.meaning:
            kind = 3 if alike >= SAME_STATEMENTS else 4
        else:
            continue
        file = corpus.files[int(corpus.file_of_function[b])]
        start, end = int(rows["start_line"][b]), int(rows["end_line"][b])
        name = corpus.names[int(b)]
        member = Member(file.path, start, end, file.language, name, file.repository)
        yield Copy(corpus.names[int(a)], kind, similarity, member)


def _is_itself(copy: Copy, specimen: Specimen, indexes: Sequence[CodeIndex]) -> bool:
    member = copy.member
    return specimen.file is not None and any(
        index.label == member.repository
        and index.root / member.path == specimen.file
        and member.start_line <= specimen.end_line
        and specimen.start_line <= member.end_line
        for index in indexes
    )
