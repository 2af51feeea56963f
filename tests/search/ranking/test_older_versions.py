"""An older version steps back behind a newer one of the same tree, and only there."""

from __future__ import annotations

import pytest

from c2llm.search.query.query_parsing import parse_query
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS
from c2llm.search.ranking.features import Corpus
from c2llm.search.ranking.older_versions import older_versions
from c2llm.search.ranking.ranker import Candidate, rank
from tests.search.ranking.test_features import facts

SIBLINGS = ["api/v2/users.go", "api/v3/users.go", "api/v3/keys.go", "api/errors.go"]
INSIDE = ["shop/cart.py", "shop/price.py", "shop/tax.py", "shop/store.py"]
FIRST = ["shop/v1/cart.py", "shop/v1/price.py", "shop/v1/tax.py", "shop/v1/old_names.py"]


@pytest.mark.parametrize(
    ("query", "older"),
    [
        ("where users are listed", {"api/v2/users.go"}),
        ("where v3 lists users", {"api/v2/users.go"}),
        ("where v2 lists users", set()),
        ("users of V2", set()),
        ("users of version 2", set()),
        ("api/v2/users.go:12", set()),
        ("the v20 of users", {"api/v2/users.go"}),
        ("rev2 of users", {"api/v2/users.go"}),
    ],
)
def test_a_version_beside_a_newer_one_is_older_unless_it_is_asked_for(query, older):
    assert older_versions(SIBLINGS, query) == older


def test_versions_are_compared_as_numbers_and_whatever_their_case():
    assert older_versions(["a/V9/x.cs", "a/V10/x.cs"], "x") == {"a/V9/x.cs"}
    assert older_versions(["v1/x.c", "v2/y.c"], "x") == {"v1/x.c"}


def test_a_version_without_a_newer_one_beside_it_is_not_older():
    assert not older_versions(["api/v1/users.go", "api/errors.go"], "users")
    assert not older_versions(["a/v1/x.go", "b/v2/x.go", "v3.go", "a/v4.go"], "x")


def test_a_first_version_inside_of_the_next_is_told_by_files_that_both_have():
    assert older_versions(INSIDE + FIRST, "how is tax added") == set(FIRST)
    assert not older_versions(INSIDE[:2] + FIRST, "how is tax added")
    assert not older_versions(INSIDE + FIRST, "how did v1 add tax")
    at_the_top = [path.removeprefix("shop/") for path in INSIDE + FIRST]
    assert older_versions(at_the_top, "tax") == {path.removeprefix("shop/") for path in FIRST}


def test_a_second_version_inside_of_the_first_is_the_newer_one():
    second = [path.replace("v1", "v2") for path in FIRST]
    assert not older_versions(INSIDE + second, "how is tax added")


def test_a_folder_that_has_little_in_common_with_the_one_above_is_no_version_of_it():
    resources = [f"shop/v1/{name}.py" for name in ("cart", "price", "tax", *"abcdefg")]
    assert not older_versions(INSIDE + resources, "how is tax added")


def test_the_newer_version_is_in_front_and_the_older_one_says_why_it_is_not():
    candidates = [
        Candidate(facts(1, "api/v1/users.py"), lexical=9.0, lexical_rank=1),
        Candidate(facts(2, "api/v2/users.py"), lexical=8.0, lexical_rank=2),
    ]
    rarity = dict.fromkeys(("list", "v", "1"), 1.0)
    asked = {
        text: rank(candidates, parse_query(text), [Corpus(rarity)], 2, DEFAULT_WEIGHTS)
        for text in ("list them", "list them in v1")
    }
    paths = {text: [one.candidate.facts.path for one in found] for text, found in asked.items()}
    assert paths["list them"] == ["api/v2/users.py", "api/v1/users.py"]
    assert paths["list them in v1"] == ["api/v1/users.py", "api/v2/users.py"]
    assert "demoted: older version" in asked["list them"][1].why.reasons
