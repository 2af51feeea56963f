from __future__ import annotations

import numpy as np

from c2llm.index.store.vector_cache import VectorCache
from c2llm.serving.inference.cache import EmbeddingCache, text_key


def vector(value: float) -> np.ndarray:
    return np.full(4, value, np.float32)


def test_what_was_used_last_stays():
    cache = EmbeddingCache("m", 4, most_bytes=2 * 316)
    cache.put({b"a": vector(1), b"b": vector(2)})
    cache.get([b"a"])
    cache.put({b"c": vector(3)})
    assert set(cache.get([b"a", b"b", b"c"])) == {b"a", b"c"}


def test_no_bytes_no_memory():
    cache = EmbeddingCache("m", 4, most_bytes=0)
    cache.put({b"a": vector(1)})
    assert not cache.get([b"a"])


def test_a_row_does_not_keep_its_batch():
    cache = EmbeddingCache("m", 4, most_bytes=10_000)
    batch = np.ones((1_000, 4), np.float32)
    cache.put({b"a": batch[0]})
    assert cache.get([b"a"])[b"a"].base is None


def test_prompt_and_text_do_not_run_into_each_other():
    assert text_key("b", "a") != text_key("ab", "")
    assert text_key("\ud800", "") != text_key("?", "")


def test_the_next_start_finds_what_is_on_the_disk(tmp_path):
    file = tmp_path / "home" / "vectors.sqlite"
    first = EmbeddingCache.opened("m", 4, 10_000, file, 1_000_000)
    first.put({b"a" * 20: vector(0.5)})
    first.close()
    again = EmbeddingCache.opened("m", 4, 10_000, file, 1_000_000)
    np.testing.assert_array_equal(again.get([b"a" * 20])[b"a" * 20], vector(0.5))
    other = EmbeddingCache.opened("another model", 4, 10_000, file, 1_000_000)
    assert not other.get([b"a" * 20])


def test_a_damaged_file_is_no_cache_and_no_failure(tmp_path):
    file = tmp_path / "vectors.sqlite"
    file.write_bytes(b"nonsense" * 1_000)
    cache = EmbeddingCache("m", 4, 10_000, VectorCache(file, 1_000_000))
    cache.put({b"a": vector(1)})
    assert set(cache.get([b"a", b"b"])) == {b"a"}
