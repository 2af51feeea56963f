"""What `@NAME:GLOB` means."""

from __future__ import annotations

import pytest

from c2llm.errors import UsageError
from c2llm.index.catalog.catalogs import Candidate, add_to_catalog
from c2llm.search.catalog_opening import asked_catalog, is_named


@pytest.mark.parametrize(
    ("globs", "is_meant"),
    [
        ((), True),
        (("acme/api",), True),
        (("acme",), True),
        (("acme/",), True),
        (("acme/*",), True),
        (("*/api",), True),
        (("beta/*", "acme/ap?"), True),
        (("acme/ap",), False),
        (("acm",), False),
        (("api",), False),
        (("ACME/api",), False),
        (("acme/api/src",), False),
    ],
)
def test_a_repository_is_meant_by_its_name_what_is_above_it_or_a_glob(
    globs: tuple[str, ...], is_meant: bool
) -> None:
    assert is_named("acme/api", globs) is is_meant


def test_a_catalog_is_narrowed_and_what_fits_nothing_is_told() -> None:
    names = ("acme/api", "acme/web", "beta/web")
    add_to_catalog("work", [Candidate((name,), path=f"/srv/{name}") for name in names])

    def meant(path: str) -> list[str]:
        asked = asked_catalog(path)
        return sorted(entry.name for entry in (*asked.kept, *asked.live))

    assert meant("@work") == list(names)
    assert asked_catalog("@work").seen is None  # also what is added later
    assert meant("@work:acme/*") == ["acme/api", "acme/web"]
    assert meant("@work: */web , acme/api") == list(names)
    assert meant("@work:,") == list(names)
    with pytest.raises(UsageError, match="is called gamma"):
        asked_catalog("@work:gamma")
    with pytest.raises(UsageError):
        asked_catalog("@nothing")
