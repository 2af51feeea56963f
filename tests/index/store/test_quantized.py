"""Eight bits a dimension hold a vector as well as its step allows, and no worse."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from c2llm.index.store.quantized import pack, packed_size, quantize, unpack

_ROWS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    elements=st.floats(-1, 1, width=32, allow_subnormal=False),
)


@given(_ROWS)
def test_no_component_is_off_by_more_than_half_a_step(vectors: np.ndarray) -> None:
    coded = quantize(vectors)
    steps = np.abs(vectors).max(axis=1) / 127
    np.testing.assert_allclose(coded.steps, steps, rtol=1e-6)
    off = np.abs(coded.restored() - vectors)
    assert (off <= coded.steps[:, None] * 0.501 + 1e-37).all()


@given(_ROWS)
def test_packing_loses_nothing_more(vectors: np.ndarray) -> None:
    packed = pack(vectors)
    assert {len(row) for row in packed} == {packed_size(vectors.shape[1])}
    coded, again = quantize(vectors), unpack(packed)
    np.testing.assert_array_equal(again.codes, coded.codes)
    np.testing.assert_array_equal(again.steps, coded.steps)


def test_products_are_those_of_the_restored_rows_over_many_blocks() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((10_000, 24)).astype(np.float32)
    coded, query = quantize(vectors), rng.standard_normal(24).astype(np.float32)
    np.testing.assert_allclose(coded.dot(query), coded.restored() @ query, rtol=1e-4, atol=1e-4)


def test_nothing_is_nothing() -> None:
    assert len(unpack([])) == 0
    assert pack(np.zeros((2, 3), np.float32)) == [bytes(7), bytes(7)]


def test_the_nearest_ten_stay_the_nearest_ten() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((2_000, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    coded = quantize(vectors)
    kept = 0
    for query in vectors[:50] + 0.1 * rng.standard_normal((50, 128)).astype(np.float32):
        exact = set(np.argsort(-(vectors @ query))[:10])
        kept += len(exact & set(np.argsort(-coded.dot(query))[:10]))
    assert kept >= 485  # of 500
