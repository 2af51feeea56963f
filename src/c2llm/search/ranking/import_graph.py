"""Who imports whom: what a file says of modules, told as files of the same tree.

A module's name is compared with the ends of paths, since no build system is asked: `a/b/c` is the
one file whose path ends so, source folders such as `src` left out. Where several files do, and none
is nearest, none is meant: a wrong edge costs more than a missing one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from posixpath import dirname, join, normpath
from typing import Protocol

from c2llm.index.store.chunk_store import ChunkStore
from c2llm.search.ranking.chunk_facts import Facts

_FAMILIES: dict[str, str] = {
    language: family
    for family, languages in {
        "c": "c cpp objc",
        "javascript": "javascript typescript tsx vue svelte",
        "jvm": "java kotlin scala",
    }.items()
    for language in languages.split()
}
_INDEX_FILES = frozenset({"__init__", "index", "init", "mod"})
"""Files that answer for their folder."""
_FOLDERS = frozenset("src lib main java kotlin scala source sources commonMain".split())
"""Folders that are no part of a module's name."""
_LONE_NAMES = frozenset({"c", "bash", "php", "ruby", "lua"})
"""Languages in which a name without folders may mean a file anywhere."""
_ITEMS = 2
"""Names at the end of a module's that may be of things in it: `Enum::Variant`."""
_MOST_OF_FOLDER = 50
_MOST_ABOVE = 6
_KNOWN_WHOLE = 5_000
"""Files of a tree up to which all are known before the first import is told."""


class Modules:
    """The files of one tree, found by what imports call them."""

    def __init__(self, files: Mapping[str, str], root: Sequence[str] = ()) -> None:
        """Take the files of a tree.

        Args:
            files: Language by path.
            root: The folders that lead to the tree: of a package that is a part of a project
                modules are called by their full names.
        """
        above = tuple(part for part in root[-_MOST_ABOVE:] if part not in _FOLDERS)
        self._family = {path: _FAMILIES.get(lang, lang) for path, lang in files.items()}
        self._by_key: dict[str, list[str]] = defaultdict(list)
        """Files by path without extension, and by folder those that answer for one."""
        self._by_name: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        """Files by the last part of their module's name, with all parts."""
        self._above = above
        self._folders: dict[str, list[str]] = defaultdict(list)
        for path in files:
            folder, _, name = path.rpartition("/")
            self._folders[folder].append(path)
            stem = name.partition(".")[0] or name
            self._by_key[join(folder, stem)].append(path)
            parts = tuple(part for part in folder.split("/") if part and part not in _FOLDERS)
            if stem in _INDEX_FILES:
                self._by_key[folder].append(path)
                if parts or above:
                    self._by_name[(parts or above)[-1]].append((parts, path))
            else:
                self._by_name[stem].append(((*parts, stem), path))
        self._by_end: dict[str, list[str]] = defaultdict(list)
        for folder in self._folders:
            named = [part for part in folder.split("/") if part and part not in _FOLDERS] or above
            if named:
                self._by_end[named[-1]].append(folder)

    def files(self, importer: str, modules: Iterable[str]) -> list[str]:
        """The files that the modules are, as far as they are here; the importer is none of them."""
        found: dict[str, None] = {}
        for module in modules:
            for path in self._resolve(importer, module):
                if path != importer:
                    found[path] = None
        return list(found)

    def _resolve(self, importer: str, module: str) -> list[str]:
        family = self._family.get(importer, "")
        if module.startswith("."):
            return self._relative(importer, module, family)
        parts = [part for part in module.split("/") if part]
        if not parts:
            return []
        if module.endswith("/"):
            return self._folder(parts, family)
        if family == "c":
            near = normpath(join(dirname(importer), module))
            if near in self._family:
                return [near]
        last = parts[-1]
        if "." in last and family in ("c", "javascript", "bash", "php", "ruby"):
            parts[-1] = last.partition(".")[0]
        if len(parts) == 1:
            return self._lone(importer, parts[0], last, family)
        for length in range(len(parts), max(1, len(parts) - _ITEMS - 1), -1):
            wanted = tuple(part for part in parts[:length] if part not in _FOLDERS)
            if not wanted:
                continue
            close = [
                path
                for own, path in self._by_name.get(wanted[-1], ())
                if self._family[path] == family and self._called(own, wanted)
            ]
            if "." in last and len(close) > 1:
                close = [path for path in close if path.endswith("/" + last)] or close
            if close:
                return close if len(close) == 1 else []
        return []

    def _relative(self, importer: str, module: str, family: str) -> list[str]:
        place = normpath(join(dirname(importer), module))
        if place in self._family:
            return [place]
        key = "" if place == "." else place
        for _ in range(_ITEMS + 1):
            folder, _, name = key.rpartition("/")
            for known in (key, join(folder, name.partition(".")[0])):
                close = [p for p in self._by_key.get(known, ()) if self._family[p] == family]
                if close:
                    return close[:1]
            if family != "rust" or not folder:
                break
            key = folder
        return []

    def _lone(self, importer: str, stem: str, name: str, family: str) -> list[str]:
        """A name without folders: beside the importer, or above it, or the only one there is."""
        folder = dirname(importer)
        while True:
            close = [
                path
                for path in self._by_key.get(join(folder, stem), ())
                if self._family[path] == family and ("." not in name or path.endswith(name))
            ]
            if close:
                return close[:1]
            if not folder:
                break
            folder = dirname(folder)
        if family not in _LONE_NAMES:
            return []
        close = [
            path
            for _, path in self._by_name.get(stem, ())
            if self._family[path] == family and ("." not in name or path.endswith("/" + name))
        ]
        return close if len(close) == 1 else []

    def _folder(self, parts: list[str], family: str) -> list[str]:
        """All files of the folder whose path ends like the module, or the module's like it."""
        wanted = tuple(part for part in parts if part not in _FOLDERS)
        if not wanted:
            return []
        close = []
        for folder in self._by_end.get(wanted[-1], ()):
            own = tuple(part for part in folder.split("/") if part and part not in _FOLDERS)
            if self._called(own, wanted):
                close.append(folder)
        if len(close) != 1:
            return []
        here = [path for path in self._folders[close[0]] if self._family[path] == family]
        return here if len(here) <= _MOST_OF_FOLDER else []

    def _called(self, own: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
        """Whether a module of these parts may be called by that name."""
        if len(wanted) <= len(own):
            return _ends(own, wanted)
        return _ends((*self._above, *own), wanted) or (len(own) > 1 and _ends(wanted, own))


def _ends(whole: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return len(end) <= len(whole) and whole[len(whole) - len(end) :] == end


class Imports(Protocol):
    """Who knows the imports of one index."""

    def among(self, found: Sequence[Facts]) -> dict[int, dict[int, bool]]:
        """For a file those of the same chunks' files that it imports (True) or that import it."""
        ...


class ImportGraph:
    """The imports of one index, as files; those of a file are looked up when it is first asked for.

    A search that needs some hundred files of a very large tree does not wait until all of its paths
    are known: there, modules are told from the files at hand alone.
    """

    def __init__(self, store: ChunkStore, root: Sequence[str] = ()) -> None:
        self._store = store
        self._root = root
        self._state = (-1, -1)
        self._modules: Modules | None = None
        self._id_of: dict[str, int] = {}
        self._imported: dict[int, list[int]] = {}

    def among(self, found: Sequence[Facts]) -> dict[int, dict[int, bool]]:
        """For a file those of the same chunks' files that it imports (True) or that import it."""
        files = {facts.file_id: facts for facts in found}
        state = self._store.files_state()
        if state[0] > _KNOWN_WHOLE:
            self._learn({facts.path: (facts.file_id, facts.language) for facts in found})
        elif state != self._state:
            self._learn({file.path: (file.id, file.language) for file in self._store.files()})
        self._state = state
        self._look_up(files)
        links: dict[int, dict[int, bool]] = {}
        for file_id in files:
            for other in self._imported[file_id]:
                if other in files:
                    links.setdefault(file_id, {})[other] = True
                    links.setdefault(other, {}).setdefault(file_id, False)
        return links

    def _learn(self, files: Mapping[str, tuple[int, str]]) -> None:
        """Begin anew with these files: id and language by path."""
        self._id_of = {path: file_id for path, (file_id, _) in files.items()}
        languages = {path: language for path, (_, language) in files.items()}
        self._modules = Modules(languages, self._root)
        self._imported.clear()

    def _look_up(self, files: Mapping[int, Facts]) -> None:
        missing = [file_id for file_id in files if file_id not in self._imported]
        if not missing or self._modules is None:
            return
        self._imported.update((file_id, []) for file_id in missing)
        for file_id, modules in self._store.imports(missing):
            paths = self._modules.files(files[file_id].path, modules)
            self._imported[file_id] = [self._id_of[path] for path in paths]
