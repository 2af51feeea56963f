"""Places that a query names: paths with lines, and the frames of stack traces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.search.code_index import CodeIndex
from c2llm.search.query.places import is_trace, places
from c2llm.search.query.query_parsing import QueryKind, parse_query
from tests.trees import write_tree

PYTHON = """Traceback (most recent call last):
  File "/srv/app/src/net/client.py", line 5, in send_request
  File "/srv/app/src/net/retry.py", line 8, in retry_with_backoff
OSError: [Errno 104] Connection reset by peer
"""


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        (PYTHON, "srv/app/src/net/retry.py", 8),  # the last frame is the innermost
        ("TypeError: x\n    at send (/app/lib/a.js:10:5)\n    at b.js:3:1", "app/lib/a.js", 10),
        ("\tat com.demo.Retry.call(Retry.java:42)", "com/demo/Retry.java", 42),
        ("panicked at src/walk.rs:310:5:\nindex out of bounds", "src/walk.rs", 310),
        ("goroutine 1 [running]:\nmain.f()\n\t/go/src/x/main.go:33 +0x1d", "go/src/x/main.go", 33),
        ("   at Demo.Run() in C:\\src\\Demo.cs:line 12", "src/Demo.cs", 12),
        ("PHP Fatal error in /var/www/index.php on line 7", "var/www/index.php", 7),
        ("app.rb:12:in 'call'", "app.rb", 12),
        ("foo.c:12:3: error: expected ';'", "foo.c", 12),
    ],
)
def test_the_innermost_frame_comes_first(text: str, path: str, line: int) -> None:
    first = places(text)[0]
    assert (first.path, first.line, first.strength) == (path, line, 1.0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("how are retries done", QueryKind.QUESTION),
        ("what does retry.py do", QueryKind.QUESTION),
        ("retry_with_backoff", QueryKind.NAME),
        ("sym: retry with", QueryKind.NAME),
        ("src/net/retry.py:4", QueryKind.PATH),
        ("retry.py", QueryKind.PATH),
        (PYTHON, QueryKind.TRACE),
        ("ValueError: not a settings file", QueryKind.TRACE),
        ("def f(x):\n    return x + 1\n", QueryKind.CODE),
        ("for (int i = 0; i < n; i++) {\n  sum += a[i];\n}", QueryKind.CODE),
        ("code: anything", QueryKind.CODE),
        ("the retry policy\nof the client", QueryKind.QUESTION),
    ],
)
def test_kinds_of_queries(text: str, kind: QueryKind) -> None:
    assert parse_query(text).kind is kind


@given(st.text(max_size=400))
def test_any_text_is_taken_apart(text: str) -> None:
    query = parse_query(text)
    assert all(place.path and 0 < place.strength <= 1 for place in query.places)
    assert isinstance(is_trace(text), bool)


@pytest.fixture
def index(project: Path) -> CodeIndex:
    return CodeIndex.open(project, embed="none")


def test_a_trace_finds_its_innermost_frame_here(index: CodeIndex) -> None:
    with index:
        hits = index.search(PYTHON, 3, "lexical")
    assert (hits[0].path, hits[1].path) == ("src/net/retry.py", "src/net/client.py")
    assert hits[0].start_line <= 8 <= hits[0].end_line
    assert hits[0].why.reasons[0] == "the place that the query names"


@pytest.mark.parametrize("query", ["src/net/retry.py:15", "retry.py:15", "/x/src/net/retry.py"])
def test_a_path_finds_its_file(index: CodeIndex, query: str) -> None:
    with index:
        assert index.search(query, 1, "lexical")[0].path == "src/net/retry.py"


def test_a_frame_of_a_library_is_not_mistaken_for_a_file_of_its_name(
    project: Path, tmp_path: Path
) -> None:
    write_tree(project, {"src/json/decoder.py": "def decode_all(text):\n    return text\n"})
    trace = PYTHON + 'File "/usr/lib/python3/http/decoder.py", line 1, in raw_decode\n'
    with CodeIndex.open(project, embed="none") as index:
        assert index.search(trace, 1, "lexical")[0].path == "src/net/retry.py"


def test_a_place_in_a_path_that_is_no_utf_8_is_found(project: Path) -> None:
    folder, name = os.fsdecode(b"src/caf\xe9"), os.fsdecode(b"na\xefve.py")
    write_tree(project, {f"{folder}/{name}": "def f():\n    g()\n"})
    write_tree(project, {f"{folder}/plain.py": "def g():\n    pass\n"})
    with CodeIndex.open(project, embed="none") as index:
        for query in ("plain.py:1", f'File "/x/{folder}/plain.py", line 1'):
            assert index.search(query, 1, "lexical")[0].path == f"{folder}/plain.py"
        trace = f'Traceback (most recent call last):\n  File "/x/{folder}/{name}", line 1, in f\n'
        assert index.search(trace, 1, "lexical")[0].path == f"{folder}/{name}"


@pytest.mark.parametrize(
    "part",
    ["a", "a-", "a/", "\n", " \n", " ", "(", "[a]/", "(a)/", "'a", "a.c: ", "line 1 of ", "a.b.",
     "-", "a@", "\t", "#1 x(", "? ", "error ", "  at ", "a.c:12:5: error: x\n"],
)  # fmt: skip
def test_a_long_text_takes_as_long_as_it_is_long(part: str) -> None:
    """With a quadratic pattern this would not come to an end."""
    text = part * (100_000 // len(part))
    assert len(places(text)) <= 40
    is_trace(text)


@pytest.mark.parametrize(
    "text",
    ["why does it fail in src/a.py line 3?", "meet at 12:30", "version 1.2.3:4", "x.y (see 3)",
     "how are errors of server.js:12 handled"],
)  # fmt: skip
def test_a_question_that_names_a_line_is_a_question(text: str) -> None:
    assert not is_trace(text)
