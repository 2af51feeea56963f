"""Long texts, spans and attention: windows count each token once, and nothing depends on them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pooled_windows import pool_windows

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.long_text import PoolSum, windows
from c2llm.encoding.tokens import Tokens, pieces
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.model import C2LLMModel
from c2llm.training.export.onnx_export import export_onnx
from tests.tiny import save_tiny_model, tiny_model

PROMPTS = {"query": "parse : ", "document": "file : "}
FUNCTION = "def get_http ( a , b ) :\n    return parse . toml ( file )\n"
LONG = FUNCTION * 40  # some 600 tokens, where the model reads 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = save_tiny_model(
        tmp_path_factory.mktemp("model") / "tiny", prompts=PROMPTS, pma_num_queries=2
    )
    export_onnx(path, path)
    return path


@pytest.fixture(scope="module", params=["onnx", "torch"])
def encoder(folder, request):
    return Encoder.load(folder, engine=request.param)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def counting_stream(total, piece):
    """Tokens 0, 1, 2 … in pieces; token i stands for character i."""
    for start in range(0, total, piece):
        ids = np.arange(start, min(total, start + piece))
        yield Tokens(ids, np.stack([ids, ids + 1], 1))


@given(
    total=st.integers(0, 120),
    piece=st.integers(1, 40),
    size=st.integers(1, 20),
    overlap=st.integers(0, 19),
)
def test_windows_count_every_token_once_in_order(total, piece, size, overlap):
    overlap = min(overlap, size - 1)
    cut = list(windows(counting_stream(total, piece), size, overlap))
    counted = [i for w in cut for i in w.tokens.ids[w.start : w.stop]]
    assert counted == list(range(total))
    assert all(len(w.tokens) <= size for w in cut)
    assert [w.opens for w in cut] == [True] + [False] * (len(cut) - 1)
    assert [w.closes for w in cut] == [False] * (len(cut) - 1) + [True]
    for before, after in pairwise(cut):
        # The halves nearer to the middle: a counted token has context on its cut side.
        assert len(before.tokens) - before.stop == overlap // 2
        assert after.start == overlap - overlap // 2


def test_an_overlap_as_large_as_the_window_is_refused():
    with pytest.raises(ValueError, match="overlap of 4 does not fit"):
        list(windows(counting_stream(9, 3), 4, 4))


@given(text=st.text(alphabet="ab \n", max_size=300), size=st.integers(1, 60))
def test_pieces_join_to_the_text(text, size):
    cut = list(pieces(text, size))
    assert "".join(piece for _, piece in cut) == text
    assert all(text[start : start + len(piece)] == piece for start, piece in cut)
    assert all(0 < len(piece) <= size for _, piece in cut)


def test_pieces_end_before_a_line_that_starts_at_its_margin():
    cut = [piece for _, piece in pieces(FUNCTION * 50, size=200)]
    assert len(cut) > 10 and all(piece.endswith("\n") and piece[:3] == "def" for piece in cut)


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 30),
    cuts=st.lists(st.integers(0, 30), max_size=5),
    seed=st.integers(0, 99),
)
def test_numpy_sums_equal_the_torch_windows(model, length, cuts, seed):
    torch.manual_seed(seed)
    states, mask = torch.randn(1, length, 32), torch.ones(1, length)
    bounds = [0, *sorted(c for c in cuts if c < length), length]
    total = PoolSum(8, 1, 32)
    with torch.no_grad():
        logits = model.pooler.scores(states)
        for a, b in pairwise(bounds):
            total.add(logits[0, :, :, a:b].numpy(), states[0, a:b].numpy())
        context, weight_sum = total.average()
        got = model.readout(torch.from_numpy(context)[None], torch.from_numpy(weight_sum)[None])
        want = torch.nn.functional.normalize(pool_windows(model.pooler, [(states, mask)])[:, 0])
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)


def test_a_text_of_one_window_has_the_ordinary_vector(encoder):
    for text in ("", "def", FUNCTION):
        whole, parts = encoder.encode_spans(text, [(0, len(text))])
        np.testing.assert_allclose(whole, encoder.encode_documents([text])[0], atol=2e-6)
        assert parts.shape == (1, encoder.dim)


def test_engines_agree_on_long_texts_spans_and_attention(folder):
    a, b = (Encoder.load(folder, engine=engine) for engine in ("onnx", "torch"))
    texts = [LONG, "", FUNCTION, LONG + "class a :"]
    for left, right in zip(
        a.encode_with_attention(texts),
        b.encode_with_attention(texts),
        strict=True,
    ):
        if isinstance(left, np.ndarray):
            np.testing.assert_allclose(left, right, rtol=0, atol=1e-5)
            continue
        for one, other in zip(left, right, strict=True):
            np.testing.assert_array_equal(one.offsets, other.offsets)
            np.testing.assert_allclose(one.weights, other.weights, rtol=0, atol=1e-5)
    spans = [(0, len(FUNCTION)), (len(FUNCTION), 2 * len(FUNCTION)), (5, 5)]
    for left, right in zip(a.encode_spans(LONG, spans), b.encode_spans(LONG, spans), strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-5)


def test_the_end_of_a_long_text_counts_and_truncation_stays_available(folder):
    windowed = Encoder.load(folder)
    cut = Encoder.load(folder, long_texts="truncate")
    other_end = LONG[: -len(FUNCTION)] + "class toml : toml\n" * 3
    assert np.abs(np.subtract(*windowed.encode_documents([LONG, other_end]))).max() > 1e-5
    np.testing.assert_array_equal(*cut.encode_documents([LONG, other_end]))
    np.testing.assert_array_equal(
        cut.encode_documents([FUNCTION]), windowed.encode_documents([FUNCTION])
    )
    assert cut.fingerprint != windowed.fingerprint


def in_text(attention):
    """Which tokens stand for characters of the text."""
    return attention.offsets[:, 1] > attention.offsets[:, 0]


def test_truncation_keeps_the_closing_special_token(folder):
    cut = Encoder.load(folder, long_texts="truncate")
    _, [attention] = cut.encode_with_attention([LONG])
    assert attention.offsets.shape == (64, 2)
    inside = in_text(attention)
    assert not inside[0] and not inside[-1] and inside[-2]


@pytest.mark.parametrize("text", ["def get", FUNCTION, LONG, "   ", ""])
def test_attention_sums_to_one_and_points_into_the_text(encoder, text):
    _, [attention] = encoder.encode_with_attention([text], as_queries=True)
    heads, queries, count = attention.weights.shape
    assert (heads, queries) == (8, 2) and attention.offsets.shape == (count, 2)
    np.testing.assert_allclose(attention.weights.sum(-1), 1, atol=1e-5)
    words = [text[a:b] for a, b in attention.offsets[in_text(attention)]]
    assert "".join(words).replace("_", "") == "".join(text.split()).replace("_", "")
    assert (~in_text(attention)).sum() == 4  # [CLS] parse : [SEP]


def test_attention_is_what_made_the_vector(folder):
    """Its weights on the torch model's states give the vector again."""
    encoder = Encoder.load(folder, engine="torch")
    vectors, [attention] = encoder.encode_with_attention(["def get http"])
    model = C2LLMModel.from_pretrained(folder).eval()
    tokens = encoder._tokenizer.tokens(["def get http"], PROMPTS["document"], offsets=False)
    ids = torch.from_numpy(tokens[0].ids)[None]
    with torch.no_grad():
        states = model.hidden_states(ids, torch.ones_like(ids))
        weights = torch.from_numpy(attention.weights)[None]
        again = model.readout(weights @ states[:, None], weights.sum(-1))
    np.testing.assert_allclose(again.numpy(), vectors, atol=1e-6)


def test_asking_for_attention_does_not_change_vectors(encoder):
    texts = [LONG, "def", "", FUNCTION]
    vectors, attention = encoder.encode_with_attention(texts)
    # Windows are summed in another order.
    np.testing.assert_allclose(vectors, encoder.encode_documents(texts), rtol=0, atol=1e-7)
    assert len(attention) == len(texts)


def test_a_span_is_pooled_from_its_own_tokens(encoder):
    spans = [(0, len(FUNCTION)), (len(FUNCTION), 2 * len(FUNCTION)), (3, 4)]
    whole, parts = encoder.encode_spans(LONG, spans)
    np.testing.assert_allclose(whole, encoder.encode_documents([LONG])[0], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(parts, axis=1), 1, atol=1e-5)
    assert parts[0] @ parts[1] > 0.9  # the same function in another place
    assert encoder.encode_spans(LONG, [])[1].shape == (0, encoder.dim)


@pytest.mark.parametrize("span", [(-1, 3), (3, 2), (0, 10_000)])
def test_spans_outside_of_the_text_are_refused(encoder, span):
    with pytest.raises(UsageError, match=r"is not within a text of 3 characters"):
        encoder.encode_spans("def", [span])


def test_memory_does_not_grow_with_the_text(folder):
    """Peak numpy and Python memory above the text itself, short against ten times as long."""
    encoder = Encoder.load(folder)
    peaks = []
    for repeats in (3_000, 30_000):
        text = FUNCTION * repeats
        reader = encoder._reader
        tracemalloc.start()
        for _, counted in zip(range(200), reader.read(text, ""), strict=False):
            assert len(counted.states) <= 64
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_the_last_window_is_not_padded_to_the_others(folder):
    encoder = Encoder.load(folder)
    run, widths = encoder._engine.tokens, []
    encoder._engine.tokens = lambda ids, mask: (
        widths.append((ids.size, mask.sum())) or run(ids, mask)
    )
    encoder.encode_documents([LONG])
    assert len(widths) >= 2
    assert all(padded == real for padded, real in widths)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_numbers_give_nearly_the_same_unit_vectors(folder, dtype):
    full, narrow = (Encoder.load(folder, engine="torch", dtype=d) for d in ("float32", dtype))
    assert full.fingerprint != narrow.fingerprint == narrow.adapted(max_tokens=64).fingerprint
    texts = [FUNCTION, LONG]  # within one window, and in several
    vectors = narrow.encode_documents(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert ((vectors * full.encode_documents(texts)).sum(axis=1) > 0.999).all()


def test_a_dtype_is_refused_where_it_does_nothing(folder):
    with pytest.raises(UsageError, match=r"runs in the onnx engine"):
        Encoder.load(folder, engine="onnx", dtype="float16")
    with pytest.raises(UsageError, match=r"Unknown dtype 'int8'; there are float32"):
        Encoder.load(folder, engine="torch", dtype="int8")


def test_an_older_graph_still_embeds_and_names_the_cure(folder, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    (old / "readout.onnx").unlink()
    graph = onnx.load(old / "model.onnx")
    del graph.graph.output[1:]
    onnx.save(graph, old / "model.onnx")
    (old / "model.safetensors").unlink()
    encoder = Encoder.load(old)
    assert encoder.long_texts == "truncate"
    want = Encoder.load(folder, long_texts="truncate").encode_documents([LONG, "def"])
    np.testing.assert_allclose(encoder.encode_documents([LONG, "def"]), want, atol=1e-6)
    for ask in (
        lambda: encoder.encode_with_attention(["def"]),
        lambda: encoder.encode_spans("def", [(0, 3)]),
        lambda: Encoder.load(old, long_texts="window"),
    ):
        with pytest.raises(ModelError, match="export the model again with `c2llm export`"):
            ask()
    with pytest.raises(UsageError, match="'window' or 'truncate', not 'cut'"):
        Encoder.load(old, long_texts="cut")


def test_the_core_needs_no_torch(folder):
    code = (
        "import sys; from c2llm.encoding.encoder import Encoder;"
        f"e = Encoder.load({str(folder)!r}); e.encode_documents(['def ' * 200]);"
        "e.encode_spans('def', [(0, 3)]);"
        "print([m for m in ('torch', 'transformers', 'safetensors') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_windows_of_several_texts_share_batches_and_give_what_each_text_gives_alone(tmp_path):
    save_tiny_model(tmp_path, max_tokens=16)
    encoder = Encoder.load(tmp_path, engine="torch")
    texts = ["def get " * n for n in (40, 3, 9, 100, 21, 8)] + [""]
    together = encoder.encode_documents(texts)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(encoder.encode_documents([text])[0], vector, atol=1e-6)
        [attended], _ = encoder.encode_with_attention([text])
        np.testing.assert_allclose(attended, vector, atol=1e-6)
