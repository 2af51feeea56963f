"""Every pooling behind one interface: its own formula, and what all of them have in common."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pooled_windows import pool_windows

from c2llm.encoding.encoder import Encoder
from c2llm.errors import UsageError
from c2llm.modeling.config import POOLINGS, C2LLMConfig
from c2llm.modeling.latent import LatentAttentionPooling
from c2llm.modeling.model import C2LLMModel, build_pooling
from c2llm.modeling.poolings import GatePooling, LastPooling, MeanPooling, Pooling
from c2llm.training.export.onnx_export import export_onnx
from tests.tiny import bert_config, save_tiny_model, tiny_model


def pooling(name: str, hidden: int = 16, **options: object) -> Pooling:
    torch.manual_seed(0)
    config = C2LLMConfig(
        bert_config(hidden_size=hidden),
        pooling=name,
        pma_num_heads=4,
        num_latents=12,
        latent_heads=4,
        **options,
    )
    built = build_pooling(config).double()
    for parameter in built.parameters():  # away from starts that hide a lost term
        torch.nn.init.normal_(parameter, std=0.4)
    return built


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(POOLINGS),
    length=st.integers(1, 12),
    left=st.integers(0, 4),
    right=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_padding_on_either_side_changes_nothing(name, length, left, right, seed):
    pool = pooling(name)
    torch.manual_seed(seed)
    states = torch.randn(1, left + length + right, 16, dtype=torch.float64)
    mask = torch.tensor([[0] * left + [1] * length + [0] * right])
    want = pool(states[:, left : left + length], torch.ones(1, length))
    torch.testing.assert_close(pool(states, mask), want, rtol=0, atol=1e-12)
    _, weights = pool.pool(states, mask)
    assert weights.shape == (1, pool.num_heads, pool.num_queries, states.shape[1])
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
    assert (weights * (1 - mask[:, None, None])).abs().max() == 0


@pytest.mark.parametrize("name", POOLINGS)
def test_a_fully_masked_row_is_finite_in_value_and_gradient(name):
    pool = pooling(name)
    states = torch.randn(2, 3, 16, dtype=torch.float64, requires_grad=True)
    out = pool(states, torch.tensor([[1, 1, 1], [0, 0, 0]]))
    out.sum().backward()
    assert out.isfinite().all() and states.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", POOLINGS)
def test_half_precision_is_near(name, dtype):
    pool, mask = pooling(name), torch.tensor([[1] * 400 + [0] * 5, [0] * 400 + [1] * 5])
    states = torch.randn(2, 405, 16, dtype=torch.float64)
    want = pool(states, mask)
    got = pool.to(dtype)(states.to(dtype), mask)
    assert got.dtype == dtype
    cosine = torch.nn.functional.cosine_similarity(got.double(), want, dim=-1)
    assert cosine.min() > 0.99


@pytest.mark.parametrize("name", [n for n in POOLINGS if n != "last"])
def test_windows_merge_for_all_that_ask_for_no_position(name):
    pool = pooling(name)
    states, mask = torch.randn(2, 9, 16, dtype=torch.float64), torch.ones(2, 9)
    got = pool_windows(pool, [(states[:, :4], mask[:, :4]), (states[:, 4:], mask[:, 4:])])
    torch.testing.assert_close(got, pool(states, mask), rtol=0, atol=1e-12)


def test_mean_last_and_gate_are_what_their_names_say():
    states = torch.randn(2, 5, 16, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]])
    rows = (states[0, :3], states[1, 1:])
    mean = MeanPooling(16)(states, mask)[:, 0]
    torch.testing.assert_close(mean, torch.stack([r.mean(0) for r in rows]))
    last = LastPooling(16)(states, mask)[:, 0]
    torch.testing.assert_close(last, torch.stack([r[-1] for r in rows]))
    gate = pooling("gate")
    assert isinstance(gate, GatePooling)
    want = [gate.gate(r).softmax(0).T @ r for r in rows]
    torch.testing.assert_close(gate(states, mask), torch.stack(want))
    gate.reset_parameters()
    torch.testing.assert_close(gate(states, mask)[:, 0], mean)


def test_the_last_token_is_exact_in_bfloat16_far_into_a_text():
    states = torch.randn(1, 3000, 4).bfloat16()
    mask = torch.ones(1, 3000)
    mask[0, 2500:] = 0
    assert torch.equal(LastPooling(4)(states, mask)[0, 0], states[0, 2499])


def test_latent_attention_agrees_with_its_formula():
    pool = pooling("latent")
    assert isinstance(pool, LatentAttentionPooling)
    states = torch.randn(1, 3, 16, dtype=torch.float64)
    p = {k: v.detach().numpy() for k, v in pool.named_parameters()}

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * p[f"{name}.weight"] + p[f"{name}.bias"]

    h = states[0].numpy()
    q = norm(h, "norm") @ p["to_q.weight"].T
    k, v = np.split(p["latents"] @ p["to_kv.weight"].T, 2, axis=1)
    found = np.zeros_like(h)
    for part in np.split(np.arange(16), 4):
        e = np.exp(q[:, part] @ k[:, part].T / 2)
        found[:, part] = e / e.sum(1, keepdims=True) @ v[:, part]
    out = h + found @ p["to_out.weight"].T
    inner = torch.from_numpy(norm(out, "mlp.0") @ p["mlp.1.weight"].T + p["mlp.1.bias"])
    out = out + torch.nn.functional.gelu(inner).numpy() @ p["mlp.3.weight"].T + p["mlp.3.bias"]
    got = pool(states, torch.ones(1, 3))[0, 0].detach().numpy()
    np.testing.assert_allclose(got, out.mean(0), rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in POOLINGS if n != "pma"])
def test_a_folder_of_any_pooling_trains_saves_exports_and_serves(tmp_path, name):
    source = save_tiny_model(tmp_path / "m", pooling=name, num_latents=12, latent_heads=4)
    again = C2LLMModel.from_pretrained(source)
    assert again.config.pooling == name
    ids = torch.tensor([[2, 5, 6, 3]])
    again.embed(ids, torch.ones_like(ids)).sum().backward()
    export_onnx(source, source)
    a, b = (Encoder.load(source, engine=engine) for engine in ("torch", "onnx"))
    assert a.dim == 32 and a.long_texts == ("truncate" if name == "last" else "window")
    texts = ["def get http", "", "class a b " * 60]
    va, ta = a.encode_with_attention(texts)
    vb, tb = b.encode_with_attention(texts)
    np.testing.assert_allclose(va, vb, rtol=0, atol=1e-5)
    np.testing.assert_allclose(ta[2].weights, tb[2].weights, rtol=0, atol=1e-5)


def test_the_last_token_refuses_windows(tmp_path):
    source = save_tiny_model(tmp_path / "m", pooling="last")
    with pytest.raises(UsageError, match="pools the last token alone"):
        Encoder.load(source, long_texts="window")
    with pytest.raises(UsageError, match="pools the last token alone"):
        Encoder.load(source).encode_spans("def", [(0, 3)])


def test_unknown_poolings_and_wrong_heads_are_refused():
    with pytest.raises(ValueError, match=r"pooling is one of pma, .*, not 'max'"):
        C2LLMConfig(bert_config(), pooling="max")
    with pytest.raises(ValueError, match="3 heads"):
        tiny_model(pooling="latent", latent_heads=3)
