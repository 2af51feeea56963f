"""All pairs of a recipe, filtered, as one JSONL file: what negatives are mined for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from c2llm.training.data.jsonl import write_rows
from c2llm.training.data.pair_loading import DataReport, load_pairs
from c2llm.training.data.training_pair import Pair
from c2llm.training.run.recipe import DataConfig


def write_pairs(config: DataConfig, seed: int, path: Path) -> tuple[int, DataReport]:
    """Write every pair that passes the filters of a recipe.

    Args:
        config: the recipe's data.
        seed: draws capped rows.
        path: the file, written beside and renamed.

    Returns:
        The number of pairs, and what was dropped.

    Raises:
        DataError: as `load_pairs`.
    """
    pairs, report = load_pairs(config, seed)
    write_rows(path, map(_row, pairs))
    return len(pairs), report


def _row(pair: Pair) -> dict[str, Any]:
    row: dict[str, Any] = {
        "query": pair.query,
        "positives": list(pair.positives),
        "dataset": pair.dataset,
        "language": pair.language,
    }
    if len(pair.positives) == 1:
        row["positive"] = row.pop("positives")[0]
    if pair.header:
        row["header"] = pair.header
    if pair.instruction:
        row["instruction"] = pair.instruction
    if pair.negatives:
        row["negatives"] = list(pair.negatives)
    if pair.scores:
        row["positive_score"], *row["negative_scores"] = pair.scores
    return row
