"""What a model's card says of it: the block of YAML at the head of a folder's README.md.

The names are the hub's own (`license`, `base_model`, `datasets`), but for `release_date`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from c2llm.errors import DataError

_VALUE_ERRORS = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What YAML's reader raises for a scalar that is none of the kind that its tag says."""


@dataclass(frozen=True, slots=True)
class Card:
    """Facts of a card; what it does not say is empty."""

    license: str | None = None
    release_date: str | None = None
    """YYYY-MM-DD."""
    base_model: str | None = None
    datasets: frozenset[str] | None = None


def read_card(folder: Path | None) -> Card:
    """The card of a model folder; an empty one if there is none, or none with a block of YAML.

    Raises:
        DataError: for a block that is no YAML, or says something other than these fields hold.
    """
    path = (folder or Path()) / "README.md"
    if folder is None or not path.is_file():
        return Card()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        return Card()
    import yaml

    try:
        fields = yaml.safe_load("\n".join(lines[1 : lines.index("---", 1)])) or {}
        return _card(fields)
    except (yaml.YAMLError, RecursionError, *_VALUE_ERRORS) as error:
        told = " ".join(str(error).split())
        raise DataError(f"The head of {path} does not describe a model ({told}).") from error


def _card(fields: Mapping[str, Any]) -> Card:
    if not isinstance(fields, Mapping):
        raise TypeError("no names and values")
    base, datasets, released = (fields.get(k) for k in ("base_model", "datasets", "release_date"))
    if isinstance(base, list):  # a merge has several
        base = base[0] if len(base) == 1 else None
    if datasets is not None and not isinstance(datasets, list):
        datasets = [datasets]
    return Card(
        license=str(fields["license"]).lower() if fields.get("license") else None,
        release_date=date.fromisoformat(str(released)).isoformat() if released else None,
        base_model=str(base) if base else None,
        datasets=None if datasets is None else frozenset(map(str, datasets)),
    )
