"""A published checkpoint becomes a folder without code that sentence-transformers opens."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors import safe_open

from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError, UsageError
from c2llm.evaluation.systems.peers import SentenceTransformerEncoder
from c2llm.modeling.model_card import CardFacts, TaskScore
from c2llm.training.export import weight_merge
from c2llm.training.export.hub_folder import convert_folder
from tests.modeling.official_layout import random_tensors, write_official

MODULES = [{"idx": 0, "name": "0", "path": "", "type": "custom_transformer.C2LLMTransformer"}]
TEXTS = ["def get http", "class file : return a", "get " * 40]


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """As the hub gives it: published names, an lm_head, two shards, modules that are code."""
    folder = tmp_path_factory.mktemp("hub") / "C2LLM-tiny"
    write_official(folder, random_tensors(lm_head=True), shards=2)
    (folder / "modules.json").write_text(json.dumps(MODULES))
    return folder


@pytest.fixture(scope="module")
def converted(official, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "ours"
    convert_folder(official, out, CardFacts(datasets=("code_search_net",)))
    return out


def files_alone(folder, target):
    """A copy as git and the hub make it: files, and no folder without one."""
    for file in folder.rglob("*"):
        if file.is_file():
            (target / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / file.relative_to(folder))
    return target


def test_as_published_it_is_refused_with_the_verb_that_converts_it(official):
    with pytest.raises(ModelError, match=r"c2llm export .* --to sentence-transformers --out OUT"):
        SentenceTransformerEncoder(official)


def test_without_its_modules_it_is_refused_with_the_verb_too(official, tmp_path):
    shutil.copyfile(official / "config.json", tmp_path / "config.json")
    with pytest.raises(UsageError, match=r"c2llm export .* --to sentence-transformers --out OUT"):
        SentenceTransformerEncoder(tmp_path)


def test_modules_of_others_are_refused_without_it(tmp_path):
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "evil.Module"}]))
    with pytest.raises(ModelError, match=r"evil\.Module.*own modules are loaded"):
        SentenceTransformerEncoder(tmp_path)


def test_sentence_transformers_gives_the_vectors_of_the_published_folder(
    official, converted, tmp_path
):
    peer = SentenceTransformerEncoder(files_alone(converted, tmp_path / "copy"))
    wanted = Encoder.load(official)
    assert peer.dim == wanted.dim
    np.testing.assert_allclose(
        peer.encode_queries(TEXTS), wanted.encode_queries(TEXTS), rtol=0, atol=2e-6
    )
    np.testing.assert_allclose(
        peer.encode_documents(TEXTS), wanted.encode_documents(TEXTS), rtol=0, atol=2e-6
    )
    ours = Encoder.load(converted)
    np.testing.assert_array_equal(ours.encode_queries(TEXTS), wanted.encode_queries(TEXTS))


def test_nothing_of_it_is_code_and_the_numbers_keep_their_dtype(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_merge, "SHARD_BYTES", 8000)
    source = write_official(tmp_path / "m", random_tensors(dtype=torch.bfloat16))
    (source / "modeling_c2llm.py").write_text("raise SystemExit")
    report = convert_folder(source, tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert "auto_map" not in config and config["dtype"] == "bfloat16"
    assert not list((tmp_path / "out").rglob("*.py"))
    shards = sorted((tmp_path / "out").glob("model-*.safetensors"))
    assert len(shards) > 1
    for shard in shards:
        with safe_open(shard, "pt") as file:
            assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"BF16"}  # noqa: SIM118
    assert report.tensors == len(random_tensors())


def test_the_card_is_one_that_the_hub_reads(official, tmp_path):
    scores = (TaskScore("CosQA", "CoIR-Retrieval/cosqa", "bc5efb7e", "test", 0.38304),)
    convert_folder(official, tmp_path / "ours", CardFacts(datasets=("a/b",), scores=scores))
    card = ModelCard.load(tmp_path / "ours" / "README.md")
    assert (card.data.license, card.data.base_model) == ("apache-2.0", "codefuse-ai/C2LLM-0.5B")
    assert card.data.datasets == ["a/b"] and card.data.library_name == "sentence-transformers"
    (result,) = card.data.eval_results
    assert (result.dataset_type, result.metric_type) == ("CoIR-Retrieval/cosqa", "ndcg_at_10")
    assert result.metric_value == 38.304
    assert "| CosQA | 38.30 |" in card.text and "trust_remote_code=True" not in card.text


def test_what_nobody_said_is_not_in_the_card(official, tmp_path):
    config = json.loads((official / "config.json").read_text())
    source = shutil.copytree(official, tmp_path / "m")
    (source / "config.json").write_text(json.dumps({**config, "tokenizer_name_or_path": "me/own"}))
    report = convert_folder(source, tmp_path / "out")
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert report.license is card.data.license is card.data.base_model is None


def test_what_cannot_be_converted_is_refused(official, tmp_path):
    with pytest.raises(UsageError, match="name another folder"):
        convert_folder(official, official)
    (official.parent / "empty").mkdir(exist_ok=True)
    with pytest.raises(ModelError, match="--to torch"):
        convert_folder(official.parent / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_matryoshka_training_asks_the_config_for_the_vectors_length(converted):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.losses import MatryoshkaLoss, MultipleNegativesRankingLoss

    model = SentenceTransformer(str(converted), device="cpu", local_files_only=True)
    assert model.get_embedding_dimension() == model.config.hidden_size == 24
    loss = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), [8, 24])
    sides = [model.preprocess(["get http", "parse toml"]) for _ in range(2)]
    assert torch.isfinite(loss(sides, torch.zeros(2)))
