"""Calls side by side: in order, never more than asked for, and none after a failure."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from c2llm.encoding.batches import shared_budget, side_by_side
from c2llm.encoding.encoder import Encoder
from c2llm.training.export.onnx_export import export_onnx
from tests.tiny import save_tiny_model


@pytest.mark.parametrize("streams", [1, 3])
def test_results_come_in_order_and_calls_are_bounded(streams: int) -> None:
    together = threading.Barrier(streams, timeout=20)

    def call(item: int) -> int:
        together.wait()  # passes only where so many calls run at once
        return item * item

    assert list(side_by_side(call, range(51), streams)) == [i * i for i in range(51)]
    threads = set(side_by_side(lambda _: threading.get_ident(), range(51), streams))
    assert 1 <= len(threads) <= streams


def test_items_are_taken_as_results_are_read() -> None:
    taken = []
    results = side_by_side(lambda item: item, (taken.append(i) or i for i in range(100)), 2)
    assert next(results) == 0
    results.close()
    assert len(taken) <= 4


def test_after_a_failure_no_call_is_made() -> None:
    made = []

    def call(item: int) -> int:
        made.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        list(side_by_side(call, range(100), 2))
    assert len(made) < 10


def test_a_few_tokens_are_shared_among_streams_and_many_fill_the_budget() -> None:
    assert shared_budget(600, 1024, 2) == 300
    assert shared_budget(100, 1024, 2) == 256  # less is not worth a call
    assert shared_budget(10**6, 1024, 2) == 1024
    assert shared_budget(0, 8, 1) == 8


@pytest.mark.slow
def test_vectors_do_not_depend_on_the_number_of_threads(tmp_path) -> None:
    folder = save_tiny_model(tmp_path / "tiny", max_tokens=16)
    export_onnx(folder, folder)
    texts = ["def get http", "", "class a b " * 30, "parse"] * 9
    one, three = (Encoder.load(folder, threads=n).encode_documents(texts) for n in (1, 3))
    np.testing.assert_allclose(one, three, rtol=0, atol=1e-6)
