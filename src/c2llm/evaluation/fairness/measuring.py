"""What is measured of one repository: the questions as they are, and after each edit.

Edits are made in a copy of the tree, one at a time, and the index is refreshed as a search does it,
so what is measured is what happens to somebody who moves or rewrites the file.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from c2llm.evaluation.fairness.attributes import Attributes, ages_of, importers_of, store_of
from c2llm.evaluation.fairness.edits import Edited, Subject, edits_of
from c2llm.evaluation.fairness.rules import scores_under
from c2llm.evaluation.repositories.repo_benchmark import environment
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.progress import ProgressBar, no_progress
from c2llm.search.code_index import CodeIndex
from c2llm.search.query.roles import roles_of

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.search.request import Mode

_LONGEST_SUBJECT = 400_000
"""Bytes of a file that is edited."""
_DONORS = 40
"""Files that are looked at for one of a length like the subject's."""

_NAMES_ABOVE = 4


@dataclass(frozen=True, slots=True)
class System:
    """What answers: words alone, or words and the vectors of a model."""

    name: str
    fingerprint: str
    encoder: TextEncoder | None = None

    @property
    def mode(self) -> Mode:
        """Of its searches."""
        return "lexical" if self.encoder is None else "hybrid"


def measured(
    repository: Repository,
    tree: Tree,
    system: System,
    *,
    home: Path,
    repos: Path | None,
    edited: int,
    progress_bar: ProgressBar = no_progress,
) -> dict[str, Any]:
    """One repository as a JSON-ready object.

    Args:
        repository: its questions.
        tree: its files.
        system: what answers.
        home: where indexes are kept.
        repos: holds the repositories with their histories; None without.
        edited: how many questions are asked again after edits.
        progress_bar: shows how far it is.

    Returns:
        `questions` (attributes of the answer and the score under each variant of the ranker) and
        `edits` (for each question that was asked again the scores under each variant, by edit).
    """
    prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
    rows: list[dict[str, Any]] = []
    with environment("C2LLM_HOME", str(home)), progress_bar(
        f"{repository.name}, {system.name}", len(repository.questions)
    ) as advance, _opened(tree.root, system) as index:  # fmt: skip
        attributes = Attributes(repository, tree, index, ages_of(repository, repos))
        for question in repository.questions:
            known = attributes.of(question)
            if known is not None:
                scores = scores_under(index, question, system.mode, prefix=prefix)
                rows.append({"question": question.text, "attributes": known, "scores": scores})
            advance(1)
    return {
        "repository": repository.name,
        "system": system.name,
        "questions": rows,
        "edits": _edits(repository, tree, system, home, prefix, edited, progress_bar),
    }


def _opened(root: Path, system: System) -> CodeIndex:
    if system.encoder is None:
        return CodeIndex.open(root, embed="none")
    return CodeIndex.open(root, system.encoder.name, encoder=system.encoder, embed="all")


def _edits(
    repository: Repository,
    tree: Tree,
    system: System,
    home: Path,
    prefix: str,
    count: int,
    progress_bar: ProgressBar,
) -> list[dict[str, Any]]:
    if not count:
        return []
    rows: list[dict[str, Any]] = []
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="edited-", dir=home) as scratch:
        # The folders' names are part of what the ranker knows: they tell the project's own.
        root = Path(scratch).joinpath(*tree.root.parts[1:][-_NAMES_ABOVE:])
        shutil.copytree(tree.root, root, ignore=shutil.ignore_patterns(".git"), symlinks=True)
        with environment("C2LLM_HOME", str(Path(scratch) / "home")), _opened(root, system) as index:
            subjects = _subjects(repository, root, index, prefix, count)
            with progress_bar(f"{repository.name}, edits", len(subjects)) as advance:
                for question, subject in subjects:
                    rows.append(_asked_again(index, root, question, subject, system.mode))
                    advance(1)
    return rows


def _asked_again(
    index: CodeIndex, root: Path, question: Question, subject: Subject, mode: Mode
) -> dict[str, Any]:
    scores = {}
    for name, edited in edits_of(subject).items():
        with _written(root, subject, edited):
            index.refresh()
            asked = replace(question, targets=(edited.target,))
            unimported = edited.path if edited.unimported else None
            scores[name] = scores_under(index, asked, mode, unimported=unimported)
    return {"question": question.text, "scores": scores}


@contextmanager
def _written(root: Path, subject: Subject, edited: Edited) -> Iterator[None]:
    """The edited file in place of its original while the block runs."""
    original, place = root / subject.path, root / edited.path
    moved = edited.path != subject.path
    if not moved and edited.source == subject.source:
        yield
        return
    new_folder = moved and not place.parent.exists()
    if moved:
        original.unlink()
        place.parent.mkdir(exist_ok=True)
    place.write_bytes(edited.source)
    try:
        yield
    finally:
        if moved:
            place.unlink()
        if new_folder:
            place.parent.rmdir()
        original.write_bytes(subject.source)


def _subjects(
    repository: Repository, root: Path, index: CodeIndex, prefix: str, count: int
) -> list[tuple[Question, Subject]]:
    """Questions whose first answer is a file of code in no special role, chosen by chance."""
    store = store_of(index)
    language_of = {file.path: file.language for file in store.files()}
    importers = importers_of(store, root)
    rng = np.random.default_rng(0)
    chosen: list[tuple[Question, Subject]] = []
    answers = {target.path for question in repository.questions for target in question.targets}
    for at in rng.permutation(len(repository.questions)):
        question = repository.questions[at]
        target = question.targets[0]
        path = target.path.removeprefix(prefix)
        language = language_of.get(path, "")
        # A move to a file's own folder of tests must not meet one that is there.
        taken = [name for name in language_of if name.endswith(f"/{Path(path).name}")]
        if not language or roles_of(path, language) or _is_taken(path, taken):
            continue
        place = root / path
        if place.resolve() != root.resolve() / path or place.stat().st_size > _LONGEST_SUBJECT:
            continue  # what a link leads to is not ours to write
        source = place.read_bytes()
        others = [p for p, lang in language_of.items() if lang == language and p != path]
        plain = [p for p in others if prefix + p not in answers and not roles_of(p, language)]
        donor = _donor(root, plain or others, len(source), rng)
        here = Target(path, target.start_line, target.end_line)
        subject = Subject(path, source, language, donor, here, imported=importers[path] > 0)
        chosen.append((question, subject))
        if len(chosen) == count:
            break
    return chosen


def _is_taken(path: str, others: Sequence[str]) -> bool:
    above = str(Path(path).parent)
    return any(str(Path(other).parent.parent) == above for other in others)


def _donor(root: Path, paths: Sequence[str], size: int, rng: np.random.Generator) -> bytes:
    """Code of about a subject's length: of some files the one that is nearest to it."""
    if not paths:
        return b""
    some = [sorted(paths)[at] for at in rng.permutation(len(paths))[:_DONORS]]
    sizes = {path: (root / path).stat().st_size for path in some}
    nearest = min(some, key=lambda path: (abs(np.log((sizes[path] + 1) / (size + 1))), path))
    content: bytes = (root / nearest).read_bytes()
    return content
