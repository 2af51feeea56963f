"""The language of a file: by name, extension and first line, by content where those tie.

`languages.json` lists extensions, names and interpreters, those of a language on one line.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from posixpath import basename
from typing import Literal

from c2llm.codebase import filled_in
from c2llm.lazy_pattern import lazy_pattern

Family = Literal["code", "prose", "config", "text"]

_TABLES: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("languages.json").read_text(encoding="utf-8")
)


def _table(name: str) -> dict[str, str]:
    """The language by each of the words that the table lists for it."""
    return {word: language for language, words in _TABLES[name].items() for word in words.split()}


_EXTENSIONS, _NAMES, _INTERPRETERS = map(_table, ("extensions", "names", "interpreters"))

# One extension, several languages: the first pattern found in the head wins, then the table above.
_AMBIGUOUS: dict[str, tuple[tuple[re.Pattern[bytes], str], ...]] = {
    extension: tuple((lazy_pattern(pattern, re.MULTILINE), language) for pattern, language in rows)
    for extension, rows in {
        "h": (
            (rb"^\s*(@interface|@protocol|@class|#import\s)", "objc"),
            (
                rb"^\s*(namespace\b|template\s*<|class\s+\w+[^;]*$|using\s+\w|(public|private|protected)\s*:)"
                rb"|\bstd::|\bconstexpr\b|^\s*#\s*include\s*<[a-z_]+>",
                "cpp",
            ),
        ),
        "m": (
            (rb"^\s*(@interface|@implementation|@protocol|@import|#import|#include)\b", "objc"),
            (rb"^\s*(%|(function|classdef)\b)", "matlab"),
        ),
        "ts": ((rb"\A\s*<(\?xml|!DOCTYPE TS|TS\b)", "xml"),),
        "pl": (
            (rb"^\s*(use\s+(strict|warnings|v?5)|package\s+\w|my\s+[$@%]|sub\s+\w)", "perl"),
            (rb"^\s*:-\s|^\w+\([^)]*\)\s*:-", "prolog"),
        ),
        "t": ((rb"\A#!.*\b(sh|bash)\b", "bash"),),
        "fs": (
            (rb"^\s*(#version\s+\d|(uniform|varying|precision)\s)", "glsl"),
            (rb"^\s*(:|variable|constant)\s+\S+\s|^\\ ", "forth"),
        ),
        "v": (
            (
                rb"^\s*((From\s+\S+\s+)?Require\s|Theorem\s|Lemma\s|Proof\.|Definition\s"
                rb"|Inductive\s|Fixpoint\s)",
                "coq",
            ),
            (rb"^\s*(pub\s+|@\[.*\]\s*)?(fn|struct|enum|interface|mut)\s|^import \w|:=", "vlang"),
        ),
        "inc": (
            (rb"<\?(php|=|\s)", "php"),
            (rb"(?i)^\s*(procedure|function)\s+\w+.*;|^\s*\{\$", "pascal"),
            (rb"(?i)^\s*(SUMMARY|LICENSE|DEPENDS|do_\w+)\b.*[={]", "bash"),
            (rb"(?i)^\s*(mov|push|call|section|\.globl|\.macro)\s|^\w+:\s*(;.*)?$", "asm"),
            (rb"^\s*#\s*(include|define|ifdef|ifndef|if)\b", "cpp"),
            (rb"\A", "text"),
        ),
        "cl": ((rb"^\s*(__kernel|kernel|__global)\b", "c"),),
        "ml": ((rb"\A\s*\(\*|^\s*(let|open|module|type)\s", "ocaml"),),
        "r": ((rb"\A\s*REBOL\b", "rebol"),),
        "d": ((rb"\A\S+\.o\s*:", "make"),),
        "cls": (
            (rb"\\(NeedsTeXFormat|ProvidesClass|LoadClass)", "tex"),
            (rb"(?i)^\s*(VERSION\s+\d|Attribute\s+VB_|Option\s+Explicit|End\s+Sub)", "vb"),
            (rb"(?i)^\s*CLASS\s+\w+\s*(:|INHERITS|PUBLIC)|USING\s+Progress", "openedge"),
        ),
        "pp": ((rb"(?i)^\s*(class|define|node|include)\s+[\w:'\"]+|=>", "puppet"),),
        "pro": (
            (rb"^\s*(QT|TEMPLATE|CONFIG|SOURCES|TARGET)\s*[+*-]?=", "qmake"),
            (rb"(?i)^\s*(pro|function)\s+\w+\s*(,|$)", "idl"),
        ),
        "gd": ((rb"\bDeclare(Operation|GlobalFunction|Attribute|Category)\(", "gap"),),
        "l": ((rb"^\s*\((def\w+|setq|in-package)\s", "lisp"),),
        "as": ((rb"^\s*(#include\s|(void|int|bool)\s+\w+\s*\()", "angelscript"),),
        "tsx": ((rb"\A\s*<(\?xml|tileset)", "xml"),),
        "hh": ((rb"\A<\?hh|^namespace [\w\\]+;", "hack"),),
        "res": ((rb"\A\s*<\?xml", "xml"),),
        "e": ((rb"^\s*(#include|int\s+main)\b", "c"),),
        "st": ((rb"\$\w+\$|^group\s", "text"),),
        "s": ((rb"(?i)<-\s*function\b", "r"),),
        "do": ((rb"\A#!.*\bsh\b", "bash"),),
    }.items()
}

_SPOKEN = {"c++": "cpp", "c#": "csharp", "f#": "fsharp", "objective-c": "objc", "shell": "bash"}
_PROSE = frozenset({"markdown", "rst", "tex", "text"})
_CONFIG = frozenset({"json", "yaml", "toml", "ini", "xml"})
_VERSION = lazy_pattern(r"[-.\d]+$")
_MODELINE = lazy_pattern(rb"-\*-\s*(?:mode:\s*)?([\w+#-]+)\s*(?:;.*)?-\*-|\bvim?:.*\bft=(\w+)")
_MODES = {
    "c++": "cpp",
    "c": "c",
    "shell-script": "bash",
    "sh": "bash",
    "js": "javascript",
    "ruby": "ruby",
    "python": "python",
    "perl": "perl",
    "makefile": "make",
    "cmake": "cmake",
    "lua": "lua",
    "yaml": "yaml",
}


def detect_language(path: str, head: bytes = b"") -> str | None:
    """Name the language of a file, or None when neither name nor content tells.

    Args:
        path: Path of the file, with `/`; only the last component counts.
        head: First bytes of the file. Without them an ambiguous extension gets its commonest
            language, and a file without extension none.
    """
    name = path.rpartition("/")[2]
    named = _NAMES.get(name)
    if named is not None:
        return named
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        if extension.lower() in filled_in.SUFFIXES:
            inner = detect_language(stem, head) if stem in _NAMES or "." in stem[1:] else None
            if inner is not None and inner != "text":
                return inner
        if extension != "C":  # `.C` is C++ wherever `.c` is C
            extension = extension.lower()
        for pattern, language in _AMBIGUOUS.get(extension, ()) if head else ():
            if pattern.search(head):
                return language
        language_of_extension = "cpp" if extension == "C" else _EXTENSIONS.get(extension)
        if language_of_extension is not None:
            return language_of_extension
    # `Dockerfile.dev`, `Makefile.am`, `README.old`
    prefix = name.partition(".")[0]
    if prefix and prefix in _NAMES:
        return _NAMES[prefix]
    return _from_first_lines(head) if head else None


def language_named(name: str) -> str:
    """The language that people call so: `py`, `C++` and `js` are known; else the name itself."""
    lower = name.lower()
    return _SPOKEN.get(lower) or _EXTENSIONS.get(lower) or lower


def is_language(name: str) -> bool:
    """Whether files are known that are in a language of this name."""
    return name == "text" or any(name in table.values() for table in (_EXTENSIONS, _NAMES))


def family(language: str) -> Family:
    """Whether a language is code, prose for people, configuration, or unknown text."""
    if language == "text":
        return "text"
    if language in _PROSE:
        return "prose"
    return "config" if language in _CONFIG else "code"


def _from_first_lines(head: bytes) -> str | None:
    first, _, rest = head.partition(b"\n")
    if first.startswith(b"#!"):
        words = first[2:].decode("utf-8", "replace").split()
        if words and basename(words[0]) == "env":
            words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        interpreter = basename(words[0]).lower() if words else ""
        return _INTERPRETERS.get(interpreter) or _INTERPRETERS.get(_VERSION.sub("", interpreter))
    mode = _MODELINE.search(first + b"\n" + rest[:200])
    if mode:
        return _MODES.get((mode[1] or mode[2]).decode("ascii", "replace").lower())
    if first.startswith(b"<?php"):
        return "php"
    if first.startswith(b"<?xml"):
        return "xml"
    return None
