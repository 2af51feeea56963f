"""The static start: a vocabulary of the texts, where the teacher puts its tokens."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.word_cache import is_wordwise
from c2llm.errors import DataError, UsageError
from c2llm.modeling.model import C2LLMModel
from tests.tiny import save_tiny_model

SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "recipes" / "data" / "static_start.py"))
principal_components = SCRIPT["principal_components"]
token_probabilities = SCRIPT["token_probabilities"]
train_tokenizer = SCRIPT["train_tokenizer"]
write_static_start = SCRIPT["write_static_start"]
TEXTS = ["def parseToml(path): return toml.load(path)", "read a toml file", "open the file"] * 4


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher")
    save_tiny_model(path)
    return Encoder.load(path)


def test_a_backbone_that_trains_and_splits_identifiers(tmp_path, teacher):
    folder = write_static_start(tmp_path, lambda: TEXTS, teacher, vocabulary=80, dim=8)
    tokenizer = train_tokenizer(TEXTS, 80)
    assert is_wordwise(json.loads(tokenizer.to_str()))
    assert tokenizer.encode("tomlFile").ids == tokenizer.encode("toml file").ids
    model = C2LLMModel.from_backbone(folder, pma_num_heads=2)
    weight = model.backbone.embeddings.weight.detach().numpy()
    assert weight.shape == (tokenizer.get_vocab_size(), 8)
    assert not weight[:2].any() and weight[2:].any(axis=1).all()
    # The more frequent of two tokens is the shorter one.
    lengths = np.linalg.norm(weight, axis=1)
    often, seldom = (tokenizer.token_to_id(word) for word in ("toml", "open"))
    probability = token_probabilities(tokenizer, TEXTS, len(weight))
    assert probability[often] > probability[seldom] and lengths[often] < lengths[seldom]
    assert probability.sum() == pytest.approx(1)


def test_principal_components_keep_the_widest_directions():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 6)).astype(np.float32) * [9, 1, 8, 1, 1, 7]
    kept = principal_components(rows, 3)
    centred = rows - rows.mean(axis=0)
    expected = centred[:, [0, 2, 5]]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(kept @ kept.T, expected @ expected.T, atol=0.15)
    np.testing.assert_allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-5)


def test_what_cannot_be_is_refused(tmp_path, teacher):
    with pytest.raises(UsageError, match="dim is 4096, but the teacher"):
        write_static_start(tmp_path, lambda: TEXTS, teacher, dim=4096)
    with pytest.raises(DataError, match="too few for 32 dimensions"):
        write_static_start(tmp_path, lambda: ["a"], teacher, dim=32)
