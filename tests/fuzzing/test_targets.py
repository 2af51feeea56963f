"""Every target on some inputs that are the same in each run; `make fuzz` tries far more."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzzing.one import apart_from_the_user
from tests.fuzzing.steps import inputs
from tests.fuzzing.target import load, names


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("fuzzing")))
        apart_from_the_user(patch.setenv)
        yield


@pytest.mark.parametrize("name", names())
def test_hostile_input_is_read_or_refused(name: str) -> None:
    target = load(name)
    if not target.quick:
        pytest.skip("`make fuzz` alone tries it")
    quick = settings(
        max_examples=target.quick,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    target.run(target.seeds[0])
    quick(given(inputs(target.seeds, target.tokens))(target.run))()
