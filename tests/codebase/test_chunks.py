from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.chunks import cut_text, embedding_text, header
from c2llm.codebase.syntax import definitions
from tests.codebase.snippets import SNIPPETS

LANGUAGES = [*SNIPPETS, "markdown", "json", "text", "klingon", None]


def chunks_of(path: str, text: str, language: str | None, **sizes: int) -> list[Chunk]:
    return cut_text(path, text, language, **sizes).chunks


def spans(chunks: list[Chunk]) -> list[tuple[int, int]]:
    return [(chunk.start_line, chunk.end_line) for chunk in chunks]


def assert_covers(text: str, chunks: list[Chunk], longest: int) -> None:
    """Every line that is not blank is in exactly one chunk, at the place the chunk names."""
    lines = text.split("\n")
    covered: list[int] = []
    by_span: dict[tuple[int, int], str] = {}
    for chunk in chunks:
        assert 0 < len(chunk.text) <= longest
        span = (chunk.start_line, chunk.end_line)
        by_span[span] = by_span.get(span, "") + chunk.text  # a long line comes in pieces
    for (start, end), said in by_span.items():
        assert said == "\n".join(lines[start - 1 : end])
        covered += range(start, end + 1)
    assert covered == sorted(set(covered))
    blank = [number for number, line in enumerate(lines, 1) if not line.strip()]
    assert set(covered) | set(blank) == set(range(1, len(lines) + 1))


@pytest.mark.parametrize("language", SNIPPETS)
@pytest.mark.parametrize("target", [80, 300, 1500])
def test_chunks_cover_each_language(language: str, target: int) -> None:
    source = SNIPPETS[language].source
    chunks = chunks_of("a", source, language, target_chars=target, max_chars=target + 60)
    assert_covers(source, chunks, target + 60)
    named = [name for chunk in chunks for name in chunk.definitions]
    found = definitions(source.encode(), language)
    assert sorted(named) == sorted(entry.name for entry in found)


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_small_definition_is_never_cut(language: str) -> None:
    """Nor is it parted from its comment: each starts and ends in the same chunk."""
    source = SNIPPETS[language].source
    chunks = chunks_of("a", source, language, target_chars=150, max_chars=250)
    for entry in definitions(source.encode(), language):
        if entry.end_byte - entry.start_byte <= 150:
            (holder,) = [c for c in chunks if c.start_line <= entry.start_line <= c.end_line]
            assert entry.end_line <= holder.end_line


@given(
    st.sampled_from(LANGUAGES),
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.sampled_from(
                [
                    *("\n", "\n\n", "\r\n", "    ", "\t", "\x0c", "\u2028", "# ", "```\n", "- "),
                    *("def f():\n", "class A {\n", "}\n", '"""', "/*", "*/", "// x\n", "end\n"),
                    *("x = [\n", "]\n", "(", ")", "=====\n", "y" * 150),
                ]
            ),
        ),
        max_size=60,
    ),
    st.integers(20, 120),
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_covered_once(language: str | None, parts: list[str], target: int) -> None:
    text = "".join(parts)
    assert_covers(text, chunks_of("a", text, language, target_chars=target, max_chars=140), 140)


FUNCTION = '''\
def {name}(x):
    """Do {name}."""
    a = {{}}
    for i in range(x):
        a[i] = i * {filler}
    return a
'''


def test_functions_of_half_the_target_stand_alone() -> None:
    names = ["first", "second", "third"]
    source = "\n\n".join(FUNCTION.format(name=name, filler="1 + " * 200 + "1") for name in names)
    chunks = chunks_of("pkg/a.py", source, "python")
    assert [chunk.symbol for chunk in chunks] == names
    assert all(chunk.kind == "function" for chunk in chunks)
    assert all(chunk.text.startswith("def ") for chunk in chunks)


def test_a_file_below_the_maximum_is_cut_too_where_its_functions_are_large() -> None:
    source = "\n\n".join(FUNCTION.format(name=n, filler="1 + " * 170 + "1") for n in ("a", "b"))
    assert len(source) < 2000
    assert [chunk.symbol for chunk in chunks_of("a.py", source, "python")] == ["a", "b"]


def test_small_siblings_are_merged() -> None:
    names = tuple(f"f{i}" for i in range(20))
    source = "\n\n".join(FUNCTION.format(name=name, filler="1") for name in names)
    first, second = chunks_of("a.py", source, "python")
    assert first.definitions + second.definitions == names
    assert first.symbol == "f0"


def test_a_long_class_is_cut_between_methods() -> None:
    methods = "\n".join(
        f"    # Method {i}.\n    @cached\n    def m{i}(self):\n        return {i}{' + 1' * 100}\n"
        for i in range(10)
    )
    chunks = chunks_of("a.py", f"class Big(Base):\n    size = 1\n\n{methods}", "python")
    assert chunks[0].symbol == "Big"
    assert chunks[0].kind == "class"
    for chunk in chunks[1:]:
        assert chunk.text.lstrip().startswith("# Method")
        assert chunk.scope == "Big"
        assert chunk.signature.startswith("def m")


def test_a_long_function_is_cut_between_statements_and_keeps_its_name() -> None:
    body = "\n".join(f"    if x == {i}:\n        y = {i}\n        z = y * 2\n" for i in range(80))
    chunks = chunks_of("a.py", f"def long(x):\n{body}", "python")
    assert len(chunks) > 2
    for chunk in chunks[1:]:
        assert chunk.symbol == "long"
        assert chunk.definitions == ()
        assert chunk.text.startswith("    if x ==")


def test_what_a_comment_longer_than_a_chunk_is_about_is_defined_below_it() -> None:
    doc = "\n".join(f"# Line {i} of a long comment about f." for i in range(60))
    chunks = chunks_of("a.py", f"x = 1\n\n{doc}\ndef f():\n    pass\n", "python")
    assert all(chunk.symbol == "f" for chunk in chunks)
    *comment, last = chunks
    assert comment
    assert "def f" in last.text
    assert last.definitions == ("f",)
    assert all(chunk.definitions == () for chunk in comment)


def test_below_a_long_comment_a_class_stands_before_its_methods() -> None:
    doc = "\n".join(f"# Line {i} of a long comment about Stack." for i in range(60))
    methods = "".join(f"  def m{i}\n    {i}\n  end\n" for i in range(3))
    chunks = chunks_of("a.rb", f"{doc}\nclass Stack\n{methods}end\n", "ruby")
    assert [chunk.symbol for chunk in chunks] == ["Stack"] * len(chunks)
    assert chunks[-1].definitions == ("Stack", "m0", "m1", "m2")
    assert chunks[-1].signature == "class Stack"
    assert not any(chunk.definitions for chunk in chunks[:-1])


def test_namespaces_only_give_scope() -> None:
    (chunk,) = chunks_of("a.cpp", "namespace n {\nint f() { return 1; }\n}\n", "cpp")
    assert (chunk.symbol, chunk.scope, chunk.kind) == ("f", "n", "function")


def test_code_without_definitions_is_module() -> None:
    (chunk,) = chunks_of("a.py", "import os\n\nprint(os.name)\n", "python")
    assert (chunk.kind, chunk.symbol, chunk.scope, chunk.signature) == ("module", "", "", "")


def test_markdown_is_cut_by_heading_and_fences_stay_whole() -> None:
    prose = "Some words about it. " * 15
    fence = "```python\n# not a heading\n\nx = 1\n```"
    text = f"# Guide\n\n{prose}\n\n## Install\n\n{prose}\n\n{fence}\n\n## Use\n\n{prose}\n"
    chunks = chunks_of("docs/guide.md", text, "markdown", target_chars=600, max_chars=700)
    assert [(chunk.symbol, chunk.scope) for chunk in chunks] == [
        ("Guide", ""),
        ("Install", "Guide"),
        ("Use", "Guide"),
    ]
    assert fence in chunks[1].text
    assert all(chunk.kind == "section" for chunk in chunks)


def test_a_long_section_keeps_its_heading_as_symbol() -> None:
    text = "# Only\n\n" + "\n\n".join("word " * 100 for _ in range(10))
    chunks = chunks_of("a.md", text, "markdown")
    assert len(chunks) > 2
    assert {chunk.symbol for chunk in chunks} == {"Only"}


@pytest.mark.parametrize(
    ("language", "kind"), [("yaml", "config"), (None, "text"), ("text", "text"), ("gams", "module")]
)
def test_what_no_grammar_reads_is_cut_by_lines(language: str | None, kind: str) -> None:
    text = "\n".join(f"key{i}: {i}" for i in range(200))
    chunks = chunks_of("a", text, language)
    assert {chunk.kind for chunk in chunks} == {kind}
    assert all(chunk.end_line - chunk.start_line < 150 for chunk in chunks)
    assert_covers(text, chunks, 2000)


@pytest.mark.parametrize("language", ["python", "markdown", "json", None])
def test_one_endless_line_gives_bounded_chunks(language: str | None) -> None:
    text = "before\n" + "x" * 5_000_000 + "\nafter\n"
    chunks = chunks_of("a", text, language)
    assert max(len(chunk.text) for chunk in chunks) <= 2000
    assert len(chunks) <= 5_000_000 / 2000 + 3
    assert chunks[0].text == "before"
    assert chunks[-1].text == "after"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", ")b(\n" * 20_000),
        ("javascript", "a(\n)" * 20_000),
        ("javascript", "f(\n" * 20_000),
        ("c", "{\n" * 50_000),
        ("java", "/*\n" * 50_000),
        ("markdown", "# a\n" * 50_000),
        ("markdown", "```\n" * 50_000),
        ("python", "".join(" " * i + "if a:\n" for i in range(700))),
    ],
    ids=[
        "unopened",
        "chained",
        "nested calls",
        "braces",
        "comment",
        "headings",
        "fences",
        "blocks",
    ],
)
def test_hostile_shapes_are_covered(language: str, text: str) -> None:
    assert_covers(text, chunks_of("a", text, language), 2000)


def test_empty_and_blank_files_have_no_chunks() -> None:
    assert chunks_of("a.py", "", "python") == []
    assert chunks_of("a.py", "\n  \n\t\n", "python") == []


@pytest.mark.parametrize(
    ("path", "scope", "signature", "expected"),
    [
        (
            "src/net/httpClient.py",
            "Session",
            "def get(self)",
            "net http client | Session | def get(self)",
        ),
        ("src/main/java/org/Foo.java", "", "", "org foo"),
        ("my-app/v2.1/user_test.spec.ts", "", "", "my app v 2 1 user test spec"),
        ("net/net.go", "", "func Dial()", "net | func Dial()"),
        ("Makefile", "", "", "makefile"),
    ],
)
def test_header_is_words(path: str, scope: str, signature: str, expected: str) -> None:
    assert header(path, scope, signature) == expected


def test_embedding_text_is_header_and_code() -> None:
    (chunk,) = chunks_of("pkg/retry.py", "def back_off(n):\n    return 2**n\n", "python")
    assert embedding_text(chunk) == (
        "pkg retry | def back_off(n)\ndef back_off(n):\n    return 2**n"
    )
    (section,) = chunks_of("docs/a.md", "# Retries\n\nThey back off.\n", "markdown")
    assert embedding_text(section).startswith("docs a | Retries\n# Retries")
