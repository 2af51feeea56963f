from __future__ import annotations

import pytest

from c2llm.serving.inference.admission import Admission, estimated_tokens
from c2llm.serving.inference.errors import QueueFullError


def test_the_queue_is_as_long_as_the_model_is_fast():
    admission = Admission(100, 1, seconds=2)
    slow = admission.capacity
    admission.ran(1_000_000, 1.0)
    assert slow == 800
    assert admission.capacity == 2_000_000


@pytest.mark.parametrize("parts", [1, 10])
def test_one_rule_for_one_large_request_and_many_small(parts):
    admission = Admission(100, 1, seconds=1)
    for _ in range(2 * parts):
        admission.reserve(400 // parts)
    with pytest.raises(QueueFullError) as full:
        admission.reserve(400 // parts)
    assert full.value.retry_seconds >= 1


def test_an_upload_counts_with_its_turn_and_keeps_no_question_out():
    admission = Admission(100, 1, seconds=1)
    admission.reserve(10_000_000)
    admission.reserve(20)


def test_when_nothing_waits_anything_is_taken():
    admission = Admission(1_000, 1, seconds=0.01)
    held = admission.reserve(10**9)
    admission.release(held)
    assert admission.held == 0


def test_the_true_number_replaces_the_estimate():
    admission = Admission(100, 1, seconds=1)
    held = admission.exchange(admission.reserve(300), 20)
    assert admission.held == held == 20


def test_retry_tells_when_half_of_it_will_be_gone():
    admission = Admission(1_000, 1, seconds=60)
    admission.ran(1_000, 1.0)
    while True:
        try:
            admission.reserve(1_000)
        except QueueFullError as error:
            assert error.retry_seconds == 30
            return


def test_an_estimate_bears_half_a_character():
    assert estimated_tokens("\ud800" * 40) > 5
