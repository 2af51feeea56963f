"""All twelve tasks from local copies: their shapes, their files, going on, and what is refused."""

from __future__ import annotations

import json
import shutil

import pytest

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.mteb.meta import model_meta
from c2llm.evaluation.mteb.mteb_model import MtebEncoder
from c2llm.evaluation.mteb.mteb_run import run_mteb
from c2llm.evaluation.mteb.mteb_tasks import TASKS, benchmark_tasks, data_revision
from c2llm.evaluation.mteb.prompts import TaskPrompts
from c2llm.evaluation.retrieval.kept_vectors import PROBES
from tests.evaluation.doubles import WordEncoder
from tests.evaluation.mteb.hub_copies import (
    SIX,
    SIZE,
    THIRTEEN,
    WORDS,
    read_parquet,
    write_parquet,
)

OWN_PROMPTS = TaskPrompts(official=False)


class RecordingEncoder(WordEncoder):
    """Remembers what it was given, as (side, texts), in order."""

    def __init__(self):
        super().__init__("owner/words", dim=4096)
        self.calls = []

    def encode_queries(self, texts, *, progress=None):
        self.calls.append(("queries", list(texts)))
        return super().encode_queries(texts, progress=progress)

    def encode_documents(self, texts, *, progress=None):
        self.calls.append(("documents", list(texts)))
        return super().encode_documents(texts, progress=progress)


def model_of(encoder):
    return MtebEncoder(encoder, model_meta(encoder, OWN_PROMPTS), OWN_PROMPTS)


def run(encoder, names, output, hub):
    return list(run_mteb(model_of(encoder), benchmark_tasks(names), output, data=hub))


@pytest.fixture(scope="module")
def everything(hub, tmp_path_factory):
    """Scores of all twelve, what the encoder saw by task, and where the results are."""
    output = tmp_path_factory.mktemp("results")
    encoder = RecordingEncoder()
    scores, seen = [], {}
    for score in run_mteb(model_of(encoder), benchmark_tasks(), output, data=hub):
        scores.append(score)
        seen[score.task], encoder.calls = encoder.calls, []
    return scores, seen, output


def test_the_benchmark_is_the_twelve(everything):
    scores, _, _ = everything
    assert sorted(score.task for score in scores) == sorted(TASKS)
    assert len(TASKS) == 12


def test_every_task_finds_every_answer(everything):
    for score in everything[0]:
        assert score.score == pytest.approx(1.0), score.task
        assert not score.comparable  # small copies are not what scores were published for
        assert not score.kept


def test_languages_and_splits_are_those_of_the_leaderboard(everything):
    scores, _, output = everything
    subsets = {score.task: tuple(score.subsets) for score in scores}
    many = {"CodeSearchNetRetrieval", "CodeSearchNetCCRetrieval", "COIRCodeSearchNetRetrieval"}
    for task in TASKS:
        if task in many:
            assert subsets[task] == SIX
        elif task == "CodeEditSearchRetrieval":
            assert subsets[task] == THIRTEEN
        else:
            assert subsets[task] == ("default",)
    folder = output / "results" / "owner__words" / "owner-words-fingerprint"
    for task in TASKS:
        fields = json.loads((folder / f"{task}.json").read_text())
        assert list(fields["scores"]) == ["train" if task == "CodeEditSearchRetrieval" else "test"]
    assert json.loads((folder / "model_meta.json").read_text())["name"] == "owner/words"


def test_texts_go_the_right_way_and_whole(everything):
    _, seen, _ = everything
    # Code asks for docstrings in COIR's CodeSearchNet, and docstrings for code in mteb's.
    (_, queries), (_, documents) = seen["COIRCodeSearchNetRetrieval"][:2]
    assert all(text.startswith("function") for text in queries)
    assert all(text.startswith("Explains") for text in documents)
    (_, queries), (_, documents) = seen["CodeSearchNetRetrieval"][:2]
    assert all(text.startswith("Explains") for text in queries)
    assert all(text.startswith("function") for text in documents)
    assert len(queries) == SIZE and len(documents) == SIZE + 1
    # Titles stand before texts; conversations keep every turn; white space around is cut.
    documents = dict(seen["StackOverflowQA"])["documents"]
    assert documents[0] == f"{WORDS[0]} An answer."
    assert dict(seen["CodeFeedbackMT"])["queries"][0].startswith("user: write a loop\nassistant:")
    assert dict(seen["CosQA"])["documents"][0] == f"def {WORDS[0]}(): pass"
    # The diff is what is found, the instruction what asks.
    assert dict(seen["CodeEditSearchRetrieval"][:2])["documents"][0].startswith("- old")


def test_training_queries_of_the_same_file_are_not_asked(everything):
    queries = dict(everything[1]["CodeSearchNetCCRetrieval"][:2])["queries"]
    assert len(queries) == SIZE


def test_a_second_run_takes_over_what_is_there(everything, hub, tmp_path):
    output = tmp_path / "results"
    shutil.copytree(everything[2], output)
    encoder = RecordingEncoder()
    again = run(encoder, ["CosQA", "CodeEditSearchRetrieval"], output, hub)
    assert [score.kept for score in again] == [True, True]
    assert encoder.calls == []
    (path,) = output.rglob("CodeEditSearchRetrieval.json")
    fields = json.loads(path.read_text())
    lost = [entry for entry in fields["scores"]["train"] if entry["hf_subset"] != "swift"]
    path.write_text(json.dumps({**fields, "scores": {"train": lost}}))
    (score,) = run(encoder, ["CodeEditSearchRetrieval"], output, hub)
    assert len(encoder.calls) == 2  # the queries and documents of one language
    assert "swift" in encoder.calls[0][1][0]
    assert sorted(score.subsets) == sorted(THIRTEEN)


def test_results_of_another_model_or_other_data_are_refused(everything, hub, tmp_path):
    output = tmp_path / "results"
    shutil.copytree(everything[2], output)
    (meta,) = output.rglob("model_meta.json")
    told = meta.read_text()
    meta.write_text(told.replace("owner/words", "owner/others"))
    with pytest.raises(DataError, match=r"holds results of owner/others .* not of owner/words"):
        run(WordEncoder("owner/words"), ["CosQA"], output, hub)
    meta.write_text(told)
    (path,) = output.rglob("CosQA.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset_revision": "f" * 40}))
    with pytest.raises(DataError, match=r"CosQA\.json was made from other data"):
        run(WordEncoder("owner/words"), ["CosQA"], output, hub)
    path.write_text("{")
    with pytest.raises(DataError, match=r"CosQA\.json is not a result of mteb"):
        run(WordEncoder("owner/words"), ["CosQA"], output, hub)


def test_other_weights_do_not_take_over_results(everything, hub):
    other = RecordingEncoder()
    other.fingerprint = "other-weights"
    (score,) = run(other, ["CosQA"], everything[2], hub)
    assert not score.kept


@pytest.fixture
def cosqa(hub, tmp_path):
    """A copy of one data set that may be damaged."""
    shutil.copytree(hub / "CoIR-Retrieval" / "cosqa", tmp_path / "data" / "cosqa")
    return tmp_path / "data" / "cosqa"


def refuse(cosqa, tmp_path, match):
    with pytest.raises(DataError, match=match):
        run(WordEncoder(), ["CosQA"], tmp_path / "out", cosqa.parent)


def test_damaged_copies_are_refused_by_name(cosqa, tmp_path):
    corpus = cosqa / "corpus" / "corpus-00000-of-00001.parquet"
    rows = read_parquet(corpus)
    write_parquet(corpus, rows[1:])
    refuse(cosqa, tmp_path, "judges the document 'd0' for the query 'q0', which its corpus does")
    write_parquet(corpus, rows)
    judgements = cosqa / "default" / "test-00000-of-00001.parquet"
    judged = read_parquet(judgements)
    write_parquet(judgements, [{**row, "query-id": "nobody"} for row in judged])
    refuse(cosqa, tmp_path, "judges none of its 0 queries")
    corpus.write_bytes(b"PAR1 and no more")
    refuse(cosqa, tmp_path, r"CosQA cannot be loaded from .*cosqa .*copy the data set again")


def test_an_empty_corpus_is_refused(cosqa, tmp_path):
    import pyarrow
    import pyarrow.parquet

    path = cosqa / "corpus" / "corpus-00000-of-00001.parquet"
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.slice(0, 0), path)
    refuse(cosqa, tmp_path, "CosQA cannot be loaded|has an empty corpus")


def test_missing_copies_are_refused_by_name(cosqa, hub, tmp_path):
    with pytest.raises(UsageError, match="nowhere is not a directory"):
        run(WordEncoder(), ["CosQA"], tmp_path / "out", tmp_path / "nowhere")
    with pytest.raises(DataError, match="has no CoIR-Retrieval/apps, which AppsRetrieval is made"):
        run(WordEncoder(), ["AppsRetrieval"], tmp_path / "out", cosqa.parent)
    shutil.rmtree(cosqa / "queries")
    (cosqa / "README.md").unlink()
    refuse(cosqa, tmp_path, r"cosqa lacks corpus, queries of CoIR-Retrieval/cosqa")
    shutil.copytree(hub / "cassanof", tmp_path / "data" / "cassanof")
    shutil.rmtree(tmp_path / "data" / "cassanof" / "CodeEditSearch" / "swift")
    with pytest.raises(DataError, match="CodeEditSearch lacks swift"):
        run(WordEncoder(), ["CodeEditSearchRetrieval"], tmp_path / "out", tmp_path / "data")


def test_a_missing_copy_is_told_before_anything_is_encoded(cosqa, tmp_path):
    encoder = RecordingEncoder()
    with pytest.raises(DataError, match="has no CoIR-Retrieval/apps"):
        run(encoder, ["CosQA", "AppsRetrieval"], tmp_path / "out", cosqa.parent)
    assert encoder.calls == []


def test_the_hubs_own_cache_and_downloads_tell_the_revision(cosqa, tmp_path):
    commit = "bc5efb7e9d437246ce393ed19d772e08e4a79535"
    plain = data_revision(cosqa)
    assert plain.startswith("local-")
    assert plain == data_revision(cosqa)
    snapshot = tmp_path / "datasets--CoIR-Retrieval--cosqa" / "snapshots" / commit
    shutil.copytree(cosqa, snapshot)
    (score,) = run(RecordingEncoder(), ["cosqa"], tmp_path / "out", tmp_path)
    assert score.data_revision == commit
    assert score.comparable
    note = cosqa / ".cache" / "huggingface" / "download" / "corpus" / "corpus.parquet.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{commit}\n0123\n1700000000.0\n")
    assert data_revision(cosqa) == commit
    note.with_name("other.metadata").write_text("another commit\n")
    assert data_revision(cosqa) == plain  # parts of two revisions are none


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match=r"no task 'CosQB'; those of MTEB\(Code, v1\) are Apps"):
        benchmark_tasks(["CosQB"])
    with pytest.raises(UsageError, match="STS12 is STS over text"):
        benchmark_tasks(["STS12"])


def test_an_interrupted_task_embeds_no_document_twice(hub, tmp_path):
    class Stopped(MtebEncoder):
        def similarity(self, embeddings1, embeddings2):
            raise KeyboardInterrupt

    def start(kind, encoder):
        model = kind(encoder, model_meta(encoder, OWN_PROMPTS), OWN_PROMPTS, vectors=vectors)
        return list(run_mteb(model, benchmark_tasks(["CosQA"]), tmp_path, data=hub))

    vectors = tmp_path / "vectors"
    first, second = RecordingEncoder(), RecordingEncoder()
    with pytest.raises(KeyboardInterrupt):
        start(Stopped, first)
    assert list(vectors.rglob("*.sqlite"))
    (score,) = start(MtebEncoder, second)
    assert score.score == pytest.approx(1.0)
    embedded = [
        {text for side, texts in e.calls if side == "documents" for text in texts}.difference(
            PROBES
        )
        for e in (first, second)
    ]
    assert (len(embedded[0]), len(embedded[1])) == (SIZE + 1, 0)
    assert not vectors.exists()  # the score is there: they have done their work
