"""Prompts and descriptions against mteb's own entries for the published models."""

from __future__ import annotations

import shutil

import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.errors import UsageError
from c2llm.evaluation.mteb.meta import model_meta
from c2llm.evaluation.mteb.mteb_tasks import TASKS
from c2llm.evaluation.mteb.prompts import prompts_for
from c2llm.evaluation.mteb.setup import MtebSettings, build_model
from c2llm.evaluation.systems.openai_encoder import OpenAIEncoder
from c2llm.modeling.official import DOCUMENT_PROMPT, PAPER_CODETRANS_DL
from tests.evaluation.doubles import WordEncoder
from tests.tiny import save_tiny_model


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("ours") / "tiny")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A tiny model that asks for the published prompts, under a published name."""
    return save_tiny_model(
        tmp_path_factory.mktemp("published") / "C2LLM-0.5B",
        prompts={"query": "", "document": DOCUMENT_PROMPT},
    )


@pytest.mark.parametrize("size", ["0.5B", "7B"])
def test_published_prompts_are_mtebs(published, size):
    import mteb

    entry = mteb.get_model_meta(f"codefuse-ai/C2LLM-{size}").loader_kwargs["prompts_dict"]
    encoder = Encoder.load(published)
    prompts = prompts_for(encoder)
    assert sorted(entry) == sorted(TASKS)
    for task in TASKS:
        folder = prompts.adapt(encoder, task).folder
        assert folder.query_prompt == entry[task]["query"]
        assert folder.document_prompt == entry[task]["document"]


def test_the_papers_prompt_changes_one_task(published):
    encoder = Encoder.load(published)
    for task in TASKS:
        plain, paper = (
            prompts_for(encoder, dl_prompt=whose).adapt(encoder, task).folder.query_prompt
            for whose in ("mteb", "paper")
        )
        assert (plain != paper) == (task == "CodeTransOceanDL")
    assert paper != PAPER_CODETRANS_DL  # the last task is another one
    adapted = prompts_for(encoder, dl_prompt="paper").adapt(encoder, "CodeTransOceanDL")
    assert adapted.folder.query_prompt == PAPER_CODETRANS_DL + "\n"


def test_other_models_keep_their_own_prompts(ours):
    encoder = Encoder.load(ours)
    assert prompts_for(encoder).adapt(encoder, "CosQA") is encoder
    asked = prompts_for(encoder, "official").adapt(encoder, "CosQA")
    assert asked.folder.document_prompt == DOCUMENT_PROMPT
    assert prompts_for(encoder, "official").adapt(encoder, "SciFact") is encoder
    with pytest.raises(UsageError, match="--dl-prompt paper changes nothing"):
        prompts_for(encoder, dl_prompt="paper")
    words = WordEncoder()
    with pytest.raises(UsageError, match="words applies its own prompts"):
        prompts_for(words, "official").adapt(words, "CosQA")


def test_a_published_checkpoint_keeps_mtebs_entry(published, tmp_path):
    encoder = Encoder.load(published)
    meta = model_meta(encoder, prompts_for(encoder))
    assert meta.name == "codefuse-ai/C2LLM-0.5B"
    assert meta.revision == encoder.fingerprint  # these weights are not the hub's
    assert meta.embed_dim == 896
    commit = "f08c18be03de42c6e388948a1804d4b271a953a2"
    cached = tmp_path / "models--codefuse-ai--C2LLM-0.5B" / "snapshots" / commit
    shutil.copytree(published, cached)
    cached_encoder = Encoder.load(cached)
    meta = model_meta(cached_encoder, prompts_for(cached_encoder))
    assert (meta.name, meta.revision) == ("codefuse-ai/C2LLM-0.5B", commit)


def test_our_models_are_described(ours):
    from c2llm.modeling.model import C2LLMModel

    encoder = Encoder.load(ours)
    meta = model_meta(encoder, prompts_for(encoder))
    assert meta.name == "c2llm/tiny"
    assert meta.revision == encoder.fingerprint
    counted = sum(p.numel() for p in C2LLMModel.from_pretrained(ours).parameters())
    assert meta.n_parameters == counted
    assert (meta.max_tokens, meta.embed_dim) == (64, 32)
    assert meta.memory_usage_mb >= 0.1
    assert meta.experiment_name is None


def test_models_of_others_are_not_called_ours():
    words = WordEncoder()
    meta = model_meta(words, prompts_for(words))
    assert (meta.name, meta.framework) == ("local/words", ["Sentence Transformers"])
    endpoint = OpenAIEncoder("http://localhost:1/v1#nomic/embed")
    endpoint._width = 8  # as after the first answer
    meta = model_meta(endpoint, prompts_for(endpoint))
    assert (meta.name, meta.framework, meta.open_weights) == ("nomic/embed", ["API"], None)


def test_settings_change_the_encoder_and_the_place_of_the_results(ours, published):
    label, model = build_model(str(ours), MtebSettings(max_tokens=16, long_texts="truncate"))
    assert label == "tiny (16, truncate)"
    assert model.mteb_model_meta.experiment_kwargs == {"max_tokens": 16, "long_texts": "truncate"}
    label, model = build_model(str(published), MtebSettings(dl_prompt="paper"))
    assert label == "C2LLM-0.5B (paper's DL prompt)"
    assert model.mteb_model_meta.experiment_kwargs == {"dl_prompt": "paper"}
    with pytest.raises(UsageError, match="reads 1 to 64"):
        build_model(str(ours), MtebSettings(max_tokens=2048))
    with pytest.raises(UsageError, match="all-MiniLM-L6-v2 keeps its own limits"):
        build_model("all-MiniLM-L6-v2", MtebSettings(max_tokens=128))
