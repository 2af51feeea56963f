from __future__ import annotations

from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.encoding.tokens import PreparedText
from c2llm.serving.inference.fair_queue import FairQueue, Waiting


def waiting(tokens: int, job: object = None, position: int = 0, *, long: bool = False) -> Waiting:
    ids = None if long else np.zeros(tokens, np.int64)
    return Waiting(PreparedText("", "", ids, tokens, cut=False), job, position)


def lengths(batch: list[Waiting]) -> list[int]:
    return sorted(text.tokens for text in batch)


def test_a_batch_closes_by_padded_tokens_not_by_count():
    queue = FairQueue(100)
    queue.put(waiting(10) for _ in range(25))
    assert [len(queue.take()) for _ in range(3)] == [10, 10, 5]


def test_texts_of_like_length_share_a_batch():
    queue = FairQueue(100)
    queue.put(waiting(n) for n in (10, 50, 11, 49, 12, 48))
    assert lengths(queue.take()) == [10, 11, 12]
    assert lengths(queue.take()) == [49, 50]
    assert lengths(queue.take()) == [48]


def test_a_text_above_the_budget_goes_alone():
    queue = FairQueue(100)
    queue.put([waiting(500), waiting(90)])
    assert lengths(queue.take()) == [500]
    assert lengths(queue.take()) == [90]


def test_a_text_in_windows_goes_alone():
    queue = FairQueue(100)
    queue.put([waiting(20, long=True), waiting(20), waiting(20)])
    assert [len(queue.take()) for _ in range(2)] == [1, 2]


def test_a_question_does_not_wait_for_an_upload():
    queue = FairQueue(100)
    queue.put(waiting(50, "upload", i) for i in range(100))
    queue.take()
    queue.put([waiting(5, "question")])
    before_it = 0
    while all(text.job == "upload" for text in queue.take()):
        before_it += 1
    assert before_it <= 1


def test_few_texts_are_shared_among_workers():
    queue = FairQueue(4_096, workers=2)
    queue.put(waiting(400) for _ in range(4))
    assert len(queue.take()) == 2


def test_without_batching_each_goes_alone():
    queue = FairQueue(100, batching=False)
    queue.put(waiting(10) for _ in range(3))
    assert [len(queue.take()) for _ in range(3)] == [1, 1, 1]


def test_what_is_removed_is_not_served():
    queue = FairQueue(100)
    queue.put(waiting(10, "a", i) for i in range(3))
    queue.put(waiting(10, "b", i) for i in range(2))
    assert queue.remove(lambda text: text.job == "a") == 3
    assert [text.job for text in queue.take()] == ["b", "b"]


def test_a_closed_queue_runs_out_and_takes_no_more():
    queue = FairQueue(100)
    queue.put([waiting(10)])
    queue.close()
    assert len(queue.take()) == 1
    assert queue.take() == []
    with pytest.raises(RuntimeError):
        queue.put([waiting(10)])


def test_one_who_waits_is_woken():
    queue, taken = FairQueue(100), []
    thread = Thread(target=lambda: taken.extend(queue.take()))
    thread.start()
    queue.put([waiting(3)])
    thread.join(10)
    assert lengths(taken) == [3]


@given(
    st.lists(st.lists(st.integers(1, 300), min_size=1, max_size=20), max_size=6),
    st.integers(1, 4),
)
def test_every_text_is_served_once_within_the_budget(jobs, workers):
    queue = FairQueue(256, workers)
    sent = [
        [waiting(tokens, number, position) for position, tokens in enumerate(job)]
        for number, job in enumerate(jobs)
    ]
    for job in sent:
        queue.put(job)
    queue.close()
    served: list[Waiting] = []
    while batch := queue.take():
        longest = max(text.tokens for text in batch)
        assert len(batch) == 1 or len(batch) * longest <= 256
        assert min(text.tokens for text in batch) * 2 >= longest
        served += batch
    assert {id(t) for t in served} == {id(t) for job in sent for t in job}
    assert len(served) == sum(map(len, jobs))
