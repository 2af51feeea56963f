"""The Encoder over both engines: parity, order, prompts, hostile texts, damaged folders."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys

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
    with pytest.raises(UsageError, match="list of texts"):
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


@pytest.mark.parametrize("given", [iter(TEXTS), tuple(TEXTS), np.array(TEXTS, dtype=object)])
def test_any_iterable_of_texts_will_do(encoder, given):
    np.testing.assert_array_equal(encoder.encode_queries(given), encoder.encode_queries(TEXTS))


@pytest.mark.parametrize("wrong", [None, 3, b"def", float("nan")])
def test_what_is_no_text_is_named_by_its_place(encoder, wrong):
    with pytest.raises(UsageError, match=rf"Text 1 of 3 is {type(wrong).__name__}"):
        encoder.encode_documents(["def", wrong, "class"])
    with pytest.raises(UsageError, match="list of texts"):
        encoder.encode_documents(wrong)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_batch_size_bounds_what_a_call_gets(folder, size, monkeypatch):
    encoder = Encoder.load(folder, engine="torch")
    rows: list[int] = []
    run = encoder._engine.run

    def counted(ids, mask):
        rows.append(len(ids))
        return run(ids, mask)

    monkeypatch.setattr(encoder._engine, "run", counted)
    texts = ["get http response"] * 12
    vectors = encoder.encode_documents(texts, batch_size=size)
    assert sum(rows) == 12 and max(rows) == min(size, 12)
    np.testing.assert_allclose(vectors, encoder.encode_documents(texts), atol=1e-6)
    with pytest.raises(UsageError, match="batch_size is 0"):
        encoder.encode_documents(texts, batch_size=0)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_an_encoder_goes_to_another_process(folder, engine, tmp_path):
    """As Ray and the workers of a DataLoader need it: by name, settings included."""
    encoder = Encoder.load(folder, engine=engine, threads=1, dim=16).adapted(
        query_prompt="class : ", max_tokens=40, long_texts="truncate"
    )
    sent = tmp_path / "encoder"
    sent.write_bytes(pickle.dumps(encoder))
    assert sent.stat().st_size < 2_000
    code = (
        "import pickle, sys; from pathlib import Path\n"
        "encoder = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "import numpy as np; np.save(sys.argv[2], encoder.encode_queries(['get http response']))\n"
        "print(encoder.fingerprint)"
    )
    out = tmp_path / "vectors.npy"
    done = subprocess.run(
        [sys.executable, "-c", code, sent, out], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == encoder.fingerprint
    np.testing.assert_array_equal(np.load(out), encoder.encode_queries(["get http response"]))


def test_a_shipped_model_goes_by_its_name():
    assert b"c2llm-nano" in pickle.dumps(Encoder.load("c2llm-nano"))
    assert b"/models/" not in pickle.dumps(Encoder.load("c2llm-nano"))
