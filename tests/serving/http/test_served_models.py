"""Any model folder is served: tables, graphs, weights in torch, the published layout."""

from __future__ import annotations

import json

import numpy as np
import openai
import pytest

from c2llm import Encoder
from c2llm.encoding.model_folder import open_folder, shipped_models
from c2llm.errors import ModelError, UsageError
from c2llm.serving.http.service import ServeSettings, Service
from c2llm.training.export.onnx_export import export_onnx
from tests.modeling.official_layout import random_tensors, write_official
from tests.serving.http.serving import posted, served
from tests.tiny import save_tiny_model

TEXTS = ["def parse ( a )", "", "class file " * 300]


@pytest.fixture(scope="module", params=["c2llm-mini", "torch", "official", "truncating"])
def folder(request, tmp_path_factory):
    if request.param == "c2llm-mini":
        return shipped_models()["c2llm-mini"]
    path = tmp_path_factory.mktemp("model") / "tiny"
    if request.param == "official":
        return write_official(path, random_tensors())
    fields = {"prompts": {"query": "parse : ", "document": "file : "}, "matryoshka_dims": [8, 16]}
    if request.param == "truncating":
        fields["pooling"] = "last"
    return save_tiny_model(path, **fields)


def test_any_folder(folder):
    encoder = Encoder.load(folder)
    expected = {
        "document": encoder.encode_documents(TEXTS),
        "query": encoder.encode_queries(TEXTS),
    }
    with (
        served(ServeSettings(model=str(folder))) as (address, _),
        openai.OpenAI(base_url=f"{address}/v1", api_key="-", max_retries=0) as client,
    ):
        for kind, vectors in expected.items():
            answer = client.embeddings.create(
                model=folder.name, input=TEXTS, extra_body={"input_type": kind}
            )
            rows = [item.embedding for item in answer.data]
            np.testing.assert_allclose(rows, vectors, atol=1e-5)
            cut = encoder.long_texts == "truncate"
            assert answer.model_extra == {"truncated": [2] if cut else []}


def test_shorter_vectors_of_a_model_that_was_trained_for_them(tmp_path):
    folder = save_tiny_model(tmp_path / "tiny", matryoshka_dims=[8, 16])
    expected = Encoder.load(folder, dim=8).encode_documents(TEXTS[:1])
    with (
        served(ServeSettings(model=str(folder))) as (address, _),
        openai.OpenAI(base_url=f"{address}/v1", api_key="-", max_retries=0) as client,
    ):
        answer = client.embeddings.create(model="tiny", input=TEXTS[0], dimensions=8)
        np.testing.assert_allclose(answer.data[0].embedding, expected[0], atol=1e-6)
        with pytest.raises(openai.UnprocessableEntityError, match="has 8, 16, 32"):
            client.embeddings.create(model="tiny", input=TEXTS[0], dimensions=9)


@pytest.mark.slow
def test_an_export_keeps_the_lengths(tmp_path):
    folder = save_tiny_model(tmp_path / "tiny", matryoshka_dims=[8, 16])
    export_onnx(folder, tmp_path / "out")
    assert open_folder(tmp_path / "out").matryoshka_dims == (8, 16)


@pytest.mark.parametrize("lengths", [[0], [True], ["8"], [99], {}, 8, [1.5]])
def test_lengths_that_are_none_are_refused(tmp_path, lengths):
    folder = save_tiny_model(tmp_path / "tiny")
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "matryoshka_dims": lengths}))
    with pytest.raises(ModelError, match="matryoshka_dims"):
        open_folder(folder)


def test_what_cannot_be_served_is_told_at_the_start(tmp_path):
    with pytest.raises(UsageError):
        Service(ServeSettings(model="no-such-model"))
    with pytest.raises(UsageError, match="on the CPU alone"):
        Service(ServeSettings(model="c2llm-nano", device="cuda"))
    folder = save_tiny_model(tmp_path / "tiny")
    with pytest.raises(UsageError, match="cuda:93"):
        Service(ServeSettings(model=str(folder), device="cuda:93"))


def test_a_full_answer_of_many_vectors():
    with served(ServeSettings(model="c2llm-nano")) as (address, _):
        texts = [f"def f{i}(): return {i}" for i in range(1_000)]
        answer = posted(address, "/v1/embeddings", {"input": texts, "encoding_format": "float"})
        rows = np.array([item["embedding"] for item in answer.json()["data"]], np.float32)
        expected = Encoder.load("c2llm-nano", tried=True).encode_documents(texts)
        np.testing.assert_allclose(rows, expected, atol=1e-6)
