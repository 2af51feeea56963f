"""The files of indexes as they are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Protocol

from c2llm.analysis.clones.corpus import ComparedFile
from c2llm.analysis.clones.forms.file_form import (
    FileForm,
    compared_functions,
    form_of,
    function_texts,
    with_keys,
)
from c2llm.analysis.clones.roles import file_role
from c2llm.codebase.languages import family
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, table_handle
from c2llm.index.store.caches.kept_results import KeptResults
from c2llm.search.request import SearchRequest

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.index.store.records import IndexedFile
    from c2llm.search.code_index import CodeIndex

_FILES_AT_ONCE = 200
_KIND, FORMS_VERSION = "clones", 5
"""Of what is kept of a file; a change in `forms` that changes a form raises the version."""


class FilesAsked(Protocol):
    """Which files an analysis reads; the fields are those of a `SearchRequest`."""

    @property
    def languages(self) -> Sequence[str]:
        """Only these; all that are code where it is empty."""

    @property
    def include(self) -> Sequence[str]:
        """Only paths like these."""

    @property
    def exclude(self) -> Sequence[str]:
        """No paths like these."""


@dataclass(frozen=True, slots=True)
class IndexedFiles:
    """The files of one index that a request means."""

    index: CodeIndex
    store: ChunkStore
    files: Sequence[IndexedFile]
    """In the order of their paths."""
    keys: Mapping[str, bytes]
    """For each path what its form is kept by: the hash of its content, and its language."""


@dataclass(frozen=True, slots=True)
class ChosenFiles:
    """What is compared, and what is not."""

    parts: Sequence[IndexedFiles]
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """Files of all indexes."""
        return sum(len(part.files) for part in self.parts)


def chosen_files(
    indexes: Sequence[CodeIndex],
    request: FilesAsked,
    is_asked: Callable[[str], bool] = lambda language: family(language) == "code",
) -> ChosenFiles:
    """The files of the indexes that a request means.

    Args:
        indexes: The indexes.
        request: Which files.
        is_asked: Told a language, whether its files are meant where the request names none.

    Raises:
        UsageError: No indexed file is in any of the languages.
    """
    parts: list[IndexedFiles] = []
    notes: dict[str, None] = {}
    for index in indexes:
        others = [other for other in indexes if other is not index]
        asked = SearchRequest(
            "files",
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
            and (request.languages or is_asked(file.language))
        ]
        notes.update(dict.fromkeys(target.filters.unmet))
        if index.unread_files:
            notes[f"{index.unread_files} files of {index.root} have not been read yet."] = None
        chosen.sort(key=lambda file: file.path)
        hashes = store.hashes([file.path for file in chosen])
        keys = {
            file.path: hashes[file.path] + file.language.encode()
            for file in chosen
            if file.path in hashes
        }
        parts.append(IndexedFiles(index, store, chosen, keys))
    return ChosenFiles(parts, tuple(notes))


def compared_files(chosen: ChosenFiles, advance: Callable[[int], object]) -> Iterator[ComparedFile]:
    """The files as they are compared.

    Args:
        chosen: The files.
        advance: Told how many more are there.
    """
    model = _model()
    for part in chosen.parts:
        for file, form in _forms(part, model, advance):
            role = file_role(file.path, file.language, generated=form.generated)
            yield ComparedFile(part.index.label, file.path, file.language, role, form)


def _model() -> TextEncoder | None:
    """The table model that functions are embedded with; None where none is installed."""
    handle = table_handle(DEFAULT_TABLE, alone=True)
    return None if handle is None else handle.get()


def _forms(
    part: IndexedFiles, model: TextEncoder | None, advance: Callable[[int], object]
) -> Iterator[tuple[IndexedFile, FileForm]]:
    """The files' forms, in their order: those that are kept, and the others made and kept."""
    kind = f"{_KIND} {FORMS_VERSION} {model.fingerprint if model else ''}"
    index, key = part.index, part.keys
    with KeptResults(index.file if index.is_kept else None) as kept:
        made = _unpacked(kept.get(kind, key.values()))
        missing = [file for file in part.files if key.get(file.path, b"") not in made]
        advance(len(part.files) - len(missing))
        for start in range(0, len(missing), _FILES_AT_ONCE):
            some = missing[start : start + _FILES_AT_ONCE]
            forms = _made(part.store, some, model)
            new = {key[file.path]: form for file, form in forms if file.path in key}
            made |= new
            kept.put(kind, {one: form.pack() for one, form in new.items()})
            advance(len(some))
        if missing:
            kept.keep_only(kind, key.values(), family=f"{_KIND} ")
    for file in part.files:
        one = key.get(file.path, b"")
        if one in made:  # else somebody has removed it meanwhile
            yield file, made[one]


def _unpacked(packed: Mapping[bytes, bytes]) -> dict[bytes, FileForm]:
    """Those of the kept forms that are whole; what is damaged is made anew."""
    found: dict[bytes, FileForm] = {}
    for key, form in packed.items():
        with suppress(ValueError):
            found[key] = FileForm.unpack(form)
    return found


def _made(
    store: ChunkStore, files: Sequence[IndexedFile], model: TextEncoder | None
) -> list[tuple[IndexedFile, FileForm]]:
    ids = store.chunks_of(file.id for file in files)
    wanted = [chunk_id for chunks in ids.values() for chunk_id in chunks]
    chunks = {stored.id: stored.chunk for stored in store.chunks(wanted)}
    own = [[chunks[one] for one in ids.get(file.id, []) if one in chunks] for file in files]
    forms = [form_of(pieces) for pieces in own]
    if model is not None:
        texts = [function_texts(pieces, form) for pieces, form in zip(own, forms, strict=True)]
        vectors = model.encode_documents([text for part in texts for text in part])
        ends = accumulate(map(len, texts), initial=0)
        forms = [
            form.with_vectors(compared_functions(form), vectors[start:end])
            for form, (start, end) in zip(forms, pairwise(ends), strict=True)
        ]
    return list(zip(files, with_keys(forms), strict=True))
