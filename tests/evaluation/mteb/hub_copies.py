"""Small copies of the twelve datasets of MTEB(Code, v1), laid out as the hub lays them out.

Every answer shares rare words with its query and with no other document, so that an encoder of
words finds it: a score below 1 means that texts, ids, languages or directions were mixed up.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet

COIR = {
    "AppsRetrieval": "CoIR-Retrieval/apps",
    "CodeFeedbackMT": "CoIR-Retrieval/codefeedback-mt",
    "CodeFeedbackST": "CoIR-Retrieval/codefeedback-st",
    "CodeTransOceanContest": "CoIR-Retrieval/codetrans-contest",
    "CodeTransOceanDL": "CoIR-Retrieval/codetrans-dl",
    "CosQA": "CoIR-Retrieval/cosqa",
    "SyntheticText2SQL": "CoIR-Retrieval/synthetic-text2sql",
}
SIX = ("python", "javascript", "go", "ruby", "java", "php")
THIRTEEN = (*SIX[:2], "typescript", *SIX[2:], "c", "c++", "rust", "swift", "scala", "shell")
WORDS = "alpha bravo castle delta ember falcon garnet harbor indigo jasper kettle lumen".split()
SIZE = 4


def write_all(root: Path) -> Path:
    """All twelve under `root`, at the paths of their hub ids."""
    for path in COIR.values():
        turns = path.endswith("-mt")
        documents = [(f"d{i}", "", document(i)) for i in range(SIZE + 1)]
        questions = [(f"q{i}", conversation(i) if turns else question(i)) for i in range(SIZE)]
        write_coir(root / path, documents, questions)
    # mteb's own uploads: one split `test` everywhere, integer ids here and there.
    folder = root / "mteb/StackOverflowQA"
    documents = [(f"d{i}", WORDS[i], "An answer.") for i in range(SIZE + 1)]  # title + text
    write_coir(folder, documents, [(f"q{i}", question(i)) for i in range(SIZE)], split="test")
    write_languages(root / "mteb/CodeSearchNetRetrieval", documentation, function, split="test")
    write_languages(root / "CoIR-Retrieval/CodeSearchNet", function, documentation)
    write_languages(root / "CoIR-Retrieval/CodeSearchNet-ccr", function, function)
    for number, language in enumerate(THIRTEEN):
        rows = [
            {"commit": f"{number}c{i}", "instruction": question(i, language), "diff": diff(i)}
            for i in range(SIZE)
        ]
        write_parquet(
            root / "cassanof/CodeEditSearch" / language / "train-00000-of-00001.parquet", rows
        )
    return root


def question(i: int, language: str = "") -> str:
    return f"how to use the {WORDS[i]} in {language}"


def document(i: int) -> str:
    return f"  def {WORDS[i]}(): pass  "


def diff(i: int) -> str:
    return f"- old\n+ {WORDS[i]}\n"


def conversation(i: int) -> str:
    return f"user: write a loop\nassistant: for x in y: pass\nuser: now with the {WORDS[i]}"


def documentation(i: int, language: str) -> str:
    return f"Explains {WORDS[i]} of {language}."


def function(i: int, language: str) -> str:
    return f"function {WORDS[i]} {{ {language} }}"


def write_coir(folder, documents, questions, *, split: str | None = None) -> None:
    """A data set with the configurations `corpus`, `queries` and `default`."""
    _write_config(folder, "corpus", split or "corpus", _corpus(documents))
    _write_config(folder, "queries", split or "queries", _queries(questions))
    judged = [{"query-id": id, "corpus-id": f"d{id[1:]}", "score": 1} for id, _ in questions]
    _write_config(folder, "default", "test", judged)
    write_readme(folder)


def write_languages(folder, query, answer, *, split: str | None = None) -> None:
    """A data set with the three configurations once for each of six languages."""
    for language in SIX:
        documents = [(f"d{i}", "", answer(i, language)) for i in range(SIZE + 1)]
        questions = [(f"q{i}", query(i, language)) for i in range(SIZE)]
        _write_config(folder, f"{language}-corpus", split or "corpus", _corpus(documents))
        queries = _queries(questions)
        if split is None:  # CoIR keeps training queries in the same file, told by `partition`
            queries.append({**queries[0], "_id": "trained", "partition": "train"})
        _write_config(folder, f"{language}-queries", split or "queries", queries)
        judged = [{"query-id": id, "corpus-id": f"d{id[1:]}", "score": 1} for id, _ in questions]
        _write_config(folder, f"{language}-qrels", "test", judged)
    write_readme(folder)


def write_readme(folder: Path) -> None:
    """The card, whose header names every configuration's files, as the hub needs it."""
    lines = ["---", "configs:"]
    for directory in sorted(path for path in folder.iterdir() if path.is_dir()):
        lines += [f"- config_name: {directory.name}", "  data_files:"]
        for file in sorted(directory.iterdir()):
            split = file.name.split("-")[0].split(".")[0]
            lines += [f"  - split: {split}", f"    path: {directory.name}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def write_parquet(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def read_parquet(path: Path) -> list[dict[str, object]]:
    return pyarrow.parquet.read_table(path).to_pylist()


def _write_config(folder: Path, config: str, split: str, rows) -> None:
    write_parquet(folder / config / f"{split}-00000-of-00001.parquet", rows)


def _corpus(documents):
    return [
        {"_id": id, "partition": "", "text": text, "title": title, "language": ""}
        for id, title, text in documents
    ]


def _queries(questions):
    return [{"_id": id, "partition": "test", "text": text} for id, text in questions]
