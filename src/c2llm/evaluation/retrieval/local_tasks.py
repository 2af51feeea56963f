"""The local retrieval tasks, read from a data directory.

| task | asks | finds | held-out rows | data |
|---|---|---|---|---|
| cosqa | web query | Python function | all, development queries | Jun-jie-Huang/CoCLR |
| csn_cloze | docstring | function, six languages in one corpus | all | microsoft/CodeXGLUE |
| mxeval:LANG | problem | its solution in one language | all but MathQA | amazon-science/mxeval |
| mxeval_code:LANG | solution | solutions in the other languages | MBXP | amazon-science/mxeval |
| mathqa | word problem | its computation in Python | MathQA | amazon-science/mxeval |
| webquery | web query | Python function, judged 0 or 1 | all | microsoft/CodeXGLUE |
| nl2bash | English | command | split dev | TellinaTool/nl2bash |
| text2sql | question | SQL | split dev | jkkummerfeld/text2sql-data |
| codenn | Stack Overflow title | accepted snippet | crc32(id) % 10 == 0 | sriniiyer/codenn |

A pair file is `FILE.jsonl` or `FILE.jsonl.gz`, one `{"id", "query", "doc", "lang", "split"}` a
line. These need no data directory:

| task | asks | finds |
|---|---|---|
| beir:FOLDER or beir:FOLDER#SPLIT | its queries | its documents; split `test`, or the only one |
| pairs:FILE | queries of a pair file | its documents |
| continuation:TREE | first half of a function | its second half |
| commits:REPOSITORY | subject of a commit | files it changed, as they were before |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.commit_task import commits_task
from c2llm.evaluation.retrieval.continuation_task import continuation_task
from c2llm.evaluation.retrieval.data_files import Pair, beir_split, find_file, read_beir, read_pairs
from c2llm.evaluation.retrieval.held_out import HELD_OUT, held_out
from c2llm.evaluation.retrieval.retrieval_task import (
    Document,
    Judgement,
    Query,
    RetrievalTask,
    assemble,
)

MIN_DOCSTRING_WORDS = 3
"""CodeSearchNet takes comment rulers and `/ *` for docstrings; shorter ones ask nothing."""

# Kana and Han are written without spaces: a sign counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W\d_]{2,}")
_MXEVAL_ID = re.compile(r"(?P<set>MB[A-Z]*P|HumanEval|MathQA)/(?P<number>\d+)")


@dataclass(frozen=True, slots=True)
class Family:
    """A name of the command line: the tasks it stands for and where the data comes from."""

    source: str
    load: Callable[[Path, str], list[RetrievalTask]]
    """Takes the file or folder and the family's name."""


def _pair_task(name: str, pairs: Iterable[Pair]) -> RetrievalTask:
    rows = list(pairs)
    return assemble(
        name,
        [Query(row.id, row.query, row.language) for row in rows],
        [Document(row.id, row.document) for row in rows],
        [Judgement(row.id, row.id, row.label) for row in rows],
    )


def _load_pairs(path: Path, name: str) -> list[RetrievalTask]:
    rule = held_out(name)
    return [_pair_task(name, (row for row in read_pairs(path) if rule.covers(row.id, row.split)))]


def _load_cosqa(path: Path, name: str) -> list[RetrievalTask]:
    return [read_beir(path, name, "dev")]


def _load_csn_cloze(path: Path, name: str) -> list[RetrievalTask]:
    rows = read_pairs(path)
    asking = [row for row in rows if len(_WORD.findall(row.query)) >= MIN_DOCSTRING_WORDS]
    return [
        assemble(
            name,
            [Query(row.id, row.query, row.language) for row in asking],
            [Document(row.id, row.document) for row in rows],  # unasked functions still distract
            [Judgement(row.id, row.id) for row in asking],
        )
    ]


def _load_mxeval(path: Path, name: str) -> list[RetrievalTask]:
    rows = [row for row in read_pairs(path) if _mxeval_set(row, path) != "MathQA"]
    return [
        _pair_task(f"{name}:{language}", (row for row in rows if row.language == language))
        for language in _languages(rows)
    ]


def _load_mathqa(path: Path, name: str) -> list[RetrievalTask]:
    rows = (row for row in read_pairs(path) if _mxeval_set(row, path) == "MathQA")
    return [_pair_task(name, rows)]


def _load_mxeval_code(path: Path, name: str) -> list[RetrievalTask]:
    rows = [row for row in read_pairs(path) if _mxeval_set(row, path).startswith("MB")]
    problems = _same_problems(rows)
    tasks = []
    for language in _languages(rows):
        asking = [row for row in rows if row.language == language]
        others = [row for row in rows if row.language != language]
        solutions: dict[str, list[str]] = {}
        for row in others:
            solutions.setdefault(problems[row.id], []).append(row.id)
        tasks.append(
            assemble(
                f"{name}:{language}",
                [Query(row.id, row.document, language) for row in asking],
                [Document(row.id, row.document) for row in others],
                [
                    Judgement(row.id, solution)
                    for row in asking
                    for solution in solutions.get(problems[row.id], ())
                ],
            )
        )
    return tasks


def _same_problems(rows: Sequence[Pair]) -> dict[str, str]:
    """Row id -> its problem: the same number or the same text asks for the same program."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for row in rows:
        parent[root("text " + " ".join(row.query.split()).casefold())] = root(_number(row))
    return {row.id: root(_number(row)) for row in rows}


def _number(row: Pair) -> str:
    return row.id.rpartition("/")[2]


def _mxeval_set(row: Pair, path: Path) -> str:
    match = _MXEVAL_ID.fullmatch(row.id)
    if match is None:
        raise DataError(
            f"{path} has the id {row.id!r}: MBxxP/N, HumanEval/N and MathQA/N tell the problem."
        )
    return match["set"]


def _languages(rows: Iterable[Pair]) -> list[str]:
    return sorted({row.language for row in rows})


FAMILIES: dict[str, Family] = {
    "cosqa": Family("https://github.com/Jun-jie-Huang/CoCLR", _load_cosqa),
    "csn_cloze": Family("https://github.com/microsoft/CodeXGLUE", _load_csn_cloze),
    "mxeval": Family("https://github.com/amazon-science/mxeval", _load_mxeval),
    "mxeval_code": Family("https://github.com/amazon-science/mxeval", _load_mxeval_code),
    "mathqa": Family("https://github.com/amazon-science/mxeval", _load_mathqa),
    "webquery": Family("https://github.com/microsoft/CodeXGLUE", _load_pairs),
    "nl2bash": Family("https://github.com/TellinaTool/nl2bash", _load_pairs),
    "text2sql": Family("https://github.com/jkkummerfeld/text2sql-data", _load_pairs),
    "codenn": Family("https://github.com/sriniiyer/codenn", _load_pairs),
}
assert FAMILIES.keys() == HELD_OUT.keys()


def _load_beir(where: str) -> RetrievalTask:
    folder, _, split = where.partition("#")
    return read_beir(Path(folder), Path(folder).resolve().name, split or beir_split(Path(folder)))


def _load_own_pairs(where: str) -> RetrievalTask:
    path = Path(where)
    if not path.is_file():
        raise UsageError(f"{path} is not a file; give one of pairs, one JSON object a line.")
    try:
        return _pair_task(f"pairs-{path.name.partition('.')[0]}", read_pairs(path))
    except ValueError as error:
        raise DataError(f"{path}: {error}.") from error


OPEN: dict[str, Callable[[str], RetrievalTask]] = {
    "beir:": _load_beir,
    "pairs:": _load_own_pairs,
    "continuation:": lambda where: continuation_task(Path(where)),
    "commits:": lambda where: commits_task(Path(where)),
}
"""Prefixes of tasks that say themselves where their data is."""


def load_tasks(data: Path | None, names: Sequence[str] = ()) -> list[RetrievalTask]:
    """The named tasks, or every family whose file is in `data` where none is named.

    Args:
        data: the data directory; None if every name says itself where its data is.
        names: families (`mxeval`), single tasks (`mxeval:java`), or a place behind a prefix of
            `OPEN` (`beir:FOLDER`).

    Raises:
        UsageError: for an unknown name, or a `data` that is no directory.
        DataError: for a missing or malformed file.
    """
    if names and all(_opener(name) for name in names):
        return [task for name in dict.fromkeys(names) for task in _named(Path(), name)]
    if data is None:
        raise UsageError(
            "Which data? Give --data DIRECTORY, or name tasks that say themselves where theirs is "
            f"({', '.join(OPEN)})."
        )
    if not data.is_dir():
        raise UsageError(f"{data} is not a directory; give the one that holds the data files.")
    if names:
        return [task for name in dict.fromkeys(names) for task in _named(data, name)]
    tasks = [
        task for name in FAMILIES if _path(data, name) is not None for task in _named(data, name)
    ]
    if not tasks:
        files = sorted({rule.file for rule in HELD_OUT.values()})
        raise DataError(f"{data} holds none of {', '.join(files)}; give the directory that does.")
    return tasks


def _named(data: Path, name: str) -> list[RetrievalTask]:
    load = _opener(name)
    if load is not None:
        return [load(name.partition(":")[2])]
    family, _, part = name.partition(":")
    if family not in FAMILIES:
        raise UsageError(
            f"No task is named {name!r}; there are {', '.join(FAMILIES)}, and places behind "
            f"{', '.join(OPEN)}."
        )
    path = _path(data, family)
    if path is None:
        raise DataError(
            f"{data} has no {held_out(family).file}, which {family} needs; it is made from "
            f"{FAMILIES[family].source}."
        )
    try:
        tasks = FAMILIES[family].load(path, family)
    except ValueError as error:
        raise DataError(f"{path}: {error}.") from error
    chosen = [task for task in tasks if not part or task.name == name]
    if not chosen:
        raise UsageError(
            f"No task is named {name!r}; there are {', '.join(task.name for task in tasks)}."
        )
    return chosen


def _opener(name: str) -> Callable[[str], RetrievalTask] | None:
    return next((load for prefix, load in OPEN.items() if name.startswith(prefix)), None)


def _path(data: Path, family: str) -> Path | None:
    file = held_out(family).file
    return data / file if (data / file).is_dir() else find_file(data, file)
