"""The code of members, read from the trees that they are in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.confined import open_file
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.walk import MOST_FILE_BYTES

if TYPE_CHECKING:
    from c2llm.analysis.clones.clone_class import Member
    from c2llm.search.code_index import CodeIndex

_MOST_HELD = 64
"""Files that are held at once: the members of a class are asked for one after the other."""


class MemberCode:
    """Reads lines of members; what is gone meanwhile has none.

    Args:
        roots: For each label of an index its directory.
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self.roots = dict(roots)
        self._held: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    @classmethod
    def of(cls, indexes: Iterable[CodeIndex]) -> MemberCode:
        """What reads the members of a report about these indexes."""
        return cls({index.label: Path(index.root) for index in indexes})

    def lines(self, member: Member) -> tuple[str, ...]:
        """The lines of a member as they are in its file."""
        whole = self.file(member.repository, member.path)
        return whole[member.start_line - 1 : member.end_line]

    def file(self, label: str, path: str) -> tuple[str, ...]:
        """All lines of a file, those of a notebook as its cells have them."""
        key = label, path
        if key not in self._held:
            self._held[key] = self._read(label, path)
            if len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]

    def _read(self, label: str, path: str) -> tuple[str, ...]:
        root = self.roots.get(label)
        if root is None:
            return ()
        try:
            with open_file(str(root), path) as stream:
                text = decode(stream.read(MOST_FILE_BYTES))
        except (OSError, ValueError):
            return ()
        if path.endswith(NOTEBOOK):
            from c2llm.codebase.notebooks.cells import NotebookError, read_notebook

            with suppress(NotebookError):
                return tuple(read_notebook(text).laid_out())
        lines = text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        return tuple(lines)
