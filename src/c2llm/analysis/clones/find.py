"""Duplicates in one or several indexes, as classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.alike import alike_functions
from c2llm.analysis.clones.clone_class import CloneClass, CloneReport, CloneType
from c2llm.analysis.clones.corpus import Corpus
from c2llm.analysis.clones.findings import (
    Finding,
    Place,
    classes_of,
    covered_lines,
)
from c2llm.analysis.clones.fragments import repeats
from c2llm.analysis.clones.kept_report import KeptReport
from c2llm.analysis.clones.reading import ChosenFiles, chosen_files, compared_files
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.analysis.clones.subsumed import without_parts
from c2llm.progress import ProgressBar, no_progress

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex


_RENAMED_FACTOR = 2
"""How many times the tokens a fragment needs of which the form alone is the same: many short runs
of names and signs are alike by chance."""


def find_clones(
    indexes: Sequence[CodeIndex], request: ClonesRequest, progress: ProgressBar = no_progress
) -> CloneReport:
    """What is written more than once in the files of some indexes, within and across them.

    The same files give the same report, whatever the order of indexes and files, and whether they
    were looked at before.

    Args:
        indexes: Indexes that are fresh; those of several trees are told apart by their labels.
        request: What is looked for.
        progress: Shows how far it has come, in files.

    Raises:
        UsageError: No file is in any of the languages that are asked for.
    """
    chosen = chosen_files(indexes, request)
    kept = KeptReport(chosen, request)
    report = kept.get()
    if report is None:
        with progress("Comparing", chosen.count) as advance:
            report = _found(chosen, request, advance)
        kept.put(report)
    return report


def kept_clones(indexes: Sequence[CodeIndex], request: ClonesRequest) -> CloneReport | None:
    """The report that `find_clones` has kept of these files as they are, None where there is none.

    Raises:
        UsageError: No file is in any of the languages that are asked for.
    """
    return KeptReport(chosen_files(indexes, request), request).get()


def _found(
    chosen: ChosenFiles, request: ClonesRequest, advance: Callable[[int], object]
) -> CloneReport:
    corpus = Corpus.of(list(compared_files(chosen, advance)))
    code: list[CloneClass] = []
    apart: list[CloneClass] = []
    found = without_parts([*alike_functions(corpus, request), *_fragments(corpus, request)])
    for one in classes_of(corpus, found):
        (apart if one.role in request.apart else code).append(one)
    return CloneReport(
        classes=tuple(code),
        apart=tuple(apart),
        files=len(corpus.files),
        lines=sum(file.form.lines for file in corpus.files),
        duplicated_lines=covered_lines(code),
        notes=chosen.notes,
    )


def _fragments(corpus: Corpus, request: ClonesRequest) -> Iterator[Finding]:
    runs = _Runs(corpus)
    rows = corpus.statements
    sizes = rows["size"]
    kinds: list[tuple[CloneType, str]] = [(1, "spelling"), (2, "form")]
    for kind, field in kinds:
        if kind not in request.types:
            continue
        tokens = request.min_tokens * (_RENAMED_FACTOR if kind == 2 else 1)
        for repeat in repeats(rows[field], sizes, corpus.statement_starts, tokens):
            first = repeat.starts[0]
            # What closes the code before is no part of it.
            closers = int(np.argmax(sizes[first : first + repeat.length] > 1))
            starts = np.array(repeat.starts, np.int64) + closers
            length = repeat.length - closers
            if runs.tokens(int(starts[0]), length) < tokens:
                continue
            places = runs.places(starts, length, request.min_lines)
            if len(places) > 1:
                yield Finding(kind, 1.0 if kind == 1 else _likeness(corpus, places), tuple(places))


class _Runs:
    """Runs of statements as places; what is needed for many of them is there once."""

    def __init__(self, corpus: Corpus) -> None:
        rows = corpus.statements
        self._first_lines = rows["first_line"].astype(np.int64)
        self._last_lines = rows["last_line"].astype(np.int64)
        self._file_starts = corpus.statement_starts
        self._tokens = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(rows["size"], out=self._tokens[1:])

    def tokens(self, start: int, length: int) -> int:
        """Of one run."""
        return int(self._tokens[start + length] - self._tokens[start])

    def places(self, starts: NDArray[np.int64], length: int, min_lines: int) -> list[Place]:
        """Those of the runs of one length that have enough lines."""
        first_lines = self._first_lines[starts]
        last_lines = self._last_lines[starts + length - 1]
        long = last_lines - first_lines + 1 >= min_lines
        starts = starts[long]
        files = np.searchsorted(self._file_starts, starts, side="right") - 1
        columns = (
            files,
            first_lines[long],
            last_lines[long],
            starts,
            starts + length,
            self._tokens[starts + length] - self._tokens[starts],
        )
        return [Place(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _likeness(corpus: Corpus, places: Sequence[Place]) -> float:
    """Of the place least like the first one: equal forms are half, equal spelling the rest."""
    rows = corpus.statements
    first = rows[places[0].first : places[0].last]
    total = max(1, int(first["size"].sum()))
    shares = [
        int(first["size"][rows["spelling"][place.first : place.last] == first["spelling"]].sum())
        for place in places[1:]
    ]
    return (1 + min(shares) / total) / 2
