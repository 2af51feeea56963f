"""From what a results file calls code to the file and the definition of the index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

from c2llm.index.store.imported.placing import Outlined, Outlines, canonical, named
from c2llm.index.store.imported.record import Key

_MOST_NEAR = 20
"""Keys without code for which a near name is looked for: it takes a while."""
_MOST_NAMES = 5_000


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A key that no code has."""

    key: str
    reason: str
    """A sentence, with the nearest name where there is one."""


class Matcher:
    """Finds the code of keys.

    Args:
        root: Path of the root with `/`, for paths from the top of the disk.
        hashes: The hash of the content of each indexed file by path.
        outlines: Gives the definitions of a file.
    """

    def __init__(self, root: str, hashes: dict[str, bytes], outlines: Outlines) -> None:
        self._root = root.rstrip("/") + "/"
        self._hashes = hashes
        self._outlines = outlines
        self._of_name: dict[str, list[str]] = defaultdict(list)
        self._of_module: dict[str, list[str]] = defaultdict(list)
        for path in sorted(hashes):
            self._of_name[path.rpartition("/")[2]].append(path)
            self._of_module[PurePosixPath(path).stem].append(path)
        self._looked = 0

    def match(self, given: Key) -> tuple[Key, Outlined] | Unmatched:
        """The key of the code that is meant, and that code."""
        symbol = canonical(given.symbol)
        paths = self._paths(given.path)
        if not paths and not symbol:
            paths, symbol = self._in_module(canonical(given.path))
        if len(paths) != 1:
            return Unmatched(str(given), self._no_file(given.path, paths))
        path = paths[0]
        known = self._outlines.of(path, self._hashes[path])
        meant = named(symbol, known)
        if len(meant) != 1:
            return Unmatched(str(given), self._no_symbol(path, symbol, known, meant))
        return given._replace(path=path, symbol=meant[0].symbol), meant[0]

    def _paths(self, given: str) -> list[str]:
        """The indexed files that a path means: itself, or that with the longest common end."""
        path = given.removeprefix(self._root)
        while path.startswith("./"):
            path = path[2:]
        if path in self._hashes:
            return [path]
        name = path.rpartition("/")[2]
        around = [one for one in self._of_name.get(name, ()) if path.endswith(f"/{one}")]
        if around:  # a path of another machine, where the tree was elsewhere
            return [max(around, key=len)]
        below = [one for one in self._of_name.get(name, ()) if one.endswith(f"/{path}")]
        if below or "/" in path:
            return below
        # `package.module`, as Python names a file.
        parts = path.split(".")
        return [
            one
            for one in self._of_module.get(parts[-1], ())
            if list(PurePosixPath(one).with_suffix("").parts[-len(parts) :]) == parts
        ]

    def _in_module(self, dotted: str) -> tuple[list[str], str]:
        """The files and the symbol of `package.module.Class.method`; the longest module counts."""
        module = dotted
        while "/" not in dotted and "." in module:
            module = module.rpartition(".")[0]
            if paths := self._paths(module):
                return paths, dotted[len(module) + 1 :]
        return [], ""

    def _no_file(self, path: str, paths: Sequence[str]) -> str:
        if paths:
            return f"it may be {' or '.join(paths[:3])}; write more of the path."
        near = self._near(path, list(self._hashes))
        return f"no indexed file is called so{near}."

    def _no_symbol(
        self, path: str, symbol: str, known: Sequence[Outlined], meant: Sequence[Outlined]
    ) -> str:
        if meant:
            names = " or ".join(one.symbol for one in meant[:3])
            return f"{path} has it more than once; write {names}."
        near = self._near(symbol, [one.symbol for one in known if one.symbol])
        return f"{path} defines no {symbol}{near}."

    def _near(self, name: str, names: list[str]) -> str:
        self._looked += 1
        if self._looked > _MOST_NEAR:
            return ""
        near = get_close_matches(name, names[:_MOST_NAMES], 1, 0.6)
        if not near:
            last = name.rpartition("/")[2]
            of_last = {one.rpartition("/")[2]: one for one in names[:_MOST_NAMES]}
            near = [of_last[one] for one in get_close_matches(last, of_last, 1, 0.7)]
        return f" (the nearest is {near[0]})" if near else ""
