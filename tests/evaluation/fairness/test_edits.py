"""An edit changes what it says and nothing else, and its answer is where it says."""

from __future__ import annotations

import ast

import pytest

from c2llm.evaluation.fairness.comments import (
    ENGLISH,
    FEW,
    OTHER,
    comment_language,
    comment_spans,
    language_of,
    translated_comments,
    without_comments,
)
from c2llm.evaluation.fairness.edits import (
    AMONG_TESTS,
    AS_IT_IS,
    AT_THE_END,
    COMPARED,
    ELSEWHERE,
    LONGER,
    NO_COMMENTS,
    UNIMPORTED,
    Subject,
    edits_of,
)
from c2llm.evaluation.repositories.repo_questions import Target

PYTHON = b'''"""Reads the configuration of a user."""


def read(path):
    """Read a file of settings."""
    # the file may be empty
    return path.read_text() or "# not a comment"
'''
DONOR = b"def other():\n    return 1\n"


def subject(**changes):
    fields = {
        "path": "src/config.py",
        "source": PYTHON,
        "language": "python",
        "donor": DONOR,
        "target": Target("src/config.py", 4, 7),
        "imported": True,
    }
    return Subject(**{**fields, **changes})


def lines_of(edited):
    target = edited.target
    lines = edited.source.splitlines()
    return lines[target.start_line - 1 : target.end_line]


def test_every_edit_holds_the_answer_at_its_lines():
    made = edits_of(subject())
    assert list(made) == [AS_IT_IS, *COMPARED]
    own = PYTHON.splitlines()[3:7]
    for name in (AS_IT_IS, ELSEWHERE, AMONG_TESTS, LONGER, AT_THE_END, UNIMPORTED):
        assert lines_of(made[name]) == own, name
        assert made[name].target.path == made[name].path
    for edited in made.values():
        assert lines_of(edited)[0] == b"def read(path):"


def test_what_is_compared_shares_all_but_one_respect():
    made = edits_of(subject())
    assert made[ELSEWHERE].path == "src/part/config.py"
    assert made[AMONG_TESTS].path == "src/tests/config.py"
    assert made[ELSEWHERE].source == made[AMONG_TESTS].source == PYTHON
    assert sorted(made[LONGER].source.splitlines()) == sorted(made[AT_THE_END].source.splitlines())
    assert made[UNIMPORTED].source == PYTHON and made[UNIMPORTED].unimported


def test_a_whole_file_that_is_moved_down_is_told_by_its_lines():
    made = edits_of(subject(target=Target("src/config.py"), source=b"a = 1\nb = 2"))
    assert (made[AT_THE_END].target.start_line, made[AT_THE_END].target.end_line) == (3, 4)
    assert (made[LONGER].target.start_line, made[LONGER].target.end_line) == (1, 2)
    assert made[LONGER].source == b"a = 1\nb = 2\n" + DONOR
    assert made[AS_IT_IS].target.start_line is None


def test_edits_that_change_nothing_are_left_out():
    bare = subject(source=b"def read(path):\n    return path\n", imported=False, donor=b"")
    assert list(edits_of(bare)) == [AS_IT_IS, ELSEWHERE, AMONG_TESTS]
    at_top = edits_of(subject(path="config.py", target=Target("config.py")))
    assert at_top[AMONG_TESTS].path == "tests/config.py"


@pytest.mark.parametrize(
    ("language", "source", "count"),
    [
        ("python", PYTHON, 3),
        ("go", b"// one\npackage a\n\n/* two */\nfunc f() string { return `// no` }\n", 2),
        ("rust", b"/// one\nfn f() {} // two\n", 2),
        ("ruby", b"# one\ndef f\n  '# no'\nend\n", 1),
        ("unknown", b"# one\n", 0),
    ],
)
def test_comments_are_found_by_syntax(language, source, count):
    assert len(comment_spans(source, language)) == count


def test_without_comments_the_code_is_the_same_on_the_same_lines():
    bare = without_comments(PYTHON, "python")
    assert b"empty" not in bare and b"settings" not in bare and b'"# not a comment"' in bare
    assert bare.count(b"\n") == PYTHON.count(b"\n")
    [function] = [node for node in ast.parse(bare).body if isinstance(node, ast.FunctionDef)]
    assert function.lineno == 4
    only = b'def f():\n    """Says it all\n    in two lines."""\n'
    ast.parse(without_comments(only, "python"))


@pytest.mark.parametrize("into", ["zh", "de", "ru"])
def test_translated_comments_leave_the_code_alone(into):
    made = translated_comments(PYTHON, "python", into)
    assert made != PYTHON and b"def read(path):" in made and b'"# not a comment"' in made
    assert made.count(b"\n") == PYTHON.count(b"\n")
    assert edits_of(subject())[NO_COMMENTS].source == without_comments(PYTHON, "python")


def test_the_language_of_comments_is_told():
    assert comment_language(PYTHON, "python") == ENGLISH
    assert comment_language("# 读取配置文件并返回设置\nx = 1\n".encode(), "python") == OTHER
    assert comment_language(b"x = 1  # ok\n", "python") == FEW
    assert language_of("wie wird die Datei eingelesen und geschrieben") == OTHER
    assert language_of("where is the file read and written") == ENGLISH
    assert language_of("") == FEW
