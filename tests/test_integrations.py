"""The classes of `docs/integrations.md` as a reader pastes them: vectors are the Encoder's."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from c2llm import Encoder
from tests import pages
from tests.tiny import save_tiny_model

TEXTS = ["def get http", "", "class file : return a", "parse toml file"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model whose prompts tell queries from documents."""
    prompts = {"query": "parse : ", "document": "file : "}
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny", prompts=prompts)


@pytest.fixture(scope="module")
def wanted(folder):
    """What both frameworks have to give: (queries, documents), which differ by their prompts."""
    encoder = Encoder.load(folder)
    queries, documents = encoder.encode_queries(TEXTS), encoder.encode_documents(TEXTS)
    assert np.abs(queries - documents).max() > 1e-3
    return queries, documents


@pytest.fixture(scope="module")
def langchain():
    pytest.importorskip("langchain_core", reason="langchain-core is not installed")
    return pages.run("integrations.md", "LangChain")


@pytest.fixture(scope="module")
def llama_index():
    pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
    return pages.run("integrations.md", "LlamaIndex")


def equal(got, want):
    np.testing.assert_allclose(np.array(got), want, rtol=0, atol=1e-6)


def test_langchain_has_the_encoders_vectors(langchain, folder, wanted):
    embeddings = langchain["C2LLMEmbeddings"](str(folder), threads=1)
    queries, documents = wanted
    equal([embeddings.embed_query(text) for text in TEXTS], queries)
    equal(embeddings.embed_documents(TEXTS), documents)
    assert embeddings.embed_documents([]) == []
    equal(asyncio.run(embeddings.aembed_documents(TEXTS)), documents)
    equal(asyncio.run(embeddings.aembed_query(TEXTS[0])), queries[0])


def test_langchains_store_finds_with_the_shipped_model(langchain):
    assert "toml" in langchain["_"]


def test_llama_index_has_the_encoders_vectors(llama_index, folder, wanted):
    embedding = llama_index["C2LLMEmbedding"](str(folder))
    queries, documents = wanted
    equal([embedding.get_query_embedding(text) for text in TEXTS], queries)
    equal([embedding.get_text_embedding(text) for text in TEXTS], documents)
    equal(embedding.get_text_embedding_batch(TEXTS), documents)
    equal(asyncio.run(embedding.aget_text_embedding_batch(TEXTS)), documents)
    equal(asyncio.run(embedding.aget_text_embedding(TEXTS[0])), documents[0])
    equal(asyncio.run(embedding.aget_query_embedding(TEXTS[0])), queries[0])
    assert embedding.to_payload()["model_name"] == str(folder)


def test_llama_index_asks_the_encoder_for_whole_batches(llama_index, folder, monkeypatch):
    embedding = llama_index["C2LLMEmbedding"](str(folder), embed_batch_size=3)
    sizes = []
    encode = embedding._encoder.encode_documents
    monkeypatch.setattr(
        embedding._encoder,
        "encode_documents",
        lambda texts: sizes.append(len(texts)) or encode(texts),
    )
    embedding.get_text_embedding_batch(TEXTS)
    asyncio.run(embedding.aget_text_embedding_batch(TEXTS))
    assert sorted(sizes) == [1, 1, 3, 3]


def test_llama_indexs_retriever_finds_with_the_shipped_model(llama_index):
    assert "toml" in llama_index["_"]
