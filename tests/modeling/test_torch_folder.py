"""A saved folder opens from every side and gives the same vectors from each."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from c2llm import C2LLMModel, Encoder
from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.torch_folder import DOOR_FILES, save_folder
from tests.tiny import bert_config, qwen_config, tiny_model, tiny_tokenizer

PROMPTS = {"query": "parse : ", "document": "file : "}
TEXTS = ["def get http", "", "class file : return a", "get " * 90]


@pytest.fixture(scope="module", params=["bert", "qwen2"])
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("doors") / request.param
    backbone = bert_config() if request.param == "bert" else qwen_config(pad_token_id=None)
    model = tiny_model(backbone, prompts=PROMPTS, pma_num_queries=2)
    save_folder(model, tiny_tokenizer(), path)
    return path


@pytest.fixture(scope="module")
def encoder(folder):
    return Encoder.load(folder, long_texts="truncate")


def test_all_files_are_there(folder):
    assert all((folder / name).is_file() for name in DOOR_FILES)
    assert "trust_remote_code=True" not in (folder / "README.md").read_text()


def test_sentence_transformers_gives_the_encoders_vectors(folder, encoder):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    assert model.max_seq_length == 64
    for ours, theirs in (
        (encoder.encode_queries, model.encode_query),
        (encoder.encode_documents, model.encode_document),
    ):
        np.testing.assert_allclose(theirs(TEXTS), ours(TEXTS), rtol=0, atol=2e-6)


def test_auto_classes_give_the_encoders_vectors(folder, encoder):
    assert type(AutoConfig.from_pretrained(folder)) is C2LLMConfig
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert type(model) is C2LLMModel
    texts = [PROMPTS["document"] + text for text in TEXTS]
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        vectors = torch.nn.functional.normalize(model.eval()(**batch).pooler_output, dim=-1)
    np.testing.assert_allclose(vectors, encoder.encode_documents(TEXTS), rtol=0, atol=2e-6)


def test_the_padding_token_is_none_that_a_text_contains(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.pad_token == "[PAD]"
    assert tokenizer("get http")["input_ids"] == tiny_tokenizer().encode("get http").ids


def test_a_card_that_is_there_stays(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    save_folder(tiny_model(), tiny_tokenizer(), tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert json.loads((tmp_path / "modules.json").read_text())[0]["path"] == ""
