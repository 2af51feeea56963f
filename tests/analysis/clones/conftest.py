"""The same home as for the index."""

from __future__ import annotations

from tests.index.conftest import home

__all__ = ["home"]
