"""The Encoder over both engines: parity, order, prompts, hostile texts, damaged folders."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.encoding.batches import length_batches
from c2llm.encoding.encoder import Encoder
from c2llm.encoding.model_folder import open_folder, shipped_models
from c2llm.errors import ModelError, UsageError
from c2llm.training.export.onnx_export import export_onnx
from tests.tiny import save_tiny_model

PROMPTS = {"query": "parse : ", "document": "file : "}
TEXTS = ["", "def", "get http response", "class file " * 40, "unknown words only", "a b ( )"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = save_tiny_model(tmp_path_factory.mktemp("model") / "tiny", prompts=PROMPTS)
    export_onnx(path, path)
    return path


@pytest.fixture(scope="module")
def encoder(folder):
    return Encoder.load(folder)


def test_onnx_is_the_default_and_agrees_with_torch(folder, encoder):
    assert encoder.folder.engine == "onnx"
    reference = Encoder.load(folder, engine="torch")
    for encode in ("encode_queries", "encode_documents"):
        a, b = getattr(encoder, encode)(TEXTS), getattr(reference, encode)(TEXTS)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


def test_vectors_are_unit_float32_rows_in_the_order_of_the_texts(encoder):
    vectors = encoder.encode_documents(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    back = encoder.encode_documents(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(vectors, back, rtol=0, atol=1e-6)


def test_batch_mates_do_not_change_a_vector(encoder):
    together = encoder.encode_documents(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(encoder.encode_documents([text])[0], vector, atol=1e-6)


def test_prompts_come_from_the_config(folder, encoder, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    config = json.loads((bare / "config.json").read_text())
    config["prompts"] = {"query": "", "document": ""}
    (bare / "config.json").write_text(json.dumps(config))
    plain = Encoder.load(bare)
    for encode, prompt in (("encode_queries", "query"), ("encode_documents", "document")):
        want = getattr(plain, encode)([PROMPTS[prompt] + text for text in TEXTS])
        np.testing.assert_array_equal(getattr(encoder, encode)(TEXTS), want)
    assert plain.fingerprint != encoder.fingerprint


def test_no_texts_give_no_rows(encoder):
    assert encoder.encode_queries([]).shape == (0, encoder.dim)


def test_one_string_instead_of_a_list_is_refused(encoder):
    with pytest.raises(TypeError, match="list of texts"):
        encoder.encode_queries("def")


@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_any_text_has_a_finite_unit_vector(encoder, text):
    vector = encoder.encode_documents([text])[0]
    assert np.isfinite(vector).all() and abs(np.linalg.norm(vector) - 1) < 1e-5


def test_bytes_that_are_not_utf8_and_huge_texts_are_embedded(folder):
    encoder = Encoder.load(folder, long_texts="truncate")
    broken = b"def \xff\xfe get".decode("utf-8", "surrogateescape")
    huge = "get http " * 3_000_000
    vectors = encoder.encode_documents([broken, huge, "get http " * 1000])
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(vectors[1], vectors[2], atol=1e-6)  # cut at the same token


def test_progress_counts_every_text_once(encoder):
    done = []
    encoder.encode_documents(TEXTS * 3, progress=done.append)
    assert sum(done) == 3 * len(TEXTS)


@given(lengths=st.lists(st.integers(0, 50), max_size=40), budget=st.integers(1, 200))
def test_batches_partition_the_texts_within_the_budget(lengths, budget):
    batches = length_batches(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(1, max(lengths[i] for i in batch))
        assert padded <= budget or len(batch) == 1


def test_unknown_models_and_engines_are_named(tmp_path):
    with pytest.raises(UsageError, match="Unknown model 'gpt'"):
        Encoder.load("gpt")
    with pytest.raises(UsageError, match="Unknown engine 'tpu'"):
        Encoder.load(tmp_path, engine="tpu")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "config.json").unlink(), "has no config.json"),
        (lambda p: (p / "config.json").write_text("{"), "config.json is not JSON"),
        (lambda p: (p / "config.json").write_text("{}"), "does not describe a c2llm model"),
        (lambda p: edit(p, max_tokens=None), "lacks or garbles a field"),
        (lambda p: edit(p, pma_dim=31), "promises"),
        (lambda p: (p / "tokenizer.json").unlink(), "has no tokenizer.json"),
        (lambda p: (p / "tokenizer.json").write_text("{}"), "is not a tokenizer"),
        (lambda p: (p / "model.onnx").write_bytes(b"\0" * 100), "cannot be loaded as an ONNX"),
        (lambda p: [(p / f).unlink() for f in ("model.onnx", "model.safetensors")], "no weights"),
    ],
)
def test_damaged_folders_are_refused_in_one_sentence(folder, tmp_path, damage, message):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    damage(broken)
    with pytest.raises(ModelError, match=message) as caught:
        Encoder.load(broken).encode_queries(["def"])
    assert "\n" not in str(caught.value)


def test_truncated_safetensors_are_refused(folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    data = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="is cut short"):
        Encoder.load(broken, engine="torch")


def test_an_engine_without_its_file_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    (tmp_path / "m" / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"has no model\.onnx"):
        Encoder.load(tmp_path / "m", engine="onnx")
    assert Encoder.load(tmp_path / "m").folder.engine == "torch"


def edit(path, **fields):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, **fields}))


def test_shipped_models_are_complete():
    for name, path in shipped_models().items():
        folder = open_folder(name)
        assert folder.path == path and folder.name == name
        assert (path / "README.md").is_file(), f"{name} has no card"


def test_an_adapted_encoder_has_its_own_prompts_and_limits_and_shares_the_rest(folder, encoder):
    other = encoder.adapted(query_prompt="class : ", document_prompt="", token_budget=8)
    bare = encoder.adapted(query_prompt="", document_prompt="")
    np.testing.assert_allclose(
        other.encode_queries(TEXTS),
        bare.encode_queries(["class : " + text for text in TEXTS]),
        atol=1e-6,
    )
    short = encoder.adapted(max_tokens=8, long_texts="truncate", query_prompt="")
    whole = encoder.adapted(query_prompt="").encode_queries(["def return"])
    np.testing.assert_allclose(
        short.encode_queries(["parse " * 6 + "toml " * 9]),
        short.encode_queries(["parse " * 6 + "file " * 9]),
        atol=1e-6,
    )
    np.testing.assert_allclose(short.encode_queries(["def return"]), whole, atol=1e-6)
    prints = {e.fingerprint for e in (encoder, other, bare, short)}
    assert len(prints) == 4
    assert encoder.adapted(token_budget=8).fingerprint == encoder.fingerprint
    assert other.adapted(**{f"{k}_prompt": v for k, v in PROMPTS.items()}).fingerprint == (
        Encoder.load(folder).fingerprint
    )
    for wrong in ({"max_tokens": 0}, {"max_tokens": 65}, {"token_budget": 0}):
        with pytest.raises(UsageError, match=r"is (0|65);"):
            encoder.adapted(**wrong)
