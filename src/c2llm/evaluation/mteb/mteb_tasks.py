"""The twelve tasks of MTEB(Code, v1), from the hub or from local copies of their data sets.

A local copy is read by the task's own loader: only its `dataset` entry points elsewhere, in this
task object alone. What mteb would let pass in a damaged copy (an empty corpus, judgements of
documents that are not there) is refused by name, since its scores would mean nothing.

| task | data set | finds |
|---|---|---|
| AppsRetrieval | CoIR-Retrieval/apps | programs for contest problems |
| CodeEditSearchRetrieval | cassanof/CodeEditSearch | diffs for instructions, 13 languages |
| CodeFeedbackMT | CoIR-Retrieval/codefeedback-mt | answers in conversations |
| CodeFeedbackST | CoIR-Retrieval/codefeedback-st | answers to questions |
| CodeSearchNetCCRetrieval | CoIR-Retrieval/CodeSearchNet-ccr | how code goes on, 6 languages |
| CodeSearchNetRetrieval | mteb/CodeSearchNetRetrieval | functions for docstrings, 6 languages |
| CodeTransOceanContest | CoIR-Retrieval/codetrans-contest | C++ for Python |
| CodeTransOceanDL | CoIR-Retrieval/codetrans-dl | Python for Python of another framework |
| COIRCodeSearchNetRetrieval | CoIR-Retrieval/CodeSearchNet | docstrings for code, 6 languages |
| CosQA | CoIR-Retrieval/cosqa | Python for web queries |
| StackOverflowQA | mteb/StackOverflowQA | answers to questions |
| SyntheticText2SQL | CoIR-Retrieval/synthetic-text2sql | SQL for questions |
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.provenance import hash_files

BENCHMARK = "MTEB(Code, v1)"
HUB_IDS = {
    "AppsRetrieval": "CoIR-Retrieval/apps",
    "CodeEditSearchRetrieval": "cassanof/CodeEditSearch",
    "CodeFeedbackMT": "CoIR-Retrieval/codefeedback-mt",
    "CodeFeedbackST": "CoIR-Retrieval/codefeedback-st",
    "CodeSearchNetCCRetrieval": "CoIR-Retrieval/CodeSearchNet-ccr",
    "CodeSearchNetRetrieval": "mteb/CodeSearchNetRetrieval",
    "CodeTransOceanContest": "CoIR-Retrieval/codetrans-contest",
    "CodeTransOceanDL": "CoIR-Retrieval/codetrans-dl",
    "COIRCodeSearchNetRetrieval": "CoIR-Retrieval/CodeSearchNet",
    "CosQA": "CoIR-Retrieval/cosqa",
    "StackOverflowQA": "mteb/StackOverflowQA",
    "SyntheticText2SQL": "CoIR-Retrieval/synthetic-text2sql",
}
"""Data sets of the benchmark's tasks."""
TASKS = tuple(HUB_IDS)

_DATA = ("*.parquet", "*.jsonl", "*.jsonl.gz", "*.json", "*.csv", "*.tsv", "*.arrow", "README.md")
_COMMIT = re.compile(r"[0-9a-f]{40}")
LOCAL = "local-"
"""Begins the revision of a data set whose hub revision is not known."""


def benchmark_tasks(names: Sequence[str] = ()) -> list[Any]:
    """Task objects of mteb, those named or the twelve of MTEB(Code, v1).

    Args:
        names: task names in any case; besides the twelve, any retrieval task of mteb over text.

    Raises:
        UsageError: for an unknown name, or a task that is no text retrieval.
    """
    mteb = import_mteb()
    known = {name.lower(): name for name in TASKS}
    tasks = [] if names else list(mteb.get_benchmark(BENCHMARK).tasks)
    for name in dict.fromkeys(known.get(name.lower(), name) for name in names):
        try:
            tasks.append(mteb.get_task(name))
        except KeyError:
            raise UsageError(
                f"mteb has no task {name!r}; those of {BENCHMARK} are {', '.join(TASKS)}."
            ) from None
    for task in tasks:
        if task.metadata.type != "Retrieval" or task.metadata.modalities != ["text"]:
            raise UsageError(
                f"{task.metadata.name} is {task.metadata.type} over "
                f"{' and '.join(task.metadata.modalities)}; only retrieval of texts is run here."
            )
    return tasks


def import_mteb() -> Any:
    """The package mteb, its progress bars and its data library's silenced.

    Raises:
        UsageError: if it is not installed.
    """
    try:
        import datasets
        import mteb
    except ModuleNotFoundError as error:
        raise UsageError(
            f"c2llm eval mteb needs {error.name}: pip install 'c2llm[eval]'."
        ) from error
    datasets.disable_progress_bars()
    return mteb


def use_local_copy(task: Any, data: Path) -> None:
    """Have a task read its data set from below `data`.

    The copy lies at the hub id (`data/CoIR-Retrieval/cosqa`), at the name alone (`data/cosqa`), or
    where the hub's own cache puts it (`data/datasets--CoIR-Retrieval--cosqa/snapshots/REVISION`).

    Raises:
        UsageError: if `data` is no directory.
        DataError: if it has no copy, or a copy lacks configurations of the task.
    """
    if not data.is_dir():
        raise UsageError(f"{data} is not a directory; give the one that holds the data sets.")
    hub_id = str(task.metadata.dataset["path"])
    folder = _find_copy(data, hub_id, str(task.metadata.dataset["revision"]))
    if folder is None:
        raise DataError(
            f"{data} has no {hub_id}, which {task.metadata.name} is made of; download the data set "
            f"{hub_id} to {data / hub_id}."
        )
    _check_configurations(task, folder, hub_id)
    entry = {**task.metadata.dataset, "path": str(folder), "revision": data_revision(folder)}
    task.metadata = task.metadata.model_copy(update={"dataset": entry})


def _find_copy(data: Path, hub_id: str, revision: str) -> Path | None:
    snapshots = data / f"datasets--{hub_id.replace('/', '--')}" / "snapshots"
    cached = sorted(snapshots.iterdir()) if snapshots.is_dir() else []
    for folder in (
        data / hub_id,
        data / hub_id.rpartition("/")[2],
        snapshots / revision,
        *cached,
    ):
        if folder.is_dir():
            return folder
    return None


def _check_configurations(task: Any, folder: Path, hub_id: str) -> None:
    """Refuse a copy that lacks a part: the data library's own words for it name none."""
    subsets = list(task.hf_subsets)
    if hub_id == "cassanof/CodeEditSearch":
        missing = [subset for subset in subsets if not (folder / subset).is_dir()]
    else:
        from datasets import get_dataset_config_names

        try:
            there = set(get_dataset_config_names(str(folder)))
        except Exception as error:  # the data library raises a family of unrelated classes
            raise DataError(f"{folder} is not a copy of {hub_id} ({_brief(error)}).") from error
        prefixes = [f"{subset}-" if subset != "default" else "" for subset in subsets]
        missing = [
            prefix + part
            for prefix in prefixes
            for part in ("corpus", "queries")
            if prefix + part not in there
        ]
    if missing:
        raise DataError(
            f"{folder} lacks {', '.join(missing)} of {hub_id}; copy the whole data set, its "
            "README.md too, which names the configurations."
        )


def data_revision(folder: Path) -> str:
    """The hub's commit that a copy was made from; where that is not told, a hash of its files.

    The commit is in the path of the hub's cache, and in the notes that its client leaves beside a
    plain download.
    """
    if folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name):
        return folder.name
    notes = sorted((folder / ".cache" / "huggingface" / "download").rglob("*.metadata"))
    commits = {_first_line(note) for note in notes}
    if len(commits) == 1 and _COMMIT.fullmatch(commit := commits.pop()):
        return commit
    files = {path for pattern in _DATA for path in folder.rglob(pattern) if path.is_file()}
    files = {path for path in files if ".cache" not in path.relative_to(folder).parts}
    return LOCAL + hashlib.sha256(hash_files(folder, files).encode()).hexdigest()[:16]


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        return ""


@contextmanager
def separate_cache() -> Iterator[None]:
    """Keep what the data library converts apart while the block runs, and drop it afterwards.

    Its cache knows a local data set by its folder's name alone: of two copies named `cosqa`, the
    second would be taken for the first.
    """
    from datasets import config

    before = config.HF_DATASETS_CACHE
    with TemporaryDirectory(prefix="c2llm-datasets-", ignore_cleanup_errors=True) as folder:
        config.HF_DATASETS_CACHE = folder
        try:
            yield
        finally:
            config.HF_DATASETS_CACHE = before


def load_data(task: Any, *, local: bool) -> None:
    """Load a task's data, and check what came from a local copy.

    Raises:
        DataError: if the data cannot be had or, from a local copy, make no task.
    """
    name = task.metadata.name
    try:
        task.load_data()
        task.convert_v1_dataset_format_to_v2(num_proc=None)
    except Exception as error:  # data library, hub client and network each raise their own
        where = task.metadata.dataset["path"]
        cure = "copy the data set again" if local else "without a network, give --data DIRECTORY"
        raise DataError(
            f"{name} cannot be loaded from {where} ({_brief(error)}); {cure}."
        ) from error
    if local:
        for subset in task.hf_subsets:
            for split in task.eval_splits:
                _check_split(task, subset, split)


def _check_split(task: Any, subset: str, split: str) -> None:
    where = f"{task.metadata.dataset['path']} ({subset}, {split})"
    data = task.dataset[subset][split]
    documents = set(data["corpus"]["id"])
    if not documents:
        raise DataError(f"{where} has an empty corpus; copy the data set again.")
    asked = set(data["queries"]["id"])
    judged = {query: found for query, found in data["relevant_docs"].items() if query in asked}
    if not any(gain > 0 for found in judged.values() for gain in found.values()):
        raise DataError(f"{where} judges none of its {len(asked)} queries; copy it again.")
    for query, found in judged.items():
        for document in found:
            if document not in documents:
                raise DataError(
                    f"{where} judges the document {document!r} for the query {query!r}, which its "
                    "corpus does not hold; copy the data set again."
                )


def _brief(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
