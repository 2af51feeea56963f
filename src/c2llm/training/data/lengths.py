"""How long the texts of each dataset are, and how many a recipe's limits cut."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from c2llm.training.data.training_pair import Pair
from c2llm.training.objective.text_embedding import tokenize

SAMPLE = 500
"""Rows of a dataset that are measured."""
LONGEST = 100_000
"""Tokens up to which a text is counted."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of the texts of one kind in one dataset."""

    mean: float
    median: int
    p90: int
    p99: int
    longest: int
    cut: float
    """Share of texts above the limit."""

    @classmethod
    def of(cls, counts: Sequence[int], limit: int) -> Lengths:
        """From the token counts of texts."""
        found = np.array(counts)
        median, p90, p99 = (int(np.percentile(found, q)) for q in (50, 90, 99))
        return cls(
            mean=round(float(found.mean()), 1),
            median=median,
            p90=p90,
            p99=p99,
            longest=int(found.max()),
            cut=round(float((found > limit).mean()), 4),
        )


def length_statistics(
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    prompts: Mapping[str, str],
    max_query_tokens: int,
    max_document_tokens: int,
) -> dict[str, dict[str, Any]]:
    """Per dataset: rows, and the lengths of queries, documents and negatives of a sample."""
    rows: dict[str, list[int]] = {}
    for index, pair in enumerate(pairs):
        rows.setdefault(pair.dataset, []).append(index)
    found: dict[str, dict[str, Any]] = {}
    for dataset, indices in sorted(rows.items()):
        drawn = [pairs[i] for i in random.Random(0).sample(indices, min(SAMPLE, len(indices)))]
        queries = [
            (f"{p.instruction}\n" if p.instruction else prompts["query"]) + p.query for p in drawn
        ]
        documents = [prompts["document"] + p.document for p in drawn]
        negatives = [prompts["document"] + text for p in drawn for text in p.negatives[:7]]
        found[dataset] = {"rows": len(indices), "measured": len(drawn)}
        for name, texts, limit in (
            ("query", queries, max_query_tokens),
            ("document", documents, max_document_tokens),
            ("negative", negatives, max_document_tokens),
        ):
            if texts:
                counts = [len(ids) for ids in tokenize(tokenizer, texts, LONGEST)]
                found[dataset][name] = asdict(Lengths.of(counts, limit))
    return found
