"""Facets count the hits and write the text of the query."""

from __future__ import annotations

from c2llm.search.answer import Hit
from c2llm.search.query.typed_filters import parse_typed
from c2llm.serving.page.facets import chips, facets


def hit(path: str, language: str = "python", repository: str = "") -> Hit:
    return Hit(path, 1, 2, language, "function", "f", 1.0, "x", (), repository=repository)


def counted(hits, text: str = "x") -> dict[str, dict[str, int]]:
    return {
        one["name"]: {value["value"]: value["count"] for value in one["values"]}
        for one in facets(hits, parse_typed(text))
    }


def test_languages_folders_and_repositories_are_counted():
    hits = [
        hit("src/net/a.py", repository="api"),
        hit("src/net/b.go", "go", "api"),
        hit("src/ui/c.py", repository="web"),
    ]
    assert counted(hits) == {
        "repo": {"api": 2, "web": 1},
        "lang": {"python": 2, "go": 1},
        "path": {"src/net": 2, "src/ui": 1},
    }


def test_what_would_change_nothing_is_no_facet():
    assert counted([hit("a.py"), hit("b.py")]) == {}


def test_a_chosen_value_stays_and_takes_itself_away():
    [facet] = facets([hit("a.py"), hit("b.py")], parse_typed("x lang:py"))
    assert facet["values"][0] == {
        "value": "py",
        "count": 0,
        "chosen": True,
        "text": "x",
        "without": "x -lang:py",
    }


def test_values_are_links_to_the_text_with_them():
    [facet] = facets([hit("a b/x.py"), hit("c/y.py"), hit("e/\x01/f.py")], parse_typed("x"))
    texts = [(value["value"], value["text"], value["without"]) for value in facet["values"]]
    assert ("a b", 'x path:"a b"', 'x -path:"a b"') in texts
    assert ("c", "x path:c", "x -path:c") in texts


def test_a_folder_that_cannot_be_typed_is_none():
    assert counted([hit("a\n/x.py"), hit("b/y.py"), hit("c/y.py")])["path"] == {"b": 1, "c": 1}


def test_every_filter_has_a_chip_that_removes_it():
    assert [
        (one["name"], one["excludes"], one["text"])
        for one in chips(parse_typed("x lang:go -path:tests"))
    ] == [("lang", False, "x -path:tests"), ("path", True, "x lang:go")]
