"""A static model folded into a table: numpy gives what torch gives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.table import TableEngine
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.config import StaticConfig
from c2llm.training.export.onnx_export import export_onnx
from c2llm.training.export.table_export import export_table
from tests.tiny import WORDS, save_tiny_model

TEXTS = ["def get http", "", "class a b " * 300, "parse", "unknown words"]
VARIANTS = {
    "pma": {},
    "wide": {"pma_num_queries": 3, "pma_dim": 48, "pma_residual": "raw"},
    "merged": {"pma_num_queries": 2, "pma_merge": "mean", "pma_ln": False},
    "mean": {"pooling": "mean"},
    "gate": {"pooling": "gate"},
    "latent": {"pooling": "latent", "num_latents": 12, "latent_heads": 4},
    "counting": {"tf_power": 0.5},
    "counting wide": {"tf_power": 0.3, "pma_num_queries": 3},
}


def static_folder(path, **options):
    return save_tiny_model(path, backbone=StaticConfig(len(WORDS), 32), **options)


@pytest.fixture(scope="module", params=VARIANTS)
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("static") / request.param
    static_folder(path, prompts={"query": "parse : "}, **VARIANTS[request.param])
    report = export_table(path, path)
    assert report.max_abs_difference < 1e-6
    return path


def test_the_table_is_the_default_and_equals_torch(folder):
    table, reference = Encoder.load(folder), Encoder.load(folder, engine="torch")
    assert table.folder.engine == "table" and table.dim == reference.dim
    for as_queries in (True, False):
        both = (table, reference)
        a, b = (e.encode_with_attention(TEXTS, as_queries=as_queries) for e in both)
        np.testing.assert_allclose(a[0], b[0], rtol=0, atol=1e-6)
        for one, other in zip(a[1], b[1], strict=True):
            np.testing.assert_array_equal(one.offsets, other.offsets)
            np.testing.assert_allclose(one.weights, other.weights, rtol=0, atol=1e-6)
    spans = [(0, 5), (6, 300)]
    for a, b in zip(
        table.encode_spans(TEXTS[2], spans), reference.encode_spans(TEXTS[2], spans), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_a_repeated_token_weighs_the_power_of_its_count(tmp_path):
    """Nine times at the power of a half is three times at the power of one."""
    vectors = {}
    for power in (1.0, 0.5):
        folder = static_folder(tmp_path / str(power), tf_power=power)
        export_table(folder, folder, int8=True)
        encoder = Encoder.load(folder)
        texts = ["get " * 9 + "parse", "get " * 3 + "parse", "parse " + "get " * 9]
        vectors[power] = encoder.encode_documents(texts)
    np.testing.assert_allclose(vectors[0.5][0], vectors[1.0][1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(vectors[0.5][0], vectors[0.5][2], rtol=0, atol=1e-6)
    assert np.abs(vectors[1.0][0] - vectors[1.0][1]).max() > 1e-3


def test_counting_is_for_static_models_alone(tmp_path):
    with pytest.raises(ValueError, match="static backbones"):
        save_tiny_model(tmp_path, tf_power=0.5)
    with pytest.raises(ValueError, match="above 0"):
        static_folder(tmp_path, tf_power=0.0)
    folder = static_folder(tmp_path / "static", tf_power=0.5)
    with pytest.raises(UsageError, match="--to table"):
        export_onnx(folder, folder)


def test_windows_of_a_static_model_are_exact_end_to_end(tmp_path):
    """No token sees another, so a text in windows equals the same text at once."""
    long = "def get http ( a , b ) : return parse . toml " * 50
    vectors = []
    for name, size in (("short", 16), ("long", 4096)):
        folder = static_folder(tmp_path / name, max_tokens=size)
        export_table(folder, folder)
        encoder = Encoder.load(folder)
        vectors.append(encoder.encode_with_attention([long]))
    np.testing.assert_allclose(vectors[0][0], vectors[1][0], rtol=0, atol=1e-6)
    a, b = vectors[0][1][0], vectors[1][1][0]
    np.testing.assert_array_equal(a.offsets, b.offsets)
    np.testing.assert_allclose(a.weights, b.weights, rtol=1e-4, atol=1e-7)


def test_numpy_is_all_it_needs(folder):
    code = (
        "import sys; from c2llm.encoding.encoder import Encoder;"
        f"Encoder.load({str(folder)!r}).encode_documents(['def get']);"
        "print([m for m in ('torch', 'onnxruntime', 'transformers') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_what_does_not_fold_is_refused(tmp_path):
    with pytest.raises(UsageError, match="Only a static backbone folds into a table, not Bert"):
        export_table(save_tiny_model(tmp_path / "bert"), tmp_path / "out")
    with pytest.raises(UsageError, match="'last' asks where a token stands"):
        export_table(static_folder(tmp_path / "last", pooling="last"), tmp_path / "out")
    with pytest.raises(UsageError, match="no model folder"):
        export_table(tmp_path / "none", tmp_path / "out")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: f.write_bytes(f.read_bytes()[:1000]), "not a table of arrays"),
        (lambda f: f.write_bytes(b""), "not a table of arrays"),
        (lambda f: np.savez(f, score=np.ones((3, 1, 1), np.float32)), "lacks value"),
        (lambda f: np.savez(f, score=np.array([{}], dtype=object)), "not a table of arrays"),
        (lambda f: rewrite(f, value=np.ones((3, 4), np.float32)), "do not fit"),
    ],
)
def test_damaged_tables_are_refused(tmp_path, damage, message):
    folder = static_folder(tmp_path / "m")
    export_table(folder, folder)
    damage(folder / "table.npz")
    with pytest.raises(ModelError, match=message) as caught:
        Encoder.load(folder)
    assert "\n" not in str(caught.value) and "table.npz" in str(caught.value)


def rewrite(file, **arrays):
    with np.load(file) as old:
        kept = dict(old)
    np.savez(file, **{**kept, **arrays})


def test_fewer_dimensions_are_the_first_ones_normalised_again(folder):
    full, short = Encoder.load(folder), Encoder.load(folder, dim=8)
    want = full.encode_documents(TEXTS)[:, :8]
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    np.testing.assert_allclose(short.encode_documents(TEXTS), want, atol=1e-6)
    assert short.dim == 8 and short.fingerprint != full.fingerprint
    assert short.encode_spans("def", [(0, 3)])[1].shape == (1, 8)
    for dim in (0, full.dim + 1):
        with pytest.raises(UsageError, match=f"dim is {dim}; .* has 1 to {full.dim} dimensions"):
            Encoder.load(folder, dim=dim)


def test_sums_of_rows_equal_padded_softmax(tmp_path):
    """Any lengths in any order, empty ones too; int8 values are the rounded ones in both ways."""
    static_folder(tmp_path, **VARIANTS["pma"])
    export_table(tmp_path, tmp_path, int8=True)
    engine = TableEngine(tmp_path / "table.npz")
    assert engine.sums_rows
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, len(WORDS), n, np.int32) for n in (3, 0, 3_000, 1, 0, 700)]
    summed = engine.run_bags(texts)
    for text, vector in zip(texts, summed, strict=True):
        ids = np.array([text if len(text) else [0]])
        alone = engine.run(ids, np.full_like(ids, bool(len(text))))
        np.testing.assert_allclose(vector, alone[0], rtol=0, atol=2e-6)


def test_texts_without_a_token_have_vectors():
    encoder = Encoder.load("c2llm-nano", tried=True)
    vectors = encoder.encode_documents(["", " ", "\u202e"])
    assert vectors.shape == (3, encoder.dim) and np.isfinite(vectors).all()


def test_scores_too_far_apart_are_not_summed(tmp_path):
    static_folder(tmp_path, **VARIANTS["pma"])
    export_table(tmp_path, tmp_path)
    arrays = dict(np.load(tmp_path / "table.npz"))
    arrays["score"][3] -= 1e4
    np.savez(tmp_path / "table.npz", **arrays)
    engine = TableEngine(tmp_path / "table.npz")
    assert not engine.sums_rows
    vectors = Encoder.load(tmp_path).encode_documents(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_int8_is_a_quarter_and_near(tmp_path):
    static_folder(tmp_path / "m", **VARIANTS["pma"])
    exact = export_table(tmp_path / "m", tmp_path / "exact")
    small = export_table(tmp_path / "m", tmp_path / "small", int8=True)
    assert small.min_cosine > 0.999 and exact.min_cosine > 0.99999
    values = [np.load(tmp_path / name / "table.npz")["value"] for name in ("exact", "small")]
    assert values[1].dtype == np.int8 and values[1].nbytes * 4 == values[0].nbytes


def test_int8_values_without_scales_are_refused(tmp_path):
    static_folder(tmp_path, **VARIANTS["pma"])
    export_table(tmp_path, tmp_path, int8=True)
    arrays = dict(np.load(tmp_path / "table.npz"))
    del arrays["value_scale"]
    np.savez(tmp_path / "table.npz", **arrays)
    with pytest.raises(ModelError, match="int8 values without their scales"):
        Encoder.load(tmp_path)


def test_a_query_alone_has_the_vector_that_it_has_among_many(tmp_path):
    static_folder(tmp_path, tf_power=0.5)
    export_table(tmp_path, tmp_path)
    encoder = Encoder.load(tmp_path)
    texts = [" ".join(WORDS[i % 7 :: 3]) for i in range(400)]
    few = encoder.encode_queries([WORDS[-1]])
    assert encoder._engine._rows is None  # only those of its own tokens were made
    alone = [encoder.encode_queries([text])[0] for text in texts[:5]]
    together = encoder.encode_documents(texts)
    assert encoder._engine._rows is not None
    assert np.array_equal(alone, together[:5])
    assert np.array_equal(alone, encoder.encode_queries(texts[:5]))
    assert np.array_equal(few, encoder.encode_queries([WORDS[-1]]))


def test_numbers_that_were_overwritten_in_the_file_are_noticed(tmp_path):
    static_folder(tmp_path)
    export_table(tmp_path, tmp_path)
    table = tmp_path / "table.npz"
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(content)
    with pytest.raises(ModelError, match="copy the model again"):
        TableEngine(table)


def test_an_empty_text_may_be_the_first():
    vectors = Encoder.load("c2llm-nano").encode_documents([""])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0], abs=1e-5)
