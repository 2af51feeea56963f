"""Data sets of the hub, through `datasets`: files of pairs, or queries, corpus and judgements.

`hub:OWNER/NAME` is downloaded into the hub's cache once; a folder in the same layout (a clone of
the repository) works without a network. The training sets of MTEB-Code have three configurations,
`queries` and `corpus` with one split each and `default` with the judgements (`query-id`,
`corpus-id`, `score`) in splits `train`, `test`; those with several languages have `go-queries`,
`go-corpus` and `go-qrels`, chosen by `hub_config: go`.

Tables stay memory-mapped on disk; only the ids of a corpus are held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.training.run.recipe import HUB, SourceConfig, hub_name

TESTED = ("test", "validation", "dev")
"""Splits that evaluation uses."""


def hub_rows(source: SourceConfig, root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of a hub data set, each with where it stands.

    Judged queries become `{"id", "query", "positives"}`, with the documents of a score above 0.

    Raises:
        UsageError: if `datasets` is missing or the hub does not give the data set.
        DataError: for judgements of texts that are not there.
    """
    name = hub_name(source.file).removeprefix(HUB)
    configs = _configs(name, root, source)
    prefix = f"{source.hub_config}-" if source.hub_config else ""
    judged = {f"{prefix}queries", f"{prefix}corpus"}
    if judged <= set(configs):
        qrels = f"{prefix}qrels" if prefix or "qrels" in configs else "default"
        yield from _judged_rows(name, root, source, prefix, qrels)
        return
    config = source.hub_config or None
    if config is not None and config not in configs:
        raise UsageError(
            f"{source.file} has no configuration {config!r}; there are {', '.join(configs)}."
        )
    table = _table(name, root, source, config, source.hub_split)
    for number, row in enumerate(table, 1):
        yield f"{source.file}[{config or 'default'}/{source.hub_split}]:{number}", row


def evaluation_texts(source: SourceConfig, root: Path) -> Iterator[str]:
    """What a hub data set tests with: queries and documents, in whatever layout.

    Its splits `test`, `validation` and `dev` count, in every configuration; a set that has none of
    them is one that is tested on as a whole.
    """
    name = hub_name(source.file).removeprefix(HUB)
    configs = _configs(name, root, source)
    languages = [c.removesuffix("-queries") for c in configs if c.endswith("-queries")]
    if not languages and "queries" not in configs:
        for config in [source.hub_config] if source.hub_config else configs:
            splits = _splits(name, root, source, config)
            for split in [split for split in splits if split in TESTED] or splits:
                for row in _table(name, root, source, config, split):
                    yield from _row_texts(row)
        return
    for language in languages or [source.hub_config]:
        for split in TESTED:
            part = replace(source, hub_split=split, hub_config=language)
            try:
                for _, row in hub_rows(part, root):
                    yield row["query"]
                    yield from row["positives"]
            except UsageError:
                if split == "test":
                    raise


def _row_texts(row: Mapping[str, Any]) -> Iterator[str]:
    """All texts of a row, whatever its columns are called; single words name languages and ids."""
    for value in row.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and len(text.split(None, 2)) > 2:
                yield text


def _judged_rows(
    name: str, root: Path, source: SourceConfig, prefix: str, qrels: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    queries = _table(name, root, source, f"{prefix}queries", "queries")
    corpus = _table(name, root, source, f"{prefix}corpus", "corpus")
    judgements = _table(name, root, source, qrels, source.hub_split)
    query_row = {str(id): row for row, id in enumerate(queries["_id"])}
    document_row = {str(id): row for row, id in enumerate(corpus["_id"])}
    answers: dict[str, list[str]] = {}
    for number, row in enumerate(judgements, 1):
        where = f"{source.file}[{qrels}/{source.hub_split}]:{number}"
        query, document = str(row["query-id"]), str(row["corpus-id"])
        for what, id, known in (
            ("query", query, query_row),
            ("document", document, document_row),
        ):
            if id not in known:
                raise DataError(f"{where} judges the {what} {id!r}, which the data set has not.")
        if float(row["score"]) > 0:
            answers.setdefault(query, []).append(document)
    for id, documents in answers.items():
        row = queries[query_row[id]]
        yield (
            f"{source.file}[{prefix}queries]:{query_row[id] + 1}",
            {
                "id": id,
                "query": str(row["text"]),
                "language": str(row.get("language") or source.hub_config or ""),
                "positives": [_document(corpus[document_row[d]]) for d in documents],
            },
        )


def _document(row: Mapping[str, Any]) -> str:
    """Title and text, as MTEB joins them."""
    return f"{row.get('title') or ''} {row['text']}".strip()


def _location(name: str, root: Path) -> tuple[str, bool]:
    local = root / name
    return (str(local), True) if local.is_dir() else (name, False)


def _configs(name: str, root: Path, source: SourceConfig) -> list[str]:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{source.file} needs {error.name}: install it with pip install 'c2llm[train]'."
        ) from error
    path, local = _location(name, root)
    try:
        return list(
            datasets.get_dataset_config_names(
                path, revision=None if local else source.revision or None
            )
        )
    except Exception as error:  # not found, not allowed, not connected: a class each
        raise _not_given(source, error) from error


def _splits(name: str, root: Path, source: SourceConfig, config: str) -> list[str]:
    import datasets

    path, local = _location(name, root)
    revision = None if local else source.revision or None
    try:
        return list(datasets.get_dataset_split_names(path, config, revision=revision))
    except Exception as error:
        raise _not_given(source, error, f" [{config}]") from error


def _table(name: str, root: Path, source: SourceConfig, config: str | None, split: str) -> Any:
    import datasets

    path, local = _location(name, root)
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(
            path,
            name=config,
            split=split,
            revision=None if local else source.revision or None,
        )
    except Exception as error:
        raise _not_given(source, error, f" [{config or 'default'}/{split}]") from error


def _not_given(source: SourceConfig, error: Exception, part: str = "") -> UsageError:
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    return UsageError(f"The hub does not give {source.file}{part} ({reason}).")
