"""Files of pairs, judgements and questions that somebody else has made."""

from __future__ import annotations

import json
import math
import tempfile
from functools import cache
from pathlib import Path

from c2llm.evaluation.mteb.card import read_card
from c2llm.evaluation.repositories.repo_questions import load_benchmark
from c2llm.evaluation.retrieval.data_files import read_pairs
from c2llm.training.data.jsonl import numbered_rows
from c2llm.training.data.training_pair import RowFormat
from tests.fuzzing.reading import head, headed, tokens
from tests.fuzzing.target import Target

_KINDS = ("rows", "pairs", "questions", "repos", "card", "documents")
_FORMAT = RowFormat("d", "python", "", {"k": "find"}, {})
_SWAPPED = RowFormat("d", "python", "k", {"k": "find"}, {"query": "q"}, swap=True)
_ROW = {"query": "q", "q": "r", "positive": "p", "documents": "a.documents", "negative_ids": [0, 1]}


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="c2llm-fuzz-data-"))
    (folder / "annotations").mkdir()
    return folder


def check(data: bytes) -> None:
    """The first line is the kind of file."""
    kind, content = headed(data, _KINDS)
    folder = _folder()
    for name in ("repos.json", "a.documents"):  # one that is mapped still keeps what it has
        (folder / name).unlink(missing_ok=True)
    (folder / "a.documents").write_bytes(b'"one"\n"two"\n')
    annotations = folder / "annotations" / "a.json"
    annotations.write_text('[{"query": "q", "relevant": ["a.py"]}]')
    if kind in ("rows", "documents"):
        file = folder / "a.jsonl"
        file.write_bytes(content if kind == "rows" else json.dumps(_ROW).encode())
        if kind == "documents":
            (folder / "a.documents").write_bytes(content)
        for number, row in numbered_rows(file):
            for form in (_FORMAT, _SWAPPED):
                pair = form.parse(row, f"{file}:{number}")
                assert pair.document and isinstance(pair.query, str)
                assert all(math.isfinite(score) for score in pair.scores)
                assert all(isinstance(text, str) for text in pair.negatives)
    elif kind == "pairs":
        (folder / "a.jsonl").write_bytes(content)
        pairs = read_pairs(folder / "a.jsonl")
        assert len({pair.id for pair in pairs}) == len(pairs)
        assert all(math.isfinite(pair.label) for pair in pairs)
    elif kind == "card":
        (folder / "README.md").write_bytes(content)
        read_card(folder)
    else:
        (annotations if kind == "questions" else folder / "repos.json").write_bytes(content)
        for repository in load_benchmark(folder / "annotations"):
            for question in repository.questions:
                for target in question.targets:
                    assert not target.path.startswith("/") and "\0" not in target.path


_SCORED = {"query": "q", "positive": "p", "negatives": ["n"], "positive_score": 1}
_PINNED = [{"name": "a", "language": "c", "revision": "0123456", "benchmark_root": "src"}]
_SEEDS = [
    head("rows", json.dumps({**_SCORED, "negative_scores": [0.5], "q": "x", "lang": "go"})),
    head("rows", json.dumps({"query": "q", "doc": ["p", "r"], "instruction": "find it", "q": "x"})),
    head("rows", json.dumps(_ROW)),
    head("documents", b'"one"\n"two"\n"three"\n'),
    head("pairs", json.dumps({"id": "1", "query": "q", "doc": "d", "label": 0, "split": "test"})),
    head("questions", json.dumps([{"query": "q", "relevant": [{"path": "a.py"}], "category": ""}])),
    head("questions", json.dumps([{"query": "q", "relevant": [], "secondary": [
        {"path": "src/a.py", "start_line": 1, "end_line": 3}]}])),
    head("repos", json.dumps(_PINNED)),
    head("card", "---\nlicense: mit\nbase_model: [a]\ndatasets: [b, c]\n"
         "release_date: 2024-01-05\n---\n"),
]  # fmt: skip
_TOKENS = tokens(
    r"""
    NaN Infinity -Infinity 1e999 \\ud800 \\u0000 !!timestamp\x20x &a\x20[*a] <<:\x20 2024-99-99
    ../../a /etc/passwd "documents":\x20"\\u0000" \n"x"\n \n\n
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, quick=20)
