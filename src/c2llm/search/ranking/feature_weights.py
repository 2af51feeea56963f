"""What each feature is worth: `rank_weights.json`, read and checked.

The file says by itself what its numbers were fitted on. `recipes/ranker/fit_ranker.py` writes one
like it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from c2llm.errors import DataError
from c2llm.search.query.query_parsing import QueryKind
from c2llm.search.ranking.features import FEATURES

WEIGHTS_FILE = Path(__file__).with_name("rank_weights.json")
FACTORS = ("test", "example", "document", "legacy", "reexport", "declaration", "older")


# Python 3.11 takes long to compile the repr of many fields, which every search would pay.
@dataclass(frozen=True, slots=True, repr=False)
class RankWeights:
    """The weights; 1 is the score of the best candidate of the fused scores."""

    dense: Mapping[QueryKind, float]
    """For each kind of query the share of the vectors in the fused scores; the rest is BM25."""
    contrast: Mapping[QueryKind, float]
    """For each kind of query how steeply trust in the vectors rises with the nearest's contrast."""
    ordinary_contrast: float
    """The contrast at which words and vectors have the shares that `dense` says."""
    features: Mapping[QueryKind, tuple[float, ...]]
    """For each kind of query the worth of each feature, in the order of `FEATURES`."""
    factors: Mapping[str, float]
    """What a file of a demoted role is multiplied by, unless the query asks for it."""
    asked: float
    """Factor for a file of such a role that the query asks for."""
    saturation: float
    """Factor for the second chunk of a file in the list, squared for the third, and so on."""

    def with_feature(self, name: str, worth: float) -> RankWeights:
        """The same weights with one feature worth this for every kind of query."""
        at = FEATURES.index(name)
        features = {kind: (*row[:at], worth, *row[at + 1 :]) for kind, row in self.features.items()}
        return replace(self, features=features)


def load_weights(path: Path = WEIGHTS_FILE) -> RankWeights:
    """Read a file of weights.

    Raises:
        DataError: if it is not there, or lacks a weight, or has one of no known name.
    """
    try:
        return parse_weights(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path} is not a file of ranker weights ({error}); "
            "make one with: python recipes/ranker/fit_ranker.py."
        ) from error


def parse_weights(fields: Mapping[str, Any]) -> RankWeights:
    """The weights of the object that the file holds; raises KeyError and ValueError."""
    rows: dict[QueryKind, tuple[float, ...]] = {}
    dense: dict[QueryKind, float] = {}
    contrast: dict[QueryKind, float] = {}
    for kind in QueryKind:
        row = dict(fields["features"][kind.value])
        dense[kind] = _number(row.pop("dense"))
        contrast[kind] = _number(row.pop("contrast"))
        rows[kind] = tuple(_number(row.pop(name)) for name in FEATURES)
        if row:
            raise ValueError(f"unknown features {', '.join(row)}")
    factors = {name: _number(fields["factors"][name]) for name in FACTORS}
    return RankWeights(
        dense=dense,
        contrast=contrast,
        ordinary_contrast=_number(fields["ordinary_contrast"]),
        features=rows,
        factors=factors,
        asked=_number(fields["asked"]),
        saturation=_number(fields["saturation"]),
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


DEFAULT_WEIGHTS = load_weights()
NO_FEATURES = RankWeights(
    dense=DEFAULT_WEIGHTS.dense,
    contrast=DEFAULT_WEIGHTS.contrast,
    ordinary_contrast=DEFAULT_WEIGHTS.ordinary_contrast,
    features={kind: (0.0,) * len(FEATURES) for kind in QueryKind},
    factors=dict.fromkeys(FACTORS, 1.0),
    asked=1.0,
    saturation=1.0,
)
"""Leaves the fused scores as they are; what the features are measured against."""
