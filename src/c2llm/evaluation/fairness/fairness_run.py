"""All repositories and systems, each kept when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.fairness.measuring import System, measured
from c2llm.evaluation.kept import file_name, load_kept, save_kept
from c2llm.evaluation.provenance import hash_source, short_hash
from c2llm.evaluation.repositories.function_trees import TASKS, function_trees, trees_there
from c2llm.evaluation.repositories.repo_benchmark import NO_MODEL, engine_digest, find_trees
from c2llm.evaluation.repositories.repo_questions import Repository, load_benchmark
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.systems.named_systems import is_peer, load_encoder
from c2llm.progress import ProgressBar, no_progress

LEXICAL = "lexical"
REPOSITORIES, FUNCTIONS = "repositories", "functions"
_FORMAT = 1
_ASKING = ("attributes", "comments", "edits", "measuring", "rules")
"""Modules that decide what a kept result holds."""


@dataclass(frozen=True)
class FairnessData:
    """What is asked: repositories, and trees of functions."""

    trees: tuple[tuple[str, Repository, Tree], ...]
    """Kind of data, questions and files."""
    absent: tuple[str, ...]
    """Repositories that are not there."""
    repos: Path | None
    """Holds the histories."""

    @classmethod
    def find(
        cls,
        annotations: Path | None,
        repos: Path | None,
        repos_json: Path | None,
        data: Path | None,
        *,
        only: Sequence[str],
        limit: int,
        home: Path,
    ) -> FairnessData:
        """Find what is there; the arguments are the options of the command line.

        Raises:
            UsageError: for a folder that is not there, or a name in `only` that nothing has.
            DataError: for damaged files.
        """
        trees: list[tuple[str, Repository, Tree]] = []
        absent: list[str] = []
        tasks = [name for name in only if name in TASKS]
        chosen = [name for name in only if name not in TASKS]
        if annotations is not None and repos is not None and not (only and not chosen):
            wanted = load_benchmark(annotations, repos_json, chosen)
            found, absent = find_trees(wanted, repos, home / "trees")
            trees += [(REPOSITORIES, *one) for one in found]
        elif chosen:
            raise UsageError(f"--only {chosen[0]} is no task of --data; {', '.join(TASKS)} are.")
        if data is not None and not (only and not tasks):
            found = function_trees(data, home / "trees", tasks or trees_there(data), limit)
            trees += [(FUNCTIONS, *one) for one in found]
        return cls(tuple(trees), tuple(absent), repos)


def systems_of(specs: Sequence[str]) -> list[System]:
    """Systems by what the command line calls them.

    Raises:
        UsageError: for no system, a model that is not there, or one that no index takes.
    """
    if not specs:
        raise UsageError("--systems names nothing; give lexical, c2llm-nano or a model's folder.")
    systems = []
    for spec in dict.fromkeys(specs):
        if spec == LEXICAL:
            systems.append(System(LEXICAL, NO_MODEL))
            continue
        if is_peer(spec):
            raise UsageError(f"{spec} is no model that an index takes; give a c2llm model.")
        encoder = load_encoder(spec)
        systems.append(System(encoder.name, encoder.fingerprint, encoder))
    return systems


def run_fairness(
    data: FairnessData,
    systems: Sequence[System],
    *,
    home: Path,
    edits: int,
    output: Path | None = None,
    progress_bar: ProgressBar = no_progress,
) -> Iterator[dict[str, Any]]:
    """Each repository with each system, as `measured` tells it, and its `kind`.

    Args:
        data: what is asked.
        systems: what answers.
        home: where indexes are kept.
        edits: questions of a kind of data that are asked again after edits.
        output: where results are kept; what is there is not measured again.
        progress_bar: shows how far it is.

    Raises:
        DataError: for a damaged result, or one that cannot be kept.
    """
    # How results are told may change without asking anything again.
    asking = (f"c2llm.evaluation.fairness.{name}" for name in _ASKING)
    engine = short_hash(engine_digest() + hash_source(*asking))
    for system in systems:
        for (kind, repository, tree), share in zip(data.trees, _shares(data, edits), strict=True):
            parts = (repository.digest(), tree.revision, system.fingerprint, engine, str(share))
            path = None
            if output is not None:
                name = file_name(repository.name, system.name, short_hash(" ".join(parts)))
                path = output / "fairness" / name
                kept = load_kept(path, _FORMAT)
                if kept is not None:
                    if not {"kind", "repository", "system", "questions", "edits"} <= kept.keys():
                        raise DataError(f"{path} is not a kept result; remove it.")
                    yield kept
                    continue
            result = {
                "kind": kind,
                **measured(
                    repository,
                    tree,
                    system,
                    home=home,
                    repos=data.repos if kind == REPOSITORIES else None,
                    edited=share,
                    progress_bar=progress_bar,
                ),
            }
            if path is not None:
                save_kept(path, _FORMAT, result)
            yield result


def _shares(data: FairnessData, edits: int) -> list[int]:
    """How many of the edits fall to each tree: as many to each of a kind."""
    kinds = [kind for kind, *_ in data.trees]
    return [-(-edits // kinds.count(kind)) for kind in kinds]
