"""Patterns looked for in the indexes of trees; of a file that was searched before nothing is read.

What is found in a file is kept by the hash of its content and that of the pattern, so that a second
search reads only what has changed since, and the files that hits are shown of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from c2llm.analysis.clones.reading import IndexedFiles, chosen_files
from c2llm.analysis.clones.roles import file_role
from c2llm.analysis.patterns.find import (
    Finder,
    Found,
    FoundInFile,
    hit_of,
    table_model,
)
from c2llm.analysis.patterns.hit import Hit, PatternReport, Role
from c2llm.analysis.patterns.pattern import SEVERITIES, Pattern, is_asked
from c2llm.analysis.patterns.places.place import Place
from c2llm.analysis.patterns.request import PatternsRequest
from c2llm.analysis.patterns.searched_text import Text, searched_text
from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.confined import open_file
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.walk import MOST_FILE_BYTES
from c2llm.index.build.cutting import content_hash
from c2llm.index.store.caches.kept_results import KeptResults
from c2llm.progress import ProgressBar, no_progress

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.store.records import IndexedFile
    from c2llm.search.code_index import CodeIndex

_FAMILY, _VERSION = "patterns", 2
"""Of what is kept; a change in what is found of the same file and pattern raises the version."""
_KEEP_EVERY = 500
"""Files after which what was found is kept, so that an interrupted search goes on from there."""

Lines = Mapping[str, frozenset[int]]
"""For each path the lines that count."""


def find_patterns(
    indexes: Sequence[CodeIndex],
    patterns: Sequence[Pattern],
    request: PatternsRequest,
    progress: ProgressBar = no_progress,
    *,
    only_on: Mapping[str, Lines] | None = None,
) -> PatternReport:
    """Where patterns are in the files of some indexes.

    Args:
        indexes: Indexes that are fresh; those of several trees are told apart by their labels.
        patterns: What is looked for.
        request: Where, and what is told apart.
        progress: Shows how far it has come, in files.
        only_on: For each label the lines that a hit has to have one of; None for all lines.

    Raises:
        UsageError: No file is in any of the languages that are asked for.
        DataError: A filter cannot be compiled.
        ModelError: The table model is not there.
    """
    chosen = chosen_files(indexes, request, lambda language: is_asked(patterns, language))
    notes = list(chosen.notes)
    hits: list[Hit] = []
    searched = 0
    missed: set[str] = set()
    model = table_model()
    with progress("Searching", chosen.count) as advance:
        for part in chosen.parts:
            lines = None if only_on is None else only_on.get(part.index.label, {})
            if lines is not None:
                part = _only(part, lines)
            search = _TreeSearch(part, patterns, model)
            for file, found in search.run(advance):
                hits += _hits(part, file, found, patterns, lines)
            notes += search.notes
            missed |= search.missed
            searched += search.searched
    hits.sort(key=_order)
    apart = [hit for hit in hits if _is_apart(hit, request)]
    return PatternReport(
        patterns=tuple(patterns),
        hits=tuple(hit for hit in hits if not _is_apart(hit, request)),
        apart=tuple(apart),
        files=chosen.count,
        searched=searched,
        notes=tuple(dict.fromkeys(notes)),
        missed=frozenset(missed),
    )


class _TreeSearch:
    """The files of one index: what is kept of them, and what is found anew."""

    def __init__(
        self, part: IndexedFiles, patterns: Sequence[Pattern], model: EncoderHandle
    ) -> None:
        self._part = part
        self._patterns = patterns
        self._model = model
        self._kinds = [
            f"{_FAMILY} {pattern.name} {_VERSION} {pattern.digest.hex()} {model.fingerprint}"
            for pattern in patterns
        ]
        self.notes: list[str] = []
        self.missed: set[str] = set()
        self.searched = 0

    def run(self, advance: Callable[[int], object]) -> Iterator[tuple[IndexedFile, FoundInFile]]:
        """Every file in which something is found."""
        index = self._part.index
        with KeptResults(index.file if index.is_kept else None) as kept:
            known = self._known(kept)
            missing = [file for file in self._part.files if self._lacks(known, self._key(file))]
            advance(len(self._part.files) - len(missing))
            fresh = self._search(missing, known, kept, advance) if missing else {}
            if missing:
                keys = {self._key(file) for file in self._part.files}
                families = tuple(f"{_FAMILY} {pattern.name} " for pattern in self._patterns)
                kept.keep_only(self._kinds, keys, family=families)
        for file in self._part.files:
            key = self._key(file)
            found = fresh.get(file.path)
            if found is None:
                found = {number: rows for number, one in enumerate(known) if (rows := one.get(key))}
            if found:
                yield file, found

    def _known(self, kept: KeptResults) -> list[dict[bytes, list[Found]]]:
        keys = [self._key(file) for file in self._part.files]
        return [_unpacked(kept.get(kind, keys)) for kind in self._kinds]

    def _key(self, file: IndexedFile) -> bytes:
        key = self._part.keys.get(file.path, b"")
        return key + b" cells" if file.path.endswith(NOTEBOOK) else key

    def _lacks(self, known: Sequence[Mapping[bytes, object]], key: bytes) -> bool:
        return not key or any(key not in one for one in known)

    def _search(
        self,
        files: Sequence[IndexedFile],
        known: Sequence[Mapping[bytes, list[Found]]],
        kept: KeptResults,
        advance: Callable[[int], object],
    ) -> dict[str, FoundInFile]:
        """What is found in files anew, by their paths."""
        lacking = [
            number
            for number, one in enumerate(known)
            if any(self._key(file) not in one for file in files)
        ]
        finder = Finder([self._patterns[number] for number in lacking], self._model.get())
        by_path = {file.path: file for file in files}
        unchanged: set[str] = set()
        results: dict[str, FoundInFile] = {}
        new: list[dict[bytes, bytes]] = [{} for _ in lacking]

        def texts() -> Iterator[Text]:
            for file in files:
                read = read_text(str(self._part.index.root), file.path, file.language)
                if read is None:
                    advance(1)
                    continue
                text, digest = read
                if self._part.keys.get(file.path, b"").startswith(digest):
                    unchanged.add(file.path)
                yield text

        def keep() -> None:
            for number, rows in zip(lacking, new, strict=True):
                kept.put(self._kinds[number], rows)
                rows.clear()

        for text, found in finder.found(texts(), len(files)):
            key = self._key(by_path[text.path])
            all_found = {lacking[number]: rows for number, rows in found.items()}
            for number, one in enumerate(known):
                if number not in lacking and key in one and one[key]:
                    all_found[number] = one[key]
            results[text.path] = all_found
            self.searched += 1
            advance(1)
            if text.path in unchanged and text.path not in finder.incomplete:
                for at, rows in enumerate(new):
                    rows[key] = _packed(found.get(at, []))
            if self.searched % _KEEP_EVERY == 0:
                keep()
        keep()
        self.notes += finder.notes
        self.missed |= finder.missed
        return results


def read_text(root: str, path: str, language: str) -> tuple[Text, bytes] | None:
    """A file of a tree as it is searched, and the hash of its content; None where it is gone."""
    try:
        with open_file(root, path) as stream:
            content = stream.read(MOST_FILE_BYTES)
    except (OSError, ValueError):
        return None
    return searched_text(path, decode(content), language), content_hash(content)


def _hits(
    part: IndexedFiles,
    file: IndexedFile,
    found: FoundInFile,
    patterns: Sequence[Pattern],
    lines: Lines | None,
) -> Iterator[Hit]:
    read = read_text(str(part.index.root), file.path, file.language)
    if read is None:
        return
    text, _ = read
    role: Role = "code"
    if (told := file_role(file.path, file.language, generated=False)) in ("test", "generated"):
        role = "test" if told == "test" else "generated"
    counted = None if lines is None else lines.get(file.path, frozenset())
    for number, some in found.items():
        for one in some:
            if one.place.end_line > len(text.lines):
                continue  # it has just been changed
            on = range(text.row(one.place.start_line), text.row(one.place.end_line) + 1)
            if counted is None or not counted.isdisjoint(on):
                yield hit_of(patterns[number], text, one, part.index.label, role)


def _only(part: IndexedFiles, lines: Lines) -> IndexedFiles:
    """The files of an index that have lines that count."""
    files = [file for file in part.files if lines.get(file.path)]
    return IndexedFiles(part.index, part.store, files, part.keys)


def _is_apart(hit: Hit, request: PatternsRequest) -> bool:
    return hit.role in request.apart or (hit.allowed is not None and "allowed" in request.apart)


def _order(hit: Hit) -> tuple[bool, int, str, str, str, int]:
    pattern = hit.pattern
    severity = SEVERITIES.index(pattern.severity)
    return pattern.hint, -severity, pattern.name, hit.repository, hit.path, hit.start_line


def _packed(found: Sequence[Found]) -> bytes:
    return json.dumps([[*one.place, one.score, one.margin] for one in found]).encode()


def _unpacked(packed: Mapping[bytes, bytes]) -> dict[bytes, list[Found]]:
    """What is kept and whole; what is damaged is found anew."""
    found: dict[bytes, list[Found]] = {}
    for key, content in packed.items():
        if content == b"[]":
            found[key] = []
            continue
        with suppress(ValueError, TypeError):
            found[key] = [
                Found(Place._make([*map(int, row[:6]), str(row[6])]), float(row[7]), float(row[8]))
                for row in json.loads(content)
            ]
    return found
