"""`/v1/embeddings` and `/rerank` over a real socket, asked by hand and by real clients."""

from __future__ import annotations

import base64
import json
import socket
import threading

import httpx
import numpy as np
import openai
import pytest

from c2llm import Encoder
from c2llm.serving.http.service import ServeSettings
from c2llm.serving.inference.settings import InferenceSettings
from tests.serving.http.serving import posted, refusal, served
from tests.serving.inference.fakes import FakeEncoder

NANO = ServeSettings(model="c2llm-nano")
TEXTS = ["def parse_toml(path): ...", "class HttpClient: ...", ""]


@pytest.fixture(scope="module")
def address():
    with served(NANO) as (address, _):
        yield address


@pytest.fixture(scope="module")
def expected():
    encoder = Encoder.load("c2llm-nano", tried=True)
    return encoder.encode_documents(TEXTS)


@pytest.fixture
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("form", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_the_official_client_gets_vectors(client, expected, form):
    answer = client.embeddings.create(model="c2llm-nano", input=TEXTS, user="me", **form)
    rows = [
        np.frombuffer(base64.b64decode(item.embedding), "<f4")
        if isinstance(item.embedding, str)
        else item.embedding
        for item in answer.data
    ]
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 6
    assert answer.model_extra == {"truncated": []}


def test_one_string_is_one_text(client, expected):
    answer = client.embeddings.create(model="c2llm-nano", input=TEXTS[0])
    np.testing.assert_allclose(answer.data[0].embedding, expected[0], atol=1e-6)


def test_the_model_is_listed_and_checked(client):
    assert [model.id for model in client.models.list()] == ["c2llm-nano"]
    assert client.models.retrieve("c2llm-nano").id == "c2llm-nano"
    with pytest.raises(openai.NotFoundError, match="it serves 'c2llm-nano'"):
        client.embeddings.create(model="text-embedding-3-small", input="x")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt")


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_token_ids_are_refused_with_the_clients_switch(client, tokens):
    with pytest.raises(openai.UnprocessableEntityError, match="check_embedding_ctx_length=False"):
        client.embeddings.create(model="c2llm-nano", input=tokens)


def test_shorter_vectors_of_a_model_without_them_are_refused(client, expected):
    with pytest.raises(openai.UnprocessableEntityError, match="not trained for shorter vectors"):
        client.embeddings.create(model="c2llm-nano", input="x", dimensions=64)
    same = client.embeddings.create(
        model="c2llm-nano", input=TEXTS[0], dimensions=expected.shape[1]
    )
    np.testing.assert_allclose(same.data[0].embedding, expected[0], atol=1e-6)


def test_langchain(address, expected):
    from langchain_openai import OpenAIEmbeddings

    ours = dict(base_url=f"{address}/v1", api_key="none", model="c2llm-nano", max_retries=0)
    embeddings = OpenAIEmbeddings(check_embedding_ctx_length=False, **ours)
    np.testing.assert_allclose(embeddings.embed_documents(TEXTS[:2]), expected[:2], atol=1e-6)
    np.testing.assert_allclose(embeddings.embed_query(TEXTS[0]), expected[0], atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"input": "\xff"}',
        b"[" * 100_000,
        b'{"input": ' + b"[" * 100_000,
        b'{"input": ' + b'{"a":' * 50_000,
        b'{"input": "x", "dimensions": ' + b"9" * 5_000 + b"}",
        b'{"input": "x", "dimensions": NaN}',
        b'{"input": "x", "dimensions": -Infinity}',
        b'{"input": NaN}',
        b"{}",
        *(
            json.dumps(value).encode()
            for value in (
                {"input": None},
                {"input": []},
                {"input": {}},
                {"input": 5},
                {"input": True},
                {"input": [None]},
                {"input": ["x", 1]},
                {"input": ["x", ["y"]]},
                {"input": [True]},
                {"input": [[]]},
                {"input": "x", "dimensions": 0},
                {"input": "x", "dimensions": -1},
                {"input": "x", "dimensions": 10**30},
                {"input": "x", "dimensions": "64"},
                {"input": "x", "dimensions": 64.5},
                {"input": "x", "dimensions": True},
                {"input": "x", "encoding_format": "hex"},
                {"input": "x", "encoding_format": 1},
                {"input": "x", "input_type": "answer"},
                {"input": "x", "user": 3},
                {"input": "x", "model": ["c2llm-nano"]},
                {"input": "x", "model": "\ud800"},
                {"input": "x", "model": "a\nb" * 500},
            )
        ),
    ],
)
def test_what_is_malformed_is_told_in_one_shape(address, body):
    answer = posted(address, "/v1/embeddings", body)
    assert 400 <= answer.status_code < 500, answer.text
    refusal(answer, answer.status_code, answer.json()["error"]["code"])
    assert posted(address, "/v1/embeddings", {"input": "after"}).status_code == 200


@pytest.mark.parametrize(
    "text", ["\ud800", "\x00", "\u202e", "a" * 300_000, "\U0001f600" * 50, " ", "\ud83d\ude00"]
)
def test_any_text_has_a_vector(address, text):
    answer = posted(address, "/v1/embeddings", {"input": [text]})
    assert answer.status_code == 200
    assert abs(np.linalg.norm(answer.json()["data"][0]["embedding"])) < 1.01


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
def test_rerank_in_both_shapes(address, path):
    texts = ["class HttpClient: ...", "def parse_toml(path): ..."]
    asked = {"query": "parse a toml file", "model": "c2llm-nano"}
    ranked = posted(address, path, {**asked, "texts": texts, "return_text": True}).json()
    assert [row["index"] for row in ranked] == [1, 0]
    assert ranked[0]["score"] > ranked[1]["score"] and ranked[0]["text"] == texts[1]
    answer = posted(
        address,
        path,
        {**asked, "documents": [texts[0], {"text": texts[1]}], "top_n": 1, "return_documents": 1},
    ).json()
    (best,) = answer["results"]
    assert best["index"] == 1 and best["document"] == {"text": texts[1]}
    assert best["relevance_score"] == pytest.approx(ranked[0]["score"])


@pytest.mark.parametrize(
    "body",
    [
        {"query": "x"},
        {"texts": ["x"]},
        {"query": "x", "texts": []},
        {"query": "x", "texts": ["x"], "documents": ["x"]},
        {"query": "x", "documents": [{}]},
        {"query": "x", "documents": [5]},
        {"query": 5, "documents": ["x"]},
        {"query": "x", "documents": ["x"], "top_n": 0},
        {"query": "x", "documents": ["x"], "top_n": "2"},
    ],
)
def test_a_wrong_rerank_is_refused(address, body):
    refusal(posted(address, "/rerank", body), 422, "malformed")


def test_rerank_sends_half_a_character_back_as_none(address):
    body = {"query": "\ud800", "texts": ["\ud800"], "return_text": True}
    assert posted(address, "/rerank", body).json()[0]["text"] == "?"
    body = {"query": "q", "documents": ["\udfff"], "return_documents": True}
    assert posted(address, "/rerank", body).status_code == 200


def test_health_info_and_metrics(address):
    assert httpx.get(f"{address}/health", trust_env=False).json() == {"status": "ready"}
    info = httpx.get(f"{address}/info", trust_env=False).json()
    assert info["embeddings"]["dimensions"] == [384]
    assert info["embeddings"]["limits"]["texts"] == 4_096
    posted(address, "/v1/embeddings", {"input": ["counted", "counted"]})
    httpx.get(f"{address}/nowhere/{'x' * 50}", trust_env=False)
    text = httpx.get(f"{address}/metrics", trust_env=False).text
    assert 'c2llm_requests_total{method="POST",route="/v1/embeddings",status="200"}' in text
    assert "nowhere" not in text and "c2llm_batch_texts_bucket" in text
    assert "c2llm_ready 1.0" in text and 'c2llm_stage_seconds_count{stage="queue"}' in text


def test_each_application_counts_for_itself():
    fakes = [FakeEncoder(), FakeEncoder()]
    with served(NANO, encoder=fakes[0]) as (one, _), served(NANO, encoder=fakes[1]) as (other, _):
        posted(one, "/v1/embeddings", {"input": "x"})
        asked = 'route="/v1/embeddings",status="200"'
        assert asked in httpx.get(f"{one}/metrics", trust_env=False).text
        assert asked not in httpx.get(f"{other}/metrics", trust_env=False).text


def test_what_is_cut_is_told():
    with served(NANO, encoder=FakeEncoder()) as (address, _):
        answer = posted(address, "/v1/embeddings", {"input": ["a", "cut b"]})
        assert answer.json()["truncated"] == [1] and answer.headers["x-c2llm-truncated"] == "1"
        answer = posted(address, "/v1/embeddings", {"input": ["a"]})
        assert "x-c2llm-truncated" not in answer.headers


def test_queries_have_their_prompt():
    fake = FakeEncoder()
    with served(NANO, encoder=fake) as (address, _):
        body = {"input": "a", "input_type": "query"}
        rows = posted(address, "/v1/embeddings", body).json()["data"]
        np.testing.assert_allclose(rows[0]["embedding"], fake.vector("query: a"), atol=1e-6)


def test_too_many_texts_are_413():
    settings = ServeSettings(model="c2llm-nano", inference=InferenceSettings(most_texts=2))
    with served(settings, encoder=FakeEncoder()) as (address, _):
        said = posted(address, "/v1/embeddings", {"input": ["a"] * 3})
        assert "3 texts" in refusal(said, 413, "too_large")
        refusal(posted(address, "/rerank", {"query": "q", "texts": ["a"] * 3}), 413, "too_large")


def test_an_overloaded_server_says_when_to_come_again():
    fake = FakeEncoder()
    settings = ServeSettings(model="c2llm-nano", inference=InferenceSettings(most_requests=2))
    with served(settings, encoder=fake) as (address, service):
        fake.hold()
        answers: list[httpx.Response] = []

        def ask(number: int) -> None:
            answers.append(posted(address, "/v1/embeddings", {"input": f"a {number}"}))

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        while len(answers) < 4:
            pass
        fake.go.set()
        for thread in threads:
            thread.join(20)
        refused = [answer for answer in answers if answer.status_code != 200]
        assert len(refused) == 4
        for answer in refused:
            refusal(answer, 429, "queue_full")
            assert int(answer.headers["retry-after"]) >= 1
        assert posted(address, "/v1/embeddings", {"input": "after"}).status_code == 200
        assert service.embedder.held_tokens == 0


def test_a_client_that_hangs_up_leaves_the_batch():
    fake = FakeEncoder()
    with served(NANO, encoder=fake) as (address, service):
        fake.hold()
        first = threading.Thread(target=posted, args=(address, "/v1/embeddings", {"input": "a"}))
        first.start()
        assert fake.entered.wait(20)
        body = json.dumps({"input": ["gone 1", "gone 2"]}).encode()
        head = b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as gone:
            gone.sendall(head + f"content-length: {len(body)}\r\n\r\n".encode() + body)
            while service.embedder.queued < 2:
                pass
        while service.embedder.queued:
            pass
        fake.go.set()
        first.join(20)
        assert all("gone" not in text for batch in fake.batches for text in batch)


def test_health_is_503_while_the_model_fails(monkeypatch):
    monkeypatch.setattr("c2llm.serving.inference.embedder._PROBE_SECONDS", 0.0)
    fake = FakeEncoder()
    with served(NANO, encoder=fake) as (address, _):
        fake.raises = lambda batch: RuntimeError("the device is gone")
        said = posted(address, "/v1/embeddings", {"input": "a"})
        assert "every text" in refusal(said, 503, "inference_failed")
        refusal(httpx.get(f"{address}/health", trust_env=False), 503, "not_ready")
        assert "c2llm_ready 0.0" in httpx.get(f"{address}/metrics", trust_env=False).text
        fake.raises = lambda batch: None
        assert httpx.get(f"{address}/health", trust_env=False).status_code == 200
