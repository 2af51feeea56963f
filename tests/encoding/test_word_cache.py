"""Ids from remembered words are the tokenizer's own, whatever the text."""

from __future__ import annotations

import json
import string
from typing import Any

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
from c2llm.encoding.word_cache import WordCache, is_wordwise, read_words
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


def fields(tokenizer: Tokenizer) -> dict[str, Any]:
    return json.loads(tokenizer.to_str())


TOKENIZERS = {split: word_piece(split=split) for split in (True, False)}


@pytest.mark.parametrize("split", [True, False])
@given(
    text=st.one_of(
        st.text(alphabet=string.printable, max_size=60),
        st.text(alphabet="abAB12_ .([-\n\t'x\"", max_size=60),
        st.text(max_size=30),
        st.lists(st.sampled_from([*CODE.split(), "[CLS]", "[PAD", "é", "\x01", "漢"])).map("".join),
    )
)
@settings(max_examples=300, deadline=None)
def test_equals_the_tokenizer(split, text):
    tokenizer = TOKENIZERS[split]
    words = WordCache(fields(tokenizer))
    ids, bag = words.ids(text), words.bag(text)
    assert (ids is None) == (bag is None)
    if ids is not None:
        assert ids == tokenizer.encode(text, add_special_tokens=False).ids
        assert bag is not None and sorted(bag) == sorted(ids)


def test_remembers_plain_code_and_leaves_the_rest():
    words = WordCache(fields(TOKENIZERS[True]))
    assert words.ids(CODE) == TOKENIZERS[True].encode(CODE).ids
    assert "getHTTPResponse" in words
    assert [words.ids(text) for text in ("naïve", "a\x00b", "x [CLS] y")] == [None, None, None]


def test_forgets_before_it_grows_without_end(monkeypatch):
    monkeypatch.setattr("c2llm.encoding.word_cache.LARGEST", 10)
    words = WordCache(fields(TOKENIZERS[True]))
    assert words.ids(CODE) == TOKENIZERS[True].encode(CODE).ids
    assert len(words) <= 10


def test_only_tokenizers_that_treat_words_alone_are_trusted():
    assert all(is_wordwise(fields(one)) for one in TOKENIZERS.values())
    assert not is_wordwise(fields(word_piece(lowercase=False)))
    assert read_words(Tokenizer(BPE()).to_str().encode()) is None
    other_rule = word_piece()
    other_rule.normalizer = normalizers.Sequence(
        [normalizers.Replace(" ", "_"), normalizers.BertNormalizer()]
    )
    assert not is_wordwise(fields(other_rule))
    named = word_piece()
    named.add_tokens([AddedToken("def get", normalized=True)])
    assert not is_wordwise(fields(named))


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("pre_tokenizer", {"type": "Whitespace"}),
        ("post_processor", {"type": "ByteLevel"}),
        ("post_processor", {"type": "TemplateProcessing", "single": [], "special_tokens": {}}),
        *(
            (
                "post_processor",
                {
                    "type": "TemplateProcessing",
                    "single": [{"SpecialToken": {"id": "a"}}, {"Sequence": {"id": "A"}}],
                    "special_tokens": {"a": {"ids": ids}},
                },
            )
            for ids in ([["x"]], ["1"], "12", [True], [-1], [1.0], [None])
        ),
        ("added_tokens", [{"id": "0", "content": "x", "normalized": False, "single_word": False}]),
        ("added_tokens", None),
        ("normalizer", []),
        ("model", {"type": "WordPiece", "vocab": {"a": 1}, "unk_token": "[UNK]"}),
        ("model", {"type": "WordPiece", "vocab": [["a", 1]], "unk_token": "a"}),
        ("model", 7),
    ],
)
def test_what_is_not_as_it_should_be_is_left_to_the_library(part, wrong):
    told = fields(TOKENIZERS[True])
    assert read_words(json.dumps(told).encode()) is not None
    assert read_words(json.dumps(told | {part: wrong}).encode()) is None


@pytest.mark.parametrize("content", [b"", b"[", b"[" * 100_000, b"\xff", b"7", b"{}", b"[]"])
def test_what_is_no_tokenizer_is_left_to_the_library(content):
    assert read_words(content) is None


@pytest.mark.parametrize("around", ["", "[CLS] $A", "[CLS] $A [PAD] [UNK]"])
@given(
    texts=st.lists(st.sampled_from([CODE, "", "x [CLS] y", "naïve 漢字", "retries" * 9, "a\tb"]))
)
@settings(max_examples=30, deadline=None)
def test_texts_have_the_special_tokens_of_the_library(tmp_path_factory, around, texts):
    tokenizer = word_piece()
    if around:
        special = [(name, tokenizer.token_to_id(name)) for name in ("[PAD]", "[UNK]", "[CLS]")]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=around, special_tokens=special
        )
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    path.write_text(tokenizer.to_str(), encoding="utf-8")
    ours = TextTokenizer(path, 1_000)
    wanted = [one.ids for one in tokenizer.encode_batch(["q: " + text for text in texts])]
    for found in (
        ours.id_lists(texts, "q: "),
        [one.ids.tolist() for one in ours.tokens(texts, "q: ", offsets=False)],
        [one.ids.tolist() for one in ours.tokens(texts, "q: ", offsets=True)],
    ):
        assert found == wanted


@pytest.mark.parametrize("special", ["", "[CLS]"])
def test_the_first_tokens_are_the_first_though_a_bag_has_no_order(tmp_path, special):
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
        (ids,) = texts.bags([CODE], "q: ", first)
        assert sorted(ids) == sorted(want[:first])
