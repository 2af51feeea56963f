"""Packed and padded are the same vectors: no text sees its neighbour in the row."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.modeling.config import StaticConfig
from c2llm.modeling.packed import embed_packed, pack, packed_states
from tests.tiny import WORDS, bert_config, qwen_config, tiny_model

BACKBONES = {
    "bert": bert_config,
    "qwen2": qwen_config,
    "static": lambda: StaticConfig(vocab_size=len(WORDS), hidden_size=32),
}


def some_texts(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(lengths))
    return [torch.randint(4, len(WORDS), (n,), generator=generator) for n in lengths]


def padded(model, texts):
    ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(t) for t in texts], batch_first=True)
    return model.embed(ids, mask)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("options", [{}, {"pma_num_queries": 2, "pma_merge": "mean"}])
@torch.no_grad()
def test_packed_equals_padded(backbone, options):
    model = tiny_model(BACKBONES[backbone](), **options)
    texts = some_texts(1, 17, 5, 30, 2, 9)
    for budget in (1, 20, 1000):
        torch.testing.assert_close(
            embed_packed(model, texts, budget), padded(model, texts), rtol=0, atol=1e-6
        )


@torch.no_grad()
def test_tokens_are_counted_in_their_own_text():
    model = tiny_model(BACKBONES["static"](), tf_power=0.5)
    texts = [torch.tensor([5, 5, 5, 5, 6]), torch.tensor([6, 6, 7])]
    vectors = embed_packed(model, texts, 1000)
    torch.testing.assert_close(vectors, padded(model, texts), rtol=0, atol=1e-6)
    twice = embed_packed(model, [torch.tensor([5, 5, 6])], 1000)[0]
    plain = tiny_model(BACKBONES["static"]())
    plain.load_state_dict(model.state_dict())
    # Four times at the power of a half is twice at the power of one, and not twice at a half.
    at_one = embed_packed(plain, [torch.tensor([5, 5, 6])], 1000)[0]
    torch.testing.assert_close(vectors[0], at_one, rtol=0, atol=1e-6)
    assert (vectors[0] - twice).abs().max() > 1e-4


@pytest.mark.parametrize("backbone", ["bert", "qwen2"])
@torch.no_grad()
def test_a_neighbour_changes_nothing(backbone):
    model = tiny_model(BACKBONES[backbone]())
    first, second, other = some_texts(7, 6, 11)
    beside_second = packed_states(model, [first, second])[0]
    beside_other = packed_states(model, [other, first])[1]
    torch.testing.assert_close(beside_second, beside_other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("backbone", ["bert", "qwen2"])
def test_gradients_are_those_of_the_padded_batch(backbone):
    model = tiny_model(BACKBONES[backbone]()).double()
    texts = some_texts(4, 9, 1)
    target = torch.randn(3, model.config.embedding_dim, dtype=torch.float64)
    grads = []
    for vectors in (padded(model, texts), embed_packed(model, texts)):
        model.zero_grad()
        (vectors * target).sum().backward()
        grads.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys()
    for name, gradient in grads[0].items():
        torch.testing.assert_close(grads[1][name], gradient, rtol=1e-6, atol=1e-8)


@settings(max_examples=100)
@given(lengths=st.lists(st.integers(1, 60), max_size=40), budget=st.integers(1, 100))
def test_rows_partition_the_texts_within_the_budget(lengths, budget):
    rows = pack(lengths, budget)
    assert sorted(i for row in rows for i in row) == list(range(len(lengths)))
    for row in rows:
        assert len(row) == 1 or sum(lengths[i] for i in row) <= budget


def test_an_empty_text_is_refused():
    with pytest.raises(ValueError, match="at least one token"):
        embed_packed(tiny_model(), [torch.tensor([4]), torch.tensor([], dtype=torch.long)])
    with pytest.raises(ValueError, match="at least one token"):
        embed_packed(tiny_model(), [])
