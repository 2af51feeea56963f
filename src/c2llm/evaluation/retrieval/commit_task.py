"""From a commit to the files it changed: history as a retrieval task, without anyone's judgement.

The subject of a commit asks; the files that it modified answer. The corpus is the tree as it was
before the oldest of these commits, so that no answer holds the change it is looked for by. Merges,
routine commits (releases, reverts, formatting) and sweeping ones are left out.

The repository may be hostile (see `codebase/git.py`): what its messages, names and files hold is
bounded and taken as bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.git import Git, is_git_directory
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.languages import detect_language
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.retrieval_task import (
    Document,
    Judgement,
    Query,
    RetrievalTask,
    assemble,
)
from c2llm.training.mining.commit_pairs import subject_query
from c2llm.training.mining.pair_filters import is_vendored

MOST_COMMITS = 1000
"""Commits back from HEAD, merges not counted."""
MOST_FILES = 5
"""A commit that changed more source files is about no one place."""
MOST_BYTES = 200_000
"""Of a source file; larger ones are generated."""
MOST_CHARACTERS = 20_000
"""Of a document: what a file says of itself it says at its beginning."""
MOST_DOCUMENTS = 20_000

# Files read at once: with MOST_BYTES, at most 100 MB.
_BATCH = 500
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit says and which files it modified."""

    id: str
    subject: str
    changed: tuple[str, ...]


def commits_task(root: Path, most: int = MOST_COMMITS) -> RetrievalTask:
    """The task over the history of a repository, named `commits:DIRECTORY`.

    Args:
        root: a work tree or a bare git directory.
        most: how many commits back from HEAD the history is read.

    Raises:
        UsageError: if there is no such directory.
        DataError: if it is no repository that git reads, or its history holds no such commit.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory; give a git repository.")
    git = Git(root, alone=True, bare=is_git_directory(root))
    subjects = _subjects(git, most)
    if len(subjects) < 2:
        raise DataError(f"{root} has {len(subjects)} commits; a longer history is needed.")
    base = git.line("rev-parse", "--verify", "--quiet", f"{subjects[-1][0]}^1^{{tree}}")
    if base is None:  # the first commit, or the frontier of a shallow clone
        base = subjects.pop()[0]
    sources = _sources(git, base)
    commits = [
        commit
        for commit in _changes(git, subjects)
        if commit.changed and all(path in sources for path in commit.changed)
    ]
    answers = dict.fromkeys(path for commit in commits for path in commit.changed)
    chosen = dict.fromkeys([*answers, *sources])
    documents = _documents(git, {path: sources[path] for path in list(chosen)[:MOST_DOCUMENTS]})
    there = {document.id for document in documents}
    name = f"commits:{root.resolve().name.removesuffix('.git')}"
    try:
        return assemble(
            name,
            [Query(commit.id, commit.subject) for commit in commits],
            sorted(documents, key=lambda document: document.id),
            [
                Judgement(commit.id, path)
                for commit in commits
                for path in commit.changed
                if path in there
            ],
        )
    except ValueError as error:
        raise DataError(
            f"{root} has no commit among its last {len(subjects)} that says what it does and "
            f"changed 1 to {MOST_FILES} source files that were there before."
        ) from error


def _subjects(git: Git, most: int) -> list[tuple[str, str]]:
    """Commits and their subjects, newest first; routine ones have an empty subject."""
    output = git.run(
        "log", "-z", "--no-merges", "--no-color", "--no-decorate",
        f"--max-count={most}", "--format=%H %s", "HEAD",
    )  # fmt: skip
    found: list[tuple[str, str]] = []
    for record in output.split(b"\0"):
        commit, _, subject = record.decode("utf-8", "replace").strip("\n").partition(" ")
        if _COMMIT.fullmatch(commit):
            found.append((commit, subject_query(" ".join(subject.split()))))
    return found


def _changes(git: Git, subjects: Sequence[tuple[str, str]]) -> Iterator[Commit]:
    """Commits that say something and modified few source files."""
    asked = {commit: subject for commit, subject in subjects if subject}
    output = git.run(
        "diff-tree", "--stdin", "-r", "-z", "--diff-filter=M", "--name-only",
        given="".join(f"{commit}\n" for commit in asked).encode(),
    )  # fmt: skip
    current, paths = "", list[str]()
    for field in [*output.split(b"\0"), b""]:
        text = os.fsdecode(field).lstrip("\n")
        if text in asked or not text:
            if current and 1 <= len(paths) <= MOST_FILES:
                yield Commit(current, asked[current], tuple(paths))
            current, paths = text, []
        elif current and _is_source(text):
            paths.append(text)


def _sources(git: Git, tree: str) -> dict[str, str]:
    """Path -> object of the source files of a commit, in git's order."""
    found: dict[str, str] = {}
    for entry in git.run("ls-tree", "-r", "-z", "-l", tree).split(b"\0"):
        head, _, name = entry.partition(b"\t")
        fields = head.decode("ascii", "replace").split()
        path = os.fsdecode(name)
        # 120000 is a link and 160000 another repository.
        if len(fields) == 4 and fields[0] in ("100644", "100755") and _is_source(path):
            size = fields[3]
            if size.isdigit() and 0 < int(size) <= MOST_BYTES:
                found[path] = fields[2]
    return found


def _documents(git: Git, objects: dict[str, str]) -> list[Document]:
    """Each file's path and beginning; objects that the clone does not have are passed over."""
    paths = list(objects)
    documents: list[Document] = []
    for start in range(0, len(paths), _BATCH):
        batch = paths[start : start + _BATCH]
        asked = "".join(f"{objects[path]}\n" for path in batch).encode()
        documents.extend(_parsed(batch, git.run("cat-file", "--batch", given=asked)))
    return documents


def _parsed(paths: Sequence[str], output: bytes) -> Iterator[Document]:
    """Documents from what `git cat-file --batch` says of these paths' objects, in their order."""
    at = 0
    for path in paths:
        end = output.find(b"\n", at)
        fields = output[at:end].split() if end >= 0 else []
        at = end + 1
        if len(fields) != 3 or not fields[2].isdigit():
            continue  # `HASH missing`, in a partial clone
        content = output[at : at + int(fields[2])]
        at += len(content) + 1
        text = content.decode("utf-8", "replace")[:MOST_CHARACTERS]
        if text.strip() and "\0" not in text:
            shown = path.encode("utf-8", "replace").decode()
            yield Document(path, f"{shown}\n{text}")


def _is_source(path: str) -> bool:
    return detect_language(path) in GRAMMARS and not is_vendored(path)
