"""What is lost by answering from the files that smell of a question, before the others are read.

    python benchmarks/first_files.py --annotations bench/annotations --repos clones --cache trees
    python benchmarks/first_files.py --questions questions.json --trees folder

For each question a new index that reads the promising files alone, against one of all files:
NDCG@10 of the file list and the chunk list, and how many of the targets were read. The first form
takes the repositories of the benchmark that are large enough; with `--always` all are, so that the
choice of files is seen on many questions. The second form takes own questions, `{tree: [[question,
[ends of paths that answer it]], ...]}`. `--files` and `--megabytes` are what is read of a tree.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.codebase.files.walk import list_files
from c2llm.evaluation.repositories.repo_questions import Question, Target, load_benchmark
from c2llm.evaluation.repositories.repo_scores import QuestionResult, ask

if TYPE_CHECKING:
    from c2llm.search.answer import Hit
    from c2llm.search.code_index import CodeIndex


class Asked:
    """An index as the benchmark asks it; files are read for the first question alone."""

    built = True

    def __init__(self, index: CodeIndex) -> None:
        self._index = index
        self._read = True

    def search(self, query: str, k: int, *, mode: str) -> Sequence[Hit]:
        """The best `k` chunks."""
        from c2llm.search.answering import answer
        from c2llm.search.request import SearchRequest

        request = SearchRequest(query, k, "lexical" if mode == "lexical" else "hybrid")
        found = answer([self._index], request, read=self._read)
        self._read = False
        return found.hits

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()


Trees = Iterator[tuple[str, Path, str, Sequence[Question]]]


def of_benchmark(annotations: Path, repos: Path, cache: Path) -> Trees:
    """Name, root, prefix and questions of each repository that is there."""
    from c2llm.evaluation.repositories.repo_benchmark import find_trees

    for repository, tree in find_trees(load_benchmark(annotations), repos, cache)[0]:
        prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
        yield repository.name, tree.root, prefix, repository.questions


def of_file(questions: Path, trees: Path) -> Trees:
    """The same of own questions, whose targets are ends of paths."""
    for name, asked in json.loads(questions.read_text()).items():
        root = (trees / name).resolve()
        paths = [file.path for file in list_files(root).files]
        found = []
        for text, ends in asked:
            meant = [path for path in paths if any(f"/{path}".endswith(f"/{e}") for e in ends)]
            if meant:
                found.append(Question(text, tuple(Target(path) for path in meant), "own"))
        yield name, root, "", found


def indexed_paths(file: Path, prefix: str) -> set[str]:
    """Paths of the files in an index."""
    from c2llm.index.store.sqlite_store import SqliteStore

    store = SqliteStore(file, create=False)
    try:
        return {prefix + one.path for one in store.files()}
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--annotations", type=Path)
    parser.add_argument("--repos", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--model", default="c2llm-nano")
    parser.add_argument("--mode", choices=("lexical", "hybrid"), default="hybrid")
    parser.add_argument("--always", action="store_true", help="no tree is read whole")
    parser.add_argument("--files", type=int, nargs="+", default=[0], help="0 for what is shipped")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[0.0])
    options = parser.parse_args()
    os.environ["C2LLM_BACKGROUND"] = "0"
    with tempfile.TemporaryDirectory() as home:
        os.environ["C2LLM_HOME"] = home
        if options.questions:
            run(of_file(options.questions, options.trees), options)
        else:
            run(of_benchmark(options.annotations, options.repos, options.cache), options)


def run(trees: Trees, options: argparse.Namespace) -> None:
    """Measure every tree, and all together."""
    from c2llm.index.build import first_files, indexed_tree
    from c2llm.search.code_index import CodeIndex

    shipped = first_files.promising
    if options.always:
        first_files.is_large = indexed_tree.is_large = lambda files: True  # type: ignore[assignment]
    bounds = [
        (files or first_files.FIRST_FILES, int(size * 1e6) or first_files.FIRST_BYTES)
        for files in options.files
        for size in options.megabytes
    ]
    embed = "none" if options.mode == "lexical" else "candidates"
    opened = partial(CodeIndex.open, model=options.model, embed=embed, preload=False, rebuild=True)
    sums: dict[str, list[float]] = {}
    for name, root, prefix, questions in trees:
        files = list_files(root).files
        if not first_files.is_large(files):
            continue
        rows: dict[str, list[QuestionResult]] = {}
        whole = Asked(opened(root))
        rows["all"] = [ask(whole, question, options.mode, prefix) for question in questions]
        whole.close()
        read: dict[str, float] = {}
        for most_files, most_bytes in bounds:
            label = f"{most_files} files, {most_bytes / 1e6:g} MB"
            indexed_tree.promising = partial(shipped, most_files=most_files, most_bytes=most_bytes)
            rows[label], there = [], 0
            for question in questions:
                index = opened(root, wait=False)
                rows[label].append(ask(Asked(index), question, options.mode, prefix))
                index.close()
                indexed = indexed_paths(index.file, prefix)
                there += sum(target.path in indexed for target in question.targets)
            read[label] = there / sum(len(question.targets) for question in questions)
        print(f"{name}: {len(files):,} files, {len(questions)} questions", flush=True)
        for label, results in rows.items():
            by_file = [result.file_ndcg for result in results]
            by_chunk = [result.chunk_ndcg for result in results]
            sums.setdefault(label, []).extend(by_file)
            sums.setdefault(f"{label} ", []).extend(by_chunk)
            told = f", {read[label]:.3f} of the targets read" if label in read else ""
            print(
                f"  {label:22s} files {sum(by_file) / len(by_file):.3f}  "
                f"chunks {sum(by_chunk) / len(by_chunk):.3f}{told}",
                flush=True,
            )
    for label in [label for label in sums if not label.endswith(" ")]:
        by_file, by_chunk = sums[label], sums[f"{label} "]
        print(
            f"all {len(by_file)} questions, {label}: files {sum(by_file) / len(by_file):.4f}  "
            f"chunks {sum(by_chunk) / len(by_chunk):.4f}"
        )


if __name__ == "__main__":
    sys.exit(main())
