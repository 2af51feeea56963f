"""What is no Python in a cell does not keep the parser from what is."""

from __future__ import annotations

import pytest

from c2llm.codebase.notebooks.magics import cell_language, without_magics


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%time fit(x)",
        "!pip install numpy",
        "?help_me",
        "help_me?",
        "pd.read_csv??",
        "files = !ls data",
        "a, b = %timeit -o f()",
        "  !ls",
        "%%time",
    ],
)
def test_a_magic_is_blank(line: str) -> None:
    assert without_magics(["x = 1", line, "y = 2"], "python")[1].strip() in ("", "pass")


@pytest.mark.parametrize(
    "line",
    [
        "x = a % b",
        "y = x if x != 2 else 3",
        "name = 'what?'",
        "# is it?",
        'print("100 %s" % x)',
        "value = d['a'] % 3",
        "assert a != b",
    ],
)
def test_python_is_not(line: str) -> None:
    assert without_magics([line], "python") == [line]


def test_a_shell_line_goes_on_behind_a_backslash() -> None:
    lines = ["!docker run \\", "   -it image", "def f():", "    %time g()", "    return 1"]
    assert without_magics(lines, "python") == [
        "",
        "",
        "def f():",
        "    pass",
        "    return 1",
    ]


@pytest.mark.parametrize(
    ("first", "language"),
    [
        ("%%bash", "bash"),
        ("%%sql sqlite://", "sql"),
        ("%%R -i df", "r"),
        ("%%html", "html"),
        ("%%script perl", "perl"),
        ("%%script --bg bash", "bash"),
        ("%%writefile app/main.go", "go"),
        ("%%time", "python"),
        ("%%capture out", "python"),
        ("%%unknown", "python"),
        ("%sql", "sql"),
        ("%md", "markdown"),
        ("#!csharp", "csharp"),
        ("x = 1", "python"),
        ("%time f()", "python"),
        ("%matplotlib inline", "python"),
    ],
)
def test_a_cell_magic_names_the_language(first: str, language: str) -> None:
    assert cell_language(["", first, "rest"], "python")[0] == language


def test_other_kernels_have_other_magics() -> None:
    assert without_magics([";ls", "]add Plots", "x ? y : z"], "julia") == ["", "", "x ? y : z"]
    assert without_magics(["!true && echo", "echo %x"], "bash") == ["!true && echo", "echo %x"]
