"""Filters: where they find something, what excuses it, and that none of them can do harm."""

from __future__ import annotations

import pytest

from c2llm.analysis.patterns.find import find_in_text
from c2llm.analysis.patterns.pattern import Pattern, filter_rows
from c2llm.analysis.patterns.places.matcher import places_in
from c2llm.analysis.patterns.places.place import Place
from c2llm.analysis.patterns.places.pool import Asked, PlacePool
from c2llm.analysis.patterns.places.predicates import QueryTrouble
from c2llm.errors import DataError
from tests.analysis.patterns.samples import NO_TIMEOUT, SWALLOWED, finding, read, sample

CODE = '''\
"""Module; eval(text) is named here."""
import requests


class Shop:
    def load(self, url):
        # eval(text) in a remark
        return eval(requests.get(url))

    def safe(self, url):
        """eval(text) in a docstring."""
        ü = "ö"; return eval(url)  # ä


value = eval("1")
'''


def places(pattern: Pattern, text: str, language: str = "python") -> list[Place]:
    row = pattern.find and filter_rows(pattern.find)
    return places_in(text, language, [(7, row)], lambda number: None).get(7, [])


def lines(pattern: Pattern, text: str, language: str = "python") -> list[int]:
    return [place.start_line for place in places(pattern, text, language)]


def test_expressions_find_code_and_no_remarks() -> None:
    found = places(finding(r"eval\("), CODE)
    assert [one.start_line for one in found] == [8, 12, 15]
    assert [one.symbol for one in found] == ["Shop.load", "Shop.safe", ""]
    whole = places(finding(r"\s*return\s+(?P<match>eval)"), CODE)
    assert [(one.start_line, one.start_column, one.end_column) for one in whole] == [
        (8, 16, 20),
        (12, 25, 29),
    ]


def test_blank_space_around_what_is_found_is_no_part_of_it() -> None:
    [place] = places(finding(r"\s*value = \S+\s*"), CODE)
    assert (place.start_line, place.end_line, place.start_column) == (15, 15, 1)


QUERY = """((call function: (identifier) @name) @match (#eq? @name "eval"))"""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (QUERY, [8, 12, 15]),
        ("""((call function: (identifier) @n) @match (#match? @n "^ev"))""", [8, 12, 15]),
        ("""((call function: (_) @n) @match (#not-eq? @n "eval"))""", [8]),
        ("""((call function: (_) @n) @match (#not-match? @n "^ev"))""", [8]),
        ("""((call function: (_) @n) @match (#any-of? @n "x" "requests.get"))""", [8]),
        ("""((call function: (_) @n) @match (#not-any-of? @n "x" "eval"))""", [8]),
        ("""((identifier) @match (#eq? @match "ü"))""", [12]),
        ("""(class_definition name: (_) @match) ; (#eq? @match "a comment")""", [5]),
    ],
)
def test_queries_and_their_predicates(query: str, expected: list[int]) -> None:
    pattern = sample(find={"query": {"python": query}}, threshold=-1)
    assert lines(pattern, CODE) == expected


def test_columns_are_of_characters() -> None:
    [place] = places(finding(r"eval\(url\)"), CODE)
    assert CODE.split("\n")[11][place.start_column - 1 : place.end_column - 1] == "eval(url)"
    pattern = sample(find={"query": {"python": QUERY}})
    [_, queried, _] = places(pattern, CODE)
    assert queried == place


def test_a_query_gives_places_that_an_expression_confirms() -> None:
    both = finding({"python": r"\burl\b"}, query={"python": QUERY})
    assert lines(both, CODE) == [8, 12]


@pytest.mark.parametrize(
    ("unless", "expected"),
    [
        ([{"regex": "requests"}], [12]),
        ([{"regex": "requests", "within": "file"}], []),
        ([{"regex": "requests", "within": "match"}], [8, 12, 15]),
        ([{"regex": "requests", "within": "lines"}], [12, 15]),
        ([{"query": {"python": "(string) @match"}}], [8]),
        ([{"query": {"python": "(class_definition) @match"}, "within": "file"}], []),
        ([{"regex": {"java": "requests"}}], [8, 12, 15]),
        ([{"regex": "nowhere"}, {"regex": "ü"}], [8]),
    ],
)
def test_what_excuses_a_place(unless: list[dict[str, object]], expected: list[int]) -> None:
    """At module level the function around is the file: `requests` excuses line 15 too."""
    assert lines(finding(r"eval\(", unless=unless), CODE) == expected


def test_a_pattern_without_a_filter_is_held_against_functions() -> None:
    assert [(one.symbol, one.start_line) for one in places(sample(), CODE)] == [
        ("Shop.load", 6),
        ("Shop.safe", 10),
    ]


def test_scripts_in_pages_are_searched_where_they_stand() -> None:
    page = "<template><p/></template>\n<script>\ntry { a() } catch (e) {}\n</script>\n"
    assert lines(read(SWALLOWED), page, "vue") == [3]


def test_a_language_takes_the_rows_of_the_one_it_extends() -> None:
    pattern = sample(find={"query": {"typescript": "(call_expression) @match"}})
    assert lines(pattern, "const a = <p>{b()}</p>;\n", "tsx") == [1]
    assert lines(pattern, "b();\n", "javascript") == []


def test_halves_of_characters_and_zeros_do_not_move_places() -> None:
    text = "a = '\udcff\x00'; eval(b)\n"
    [hit] = find_in_text([finding("eval")], text, "python")
    assert (hit.start_line, hit.start_column) == (1, 11)


@pytest.mark.parametrize(
    ("find", "why"),
    [
        ({"regex": "(a"}, "not a regular expression"),
        ({"regex": r"(?<=a+)b"}, "not a regular expression"),
        ({"query": {"python": "(no_such_node) @match"}}, "Invalid node type"),
        ({"query": {"python": "(call"}}, "cannot be read"),
        ({"query": {"python": "((call) @match (#is-not? local))"}}, "predicate #is-not?"),
        ({"query": {"python": '((call) @match (#set! "a" "b"))'}}, "predicate #set!"),
        ({"query": {"python": "((call) @match (#eq? @match))"}}, ""),
        ({"query": {"python": '((call) @match (#match? @match "("))'}}, "regular expression"),
        ({"regex": "a", "unless": [{"regex": "(b"}]}, "not a regular expression"),
    ],
)
def test_a_filter_that_cannot_be_compiled_is_told(find: dict[str, object], why: str) -> None:
    with pytest.raises(DataError) as raised:
        find_in_text([sample(find=find)], "a = call()\n", "python")
    assert str(raised.value).startswith("sample.yaml: ") and why in str(raised.value)
    with pytest.raises(QueryTrouble):
        places(sample(find=find), "a = call()\n")


HURRIED = 0.2
CATASTROPHE = r"(a|a)*b"
BAIT = "x = '" + "a" * 60 + "'\n"


def test_an_expression_that_never_ends_is_given_up() -> None:
    patterns = [finding(CATASTROPHE), finding("x")]
    files = [Asked(f"{n}.py", BAIT, "python", [0, 1]) for n in range(6)]
    with PlacePool(patterns, 1, HURRIED) as pool:
        found = [(file.path, sorted(places)) for file, places in pool.places(files)]
    assert found == [(f"{n}.py", [1]) for n in range(6)]
    assert pool.given_up.pairs == [(f"{n}.py", "sample") for n in range(3)]
    assert pool.given_up.patterns == {"sample": 3}
    assert len(pool.given_up.paths) == 6
    assert all("sample" in note for note in pool.given_up.notes())


@pytest.mark.parametrize(
    "find",
    [
        {"query": {"python": f'((string) @match (#match? @match "{CATASTROPHE}"))'}},
        {"regex": "x", "unless": [{"regex": CATASTROPHE}]},
    ],
    ids=["predicate", "unless"],
)
def test_nor_does_one_that_is_hidden(find: dict[str, object]) -> None:
    with PlacePool([sample(find=find)], 1, HURRIED) as pool:
        [(_, found)] = pool.places([Asked("a.py", BAIT, "python", [0])])
    assert found == {} and pool.given_up.pairs == [("a.py", "sample")]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        pytest.param("(" * 100_000, "python", marks=pytest.mark.slow),
        ("f(" * 50_000 + ")" * 50_000, "python"),
        pytest.param(
            "if a:\n" + "".join(" " * n + "if a:\n" for n in range(1, 400)),
            "python",
            marks=pytest.mark.slow,
        ),
        pytest.param("{" * 50_000 + "}" * 50_000, "javascript", marks=pytest.mark.slow),
        pytest.param("a<" * 50_000, "java", marks=pytest.mark.slow),
        ("try { " * 5_000 + "} catch (e) {}" * 5_000, "javascript"),
    ],
    ids=["open", "calls", "indents", "blocks", "generics", "tries"],
)
def test_deep_nesting_ends(text: str, language: str) -> None:
    with PlacePool([read(SWALLOWED), read(NO_TIMEOUT)], 1) as pool:
        [(_, found)] = pool.places([Asked("deep", text, language, [0, 1])])
    assert sum(map(len, found.values())) <= 200


def test_many_places_are_cut() -> None:
    assert len(lines(finding("eval"), "eval(a)\n" * 5_000)) == 200


def test_the_order_of_files_stays_whatever_they_cost() -> None:
    files = [Asked(f"{n}.py", "x = 1\n" * (1 + 997 * n % 50), "python", [0]) for n in range(60)]
    with PlacePool([finding("x")], 1_000) as pool:
        answers = list(pool.places(files))
    assert [file.path for file, _ in answers] == [file.path for file in files]
    assert all(len(found[0]) == file.text.count("\n") for file, found in answers)
