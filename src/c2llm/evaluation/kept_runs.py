"""Every kept result of a run, query by query, whichever evaluation made it.

A run is a file or a folder of files as `ResultStore` and `RepositoryStore` write them. Where a
folder holds results of one system on one task that older code made, the newest file counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.kept import load_kept
from c2llm.evaluation.tables import run_label

_FORMAT = 1
_FOLDERS = ("retrieval", "repos")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system found for one query."""

    id: str
    text: str
    score: float
    """NDCG@10."""
    rank: int | None
    """Of the first relevant result, from 1; None where it is not among those that were kept."""
    found: tuple[str, ...]
    group: str


@dataclass(frozen=True)
class Kept:
    """A system's answers to all queries of a task or a repository."""

    kind: str
    """`retrieval` or `repos`."""
    name: str
    """Of the task or the repository."""
    label: str
    """The system, with its mode where it has one."""
    fingerprint: str
    digest: str
    """Of queries and documents: answers compare only under one digest."""
    answers: tuple[Answer, ...]
    path: Path


def load_run(place: Path) -> list[Kept]:
    """The results in a file or a folder, by kind, name and label.

    Raises:
        UsageError: if there is nothing of the name.
        DataError: for a file that is no kept result, or a folder that holds none.
    """
    if place.is_file():
        try:
            kept = _read(place)
        except DataError:
            kept = None  # a file of the user's own: nothing to remove
        if kept is None:
            raise DataError(
                f"{place} is not a kept result; give a run's folder, or a file in its retrieval/ "
                "or repos/."
            )
        return [kept]
    if not place.is_dir():
        raise UsageError(f"{place} is not there; give the --output folder of an evaluation.")
    paths = {path for folder in _FOLDERS for path in place.rglob(f"{folder}/*.json")}
    if place.name in _FOLDERS:
        paths.update(place.glob("*.json"))
    newest: dict[tuple[str, str, str], Kept] = {}
    for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name)):
        kept = _read(path)
        if kept is not None:
            newest[kept.kind, kept.name, kept.label] = kept
    if not newest:
        raise DataError(
            f"{place} holds no kept results; give the --output folder of an evaluation."
        )
    return [newest[key] for key in sorted(newest)]


def labels(run: Iterable[Kept]) -> list[str]:
    """The systems of a run."""
    return list(dict.fromkeys(kept.label for kept in run))


def _read(path: Path) -> Kept | None:
    """The result in a file, None for JSON that is something else."""
    fields = load_kept(path, _FORMAT)
    if fields is None:
        return None
    try:
        if "queries" in fields:
            return _retrieval(fields, path)
        if "questions" in fields:
            return _repository(fields, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is not a kept result ({error!r}); remove it.") from error
    return None


def _retrieval(fields: dict[str, Any], path: Path) -> Kept:
    return Kept(
        kind="retrieval",
        name=str(fields["task"]),
        label=str(fields["system"]),
        fingerprint=str(fields["fingerprint"]),
        digest=str(fields["digest"]),
        answers=tuple(
            Answer(
                id=str(query["id"]),
                text=str(query["text"]),
                score=float(query["scores"]["ndcg_at_10"]),
                rank=query["first_rank"],
                found=tuple(map(str, query["found"])),
                group=str(query["group"]),
            )
            for query in fields["queries"]
        ),
        path=path,
    )


def _repository(fields: dict[str, Any], path: Path) -> Kept:
    return Kept(
        kind="repos",
        name=str(fields["repository"]),
        label=run_label(fields),
        fingerprint=str(fields["fingerprint"]),
        digest=f"{fields['digest']} {fields['revision']}",
        answers=tuple(
            Answer(
                id=f"{fields['repository']}: {question['question']}",
                text=str(question["question"]),
                score=float(question["chunk_ndcg"]),
                rank=min((r for r in question["chunk_ranks"] if r is not None), default=None),
                found=tuple(map(str, question["found"])),
                group=str(question["category"]),
            )
            for question in fields["questions"]
        ),
        path=path,
    )
