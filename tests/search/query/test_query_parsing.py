"""What a query is taken to mean."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.search.query.query_parsing import parse_query
from c2llm.search.query.roles import Role, roles_of


def names(text: str) -> dict[str, float]:
    return {name.text: name.strength for name in parse_query(text).names}


def test_a_question_has_the_stems_of_its_words() -> None:
    query = parse_query("how are the failed retries backed off")
    assert query.terms == ("fail", "retry", "back")
    assert not query.is_name
    assert {name.strength for name in query.names} == {0.5}  # words that may be one name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Session", "Session"),
        ("parse_toml", "parse_toml"),
        ("Rails::Paths", "Paths"),
        ("Foo.bar", "bar"),
        ("ptr->next", "next"),
    ],
)
def test_a_query_of_one_name(text: str, name: str) -> None:
    query = parse_query(text)
    assert query.is_name
    assert query.names[0].text == name or names(text)[name] == 1.0


def test_names_in_a_sentence() -> None:
    found = names("how does HttpClient call send_request for a Session with retry policy")
    assert found["HttpClient"] == found["send_request"] == 1.0
    assert 0 < found["Session"] < found["retrypolicy"] < 1.0
    assert "call" not in found


@pytest.mark.parametrize("quote", ["'", "’"])
def test_what_is_contracted_is_no_word(quote: str) -> None:
    asked = "why doesn't the session's cookie expire, we're logged in".replace("'", quote)
    assert parse_query(asked).terms == ("sess", "cooki", "expir", "log")
    assert "s" in parse_query("x = open('s')\ny = close('s')").terms


def test_a_query_of_stop_words_means_them() -> None:
    assert parse_query("how is it").terms


def test_roles_that_are_asked_for() -> None:
    assert parse_query("tests for the parser").roles == {Role.TEST}
    assert parse_query("the parser").roles == frozenset()


@pytest.mark.parametrize(
    ("path", "language", "roles"),
    [
        ("src/net/client.py", "python", set()),
        ("tests/test_client.py", "python", {Role.TEST}),
        ("pkg/client_test.go", "go", {Role.TEST}),
        ("src/ClientTest.java", "java", {Role.TEST}),
        ("src/contest.py", "python", set()),
        ("src/latest.py", "python", set()),
        ("examples/demo.rs", "rust", {Role.EXAMPLE}),
        ("pkg/__init__.py", "python", {Role.REEXPORT}),
        ("types/index.d.ts", "typescript", {Role.DECLARATION}),
        ("README.md", "markdown", {Role.DOCUMENT}),
        ("ci/build.yaml", "yaml", {Role.CONFIG}),
        ("src/legacy/old_api.c", "c", {Role.LEGACY}),
        ("tools/manual.html.in", "html", {Role.DOCUMENT}),
        ("app/views/users.html.erb", "html", set()),
    ],
)
def test_roles_of_paths(path: str, language: str, roles: set[Role]) -> None:
    assert roles_of(path, language) == roles


@given(st.text())
def test_any_text_is_a_query(text: str) -> None:
    query = parse_query(text)
    assert all(query.terms)
    assert all(0 < name.strength <= 1 for name in query.names)


HOSTILE = (
    *(
        "\n",
        "\n\t",
        "\n ",
        "\r\n",
        " ",
        "\x0b",
        "a",
        "A",
        "aA",
        "1",
        "_",
        "_a",
        ".",
        "a.",
        "a/",
        "./",
    ),
    *(
        "../",
        "a::",
        "a->",
        "a-",
        "--",
        "+",
        "~",
        "@",
        "\\",
        "a\\",
        ":",
        "a:",
        "a:1 ",
        "a.b:1:",
        "'",
    ),
    *("a=", "a(", "(a", "a)", "{ ", "};", "=>", "a  ", " at ", "\n at (", "\n at a", '"', 'File "'),
    *("error: ", "Error", "Error.", "Traceback (most recent call last)", "a.py ", "import a ", "é"),
    *(
        "中",
        "a!",
        "sym: ",
        "code:",
        "word word ",
        "\n\n if ",
        "return a",
        "b.php on line 1",
        "a.b(1",
    ),
)
CHECK = """
import json, resource, sys
from c2llm.search.query.query_parsing import parse_query
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))  # linear work takes three seconds of these
for atom in json.load(sys.stdin):
    for start, end in (("", ""), ("x", " !"), ("return ", "=")):
        parse_query(start + atom * (200_000 // len(atom)) + end)
"""


@pytest.mark.slow
def test_the_time_of_parsing_rises_no_faster_than_the_query() -> None:
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", CHECK], input=json.dumps(HOSTILE), text=True, check=False
    )
    assert done.returncode == 0


def test_of_a_very_long_query_both_ends_are_looked_at() -> None:
    text = "first_words\n" + "filling words\n" * 4000 + "\nlast_words"
    query = parse_query(text)
    assert query.left_out == len(text) - 16_000
    assert query.text.startswith("first_words") and query.text.endswith("last_words")
    assert parse_query("\n" * 50_000 + "parse toml").left_out == 0
