"""What mteb is told of a model is what its folder says, and nothing is made up."""

from __future__ import annotations

import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.model_folder import shipped_models
from c2llm.errors import DataError
from c2llm.evaluation.mteb.card import Card, read_card
from c2llm.evaluation.mteb.meta import model_meta
from c2llm.evaluation.mteb.prompts import TaskPrompts
from tests.tiny import save_tiny_model

OWN = TaskPrompts(official=False)


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_is_described_in_full(name):
    meta = model_meta(Encoder.load(name), OWN)
    assert meta.name == f"c2llm/{name}"
    assert meta.license == "apache-2.0"
    assert meta.adapted_from == "sentence-transformers/all-MiniLM-L6-v2"
    assert {"sriniiyer/codenn", "CodeSearchNet", "MSMARCO"} <= meta.get_training_datasets()
    assert meta.n_parameters > meta.n_embedding_parameters > 1_000_000
    assert None not in (meta.release_date, meta.memory_usage_mb, meta.max_tokens)
    assert meta.embed_dim == 384


def test_a_folder_without_a_card_says_nothing_and_still_has_sizes(tmp_path):
    encoder = Encoder.load(save_tiny_model(tmp_path / "tiny"))
    meta = model_meta(encoder, OWN)
    assert (meta.license, meta.release_date, meta.training_datasets) == (None, None, None)
    assert meta.n_parameters > 0


@pytest.mark.parametrize("name", ["codefuse-ai/C2LLM-0.5B", "codefuse-ai/C2LLM-7B"])
def test_the_published_entries_are_those_of_mteb_in_full(name):
    import mteb

    meta = mteb.get_model_meta(name)
    assert meta.license == "apache-2.0"
    assert "CosQA" in meta.training_datasets
    assert None not in (meta.n_parameters, meta.release_date, meta.max_tokens, meta.embed_dim)


def test_a_card_without_a_head_is_empty(tmp_path):
    assert read_card(None) == read_card(tmp_path) == Card()
    (tmp_path / "README.md").write_text("# A model\n\n---\nlicense: mit\n---\n")
    assert read_card(tmp_path) == Card()


def test_a_head_is_read_as_the_hub_has_it(tmp_path):
    head = "license: MIT\nbase_model: [a/b]\ndatasets: c/d\nrelease_date: 2026-01-31"
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n# A model\n")
    assert read_card(tmp_path) == Card("mit", "2026-01-31", "a/b", frozenset({"c/d"}))


@pytest.mark.parametrize("head", ["license: [", "- a list", "release_date: soon"])
def test_a_damaged_head_is_refused_by_name(tmp_path, head):
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n")
    with pytest.raises(DataError, match=r"head of .*README\.md does not describe a model"):
        read_card(tmp_path)
