"""Clients of other projects, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.serving.http.serving import served
from tests.serving.http.test_embeddings import NANO, TEXTS


def test_llama_index():
    openai_like = pytest.importorskip("llama_index.embeddings.openai_like")
    with served(NANO) as (address, _):
        embedding = openai_like.OpenAILikeEmbedding(
            model_name="c2llm-nano", api_base=f"{address}/v1", api_key="none"
        )
        documents = embedding.get_text_embedding_batch(TEXTS[:2])
        query = embedding.get_query_embedding("parse a toml file")
        assert np.array(documents).shape == (2, 384)
        assert np.dot(documents[0], query) > np.dot(documents[1], query)
