"""The repository-search benchmark's files: pinned repositories, questions, and what answers them.

    repos.json              [{"name", "language", "url", "revision", "benchmark_root"}, …]
    annotations/NAME.json   [{"query", "relevant": [target, …], "secondary": […], "category"}, …]

A target is a path, or `{"path", "start_line", "end_line"}`. Paths are relative to the repository;
one that does not start with the benchmark root is relative to that (three of the published files
are written so). Where there is no repos.json, each NAME is a whole tree that no commit is pinned
of. The format is that of MinishLab/semble's benchmark.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.printable import quoted

UNLISTED = "unknown"
"""Language of a repository that no repos.json lists."""

_REVISION = re.compile(r"([0-9a-f]{7,64})?")


@dataclass(frozen=True, slots=True)
class Target:
    """A file, or some lines of it, that answers a question."""

    path: str
    """Relative to the repository, with `/`."""
    start_line: int | None = None
    end_line: int | None = None
    """Both from 1 and inclusive, or both None: the whole file."""

    def __str__(self) -> str:
        """`path` or `path:start-end`."""
        if self.start_line is None:
            return self.path
        return f"{self.path}:{self.start_line}-{self.end_line}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a repository, and all that answers it; secondary targets count as much."""

    text: str
    targets: tuple[Target, ...]
    category: str


@dataclass(frozen=True)
class Repository:
    """A repository of the benchmark with its questions."""

    name: str
    language: str
    revision: str
    """Full hash of the pinned commit, or "" where the benchmark pins none."""
    benchmark_root: str
    """The folder that is indexed, "" for the whole tree."""
    questions: tuple[Question, ...]

    def digest(self) -> str:
        """SHA-256 over revision, root and questions."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def load_benchmark(
    annotations: Path, repos_json: Path | None = None, only: Sequence[str] = ()
) -> list[Repository]:
    """The repositories that have annotations, by name.

    Args:
        annotations: folder of `NAME.json` files.
        repos_json: by default `repos.json` beside that folder, if there is one.
        only: names to choose; all by default.

    Raises:
        UsageError: for a folder that is not there, or a name in `only` without annotations.
        DataError: for a file that breaks the format, or annotations of an unlisted repository.
    """
    if not annotations.is_dir():
        raise UsageError(f"{annotations} is not a directory; give the one with NAME.json files.")
    files = {path.stem: path for path in sorted(annotations.glob("*.json"))}
    if not files:
        raise DataError(f"{annotations} holds no NAME.json file; give the annotations directory.")
    unknown = [name for name in only if name not in files]
    if unknown:
        raise UsageError(f"{annotations} has no {unknown[0]}.json; it has {', '.join(files)}.")
    listed_in = repos_json or annotations.resolve().parent / "repos.json"
    if repos_json is None and not listed_in.exists():
        listed: dict[str, dict[str, Any]] = {
            name: {"name": name, "language": UNLISTED} for name in files
        }
    else:
        listed = {
            _text(entry, "name", f"{listed_in}, entry {position}"): entry
            for position, entry in enumerate(_json_list(listed_in), 1)
        }
    repositories = []
    for name in only or files:
        if name not in listed:
            raise DataError(f"{listed_in} does not list {name}, which {files[name]} asks about.")
        entry = listed[name]
        revision, root = str(entry.get("revision") or ""), str(entry.get("benchmark_root") or "")
        if not _REVISION.fullmatch(revision):
            raise DataError(f"{listed_in}, {name}: revision {revision!r} is not a commit's hash.")
        if root.startswith("/") or ".." in PurePosixPath(root).parts:
            raise DataError(f"{listed_in}, {name}: benchmark_root {root!r} leaves the repository.")
        repositories.append(
            Repository(
                name=name,
                language=_text(entry, "language", f"{listed_in}, {name}"),
                revision=revision,
                benchmark_root=_clean(root),
                questions=_questions(files[name], _clean(root)),
            )
        )
    return repositories


def _questions(path: Path, root: str) -> tuple[Question, ...]:
    questions = []
    for position, entry in enumerate(_json_list(path), 1):
        where = f"{path}, question {position}"
        targets = [
            _below(root, _target(target, where))
            for key in ("relevant", "secondary")
            for target in _list(entry.get(key) or [], key, where)
        ]
        if not targets:
            raise DataError(f"{where} has no target in `relevant` or `secondary`.")
        questions.append(
            Question(
                text=_text(entry, "query", where),
                targets=tuple(dict.fromkeys(targets)),
                category=str(entry.get("category") or ""),
            )
        )
    if not questions:
        raise DataError(f"{path} asks nothing.")
    return tuple(questions)


def _target(value: object, where: str) -> Target:
    target = _read_target(value, where)
    if not target.path or target.path.startswith("/") or ".." in PurePosixPath(target.path).parts:
        raise DataError(
            f"{where} has the target {quoted(value)}, which lies outside the repository; paths are "
            "relative to its top."
        )
    return target


def _read_target(value: object, where: str) -> Target:
    if isinstance(value, str) and value:
        return Target(_clean(value))
    if isinstance(value, dict):
        path, start, end = (value.get(key) for key in ("path", "start_line", "end_line"))
        if isinstance(path, str) and path and start is None and end is None:
            return Target(_clean(path))
        if (
            isinstance(path, str)
            and path
            and isinstance(start, int)
            and isinstance(end, int)
            and 1 <= start <= end
        ):
            return Target(_clean(path), start, end)
    raise DataError(
        f"{where} has the target {quoted(value)}: it must be a path or "
        "{path, start_line, end_line} "
        "with 1 <= start_line <= end_line."
    )


def _below(root: str, target: Target) -> Target:
    if not root or target.path.startswith(f"{root}/"):
        return target
    return replace(target, path=f"{root}/{target.path}")


def _clean(path: str) -> str:
    cleaned = PurePosixPath(path).as_posix().removesuffix("/")
    return "" if cleaned == "." else cleaned


def _json_list(path: Path) -> list[dict[str, Any]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}).") from error
    for entry in _list(value, "the file", str(path)):
        if not isinstance(entry, dict):
            raise DataError(f"{path} holds {quoted(entry)}: it must be a list of objects.")
    return list(value)


def _list(value: object, key: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{where}: {key} must be a list, is {type(value).__name__}.")
    return value


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where} has no text in `{key}`.")
    return value
