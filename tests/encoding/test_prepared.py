"""Texts that are tokenized by one call and embedded by another equal those of a single call."""

from __future__ import annotations

import numpy as np
import pytest

from c2llm.encoding.encoder import Encoder
from tests.modeling.official_layout import random_tensors, write_official
from tests.tiny import save_tiny_model

TEXTS = ["def parse ( a )", "", "get http response", "class file " * 100, "\ud800", "file " * 5_000]
SHORT = [0, 1, 2, 4]


@pytest.fixture(scope="module", params=["torch", "official", "c2llm-mini", "c2llm-nano"])
def encoder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny"
    if request.param.startswith("c2llm-"):
        return Encoder.load(request.param, tried=True)
    if request.param == "official":
        return Encoder.load(write_official(path, random_tensors())).adapted(max_tokens=64)
    save_tiny_model(path, prompts={"query": "parse : ", "document": "file : "})
    return Encoder.load(path)


@pytest.mark.parametrize("as_queries", [False, True])
def test_any_batch_equals_one_call(encoder, as_queries):
    whole = (encoder.encode_queries if as_queries else encoder.encode_documents)(TEXTS)
    prepared = encoder.prepare(TEXTS, as_queries=as_queries)
    together = encoder.encode_prepared(prepared)
    np.testing.assert_allclose(together, whole, atol=2e-6)
    for text, vector in zip(prepared, whole, strict=True):
        np.testing.assert_allclose(encoder.encode_prepared([text])[0], vector, atol=2e-6)


def test_a_long_text_is_read_to_its_end_and_counted(encoder):
    prepared = encoder.prepare(TEXTS)
    assert not any(text.cut for text in prepared)
    assert all(prepared[i].ids is not None for i in SHORT)
    assert prepared[5].tokens >= 5_000 > prepared[3].tokens >= 200


def test_what_is_cut_is_told(encoder):
    cutting = encoder.adapted(long_texts="truncate", max_tokens=16)
    prepared = cutting.prepare(TEXTS)
    assert [i for i, text in enumerate(prepared) if text.cut] == [3, 5]
    assert max(text.tokens for text in prepared) == 16
    np.testing.assert_allclose(
        cutting.encode_prepared(prepared), cutting.encode_documents(TEXTS), atol=2e-6
    )
