"""What is known of the code that answers a question: by what its scores are grouped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from c2llm.codebase.git import Git, is_git_directory
from c2llm.errors import DataError
from c2llm.evaluation.fairness.comments import FEW, comment_language, language_of
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.search.code_index import CodeIndex
from c2llm.search.query.query_parsing import parse_query
from c2llm.search.query.roles import Role, roles_of
from c2llm.search.ranking.import_graph import Modules
from c2llm.search.request import SearchRequest

CATEGORIES = ("language", "comments", "question", "for")
"""Attributes that are names: programming language, language of the comments, of the question, and
what the file is for."""
NUMBERS = ("lines", "importers", "age", "files", "position")
"""Attributes that are numbers, of which `position` is known of some lines only."""
REST_OF_QUESTION = ("category", "targets", "words")
"""What is held beside the attributes, since questions are harder with it."""
YEAR = 365.25 * 86400.0

Value = str | float | None


class Attributes:
    """The attributes of the answers in one repository."""

    def __init__(
        self, repository: Repository, tree: Tree, index: CodeIndex, ages: Mapping[str, float]
    ) -> None:
        """Read what all its questions share.

        Args:
            repository: with its questions.
            tree: its files.
            index: of the tree.
            ages: for a path of the repository its age in years, as `ages_of` has it.
        """
        self._root = tree.root
        self._prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
        self._store = store_of(index)
        self._files = {file.path: file for file in self._store.files()}
        self._importers = importers_of(self._store, tree.root)
        self._ages = ages

    def of(self, question: Question) -> dict[str, Value] | None:
        """Those of the first target of a question, None where its file is not there."""
        target = question.targets[0]
        file = self._files.get(target.path.removeprefix(self._prefix))
        if file is None:
            return None
        source = (self._root / file.path).read_bytes()
        lines = max(1, source.count(b"\n"))
        first, last = target.start_line, target.end_line
        is_test = Role.TEST in roles_of(file.path, file.language)
        said = language_of(question.text)
        return {
            "language": file.language,
            "comments": comment_language(source, file.language),
            "question": "English" if said == FEW else said,
            "for": "test" if is_test else "production",
            "lines": float(lines if first is None or last is None else last - first + 1),
            "importers": float(self._importers[file.path]),
            "age": self._ages.get(target.path),
            "files": float(len(self._files)),
            "position": self._position(question, target, file.id, lines),
            "category": question.category,
            "targets": float(len(question.targets)),
            "words": float(len(question.text.split())),
        }

    def _position(
        self, question: Question, target: Target, file_id: int, lines: int
    ) -> float | None:
        """Where the answer begins, 0 at the top of its file and 1 at its end.

        The target's own lines, else the definition of a name that the question spells; None where
        neither is known.
        """
        first = target.start_line
        if first is None:
            names = parse_query(question.text).names
            defined = self._store.definitions(name.key for name in names) if names else {}
            ids = [chunk_id for found in defined.values() for chunk_id in found]
            starts = [row[3] for row in self._store.facts(ids) if row[1] == file_id]
            first = min(starts, default=None)
        return None if first is None else min(1.0, (first - 1) / lines)


def store_of(index: CodeIndex) -> ChunkStore:
    """What an index is asked through."""
    return index.target(SearchRequest("files", mode="lexical")).reader.store


def importers_of(store: ChunkStore, root: Path) -> Counter[str]:
    """By how many other files each file is imported."""
    files = store.files()
    path_of = {file.id: file.path for file in files}
    modules = Modules({file.path: file.language for file in files}, root.parts)
    importers: Counter[str] = Counter()
    for file_id, imported in store.imports():
        importers.update(modules.files(path_of[file_id], imported))
    return importers


def ages_of(repository: Repository, repos: Path | None) -> dict[str, float]:
    """For each path of a repository the years from its first commit to the pinned one.

    Paths are followed by name: a file that was moved begins anew. Empty without git's history.
    """
    for folder in (repos / repository.name, repos / f"{repository.name}.git") if repos else ():
        bare = is_git_directory(folder)
        if not (bare or (folder / ".git").exists()):
            continue
        git = Git(folder, bare=bare)
        revision = repository.revision or "HEAD"
        options = ("--diff-filter=A", "--no-renames", "--format=@%ct", "--name-only")
        below = ("--", repository.benchmark_root) if repository.benchmark_root else ()
        try:
            latest = int(git.line("log", "-1", "--format=%ct", revision) or 0)
            return _ages(git.run("log", *options, revision, *below), latest)
        except (DataError, ValueError):
            return {}
    return {}


def _ages(log: bytes, latest: int) -> dict[str, float]:
    """The newest commit comes first, so what is said of a path last is its first."""
    ages: dict[str, float] = {}
    years = 0.0
    for line in log.decode("utf-8", "replace").splitlines():
        if line.startswith("@") and line[1:].isdigit():
            years = (latest - int(line[1:])) / YEAR
        elif line:
            ages[line] = years
    return ages
