"""PMA against a float64 oracle written from the formulas alone, and its invariances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.modeling.pooling import PMA


def oracle(pma: PMA, hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """C2LLM eq. 1 to 5 for one text in numpy: K and V for every token, one head after the other."""
    p = {name: value.detach().numpy() for name, value in pma.named_parameters()}
    n, d, heads = pma.num_queries, pma.dim, pma.num_heads
    seed = p["S"][0]
    q = seed @ p["fc_q.weight"].T + p["fc_q.bias"]
    k = hidden @ p["fc_k.weight"].T + p["fc_k.bias"]
    v = hidden @ p["fc_v.weight"].T + p["fc_v.bias"]
    attended = np.zeros((n, d))
    width = d // heads
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for query in range(n):
            if not mask.any():
                continue  # an all-masked row attends to nothing
            score = np.array([q[query, part] @ k[t, part] / np.sqrt(d) for t in range(len(k))])
            score[mask == 0] = -np.inf
            weight = np.exp(score - score.max())
            weight /= weight.sum()
            attended[query, part] = weight @ v[:, part]

    def layer_norm(x: np.ndarray, name: str) -> np.ndarray:
        if f"{name}.weight" not in p:
            return x
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    out = layer_norm((q if pma.residual == "projected" else seed) + attended, "ln0")
    return layer_norm(out + np.maximum(out @ p["fc_o.weight"].T + p["fc_o.bias"], 0), "ln1")


def random_pma(hidden: int, dim: int, heads: int, queries: int, **options: object) -> PMA:
    pma = PMA(hidden, dim, heads, queries, **options).double()
    for parameter in pma.parameters():  # biases and norms too, or a lost bias would go unseen
        torch.nn.init.normal_(parameter, std=0.5)
    return pma


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 9),
    hidden=st.sampled_from([4, 7, 12]),
    heads=st.sampled_from([1, 2, 4]),
    width=st.integers(1, 4),
    queries=st.integers(1, 4),
    layer_norm=st.booleans(),
    residual=st.sampled_from(["projected", "raw"]),
    data=st.data(),
)
def test_agrees_with_the_float64_oracle(
    batch, length, hidden, heads, width, queries, layer_norm, residual, data
):
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    pma = random_pma(
        hidden, heads * width, heads, queries, layer_norm=layer_norm, residual=residual
    )
    states = torch.randn(batch, length, hidden, dtype=torch.float64)
    mask = torch.tensor(
        data.draw(
            st.lists(
                st.lists(st.integers(0, 1), min_size=length, max_size=length),
                min_size=batch,
                max_size=batch,
            )
        )
    )
    got = pma(states, mask).detach().numpy()
    want = np.stack([oracle(pma, s.numpy(), m.numpy()) for s, m in zip(states, mask, strict=True)])
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)


def test_the_published_shape_agrees_too():
    torch.manual_seed(0)
    pma = random_pma(896, 896, 32, 1)
    states, mask = torch.randn(1, 5, 896, dtype=torch.float64), torch.tensor([[0, 1, 1, 1, 1]])
    want = oracle(pma, states[0].numpy(), mask[0].numpy())
    np.testing.assert_allclose(pma(states, mask)[0].detach().numpy(), want, rtol=0, atol=1e-9)


def test_attention_sums_to_one_over_real_tokens_and_is_zero_on_padding():
    pma = PMA(8, 8, 4, 2)
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    _, weights = pma.pool(torch.randn(2, 3, 8), mask)
    assert weights.shape == (2, 4, 2, 3)
    torch.testing.assert_close(weights[0].sum(-1), torch.ones(4, 2))
    assert weights[0, ..., 2].abs().max() == 0
    assert weights[1].abs().max() == 0


def test_an_all_masked_row_gives_a_finite_vector_and_gradient():
    pma = PMA(8, 8, 4)
    states = torch.randn(1, 3, 8, requires_grad=True)
    out = pma(states, torch.zeros(1, 3))
    out.sum().backward()
    assert out.isfinite().all()
    assert states.grad is not None and states.grad.abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_does_not_overflow(dtype):
    pma = PMA(16, 16, 4).to(dtype)
    out = pma(torch.randn(2, 5, 16).to(dtype), torch.tensor([[1] * 5, [0] * 5]))
    assert out.isfinite().all()


def mean_of(states, mask):
    mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.layer_norm(mean, states.shape[-1:])


@pytest.mark.parametrize("residual", ["projected", "raw"])
def test_starts_as_mean_pooling(residual):
    torch.manual_seed(0)
    pma = PMA(32, 32, 8, residual=residual)
    pma.init_as_mean_pooling()
    states, mask = torch.randn(2, 6, 32), torch.tensor([[1] * 6, [1, 1, 1, 0, 0, 0]])
    torch.testing.assert_close(
        pma(states, mask)[:, 0], mean_of(states, mask), rtol=0, atol=1.5e-2
    )  # fc_o is faint, not zero


@pytest.mark.parametrize("residual", ["projected", "raw"])
@pytest.mark.parametrize("heads", [4, 32])
def test_several_queries_start_near_mean_pooling_and_apart(heads, residual):
    torch.manual_seed(0)
    pma = PMA(64, 64, heads, num_queries=3, residual=residual)
    pma.init_as_mean_pooling(spread=0.1)
    states, mask = torch.randn(2, 4, 64), torch.ones(2, 4)
    vectors = pma(states, mask)
    want = mean_of(states, mask)[:, None].expand_as(vectors)
    assert torch.nn.functional.cosine_similarity(vectors, want, dim=-1).min() > 0.9
    assert not torch.allclose(vectors[:, 0], vectors[:, 1], atol=0.01)


@pytest.mark.parametrize("heads", [1, 4, 16])
def test_attention_leaves_the_mean_within_a_few_steps(heads):
    # The token that tells the texts apart is one of twelve: the mean drowns it, attention finds it.
    torch.manual_seed(0)
    pma = PMA(32, 32, heads)
    pma.init_as_mean_pooling()
    mark = torch.randn(32)
    optimizer = torch.optim.Adam(pma.parameters(), lr=1e-3)
    for _ in range(60):
        noise, kinds = torch.randn(64, 12, 32), torch.randn(64, 32)
        noise[:, 5] = mark + kinds
        loss = (
            1 - torch.nn.functional.cosine_similarity(pma(noise, torch.ones(64, 12))[:, 0], kinds)
        ).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    attention = pma.scores(noise).softmax(-1)[..., 5]
    assert attention.mean() > 2 / 12


@pytest.mark.parametrize("start", ["init_as_mean_pooling", "init_scaled"])
@pytest.mark.parametrize("heads", [1, 4, 32])
def test_starts_scale_their_queries_with_the_heads(start, heads):
    # So a logit, divided by sqrt(d), is as large as one of its own head divided by sqrt(d / heads).
    torch.manual_seed(0)
    pma = PMA(256, 256, heads, num_queries=2)
    getattr(pma, start)()
    assert pma.queries().std().item() == pytest.approx(heads**0.5, rel=0.15)
    keys = torch.randn(1, 40, 256)
    torch.nn.init.eye_(pma.fc_k.weight)
    assert pma.scores(keys).std().item() == pytest.approx(1, rel=0.25)


@pytest.mark.parametrize("residual", ["projected", "raw"])
@pytest.mark.parametrize("dim", [64, 256])
def test_the_scaled_start_is_not_drowned_by_its_queries(residual, dim):
    torch.manual_seed(0)
    pma = PMA(128, dim, 32, residual=residual)
    pma.init_scaled()
    texts = pma(torch.randn(8, 4, 128), torch.ones(8, 4))[:, 0]
    alike = torch.nn.functional.cosine_similarity(texts[:, None], texts[None], dim=-1)
    assert (alike - torch.eye(8)).abs().max() < 0.9


def test_mean_start_leaves_what_matters_a_gradient():
    pma = PMA(32, 32, 8)
    pma.init_as_mean_pooling()
    (pma(torch.randn(4, 6, 32), torch.ones(4, 6)) * torch.randn(4, 1, 32)).sum().backward()
    still = [n for n, p in pma.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    # Softmax ignores what is added to all logits of a row, so fc_k's bias never has a gradient.
    assert still in ([], ["fc_k.bias"])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((8, 10, 4), "do not divide"), ((8, 8, 0), "positive"), ((0, 8, 2), "positive")],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        PMA(*sizes)


def test_mean_start_needs_equal_widths():
    with pytest.raises(ValueError, match=r"dim \(16\) equals the hidden size \(8\)"):
        PMA(8, 16, 4).init_as_mean_pooling()
