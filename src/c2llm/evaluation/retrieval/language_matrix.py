"""How well a model crosses languages: code in one, the same program in another, pair by pair.

Made from the tasks over mxeval: each solution in a query language asks for the solutions of the
same problem in one document language, among all solutions in that language. The row `text` asks
with the problem itself. A language does not ask itself: the answer would be the question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from c2llm.evaluation.retrieval.data_files import find_file, read_pairs
from c2llm.evaluation.retrieval.held_out import held_out
from c2llm.evaluation.retrieval.local_tasks import load_tasks
from c2llm.evaluation.retrieval.retrieval_report import HEADLINE
from c2llm.evaluation.retrieval.retrieval_run import TaskResult
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
from c2llm.evaluation.tables import markdown_table, number

FAMILY = "languages"
TEXT = "text"
_ARROW = ">"


def language_tasks(data: Path) -> list[RetrievalTask]:
    """A task for each ordered pair of languages, named `languages:QUERY>DOCUMENT`.

    Raises:
        UsageError: if `data` is no directory.
        DataError: if it holds no mxeval, or a malformed one.
    """
    asked_in_text = load_tasks(data, ["mxeval"])
    asked_in_code = load_tasks(data, ["mxeval_code"])
    path = find_file(data, held_out("mxeval").file)
    assert path is not None  # or the tasks would not have been there
    languages = {pair.id: pair.language for pair in read_pairs(path)}
    tasks = [
        replace(task, name=_name(TEXT, task.name.partition(":")[2]), full_size=_size(task))
        for task in asked_in_text
    ]
    for task in asked_in_code:
        asking = task.name.partition(":")[2]
        found_in = sorted({languages[document.id] for document in task.documents})
        for language in found_in:
            chosen = _in_language(task, languages, language)
            if chosen.queries:
                tasks.append(replace(chosen, name=_name(asking, language)))
    return tasks


def _in_language(task: RetrievalTask, languages: dict[str, str], language: str) -> RetrievalTask:
    """Documents of one language, and the queries that they answer."""
    kept = [i for i, document in enumerate(task.documents) if languages[document.id] == language]
    moved = {old: new for new, old in enumerate(kept)}
    relevance = [
        {moved[position]: gain for position, gain in gains.items() if position in moved}
        for gains in task.relevance
    ]
    asked = [i for i, gains in enumerate(relevance) if gains]
    return replace(
        task,
        queries=tuple(task.queries[i] for i in asked),
        documents=tuple(task.documents[i] for i in kept),
        relevance=tuple(relevance[i] for i in asked),
        full_size=(len(asked), len(kept)),
    )


def languages_report(results: Iterable[TaskResult]) -> dict[str, Any]:
    """NDCG@10 by query language and document language.

    Returns:
        A JSON-ready object: `query_languages` (`text` first), `document_languages`, and `systems`
        with `matrix` (rows are query languages; None where nothing was asked), `mean` over the
        pairs of code, and `text_mean`.
    """
    scores: dict[str, dict[tuple[str, str], tuple[float, int]]] = {}
    for result in results:
        asking, _, found_in = result.task.partition(":")[2].partition(_ARROW)
        values = [query.scores[HEADLINE] for query in result.queries]
        scores.setdefault(result.system, {})[asking, found_in] = (
            sum(values) / len(values),
            len(values),
        )
    pairs = {pair for cells in scores.values() for pair in cells}
    rows = sorted({asking for asking, _ in pairs}, key=lambda name: (name != TEXT, name))
    columns = sorted({found_in for _, found_in in pairs})
    return {
        "metric": HEADLINE,
        "query_languages": rows,
        "document_languages": columns,
        "systems": [_system(name, cells, rows, columns) for name, cells in scores.items()],
    }


def _system(
    name: str, cells: dict[tuple[str, str], tuple[float, int]], rows: list[str], columns: list[str]
) -> dict[str, Any]:
    code = [mean for (asking, _), (mean, _) in cells.items() if asking != TEXT]
    text = [mean for (asking, _), (mean, _) in cells.items() if asking == TEXT]
    return {
        "system": name,
        "mean": sum(code) / len(code) if code else None,
        "text_mean": sum(text) / len(text) if text else None,
        "queries": sum(n for _, n in cells.values()),
        "matrix": [
            [cells[row, column][0] if (row, column) in cells else None for column in columns]
            for row in rows
        ],
    }


def languages_markdown(report: dict[str, Any]) -> str:
    """The object of `languages_report` as Markdown, a matrix for each system."""
    sections = []
    for system in report["systems"]:
        means = [
            f"{title} {number(system[key])}"
            for title, key in (("code to code", "mean"), ("text to code", "text_mean"))
            if system[key] is not None
        ]
        asked = f"{system['queries']:,} queries"
        sections.append(f"**{system['system']}**: mean NDCG@10 {', '.join(means)}; {asked}.")
        header = ["query \\ document", *report["document_languages"]]
        rows = [
            [name, *("" if value is None else number(value) for value in values)]
            for name, values in zip(report["query_languages"], system["matrix"], strict=True)
        ]
        sections.append(markdown_table(header, rows))
    return "\n\n".join(sections) + "\n"


def _name(asking: str, found_in: str) -> str:
    return f"{FAMILY}:{asking}{_ARROW}{found_in}"


def _size(task: RetrievalTask) -> tuple[int, int]:
    return len(task.queries), len(task.documents)
