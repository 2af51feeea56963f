"""What it took to build each index: kept, because an index that is used again tells nothing."""

from __future__ import annotations

from pathlib import Path

from c2llm.errors import DataError
from c2llm.evaluation.kept import file_name, load_kept, save_kept
from c2llm.evaluation.provenance import short_hash
from c2llm.evaluation.repositories.repo_questions import Repository
from c2llm.evaluation.repositories.repo_trees import Tree

FORMAT = 1


class IndexTimes:
    """Seconds of builds from nothing with one model, one file for each repository and commit.

    Args:
        folder: where they are kept.
        fingerprint: of the model.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._model = short_hash(fingerprint)

    def known(self, repository: Repository, tree: Tree) -> float | None:
        """Seconds of the last build, None where none was timed.

        Raises:
            DataError: for a damaged file.
        """
        path = self._path(repository, tree)
        fields = load_kept(path, FORMAT)
        if fields is None:
            return None
        seconds = fields.get("seconds")
        if not isinstance(seconds, float):
            raise DataError(f"{path} is not a kept time ({seconds!r}); remove it.")
        return seconds

    def settle(
        self, repository: Repository, tree: Tree, seconds: float, built: bool
    ) -> tuple[float, bool]:
        """The time that counts and whether it is one of a build; one that is new is kept.

        Args:
            repository: whose index was opened.
            tree: its files.
            seconds: what opening took.
            built: whether that was a build from nothing.
        """
        if built:
            save_kept(self._path(repository, tree), FORMAT, {"seconds": float(seconds)})
            return seconds, True
        known = self.known(repository, tree)
        return (seconds, False) if known is None else (known, True)

    def _path(self, repository: Repository, tree: Tree) -> Path:
        root = short_hash(repository.benchmark_root)
        return self._folder / file_name(repository.name, self._model, root, tree.revision[:12])
