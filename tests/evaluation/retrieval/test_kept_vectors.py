"""Kept vectors: the same as computed ones, computed once, never those of another encoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.evaluation.retrieval.kept_vectors import PROBES, CachedEncoder
from tests.evaluation.doubles import WordEncoder

TEXTS = ["open a file", "close the file", "open a file", "send mail"]


def test_kept_vectors_equal_computed_ones(tmp_path):
    plain = WordEncoder()
    with CachedEncoder(WordEncoder(), tmp_path) as first:
        assert np.array_equal(first.encode_documents(TEXTS), plain.encode_documents(TEXTS))
        assert (first.computed, first.reused) == (3, 1)
    encoder = WordEncoder()
    with CachedEncoder(encoder, tmp_path) as second:
        assert np.array_equal(second.encode_documents(TEXTS), plain.encode_documents(TEXTS))
        assert (second.computed, second.reused) == (0, 4)
        assert encoder.encoded == len(PROBES)
        assert second.encode_documents([]).shape == (0, plain.dim)


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.text(st.characters(), max_size=20), max_size=12))
def test_any_text_can_be_kept(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("vectors")
    for _ in range(2):
        with CachedEncoder(WordEncoder(), folder) as cached:
            assert np.array_equal(
                cached.encode_documents(texts), WordEncoder().encode_documents(texts)
            )


def test_what_was_made_before_a_kill_is_kept(tmp_path):
    class Killed(WordEncoder):
        def encode_documents(self, texts, *, progress=None):
            if any("late" in text for text in texts):
                raise KeyboardInterrupt
            return super().encode_documents(texts, progress=progress)

    early = [f"early {i} " + "x" * 1000 for i in range(100)]
    with CachedEncoder(Killed(), tmp_path) as cached, pytest.raises(KeyboardInterrupt):
        cached.encode_documents([*early, "late"])
    with CachedEncoder(WordEncoder(), tmp_path) as again:
        again.encode_documents([*early, "late"])
        assert 0 < again.computed < 101


def test_progress_counts_every_text_once(tmp_path):
    done = []
    with CachedEncoder(WordEncoder(), tmp_path) as cached:
        cached.encode_documents(TEXTS[:1])
        cached.encode_documents(TEXTS, progress=done.append)
    assert sum(done) == len(TEXTS)


def test_code_that_gives_other_vectors_begins_anew(tmp_path):
    class Changed(WordEncoder):
        def _encode(self, texts, progress):
            return super()._encode([text[::-1] for text in texts], progress)

    with CachedEncoder(WordEncoder(), tmp_path) as before:
        before.encode_documents(TEXTS)
    with CachedEncoder(Changed(), tmp_path) as after:
        assert after.model != before.model
        assert np.array_equal(after.encode_documents(TEXTS), Changed().encode_documents(TEXTS))
    with CachedEncoder(WordEncoder(), tmp_path) as back:
        assert back.model == before.model
    with CachedEncoder(WordEncoder("other"), tmp_path) as other:
        assert other.model not in (before.model, after.model)


def test_queries_are_computed_anew_unless_they_are_those_of_the_last_call(tmp_path):
    encoder = WordEncoder()
    with CachedEncoder(encoder, tmp_path) as cached:
        before = encoder.encoded
        for query, computed in (("a", 1), ("a", 1), ("b", 2), ("a", 3)):
            vectors = cached.encode_queries([query])
            assert np.array_equal(vectors, WordEncoder().encode_queries([query]))
            assert encoder.encoded - before == computed
        assert (cached.computed, cached.reused) == (0, 0)


def test_without_a_place_everything_is_computed(tmp_path):
    (tmp_path / "file").write_text("")
    with CachedEncoder(WordEncoder(), tmp_path / "file") as cached:
        for _ in range(2):
            assert cached.encode_documents(TEXTS).shape == (len(TEXTS), WordEncoder().dim)
        assert cached.computed == 6
