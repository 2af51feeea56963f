"""What the tests of the twelve tasks share."""

from __future__ import annotations

import pytest

from tests.evaluation.mteb.hub_copies import write_all


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """Small local copies of all twelve data sets; not to be changed."""
    return write_all(tmp_path_factory.mktemp("hub"))
