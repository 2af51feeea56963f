"""Which files of a large tree are read first: those whose bytes and paths smell of a question.

A tree of some thousand files takes many seconds to cut. Before that its bytes are searched for the
stems of the question's words, without a parser: BM25 over whole files, in which a stem counts
wherever it stands in a word, joined by what the path says and by what looks like the definition of
a name. The most promising files are indexed and answered from, the others are read after that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from c2llm.codebase.files.confined import Directories
from c2llm.codebase.files.walk import SourceFile
from c2llm.cores import core_count
from c2llm.index.build.cut_worker import receive, send
from c2llm.index.build.forked import Forked, may_fork

AT_ONCE_FILES = 1_200
AT_ONCE_BYTES = 5_000_000
"""No more than these are read whole before the answer: about a second on two cores."""
FIRST_FILES = 300
FIRST_BYTES = 2_500_000
"""What is read of more than that; `benchmarks/large_tree.py` weighs the numbers."""

_MOST_STEMS = 16
"""The longest of a longer question, which are the rarest as a rule: each costs a look at all."""
_READ_BYTES = 1 << 18
_ALL_BYTES = 200_000_000
"""Of a file its beginning is looked at, which shows what it is about: of the larger ones less where
all would be more than this."""
_K1, _B = 1.2, 0.9
"""Of BM25 (Robertson and Zaragoza 2009, section 3.5), over files."""
_IN_FILE_NAME = 4.0
_IN_FOLDER = 2.0
"""What a stem in the path is worth, times its rarity."""
_DEFINES = 5.0
"""Added for what looks like the definition of a name that the question spells."""
_MOST_MENTIONS = 50
"""Of a name in a file, among which its definition is looked for."""
_BEFORE = 120
"""Characters of a line that stand before the name that it defines."""
_BEFORE_NAME = (b" ", b"\t", b".", b")")
_IN_NAME = re.compile(rb"\w")
_DEFINING = re.compile(
    rb"(?:^|[\s(])(?:class|def|defp|define|enum|extension|fn|fun|func|function|impl|interface|macro"
    rb"|module|object|procedure|protocol|record|struct|sub|subroutine|trait|type|typedef|union)"
    rb"[ \t]++(?:\w++\.|\([^)\n]{0,60}+\)[ \t]*+)?+$",
)


@dataclass(frozen=True, slots=True)
class Scent:
    """What a question leaves in the files that may answer it."""

    stems: tuple[str, ...] = ()
    """Of its words, lower case; found anywhere in a word."""
    names: tuple[str, ...] = ()
    """Names that it spells, which some file may define."""
    paths: tuple[str, ...] = ()
    """Ends of paths that it names, with `/`; such files come first."""
    factor: Callable[[SourceFile], float] | None = None
    """What the score of a file is multiplied by for what it is, a test for example."""
    narrow: Callable[[Sequence[SourceFile]], Sequence[SourceFile]] | None = None
    """Leaves the files that may answer, where not all may."""


def is_large(files: Sequence[SourceFile]) -> bool:
    """Whether reading these files would keep a question waiting."""
    return len(files) > AT_ONCE_FILES or sum(file.size for file in files) > AT_ONCE_BYTES


def promising(
    files: Sequence[SourceFile],
    scent: Scent,
    *,
    most_files: int | None = None,
    most_bytes: int | None = None,
    workers: int | None = None,
) -> list[SourceFile]:
    """The files to be read first, in the order of their paths.

    Args:
        files: What has not been read yet.
        scent: What is looked for in them.
        most_files: How many at most, where they are many; None for `FIRST_FILES`.
        most_bytes: How many bytes they have together at most, None for `FIRST_BYTES`; one file is
            always taken.
        workers: Processes that look; None for one a core where that is possible, 0 for none.
    """
    if scent.narrow is not None:
        files = scent.narrow(files) or files
    if not is_large(files):
        return list(files)
    most_files, most_bytes = most_files or FIRST_FILES, most_bytes or FIRST_BYTES
    scores = _scores(files, scent, workers)
    order = sorted(range(len(files)), key=lambda place: (-scores[place], files[place].path))
    taken: list[SourceFile] = []
    size = 0
    for place in order:
        file = files[place]
        if taken and size + file.size > most_bytes:
            continue  # a smaller one may still fit
        taken.append(file)
        size += file.size
        if len(taken) == most_files:
            break
    return sorted(taken, key=lambda file: file.path)


def _scores(files: Sequence[SourceFile], scent: Scent, workers: int | None) -> list[float]:
    stems = sorted(scent.stems, key=len, reverse=True)[:_MOST_STEMS]
    total, size = len(files), sum(file.size for file in files)
    most = _most_of_each([file.size for file in files])
    found = list(_counted(files, _Look(stems, scent.names, most), workers))
    weights = []
    for place in range(len(stems)):
        holding = sum(1 for counts, _ in found if counts[place])
        weights.append(math.log(1.0 + (total - holding + 0.5) / (holding + 0.5)))
    mean = size / max(1, total) or 1.0
    pairs = list(zip(stems, weights, strict=True))
    ends = tuple(f"/{path.lower()}" for path in scent.paths)
    scores = []
    for file, (counts, defined) in zip(files, found, strict=True):
        norm = _K1 * (1.0 - _B + _B * file.size / mean)
        score = _DEFINES * defined
        for weight, count in zip(weights, counts, strict=True):
            if count:
                score += weight * count * (_K1 + 1.0) / (count + norm)
        path = file.path.lower()
        folder, _, name = path.rpartition("/")
        for stem, weight in pairs:
            if stem in name:
                score += _IN_FILE_NAME * weight
            elif stem in folder:
                score += _IN_FOLDER * weight
        if score and scent.factor is not None:
            score *= scent.factor(file)
        scores.append(math.inf if ends and f"/{path}".endswith(ends) else score)
    return scores


def _most_of_each(sizes: Sequence[int]) -> int:
    """How many bytes of each file are looked at, so that all together are no more than allowed."""
    left = _ALL_BYTES
    for rank, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - rank)
        if share < size:
            return min(_READ_BYTES, share)
        left -= size
    return _READ_BYTES


# -- looking into the files ------------------------------------------------------------------------

_Found = tuple[tuple[int, ...], int]
"""For each stem how often it stands in a file, and how many names the file seems to define."""


class _Look:
    """Counts stems in files and finds definitions of names."""

    def __init__(self, stems: Sequence[str], names: Sequence[str], most: int) -> None:
        self.nothing: _Found = ((0,) * len(stems), 0)
        self._most = most
        self._stems = [_bytes(stem) for stem in stems]
        # A file that lacks a stem has no name that holds it.
        self._names = [
            (_bytes(name), [at for at, stem in enumerate(stems) if stem in name])
            for name in map(str.lower, names)
        ]

    def __call__(self, files: Sequence[SourceFile]) -> Iterator[_Found]:
        """What is found in each file; nothing where one cannot be read, which is told later."""
        if not files:
            return
        try:
            directories = Directories(files[0].root)
        except OSError:
            yield from [self.nothing] * len(files)
            return
        with directories:
            for file in files:
                try:
                    content = directories.beginning(file.path, self._most)
                except OSError:
                    yield self.nothing
                else:
                    yield self._found(content)

    def _found(self, content: bytes) -> _Found:
        lower = content.lower()
        counts = tuple([lower.count(stem) for stem in self._stems])
        defined = sum(
            all(counts[at] for at in parts) and _defines(lower, name) for name, parts in self._names
        )
        return counts, defined


def _defines(content: bytes, name: bytes) -> bool:
    """Whether a name seems to be defined in a file, both in lower case."""
    start = content.find(name)
    for _ in range(_MOST_MENTIONS):
        if start < 0:
            return False
        end = start + len(name)
        whole = content[start - 1 : start] in _BEFORE_NAME and not _IN_NAME.match(content, end)
        if whole and _DEFINING.search(content[max(0, start - _BEFORE) : start]):
            return True
        start = content.find(name, end)
    return False


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _counted(files: Sequence[SourceFile], look: _Look, workers: int | None) -> Iterator[_Found]:
    """What is found in each file, in their order."""
    if workers is None:
        workers = min(8, core_count()) if may_fork() else 0
    workers = max(1, workers)
    shares = [files[len(files) * n // workers : len(files) * (n + 1) // workers]
              for n in range(workers)]  # fmt: skip
    helpers = [Forked(_Share(look, share)) for share in shares[1:]]
    try:
        yield from look(shares[0])
        for helper, share in zip(helpers, shares[1:], strict=True):
            try:
                yield from receive(helper.stdout)
            except EOFError:
                yield from look(share)
    finally:
        for helper in helpers:
            helper.kill()
            for stream in (helper.stdin, helper.stdout):
                with suppress(OSError):
                    stream.close()
            helper.wait()


class _Share:
    """What a forked process does: look into its files and send what it has found."""

    def __init__(self, look: _Look, files: Sequence[SourceFile]) -> None:
        self._look = look
        self._files = files

    def __call__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        found: list[Any] = list(self._look(self._files))
        with suppress(BrokenPipeError):
            send(answers, found)
