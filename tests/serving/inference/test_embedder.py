"""Requests that meet in batches, leave them, and outlive what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from c2llm.errors import ModelError
from c2llm.serving.inference.embedder import Embedder
from c2llm.serving.inference.errors import (
    InferenceError,
    NotReadyError,
    QueueFullError,
    RequestTooLargeError,
    TextFailedError,
)
from c2llm.serving.inference.settings import InferenceSettings
from tests.serving.inference.fakes import FakeEncoder


def ready(fake: FakeEncoder, **settings: Any) -> Embedder:
    embedder = Embedder(lambda: fake, InferenceSettings(**settings))  # type: ignore[arg-type]
    assert embedder.wait(20)
    fake.batches.clear()
    return embedder


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


def test_requests_share_a_batch():
    fake = FakeEncoder(batch_tokens=64)
    embedder = ready(fake)

    async def ask() -> list[Any]:
        fake.hold()
        first = asyncio.ensure_future(embedder.embed(["one two"]))
        await until(fake.entered.is_set)
        others = [asyncio.ensure_future(embedder.embed([f"a b {i}"])) for i in range(5)]
        await until(lambda: embedder.queued == 5)
        fake.go.set()
        return await asyncio.gather(first, *others)

    answers = run(ask())
    assert [len(batch) for batch in fake.batches] == [1, 5]
    for i, answer in enumerate(answers[1:]):
        np.testing.assert_array_equal(answer.vectors[0], fake.vector(f"a b {i}"))
        assert answer.tokens == 3


def test_order_duplicates_prompts_and_cuts():
    fake = FakeEncoder()
    embedder = ready(fake)
    texts = ["b", "a", "b", "cut a"]
    done = run(embedder.embed(texts, as_queries=True))
    np.testing.assert_array_equal(done.vectors, [fake.vector(f"query: {t}") for t in texts])
    assert sorted(text for batch in fake.batches for text in batch) == ["a", "b", "cut a"]
    assert done.cut == [3]


def test_what_is_known_is_not_embedded_again():
    fake = FakeEncoder()
    embedder = ready(fake)
    run(embedder.embed(["a b"]))
    fake.batches.clear()
    again = run(embedder.embed(["a b"]))
    assert not fake.batches and again.tokens == 2
    run(embedder.embed(["a b"], as_queries=True))
    assert fake.batches == [["a b"]]


def test_who_hangs_up_leaves_the_queue():
    fake = FakeEncoder()
    embedder = ready(fake)

    async def ask() -> None:
        fake.hold()
        first = asyncio.ensure_future(embedder.embed(["one"]))
        await until(fake.entered.is_set)
        gone = asyncio.ensure_future(embedder.embed(["gone 1", "gone 2"]))
        stays = asyncio.ensure_future(embedder.embed(["stays"]))
        await until(lambda: embedder.queued == 3)
        gone.cancel()
        await until(lambda: embedder.queued == 1)
        fake.go.set()
        await asyncio.gather(first, stays)

    run(ask())
    assert fake.batches == [["one"], ["stays"]]
    assert embedder.held_tokens == 0


def test_who_hangs_up_while_its_batch_runs_harms_nobody():
    fake = FakeEncoder()
    embedder = ready(fake)

    async def ask() -> None:
        fake.hold()
        gone = asyncio.ensure_future(embedder.embed(["gone"]))
        await until(fake.entered.is_set)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        fake.go.set()
        await embedder.embed(["next"])

    run(ask())
    assert embedder.held_tokens == 0


def wrapped(error: BaseException) -> ModelError:
    """As `Encoder` raises what a library raised."""
    outer = ModelError("The model cannot be run.")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), RequestTooLargeError),
        (wrapped(MemoryError()), RequestTooLargeError),
        (RuntimeError("[ONNXRuntimeError] : Failed to allocate memory"), RequestTooLargeError),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), RequestTooLargeError),
        (RuntimeError("std::bad_alloc"), RequestTooLargeError),
        (ValueError("not finite"), TextFailedError),
        (SystemExit(3), TextFailedError),
        (KeyboardInterrupt(), TextFailedError),
    ],
)
def test_only_the_guilty_request_fails(error, expected):
    fake = FakeEncoder(batch_tokens=64)
    embedder = ready(fake)
    fake.raises = lambda batch: error if "bad one" in batch else None

    async def ask() -> list[Any]:
        fake.hold()
        first = asyncio.ensure_future(embedder.embed(["one"]))
        await until(fake.entered.is_set)
        texts = ["good 1", "good 2", "bad one", "good 3", "good 4"]
        others = [asyncio.ensure_future(embedder.embed([text])) for text in texts]
        await until(lambda: embedder.queued == 5)
        fake.go.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    answers = run(ask())
    assert [isinstance(answer, expected) for answer in answers] == [
        *(False, False, False, True, False, False),
    ]
    assert not any(isinstance(answer, BaseException) for answer in answers[:3])
    assert embedder.healthy
    assert len(run(embedder.embed(["after"])).vectors) == 1


def test_a_batch_that_is_too_large_is_halved():
    fake = FakeEncoder(batch_tokens=64)
    embedder = ready(fake)
    fake.raises = lambda batch: MemoryError() if len(batch) > 2 else None
    done = run(embedder.embed([f"a {i}" for i in range(8)]))
    np.testing.assert_array_equal(done.vectors, [fake.vector(f"a {i}") for i in range(8)])
    assert [len(batch) for batch in fake.batches if len(batch) <= 2] == [2, 2, 2, 2]


def test_a_failure_that_passes_is_not_noticed():
    fake = FakeEncoder()
    embedder = ready(fake)
    errors = iter([RuntimeError("once")])
    fake.raises = lambda batch: next(errors, None)
    assert len(run(embedder.embed(["a"])).vectors) == 1


def test_a_model_that_fails_is_ill_and_gets_well(monkeypatch):
    monkeypatch.setattr("c2llm.serving.inference.embedder._PROBE_SECONDS", 0.0)
    fake = FakeEncoder()
    embedder = ready(fake)
    fake.raises = lambda batch: RuntimeError("the device is gone")
    with pytest.raises(InferenceError, match="every text"):
        run(embedder.embed(["a", "b"]))
    assert not embedder.healthy and embedder.health() is not None
    fake.raises = lambda batch: None
    assert embedder.health() is None  # asking is enough
    assert len(run(embedder.embed(["a", "b"])).vectors) == 2
    assert embedder.held_tokens == 0


def test_vectors_that_are_no_numbers_are_an_error():
    fake = FakeEncoder()
    embedder = ready(fake)
    whole = fake.vector
    fake.vector = lambda text: whole(text) * (np.nan if "bad" in text else 1)  # type: ignore
    with pytest.raises(TextFailedError):
        run(embedder.embed(["bad"]))
    run(embedder.embed(["good"]))


def test_a_full_queue_refuses_at_once_and_has_room_again():
    fake = FakeEncoder(batch_tokens=2)
    embedder = ready(fake, queue_seconds=0.01)
    embedder._admission._tokens_per_second = None

    async def ask() -> None:
        fake.hold()
        asked = [asyncio.ensure_future(embedder.embed([f"a b {i}"])) for i in range(20)]
        results = asyncio.gather(*asked, return_exceptions=True)
        await until(lambda: sum(task.done() for task in asked) > 0)
        refused = [task for task in asked if task.done()]
        assert all(isinstance(task.exception(), QueueFullError) for task in refused)
        fake.go.set()
        answers = await results
        assert sum(not isinstance(a, BaseException) for a in answers) == 20 - len(refused) > 0

    run(ask())
    assert embedder.held_tokens == 0
    run(embedder.embed(["a b c"]))


def test_requests_that_are_too_large():
    embedder = ready(FakeEncoder(), most_texts=3, most_tokens=10)
    with pytest.raises(RequestTooLargeError, match="4 texts"):
        run(embedder.embed(list("abcd")))
    with pytest.raises(RequestTooLargeError, match="11 tokens"):
        run(embedder.embed(["a " * 11]))
    assert embedder.held_tokens == 0


def test_nothing_is_embedded_before_the_model_is_there():
    fake = FakeEncoder()
    fake.hold()
    embedder = Embedder(lambda: fake, InferenceSettings())  # type: ignore[arg-type]
    embedder.start()
    assert embedder.health() == "The model is being loaded."
    with pytest.raises(NotReadyError):
        run(embedder.embed(["a"]))
    fake.go.set()
    assert embedder.wait(20) and embedder.health() is None


def test_a_model_that_cannot_be_loaded_says_why():
    def load() -> Any:
        raise ModelError("weights.onnx is damaged.")

    embedder = Embedder(load, InferenceSettings())
    assert not embedder.wait(20)
    assert embedder.health() == "weights.onnx is damaged."
    assert embedder.stop()


def test_stopping_finishes_what_waits_and_takes_no_more():
    fake = FakeEncoder(batch_tokens=2)
    embedder = ready(fake)

    async def ask() -> None:
        fake.hold()
        asked = [asyncio.ensure_future(embedder.embed([f"a {i}"])) for i in range(4)]
        await until(lambda: embedder.queued == 3)
        stopping = asyncio.get_running_loop().run_in_executor(None, embedder.stop)
        await until(lambda: embedder.health() == "The server is stopping.")
        fake.go.set()
        assert await stopping
        assert len(await asyncio.gather(*asked)) == 4
        with pytest.raises(NotReadyError):
            await embedder.embed(["late"])

    run(ask())
