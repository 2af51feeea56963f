"""The same home and project as for the index."""

from __future__ import annotations

from tests.index.conftest import home, project

__all__ = ["home", "project"]
