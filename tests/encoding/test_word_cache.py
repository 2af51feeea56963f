"""Ids from remembered words are the tokenizer's own in another order, whatever the text."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizers.models import BPE, WordPiece

from c2llm.encoding.tokens import TextTokenizer
from c2llm.encoding.word_cache import WordCache, is_wordwise
from c2llm.modeling.tokenizer import IDENTIFIER_BOUNDARY

CODE = """def getHTTPResponse(self, __url__, max_retries=3):  # fetch_URL2 of parseJSON
    return self._session.get(url).json()["data"] or x2y_ + HTTPServer.serve_forever99(0xFF)"""


def word_piece(*, split: bool = True, lowercase: bool = True) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]", max_input_chars_per_word=12))
    bert = normalizers.BertNormalizer(lowercase=lowercase)
    parts = [normalizers.Replace(Regex(IDENTIFIER_BOUNDARY), " ")] if split else []
    tokenizer.normalizer = normalizers.Sequence([*parts, bert])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]"]
    trainer = trainers.WordPieceTrainer(vocab_size=160, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([CODE] * 3, trainer)
    return tokenizer


TOKENIZERS = {split: word_piece(split=split) for split in (True, False)}


@pytest.mark.parametrize("split", [True, False])
@given(
    text=st.one_of(
        st.text(alphabet="abAB12_ .([-\n\t'x\"", max_size=60),
        st.text(alphabet=string.printable, max_size=60),
        st.text(max_size=30),
        st.lists(st.sampled_from([*CODE.split(), "[CLS]", "[PAD", "é", "\x01", "漢"])).map("".join),
    )
)
@settings(max_examples=300, deadline=None)
def test_equals_the_tokenizer(split, text):
    tokenizer = TOKENIZERS[split]
    ids = WordCache(tokenizer).ids(text)
    if ids is not None:
        assert sorted(ids) == sorted(tokenizer.encode(text, add_special_tokens=False).ids)


def test_remembers_plain_code_and_leaves_the_rest():
    words = WordCache(TOKENIZERS[True])
    assert sorted(words.ids(CODE)) == sorted(TOKENIZERS[True].encode(CODE).ids)
    assert "getHTTPResponse" in words
    assert [words.ids(text) for text in ("naïve", "a\x00b", "x [CLS] y")] == [None, None, None]


def test_forgets_before_it_grows_without_end(monkeypatch):
    monkeypatch.setattr("c2llm.encoding.word_cache.LARGEST", 10)
    words = WordCache(TOKENIZERS[True])
    assert sorted(words.ids(CODE)) == sorted(TOKENIZERS[True].encode(CODE).ids)
    assert len(words) <= 10


def test_only_tokenizers_that_treat_words_alone_are_trusted():
    assert is_wordwise(TOKENIZERS[True]) and is_wordwise(TOKENIZERS[False])
    assert not is_wordwise(word_piece(lowercase=False))
    assert not is_wordwise(Tokenizer(BPE()))
    other_rule = word_piece()
    other_rule.normalizer = normalizers.Sequence(
        [normalizers.Replace(" ", "_"), normalizers.BertNormalizer()]
    )
    assert not is_wordwise(other_rule)
    named = word_piece()
    named.add_tokens([AddedToken("def get", normalized=True)])
    assert not is_wordwise(named)


@pytest.mark.parametrize("special", ["", "[CLS]"])
def test_the_first_tokens_are_the_first_though_ids_have_no_order(tmp_path, special):
    tokenizer = word_piece()
    if special:
        pair = (special, tokenizer.token_to_id(special))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{special} $A", special_tokens=[pair]
        )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = TextTokenizer(tmp_path / "tokenizer.json", tokenizer.get_vocab_size())
    want = tokenizer.encode(f"q: {CODE}").ids
    for first in (None, 3, len(want), len(want) + 1):
        (ids,) = texts.ids([CODE], "q: ", first)
        assert sorted(ids) == sorted(want[:first])
