"""Facets count the hits and write the text of the query."""

from __future__ import annotations

from c2llm.search.answers.facets import Facets
from c2llm.search.query.typed_filters import parse_typed
from c2llm.serving.page.facets import chips, links


def counted(**counts: dict[str, int]) -> Facets:
    nothing = {"languages": {}, "kinds": {}, "folders": {}, "repositories": {}}
    return Facets(4, **{**nothing, **counts})


def values(facets: Facets, text: str = "x") -> dict[str, dict[str, int]]:
    return {
        one["name"]: {value["value"]: value["count"] for value in one["values"]}
        for one in links(facets, parse_typed(text))
    }


def test_languages_folders_and_repositories_are_links():
    found = counted(
        repositories={"api": 2, "web": 1}, languages={"go": 2, "c": 1}, folders={"a": 2, ".": 2}
    )
    assert values(found) == {
        "repo": {"api": 2, "web": 1},
        "lang": {"go": 2, "c": 1},
        "path": {"a": 2},
    }


def test_what_would_change_nothing_is_no_facet():
    assert values(counted(languages={"go": 4}, folders={".": 4})) == {}


def test_a_chosen_value_stays_and_takes_itself_away():
    [facet] = links(counted(languages={"python": 2}), parse_typed("x lang:py"))
    assert facet["values"][0] == {
        "value": "py",
        "count": 0,
        "chosen": True,
        "text": "x",
        "without": "x -lang:py",
    }


def test_values_are_links_to_the_text_with_them():
    [facet] = links(counted(folders={"a b": 1, "c": 1}), parse_typed("x"))
    texts = [(value["value"], value["text"], value["without"]) for value in facet["values"]]
    assert ("a b", 'x path:"a b"', 'x -path:"a b"') in texts
    assert ("c", "x path:c", "x -path:c") in texts


def test_a_folder_that_cannot_be_typed_is_none():
    assert values(counted(folders={"a\n": 3, "b": 1, "c": 1})) == {"path": {"b": 1, "c": 1}}


def test_every_filter_has_a_chip_that_removes_it():
    assert [
        (one["name"], one["excludes"], one["text"])
        for one in chips(parse_typed("x lang:go -path:tests"))
    ] == [("lang", False, "x -path:tests"), ("path", True, "x lang:go")]
