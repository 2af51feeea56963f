"""Patterns looked for in files, and in the indexes of trees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from c2llm.analysis.patterns.allowed import reason
from c2llm.analysis.patterns.hit import Hit, Role
from c2llm.analysis.patterns.meaning import Examples, unit_text
from c2llm.analysis.patterns.pattern import COMMON, Pattern
from c2llm.analysis.patterns.places.place import Place
from c2llm.analysis.patterns.places.pool import Asked, PlacePool
from c2llm.analysis.patterns.searched_text import Text
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, table_handle
from c2llm.errors import ModelError

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.encoding.protocol import TextEncoder

_FILES_AT_ONCE = 100


class Found(NamedTuple):
    """A place that passed, and how near it is: what is kept of a file."""

    place: Place
    score: float
    margin: float


FoundInFile = dict[int, list[Found]]
"""By the number of the pattern; those that are not found are not in it."""


class Finder:
    """Looks for patterns in files, many at once."""

    def __init__(self, patterns: Sequence[Pattern], encoder: TextEncoder | None = None) -> None:
        self.patterns = patterns
        self._encoder = table_model().get() if encoder is None else encoder
        self._examples = [Examples(pattern, self._encoder) for pattern in patterns]
        self.notes: list[str] = []
        self.incomplete: set[str] = set()
        """Paths of the files that were not searched for all patterns."""
        self.missed: set[str] = set()
        """Names of the patterns that those were not searched for."""

    def found(self, files: Iterable[Text], count: int) -> Iterator[tuple[Text, FoundInFile]]:
        """Each file with what is found in it, by the numbers of patterns.

        Args:
            files: The files.
            count: How many they are, about.

        Raises:
            DataError: A filter cannot be compiled.
        """
        batch: list[tuple[Text, dict[int, list[Place]]]] = []
        texts: dict[str, Text] = {}

        def asked() -> Iterator[Asked]:
            for file in files:
                texts[file.path] = file
                yield Asked(file.path, file.text, file.language, self._apply(file))

        with PlacePool(self.patterns, count) as pool:
            for one, places in pool.places(asked()):
                self.incomplete |= pool.given_up.paths
                batch.append((texts.pop(one.path), places))
                if len(batch) == _FILES_AT_ONCE:
                    yield from self._judged(batch)
                    batch = []
            yield from self._judged(batch)
            self.notes += pool.given_up.notes()
            self.missed |= pool.given_up.names(self.patterns)

    def _apply(self, file: Text) -> list[int]:
        """The patterns that a file may have: of its language, and with one of their words."""
        return [
            number
            for number, pattern in enumerate(self.patterns)
            if pattern.speaks_of(file.language) and _has_words(pattern, file)
        ]

    def _judged(
        self, batch: Sequence[tuple[Text, dict[int, list[Place]]]]
    ) -> Iterator[tuple[Text, FoundInFile]]:
        units: dict[str, int] = {}
        rows: list[tuple[int, int, Place, int]] = []
        for at, (file, places) in enumerate(batch):
            lines = file.lines if places else []
            for number, some in places.items():
                for place in some:
                    text = unit_text(lines, place.unit_start, place.unit_end)
                    rows.append((at, number, place, units.setdefault(text, len(units))))
        vectors = self._encoder.encode_documents(list(units)) if units else None
        results: list[FoundInFile] = [{} for _ in batch]
        for number, examples in enumerate(self._examples):
            own = [row for row in rows if row[1] == number]
            if not own or vectors is None:
                continue
            judged = examples.judge(vectors[[row[3] for row in own]])
            for (at, _, place, _), one in zip(own, judged, strict=True):
                if one.passes:
                    found = Found(place, round(one.score, 4), round(one.margin, 4))
                    results[at].setdefault(number, []).append(found)
        for (file, _), result in zip(batch, results, strict=True):
            yield file, result


def find_in_text(
    patterns: Sequence[Pattern], text: str, language: str, path: str = ""
) -> list[Hit]:
    """The hits of patterns in one text.

    Raises:
        DataError: A filter cannot be compiled.
    """
    finder = Finder(patterns)
    file = Text(path, text, language)
    return [
        hit_of(patterns[number], file, found, "", "code")
        for _, result in finder.found([file], 1)
        for number, some in result.items()
        for found in some
    ]


def hit_of(pattern: Pattern, file: Text, found: Found, repository: str, role: Role) -> Hit:
    """A hit, from what is kept of it and its file."""
    place, lines = found.place, file.lines
    own = lines[place.start_line - 1 : place.end_line]
    return Hit(
        pattern=pattern,
        repository=repository,
        path=file.path,
        language=file.language,
        start_line=file.row(place.start_line),
        end_line=file.row(place.end_line),
        start_column=place.start_column,
        end_column=place.end_column,
        symbol=place.symbol,
        lines=tuple(own[:12]),
        score=found.score,
        margin=found.margin,
        role=role,
        allowed=reason(lines, place.start_line, place.end_line, pattern.name) or None,
        fingerprint=fingerprint(pattern.name, own),
    )


def fingerprint(name: str, lines: Sequence[str]) -> str:
    """Of a pattern and the code of a hit, layout aside."""
    content = "\n".join([name, *(" ".join(line.split()) for line in lines if line.strip())])
    return hashlib.blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest()


def table_model() -> EncoderHandle:
    """The table model, not loaded yet.

    Raises:
        ModelError: It is not installed.
    """
    handle = table_handle(DEFAULT_TABLE, alone=True)
    if handle is None:
        raise ModelError(
            "Patterns need the model c2llm-nano, which this installation does not have or "
            "C2LLM_TABLE_MODEL turns off; install c2llm anew, or unset that variable."
        )
    return handle


def _has_words(pattern: Pattern, file: Text) -> bool:
    find = pattern.find
    if find is None or not find.words:
        return True
    words = find.words.get(file.language) or find.words.get(COMMON)
    return not words or any(word in file.text for word in words)
