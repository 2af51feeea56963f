"""The embeddings client against real servers over real sockets: well-behaved, busy and hostile."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.errors import ModelError, UsageError
from c2llm.evaluation.systems import openai_encoder
from c2llm.evaluation.systems.named_systems import load_encoder, load_system
from c2llm.evaluation.systems.openai_encoder import OpenAIEncoder, batches, parse_embeddings, wait
from tests.evaluation.doubles import WordEncoder


@contextmanager
def serving(answer):
    """A server whose `answer(request, body)` gives (status, headers, bytes); requests are kept."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, dict(self.headers), body))
            status, headers, content = answer(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def words(body):
    """What a good server answers: vectors of `WordEncoder`, not of unit length, in any order."""
    vectors = 3 * WordEncoder(dim=32).encode_documents(body["input"])
    rows = [{"index": i, "embedding": v.tolist()} for i, v in enumerate(vectors)]
    return 200, {"Content-Type": "application/json"}, json.dumps({"data": rows[::-1]}).encode()


def answers(*steps):
    """A server that gives these in turn, the last one for ever."""
    left = list(steps)
    return lambda body: (left.pop(0) if len(left) > 1 else left[0])(body)


def fails(status, message="", **headers):
    return lambda body: (status, headers, json.dumps({"error": {"message": message}}).encode())


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(openai_encoder.KEY, raising=False)
    monkeypatch.setenv(openai_encoder.OPENAI_KEY, "for-openai-only")


def test_vectors_come_in_order_and_of_unit_length(monkeypatch):
    monkeypatch.setenv(openai_encoder.KEY, "secret")
    texts = [f"word{chr(97 + i % 26)} {'x' * i}" for i in range(70)]
    with serving(words) as (url, asked):
        encoder = load_encoder(f"openai:{url}#some/model")
        done = []
        vectors = encoder.encode_documents([*texts, ""], progress=done.append)
        assert encoder.dim == 32
    np.testing.assert_allclose(vectors[:70], WordEncoder(dim=32).encode_documents(texts), atol=1e-6)
    assert vectors.dtype == np.float32
    assert done == [32, 32, 7]
    path, headers, body = asked[-1]
    assert path == "/v1/embeddings"
    assert headers["Authorization"] == "Bearer secret"
    assert body["model"] == encoder.name == "some/model"
    assert body["input"][-1] == " "  # servers refuse an empty text
    assert encoder.encode_queries([]).shape == (0, 32)


def test_openais_key_goes_to_openai_only():
    with serving(words) as (url, asked):
        OpenAIEncoder(f"{url}/embeddings#m").encode_queries(["a"])
    assert "Authorization" not in asked[0][1]
    assert asked[0][0] == "/v1/embeddings"
    assert OpenAIEncoder("https://api.openai.com/v1#m")._key == "for-openai-only"
    assert OpenAIEncoder("https://api.openai.com.evil.example/v1#m")._key == ""


def test_a_busy_server_is_asked_again_after_what_it_tells():
    waited = []
    busy = answers(fails(429, **{"Retry-After": "7"}), fails(503), fails(500), words)
    with serving(busy) as (url, asked):
        vectors = OpenAIEncoder(f"{url}#m", sleep=waited.append).encode_queries(["json file"])
    assert vectors.shape == (1, 32)
    assert len(asked) == 4
    assert waited[0] == 7.0
    assert 1.6 <= waited[1] <= 2.4 and 3.2 <= waited[2] <= 4.8


def test_a_server_that_stays_busy_is_given_up_with_its_words():
    waited = []
    with (
        serving(fails(429, "quota\nexceeded\x1b[31m")) as (url, asked),
        pytest.raises(ModelError, match=r"answers 429 to m: quota exceeded \[31m$"),
    ):
        OpenAIEncoder(f"{url}#m", sleep=waited.append).encode_queries(["a"])
    assert len(asked) == openai_encoder.ATTEMPTS == len(waited) + 1


def test_a_refusal_is_told_at_once():
    with (
        serving(fails(401, "bad key")) as (url, asked),
        pytest.raises(ModelError, match="answers 401 to m: bad key"),
    ):
        OpenAIEncoder(f"{url}#m", sleep=pytest.fail).encode_queries(["a"])
    assert len(asked) == 1


def test_a_batch_that_is_too_large_is_halved():
    def small(body):
        return words(body) if len(body["input"]) <= 3 else fails(413, "too many")(body)

    texts = [f"text {chr(97 + i)}" for i in range(11)]
    with serving(small) as (url, _):
        vectors = OpenAIEncoder(f"{url}#m").encode_documents(texts)
    np.testing.assert_allclose(vectors, WordEncoder(dim=32).encode_documents(texts), atol=1e-6)
    with (
        serving(fails(400, "text too long")) as (url, _),
        pytest.raises(ModelError, match="answers 400 to m: text too long"),
    ):
        OpenAIEncoder(f"{url}#m").encode_documents(texts)


def test_redirects_are_not_followed(monkeypatch):
    monkeypatch.setenv(openai_encoder.KEY, "secret")
    with (
        serving(words) as (elsewhere, asked),
        serving(lambda body: (307, {"Location": elsewhere}, b"")) as (url, _),
        pytest.raises(ModelError, match="answers 307"),
    ):
        OpenAIEncoder(f"{url}#m").encode_queries(["a"])
    assert asked == []


def test_no_server_is_told():
    with serving(words) as (url, _):
        pass
    waited = []
    with pytest.raises(ModelError, match=r"does not answer .* is the server running\?"):
        OpenAIEncoder(f"{url}#m", sleep=waited.append).encode_queries(["a"])
    assert len(waited) == openai_encoder.ATTEMPTS - 1


def data(*embeddings, **fields):
    return json.dumps({"data": [{"embedding": e, **fields} for e in embeddings]}).encode()


HOSTILE = {
    "nothing": b"",
    "html": b"<html>login</html>",
    "a list": b"[1, 2]",
    "no data": b"{}",
    "data is an object": b'{"data": {"a": 1}}',
    "data is a number": b'{"data": 3}',
    "rows are null": b'{"data": [null, null]}',
    "too few": data([1.0]),
    "too many": data([1.0], [1.0], [1.0]),
    "an index twice": data([1.0], [1.0], index=0),
    "an index as text": data([1.0], [1.0], index="0"),
    "ragged": data([1.0], [1.0, 2.0]),
    "empty vectors": data([], []),
    "text": data(["a"], ["b"]),
    "truth": data([True], [True]),
    "base64": data("AAAA", "AAAA"),
    "nested": data([[1.0]], [[1.0]]),
    "not a number": b'{"data": [{"embedding": [NaN]}, {"embedding": [1.0]}]}',
    "infinite": b'{"data": [{"embedding": [1e999]}, {"embedding": [1.0]}]}',
    "an endless integer": b'{"data": [{"embedding": [1%s]}, {"embedding": [1]}]}' % (b"0" * 400),
    "zeros": data([0.0, 0.0], [1.0, 0.0]),
    "deep": b'{"data": ' + b"[" * 100_000,
    "not UTF-8": b"\xff\xfe",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_answer_is_refused(case):
    with pytest.raises(ModelError, match=r"^URL ") as caught:
        parse_embeddings(HOSTILE[case], 2, "URL")
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=200))
def test_no_bytes_get_past(content):
    with pytest.raises(ModelError):
        parse_embeddings(content, 1, "URL")


numbers = st.floats(-1e300, 1e300).filter(lambda x: abs(x) > 1e-300)


@given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=4))
def test_every_finite_vector_becomes_one_of_unit_length(vectors):
    unit = parse_embeddings(data(*vectors), len(vectors), "URL")
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-5)


def test_an_answer_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(openai_encoder, "_MAX_RESPONSE", 1000)
    with (
        serving(lambda body: (200, {}, b" " * 2000)) as (url, _),
        pytest.raises(ModelError, match="answers with more than"),
    ):
        OpenAIEncoder(f"{url}#m").encode_queries(["a"])


def test_a_width_that_changes_is_refused():
    narrow = lambda body: (200, {}, data([1.0, 2.0]))  # noqa: E731
    with serving(answers(words, narrow)) as (url, _):
        encoder = OpenAIEncoder(f"{url}#m")
        encoder.encode_queries(["a"])
        with pytest.raises(ModelError, match="vectors of 2 numbers after 32"):
            encoder.encode_queries(["b"])


@given(st.lists(st.integers(0, 150_000), max_size=80))
def test_batches_keep_order_and_limits(lengths):
    texts = [" " * length for length in lengths]
    parts = list(batches(texts))
    assert [text for part in parts for text in part] == texts
    for part in parts:
        assert 1 <= len(part) <= openai_encoder.MAX_TEXTS
        assert len(part) == 1 or sum(map(len, part)) <= openai_encoder.MAX_CHARACTERS


@given(st.integers(1, 50), st.none() | st.text(max_size=12))
def test_waits_are_short_whatever_the_server_says(attempt, told):
    assert 0 <= wait(attempt, told) <= openai_encoder.LONGEST_WAIT


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("openai:", "is no endpoint"),
        ("openai:http://localhost/v1", "is no endpoint"),
        ("openai:file:///etc/passwd#m", "is no endpoint"),
        ("openai:https://user:pw@host/v1#m", "Put the key into C2LLM_EMBEDDINGS_KEY"),
        ("openai:https://host/v1?key=1#m", "Put the key into C2LLM_EMBEDDINGS_KEY"),
        ("openai:http://example.org/v1#m", "unencrypted to example.org"),
    ],
)
def test_wrong_addresses_are_refused(spec, why, monkeypatch):
    monkeypatch.setenv(openai_encoder.KEY, "secret")
    with pytest.raises(UsageError, match=why):
        load_system(spec)
