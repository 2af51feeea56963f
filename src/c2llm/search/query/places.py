"""Places that a query names: `src/net/retry.py:42`, and the frames of a stack trace.

Of a trace the innermost frame counts most, whichever end of the text it stands at; frames of files
that are not in the repository find nothing and so count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore

_MOST_PLACES = 40
_DECAY = 0.75
"""What a frame is worth of the one inside of it."""

# Python's frames name the file first: File "a/b.py", line 12, in f
_PYTHON = re.compile(r'File "([^"\n]{1,400})", line (\d{1,7})(?:, in ([\w.<>]+))?')
# a/b.rs:12  a/b.rs:12:5  (b.js:12:5)  b.go:33 +0x1d  b.rb:12:in 'm'  (C.java:42)
# Each begins where a run of such characters does; tried in its middle too, it would read it again.
_COLON = re.compile(r"(?<![\w@~./\\+-])([\w@~./\\+-]{0,400}\w\.[A-Za-z]\w{0,9}):(\d{1,7})(?::\d+)?")
# C#: in /a/B.cs:line 42; PHP: in /a/b.php on line 12, b.php(12)
_WORDED = re.compile(
    r"(?<![\w@~./\\+-])([\w@~./\\+-]{0,400}\w\.[A-Za-z]\w{0,9})(?::line |\(| on line )(\d{1,7})\)?"
)
# A path alone: with a directory, or a file name of a usual extension.
_PATH = re.compile(r"(?<![\w/.@+-])((?:[\w.@+-]+/)+[\w.@+-]+|[\w@+-][\w.@+-]*\.[A-Za-z]\w{0,5})\b")
_EXTENSIONS = frozenset(
    "bash c cc clj cpp cs css cxx dart ex exs go h hpp hs html java js json jsx kt kts lua m md "
    "mjs ml mm php pl py pyi pyx r rb rs scala sh sql swift toml ts tsx vue xml yaml yml "
    "zig".split()
)
_OUTERMOST_FIRST = re.compile(r"Traceback \(most recent call last\)")
_TRACE = re.compile(
    r"Traceback \(most recent call last\)|^[^\S\n]+at .+[(:]\d*|panicked at|goroutine \d+ \[|"
    r"Exception in thread|stack backtrace:|Stack trace:|^Caused by: |:in ['`]|"
    r"^\S+:\d+:\d+: (?:fatal )?(?:error|warning):",
    re.MULTILINE,
)
_MESSAGE = re.compile(
    r"^\s*(?:[\w.:]*(?:Error|Exception|Warning|Panic)|(?:fatal |runtime )?error|fatal|panic|"
    r"E\d{3,5}|error\[E\d+\])\b\s*:\s*\S",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A file, perhaps a line of it, that a query names."""

    path: str
    """The end of a path, with `/`."""
    line: int | None
    """From 1."""
    strength: float
    """1 for the innermost frame, less for those around it."""


def is_trace(text: str) -> bool:
    """Whether a text is an error message or a stack trace."""
    return bool(_TRACE.search(text) or _MESSAGE.match(text))


def places(text: str) -> tuple[Place, ...]:
    """The places that a text names, the strongest first."""
    lines: dict[tuple[str, int | None], int] = {}
    for pattern in (_PYTHON, _COLON, _WORDED):
        for match in pattern.finditer(text[:100_000]):
            lines.setdefault((_clean(match[1]), int(match[2])), match.start())
    found = sorted(lines, key=lambda place: lines[place])
    if _OUTERMOST_FIRST.search(text):
        found.reverse()
    named = {path for path, _ in found}
    result = [
        Place(path, line, _DECAY**position)
        for position, (path, line) in enumerate(found[:_MOST_PLACES])
    ]
    if not is_trace(text):
        for match in _PATH.finditer(text[:10_000]):
            path = _clean(match[1])
            if path not in named and path.rpartition(".")[2].lower() in _EXTENSIONS:
                named.add(path)
                result.append(Place(path, None, 1.0))
    return tuple(place for place in result if place.path)[:_MOST_PLACES]


def resolve(store: ChunkStore, named: Sequence[Place]) -> dict[int, list[Place]]:
    """The indexed files that are meant, by id: a trace from another machine has another root.

    The file with the longest common end of the path is meant, which has to be more than a bare
    file name where the place has more; of equals all are.
    """
    found: dict[int, list[Place]] = {}
    for place in named:
        parts = place.path.split("/")
        files = store.files_named(parts[-1])
        common = {file_id: _common_end(parts, path.split("/")) for file_id, path in files}
        whole = {file_id for file_id, path in files if path == parts[-1]}
        longest = max(common.values(), default=0)
        for file_id, length in common.items():
            if length == longest and (length > 1 or len(parts) == 1 or file_id in whole):
                found.setdefault(file_id, []).append(place)
    return found


def _common_end(first: Sequence[str], second: Sequence[str]) -> int:
    length = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        length += 1
    return length


def _clean(path: str) -> str:
    path = path.replace("\\", "/").lstrip("(")
    parts = [part for part in path.split("/") if part not in ("", ".", "..", "~")]
    return "/".join(parts)
