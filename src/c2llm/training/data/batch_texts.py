"""From the rows of a batch to the texts that are embedded.

Everything drawn here depends on (seed, step) and the whole batch alone: every rank draws the same
and then takes its rows, and a resumed run draws what an uninterrupted one would have drawn.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from c2llm.training.data.training_pair import Pair


@dataclass(frozen=True)
class RowTexts:
    """One row as it is embedded.

    Attributes:
        query: with its instruction or the query prompt.
        document: with the document prompt and, now and then, its header.
        negatives: K texts, with the document prompt.
        plain: document and negatives as they stand in the data.
        scores: a teacher's, of document and negatives; empty where there are none.
        asked: query as it stands in the data.
    """

    query: str
    document: str
    negatives: tuple[str, ...]
    plain: tuple[str, ...]
    scores: tuple[float, ...]
    asked: str


def draw_texts(
    batch: Sequence[Pair],
    prompts: Mapping[str, str],
    rng: random.Random,
    *,
    header_probability: float,
    hard_negatives: int,
    draw: str,
) -> list[RowTexts]:
    """The texts of every row.

    Args:
        batch: rows of one dataset.
        prompts: `query` and `document`.
        rng: decides on headers.
        header_probability: how often a document gets the header it has.
        hard_negatives: K; rows of a dataset without negatives get none.
        draw: seeds the choice of positives and negatives.
    """
    chooser = random.Random(draw)
    count = hard_negatives if all(len(p.negatives) >= hard_negatives for p in batch) else 0
    rows = []
    for pair in batch:
        document = pair.document
        headed = bool(pair.header) and rng.random() < header_probability
        if pair.also_positive:
            document = chooser.choice(pair.positives)
        chosen = chooser.sample(range(len(pair.negatives)), count) if count else []
        negatives = tuple(pair.negatives[i] for i in chosen)
        prompt = prompts["document"]
        instruction = f"{pair.instruction}\n" if pair.instruction else prompts["query"]
        rows.append(
            RowTexts(
                query=instruction + pair.query,
                document=prompt + (f"{pair.header}\n{document}" if headed else document),
                negatives=tuple(prompt + text for text in negatives),
                plain=(document, *negatives),
                scores=(pair.scores[0], *(pair.scores[1 + i] for i in chosen))
                if pair.scores
                else (),
                asked=pair.query,
            )
        )
    return rows


def known_answers(batch: Sequence[Pair], rows: Sequence[RowTexts]) -> Tensor | None:
    """Which documents of a batch are known to answer which queries, besides the own one.

    Args:
        batch: B rows.
        rows: their texts.

    Returns:
        (B, B + B K) bool, columns as in `loss.BatchVectors.known`; None if there are none.
    """
    answered_by: dict[str, list[int]] = {}
    same_query: dict[str, list[int]] = {}
    for row, pair in enumerate(batch):
        same_query.setdefault(pair.query, []).append(row)
    for pair in batch:
        for text in pair.positives:  # a query that stands twice is answered by both rows' documents
            answered_by.setdefault(text, []).extend(same_query[pair.query])
    texts = [row.plain[0] for row in rows]
    texts.extend(text for row in rows for text in row.plain[1:])
    found = [
        (row, column)
        for column, text in enumerate(texts)
        for row in answered_by.get(text, ())
        if row != column
    ]
    if not found:
        return None
    known = torch.zeros(len(rows), len(texts), dtype=torch.bool)
    index = torch.tensor(found)
    known[index[:, 0], index[:, 1]] = True
    return known
