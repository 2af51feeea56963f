"""What folders and revisions have in common: bytes are judged, decoded, cut, and cut only once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from c2llm.analysis.trees.code_tree import Function
from c2llm.analysis.trees.functions import Source, functions_of, source_of
from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.walk import MAX_FILE_BYTES, SourceFile, inspect
from c2llm.codebase.languages import detect_language, family
from c2llm.errors import DataError

_MOST_CHARACTERS = 50_000_000
"""Of the files whose functions are remembered."""


def content_name(content: bytes) -> str:
    """The hash that a file is compared by: the name that git gives its content."""
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def may_hold_code(path: str) -> bool:
    """Whether a name is that of code, of configuration, or does not tell."""
    language = detect_language(path.rpartition("/")[2])
    return path.endswith(NOTEBOOK) or language is None or family(language) in ("code", "config")


def judged(path: str, content: bytes) -> Source | None:
    """The code of a file; None where the walk would leave it out for what is in it."""
    name = path.rpartition("/")[2]
    language = detect_language(name) or "text"
    file = SourceFile(path, "", len(content), 0, language)
    found = inspect(file, content)
    if not isinstance(found, SourceFile):
        return None
    source = source_of(path, decode(content), found.language)
    return None if source is None or len(source.text) > 4 * MAX_FILE_BYTES else source


class CutFiles:
    """The functions of files by their content, those that were asked for last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[Function, ...]] = OrderedDict()
        self._characters = 0

    def get(self, path: str, content: str) -> tuple[Function, ...] | None:
        """The functions of a file of this hash, None where they have not been cut."""
        key = content, path.rpartition("/")[2]
        found = self._known.get(key)
        if found is None:
            return None
        self._known.move_to_end(key)
        if found and found[0].path != path:
            found = tuple(replace(function, path=path) for function in found)
        return found

    def put(self, path: str, content: str, functions: tuple[Function, ...]) -> None:
        """Remember the functions of a file."""
        key = content, path.rpartition("/")[2]
        if key not in self._known:
            self._known[key] = functions
            self._characters += _characters(functions)
            while self._characters > _MOST_CHARACTERS and len(self._known) > 1:
                self._characters -= _characters(self._known.popitem(last=False)[1])


def _characters(functions: Sequence[Function]) -> int:
    return sum(len(function.text) for function in functions)


CUT = CutFiles()
"""Shared by all trees: two revisions have most of their files in common."""


class ReadTree:
    """A tree whose bytes a subclass reads.

    Args:
        label: How the user named it.
    """

    def __init__(self, label: str) -> None:
        self._label = label

    @property
    def label(self) -> str:
        """How the user named it."""
        return self._label

    def files(self) -> Mapping[str, str]:
        """See `CodeTree.files`."""
        raise NotImplementedError

    def too_large(self) -> Mapping[str, str]:
        """See `CodeTree.too_large`."""
        return {}

    def content(self, path: str) -> bytes:
        """The bytes of a file.

        Raises:
            DataError: It cannot be read.
        """
        raise NotImplementedError

    def read_ahead(self, paths: Iterable[str]) -> None:
        """See `CodeTree.read_ahead`; a folder is read file by file."""

    def text(self, path: str) -> str:
        """A file, decoded.

        Raises:
            DataError: It cannot be read.
        """
        return decode(self.content(path))

    def functions(self, path: str) -> Sequence[Function]:
        """See `CodeTree.functions`; of a file that has gone meanwhile, none."""
        name = self.files().get(path, "")
        known = CUT.get(path, name)
        if known is not None:
            return known
        try:
            source = judged(path, self.content(path))
        except DataError:
            return ()
        found = () if source is None else functions_of(source)
        CUT.put(path, name, found)
        return found
