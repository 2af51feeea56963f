"""Which files and chunks may answer: languages, globs, a pattern in the text, records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c2llm.errors import UsageError
from c2llm.search.query.globs import matching
from c2llm.search.query.language_filter import languages_called, nearest

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore
    from c2llm.index.store.imported.record import Record
    from c2llm.index.store.records import IndexedFile
    from c2llm.search.query.pattern import PatternSearch
    from c2llm.search.request import SearchRequest


_MOST_OF_PATTERN = 400


@dataclass(frozen=True, slots=True)
class Filters:
    """Which chunks of one index may answer; everything when empty."""

    files: frozenset[int] | None = None
    """Ids of the files that languages and globs leave; all when None."""
    pattern: str | None = None
    """Only chunks in whose text this regular expression finds something."""
    recent: bool = False
    """What was changed recently comes first; this leaves nothing out."""
    unmet: tuple[str, ...] = ()
    """A sentence for each language or glob that no file meets."""
    paths: frozenset[str] | None = None
    """Paths that globs leave, where a file may have several; None for all."""
    records: Mapping[str, Sequence[Record]] | None = None
    """Only code that one of these is about, by path; all when None."""

    def admitted(self, store: ChunkStore, search: PatternSearch | None) -> set[int] | None:
        """Ids of the chunks that may answer, None for all.

        Args:
            store: The index.
            search: What looks for `pattern`, if there is one; several indexes share it.
        """
        found: set[int] | None = None
        if self.files is not None:
            chunks = store.chunks_of(self.files)
            found = {chunk_id for ids in chunks.values() for chunk_id in ids}
        if self.records is not None:
            recorded = {
                chunk_id
                for records in self.records.values()
                for record in records
                for chunk_id in record.chunks
            }
            found = recorded if found is None else found & recorded
        if search is not None and found != set():
            return search.matching(store.texts(search.required, found))
        return found

    def fill(self, wanted: int) -> int:
        """How many of the admitted chunks are candidates for that alone, of so many wanted."""
        if self.records is not None:
            return max(_MOST_OF_PATTERN, wanted)
        return 0 if self.pattern is None else _MOST_OF_PATTERN


NO_FILTERS = Filters()


def filters_of(
    store: ChunkStore,
    request: SearchRequest,
    elsewhere: Collection[str] = (),
    unread: Sequence[str] = (),
    *,
    has_places: bool = False,
) -> Filters:
    """The filters that a request means in one index.

    Args:
        store: The index.
        request: What is asked.
        elsewhere: Paths of files that another index answers for.
        unread: Paths of files of the tree that the index does not have yet: a glob that one of
            them meets is met.
        has_places: Files have several paths, and an answer stands in one that the globs leave.

    Raises:
        UsageError: no indexed file is in any of the languages, or no record has a column.
    """
    records: Mapping[str, Sequence[Record]] | None = None
    if request.asks_records:
        from c2llm.search.query.recorded import records_for

        records = records_for(store, request)
    if not (request.languages or request.include or request.exclude or elsewhere):
        return Filters(pattern=request.pattern, recent=request.recent, records=records)
    files = store.files()
    unmet: list[str] = []
    left = _in_languages(files, request.languages, unmet)
    paths = [file.path for file in files]
    included: set[str] = set()
    for glob in request.include:
        included |= _like(paths, unread, "include", glob, unmet)
    excluded = set(elsewhere)
    for glob in request.exclude:
        excluded |= _like(paths, unread, "exclude", glob, unmet)
    files = [
        file
        for file in left
        if file.path not in excluded and (not request.include or file.path in included)
    ]
    ids = frozenset([file.id for file in files])
    left_paths = frozenset([file.path for file in files]) if has_places else None
    return Filters(ids, request.pattern, request.recent, tuple(unmet), left_paths, records)


def _in_languages(
    files: Sequence[IndexedFile], names: Sequence[str], unmet: list[str]
) -> Sequence[IndexedFile]:
    """The files in one of these languages, or in any where each has `-` before it: not in it."""
    indexed = {file.language for file in files}
    unwanted = [name[1:] for name in names if name.startswith("-")]
    if unwanted:
        meant = {name: languages_called(name, indexed) for name in unwanted}
        unmet += [f"No indexed file is written in {name}." for name in unwanted if not meant[name]]
        left_out = set().union(*meant.values())
        files = [file for file in files if file.language not in left_out]
        names = [name for name in names if not name.startswith("-")]
    if not names:
        return files
    meant = {name: languages_called(name, indexed) for name in names}
    wanted = set().union(*meant.values())
    if not wanted:
        like = nearest(names[0], indexed)
        raise UsageError(
            f"No indexed file is written in {' or '.join(names)}"
            + (f" (do you mean {like}?)" if like else "")
            + f"; there are: {', '.join(sorted(indexed))}."
        )
    unmet += [f"No indexed file is written in {name}." for name in names if not meant[name]]
    return [file for file in files if file.language in wanted]


def _like(
    paths: Sequence[str], unread: Sequence[str], kind: str, glob: str, unmet: list[str]
) -> set[str]:
    found = matching(paths, glob)
    if not found and not matching(unread, glob):
        unmet.append(unmet_glob(kind, glob))
    return found


def unmet_glob(kind: str, glob: str) -> str:
    """What is told of an `include` or `exclude` that no file meets."""
    return f"No indexed file matches the {kind} {glob!r}."
