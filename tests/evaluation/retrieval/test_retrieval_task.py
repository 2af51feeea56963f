"""Equal texts become one, judgements follow, and limits keep every answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.evaluation.retrieval.retrieval_task import Document, Judgement, Query, assemble


def test_equal_documents_are_one_and_answer_both_queries():
    task = assemble(
        "t",
        [Query("q1", "list files"), Query("q2", "show files")],
        [Document("d1", "ls  -l"), Document("d2", "ls -l\n"), Document("d3", "LS -L")],
        [Judgement("q1", "d1"), Judgement("q2", "d2")],
    )
    assert [document.id for document in task.documents] == ["d1", "d3"]  # case matters in code
    assert task.relevance == ({0: 1.0}, {0: 1.0})


def test_equal_queries_are_one_and_have_both_answers():
    task = assemble(
        "t",
        [Query("q1", "List files"), Query("q2", "list  files")],
        [Document("d1", "ls"), Document("d2", "dir")],
        [Judgement("q1", "d1"), Judgement("q2", "d2", 2.0), Judgement("q1", "d2")],
    )
    assert [query.id for query in task.queries] == ["q1"]
    assert task.relevance == ({0: 1.0, 1: 2.0},)


def test_queries_without_an_answer_are_left_out():
    task = assemble(
        "t",
        [Query("q1", "a"), Query("q2", "b"), Query("q3", "c")],
        [Document("d1", "x"), Document("d2", "y")],
        [Judgement("q1", "d1", 0.0), Judgement("q2", "d2")],
    )
    assert [query.id for query in task.queries] == ["q2"]
    assert task.full_size == (1, 2)


@pytest.mark.parametrize(
    ("queries", "documents", "judgements", "message"),
    [
        ([Query("q", "a")], [Document("d", "x")], [Judgement("p", "d")], "unknown query 'p'"),
        ([Query("q", "a")], [Document("d", "x")], [Judgement("q", "e")], "unknown document 'e'"),
        ([Query("q", "a")], [], [], "no query has a relevant document"),
        ([Query("q", "a")], [Document("d", "x"), Document("d", "y")], [], "two different texts"),
    ],
)
def test_contradictions_are_refused(queries, documents, judgements, message):
    with pytest.raises(ValueError, match=message):
        assemble("t", queries, documents, judgements)


def test_family_is_what_stands_before_the_colon():
    assert small_task(3).family == "numbers"


def test_digest_tells_tasks_apart():
    assert small_task(5).digest() == small_task(5).digest()
    digests = {small_task(5).digest(), small_task(6).digest(), small_task(5).limited(3).digest()}
    assert len(digests) == 3


@given(st.integers(1, 40), st.integers(1, 45), st.integers(1, 90))
def test_a_limited_task_keeps_its_answers(size, queries, documents):
    full = small_task(size)
    task = full.limited(queries, documents)
    assert len(task.queries) == min(queries, size)
    assert len(task.documents) == min(max(documents, len(task.queries)), 2 * size)
    assert task.full_size == (size, 2 * size)
    for query, gains in zip(task.queries, task.relevance, strict=True):
        assert [task.documents[position].id for position in gains] == [f"d{query.id}"]


def test_limits_choose_the_same_whatever_the_order_of_the_file():
    task = small_task(20)
    turned = assemble(
        task.name,
        reversed(task.queries),
        reversed(task.documents),
        [Judgement(str(i), f"d{i}") for i in range(20)],
    )
    assert {q.id for q in task.limited(7).queries} == {q.id for q in turned.limited(7).queries}


def small_task(size):
    """Query i is answered by document di; as many documents answer nothing."""
    numbers = range(size)
    return assemble(
        "numbers:small",
        [Query(str(i), f"query {i}") for i in numbers],
        [Document(f"d{i}", f"document {i}") for i in range(2 * size)],
        [Judgement(str(i), f"d{i}") for i in numbers],
    )
