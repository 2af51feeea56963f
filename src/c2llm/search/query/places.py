"""Places that a query names: `src/net/retry.py:42`, and the frames of a stack trace.

No list of languages: wherever a path is followed by a line number, in one of the ways in which
compilers, runtimes and linters write that down, it is a place. Of a trace the innermost frame
counts most, whichever end of the text it stands at; frames of files that are not in the repository
find nothing (`resolve.py`) and so count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from c2llm.lazy_pattern import lazy_pattern

_MOST_PLACES = 40
_MOST_CHARACTERS = 100_000
_LONGEST_HEADING = 500
"""Characters of a line that may be a heading."""
_DECAY = 0.75
"""What a frame is worth of the one inside of it."""

# What a path is made of; a bracket only as `[id]` or `(group)` between two separators. All
# repetitions are possessive, so that no text takes longer than its length.
_CHARACTER = r"[\w@~./\\+%$!-]"
_BRACKETED = r"\[[\w.-]{1,60}\](?=[/\\.])|\([\w.@-]{1,60}\)(?=[/\\])"
_RUN = rf"(?<!{_CHARACTER})(?!(?<=[\])])[/\\])(?:{_CHARACTER}|{_BRACKETED})++"
_WHOLE_RUN = lazy_pattern(_RUN)
# How a line follows its path: a.c:12  a.c:line 12  a.c: (12, 5)  A.java:[12,5]  a.ts(12,5)  a.R#12
# a.py#L12  a.ts 12:5-9  "a.py", line 12  a.tf line 12  a.php on line 12  file=a.zig,line=12
# {file,"a.erl"},{line,12}  a.gradle' line: 12  a.erb where line #12
_GLUE = (
    r"""[`"')\]}>]{0,2}+(?:\?[^\s:()"']{0,200}+)?(?:"""
    r""":\s?[\[(]?(?:line\s)?|\||\s?\((?:line\s)?|\s?\[(?:Line:?\s)?|#L?|\s(?=\d{1,7}:\d)"""
    r"""|[\s,:({\["'}\]]{0,4}+(?:(?:on|at|in|where|near|error\sat)\s)?[Ll]ine[\s:#=,]{1,3}+)"""
)
_PLACE = lazy_pattern(rf"({_RUN}){_GLUE}(\d{{1,7}})(?![\w/])")
_QUOTED = lazy_pattern(rf"""(["'])([^"'\n]{{1,400}}+)(?=\1){_GLUE}(\d{{1,7}})(?![\w/])""")
# a.js: Unexpected token (12:5)
_CLOSING = lazy_pattern(rf"({_RUN}):\s[^\n:]{{1,200}}?\((\d{{1,7}}):\d{{1,7}}\)$", re.MULTILINE)
# At line 12 of file a.f90
_REVERSED = lazy_pattern(
    rf"""\bline\s#?(\d{{1,7}}),?\s(?:of|in)\s(?:the\s)?(?:file\s)?["'(]?({_RUN})"""
)
_FORMS = ((_QUOTED, 2, 3), (_PLACE, 1, 2), (_REVERSED, 2, 1), (_CLOSING, 1, 2))
"""Each form with the groups of its path and its line."""
# A frame of the JVM: com.acme.shipping.Handler.handle(Handler.java:42)
_JVM = lazy_pattern(
    r"(?<![\w.$])((?:[\w$]++\.)++)[\w$<>-]++\(([\w$-]++\.(?:java|kt|kts|scala|groovy|clj)):(\d{1,7})\)"
)
# What begins the rows, or the lines of source, below a heading that is a path.
_ROW = lazy_pattern(r"[ \t]*+(?:-+>|>|L:|│)?[ \t]*+(\d{1,7})(?::\s?\d+|[ \t]*+[|│]|(?=\s))")
_ARROW = lazy_pattern(r"^[ \t]*-+>[ \t]*\d", re.MULTILINE)
# A path alone: with a directory, or a file name of a usual extension.
_PATH = lazy_pattern(
    r"(?<![\w/.@+-])((?:[\w.@+-]++/)++[\w.@+-]+|[\w@+-][\w.@+-]*\.[A-Za-z]\w{0,5})\b"
)
_EXTENSIONS = frozenset(
    "bash c cc clj cpp cs css cxx dart ex exs go h hpp hs html java js json jsx kt kts lua m md "
    "mjs ml mm php pl py pyi pyx r rb rs scala sh sql svelte swift tf toml ts tsx vue xml yaml yml "
    "zig".split()
)
_EXTENSION = lazy_pattern(r"\w\.[A-Za-z]\w{0,11}$")
_WHOLE_NAMES = frozenset(
    "brewfile build capfile containerfile dangerfile dockerfile fastfile gemfile gnumakefile "
    "jenkinsfile justfile makefile podfile procfile rakefile snakefile tiltfile vagrantfile "
    "workspace".split()
)
"""Files that are source without an extension."""
_COLOURS = lazy_pattern(r"\x1b\[[\d;]*m")
_SCHEME = lazy_pattern(r"(?<!\w)\w*+@(?=(?:https?|file|webpack|app)://|/)")
"""What stands before a URL in Firefox and Safari: the name of the function."""

_OUTERMOST_FIRST = lazy_pattern(
    r"Traceback \(most recent call last\)"
    r"|^[\w./\\-]+\.py:\d+: (?:in \S+|\w*(?:Error|Exception|Failed))\s*$",  # pytest
    re.MULTILINE,
)
_CAUSE = lazy_pattern(r"^[ \t]*Caused by: ", re.MULTILINE)
_TRACE = lazy_pattern(
    r"Traceback \(most recent call last\)|^[ \t]+at .+[(:]\d*|panicked at|goroutine \d+ \[|"
    r"Exception in thread|[Ss]tack ?(?:back)?trace:|^Caused by: |:in ['`]|^[ \t]+File \"|"
    r"^\S+:\d+:\d+: (?:fatal )?(?:error|warning):|^[ \t]*+#\d+[ \t]++(?:0x[\da-f]|"
    r"[^\n(]*+\([^\s()]{1,300}:\d)|"
    r"^[^\w\n]*+frame #\d+: ",
    re.MULTILINE,
)
_MESSAGE = lazy_pattern(
    r"^\s*(?:[\w.:]*(?:Error|Exception|Warning|Panic)|(?:fatal |runtime )?error!?|fatal|panic|"
    r"E\d{3,5}|error\[E\d+\])(?:(?<=!)|\b)\s*:?(?<=[:!])\s*\S",
    re.IGNORECASE,
)
_COMPLAINT = lazy_pattern(
    r"\b(?:\w*(?:Error|Exception|Panic)|errors?|fatal|panic(?:ked)?|exception|warning|undefined"
    r"|failed|failure|failing|assertion|unhandled|uncaught|can't|cannot|could not|couldn't"
    r"|not found|unexpected|segmentation fault)\b",
    re.IGNORECASE,
)
_QUESTION = lazy_pattern(r"\?\s*$|^\s*(?:how|why|what|where|which|who|when|is|are|does|do)\b", re.I)
# What points elsewhere than at the fault: an includer, a warning or a note beside an error.
_BEFORE_ASIDE = lazy_pattern(r"^[ \t]*(?:In file included from|from)\s*$")
_ASIDE = lazy_pattern(r"[\s:,\d)\]-]{0,20}(?:warning|note|info|remark|hint|required from)\b", re.I)


@dataclass(frozen=True, slots=True)
class Place:
    """A file, perhaps a line of it, that a query names."""

    path: str
    """The end of a path, with `/`."""
    line: int | None
    """From 1."""
    strength: float
    """1 for the innermost frame, less for those around it."""
    package: str | None = None
    """Of a class that a frame of the JVM names; its path is then made of it."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A place and where it stands in the text."""

    start: int
    path: str
    line: int
    aside: bool
    package: str | None = None


def is_trace(text: str) -> bool:
    """Whether a text is an error message or a stack trace."""
    text = _COLOURS.sub("", text[:_MOST_CHARACTERS])
    if _TRACE.search(text) or _MESSAGE.match(text):
        return True
    if _QUESTION.search(text) or not _COMPLAINT.search(text):
        return False
    return next(_lines(text), None) is not None


def places(text: str) -> tuple[Place, ...]:
    """The places that a text names, the strongest first."""
    trace = is_trace(text)
    text = _COLOURS.sub("", text[:_MOST_CHARACTERS])
    result: list[Place] = []
    named: set[str] = set()
    seen: set[tuple[str, int]] = set()
    for found in _ordered(text, list(_lines(text))):
        if (found.path, found.line) not in seen and len(result) < _MOST_PLACES:
            seen.add((found.path, found.line))
            named.add(found.path)
            strength = _DECAY ** len(result)
            result.append(Place(found.path, found.line, strength, found.package))
    if not trace:
        for match in _PATH.finditer(text[:10_000]):
            path = _clean(match[1])
            if path not in named and path.rpartition(".")[2].lower() in _EXTENSIONS:
                named.add(path)
                result.append(Place(path, None, 1.0))
    return tuple(place for place in result if place.path)[:_MOST_PLACES]


def _ordered(text: str, found: list[_Found]) -> list[_Found]:
    """The innermost frame first: of the last cause, of the end of a Python traceback."""
    found.sort(key=lambda one: one.start)
    if _OUTERMOST_FIRST.search(text):
        found.reverse()
    elif causes := [match.start() for match in _CAUSE.finditer(text)]:
        found.sort(key=lambda one: -sum(cause <= one.start for cause in causes))
    if not all(one.aside for one in found):
        found.sort(key=lambda one: one.aside)
    return found


def _lines(text: str) -> Iterator[_Found]:
    """Every path with a line, each at most once for one position."""
    text = _SCHEME.sub(lambda match: " " * len(match[0]), text)
    taken: set[int] = set()
    for match in _JVM.finditer(text):
        classes = match[1].rstrip(".").split(".")
        taken.add(match.start(2))
        yield _Found(
            match.start(2),
            "/".join((*classes[:-1], match[2])),
            int(match[3]),
            aside=False,
            package=".".join(classes[:-1]),
        )
    for pattern, path_group, line_group in _FORMS:
        for match in pattern.finditer(text):
            start, path = match.start(path_group), match[path_group]
            colon = text[match.end(path_group) :][:1] == ":"
            if start not in taken and _is_file(path, colon=colon):
                taken.add(start)
                before = text[text.rfind("\n", 0, start) + 1 : start]
                aside = _BEFORE_ASIDE.match(before) or _ASIDE.match(text, match.end())
                path = _dart(text, start, path)
                yield _Found(start, _clean(path), int(match[line_group]), bool(aside))
    yield from _headed(text)


def _headed(text: str) -> Iterator[_Found]:
    """Rows such as `  12:5  error` below a line that ends in a path, as ESLint writes them."""
    path, at, rows = "", 0, 0
    arrows = bool(_ARROW.search(text))
    for line in text.splitlines(keepends=True):
        row = _ROW.match(line)
        if row:
            if path and (not arrows or _ARROW.match(line)):
                yield _Found(at, path, int(row[1]), bool(_ASIDE.match(line, row.end())))
            rows += 1
        elif heading := _heading(line):
            path, rows = heading, 0
        elif path and rows and not line.strip():
            path = ""
        at += len(line)


def _heading(line: str) -> str:
    """The path that a line ends in, or has before `in FUNCTION`; "" where there is none."""
    if len(line) > _LONGEST_HEADING or "." not in line:
        return ""
    words = line.split()
    if len(words) > 2 and words[-2] == "in":
        del words[-2:]
    last = words[-1].strip("'\":`") if words else ""
    return _clean(last) if _is_file(last, colon=False) and _WHOLE_RUN.fullmatch(last) else ""


def _is_file(path: str, *, colon: bool) -> bool:
    """Whether a run of characters may name a file; what `a/b:12` names may have no extension."""
    name = re.split(r"[/\\]", path)[-1]
    if _EXTENSION.search(name) or name.lower() in _WHOLE_NAMES:
        return True
    return colon and len(name) < len(path) and re.search(r"[A-Za-z]", name) is not None


def _dart(text: str, start: int, path: str) -> str:
    """`package:shop/src/money.dart` is `shop/lib/src/money.dart`."""
    package, _, rest = path.partition("/")
    is_dart = rest and text.endswith("package:", 0, start) and path.endswith(".dart")
    return f"{package}/lib/{rest}" if is_dart else path


def _clean(path: str) -> str:
    if "%" in path:
        path = unquote(path, errors="surrogateescape")
    parts = path.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..", "...", "~"))
