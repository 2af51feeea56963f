"""The same home for indexes as everywhere."""

from __future__ import annotations

from tests.index.conftest import home

__all__ = ["home"]
