"""The files of indexes as they are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c2llm.analysis.clones.corpus import ComparedFile
from c2llm.analysis.clones.forms import FileForm, form_of
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.analysis.clones.roles import file_role
from c2llm.codebase.languages import family
from c2llm.search.request import SearchRequest

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.index.store.records import IndexedFile
    from c2llm.search.code_index import CodeIndex

_FILES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """What is compared, and what is not."""

    files: Sequence[ComparedFile]
    notes: tuple[str, ...]


def compared_files(indexes: Sequence[CodeIndex], request: ClonesRequest) -> ReadFiles:
    """The files of the indexes that a request means.

    Raises:
        UsageError: No indexed file is in any of the languages.
    """
    found: list[ComparedFile] = []
    notes: dict[str, None] = {}
    for index in indexes:
        others = [other for other in indexes if other is not index]
        asked = SearchRequest(
            "clones",
            mode="lexical",
            languages=request.languages,
            include=request.include,
            exclude=request.exclude,
        )
        target = index.target(asked, others)
        store = target.reader.store
        chosen = [
            file
            for file in store.files()
            if (target.filters.files is None or file.id in target.filters.files)
            and (request.languages or family(file.language) == "code")
        ]
        notes.update(dict.fromkeys(target.filters.unmet))
        if index.unread_files:
            notes[f"{index.unread_files} files of {index.root} have not been read yet."] = None
        chosen.sort(key=lambda file: file.path)
        for file, form in _forms(store, chosen):
            role = file_role(file.path, file.language, generated=form.generated)
            found.append(ComparedFile(index.label, file.path, file.language, role, form))
    return ReadFiles(found, tuple(notes))


def _forms(
    store: ChunkStore, files: Sequence[IndexedFile]
) -> Iterator[tuple[IndexedFile, FileForm]]:
    for start in range(0, len(files), _FILES_AT_ONCE):
        part = files[start : start + _FILES_AT_ONCE]
        ids = store.chunks_of(file.id for file in part)
        wanted = [chunk_id for chunks in ids.values() for chunk_id in chunks]
        chunks = {stored.id: stored.chunk for stored in store.chunks(wanted)}
        for file in part:
            own = [chunks[one] for one in ids.get(file.id, []) if one in chunks]
            yield file, form_of(own)
