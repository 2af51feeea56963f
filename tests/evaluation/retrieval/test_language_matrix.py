"""The matrix of languages, over small files in the layout of mxeval."""

from __future__ import annotations

import json

import pytest

from c2llm.errors import DataError
from c2llm.evaluation.retrieval.language_matrix import (
    language_tasks,
    languages_markdown,
    languages_report,
)
from c2llm.evaluation.retrieval.retrieval_run import run_tasks
from c2llm.evaluation.systems.named_systems import DenseSystem
from tests.evaluation.doubles import WordEncoder, pair, write_jsonl

VERBS = ["sort numbers", "open sockets", "parse dates"]


@pytest.fixture
def data(tmp_path):
    rows = [
        pair(f"{name}/{number}", text, f"{lang} {keyword} {text}", lang=lang)
        for name, lang, keyword in (
            ("MBPP", "python", "def"),
            ("MBGP", "go", "func"),
            ("MBJP", "java", "void"),
        )
        for number, text in enumerate(VERBS)
    ]
    write_jsonl(tmp_path / "mxeval.jsonl", rows)
    return tmp_path


def test_every_ordered_pair_of_languages_is_asked(data):
    tasks = {task.name: task for task in language_tasks(data)}
    languages = ["go", "java", "python"]
    code = {f"languages:{a}>{b}" for a in languages for b in languages if a != b}
    assert set(tasks) == code | {f"languages:text>{name}" for name in languages}
    task = tasks["languages:go>java"]
    assert all(text.text.startswith("go") for text in task.queries)
    assert all(text.text.startswith("java") for text in task.documents)
    for query, gains in zip(task.queries, task.relevance, strict=True):
        (position,) = gains
        assert task.documents[position].text.split()[2:] == query.text.split()[2:]


def test_the_matrix_has_text_first_and_no_language_asks_itself(data):
    report = languages_report(run_tasks(language_tasks(data), [DenseSystem(WordEncoder())]))
    assert report["query_languages"] == ["text", "go", "java", "python"]
    (system,) = report["systems"]
    for row, name in zip(system["matrix"], report["query_languages"], strict=True):
        for value, column in zip(row, report["document_languages"], strict=True):
            assert (value is None) == (name == column)
    assert system["mean"] == system["text_mean"] == 1.0
    json.dumps(report, allow_nan=False)
    assert "code to code 1.000, text to code 1.000" in languages_markdown(report)


def test_missing_data_is_named(tmp_path):
    with pytest.raises(DataError, match=r"has no mxeval\.jsonl"):
        language_tasks(tmp_path)
