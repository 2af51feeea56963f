"""Files of several languages are cut by their parts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.codebase.chunks import cut_text
from c2llm.codebase.grammars.components import MIXED, parts
from c2llm.codebase.syntax import definitions

VUE = """<script lang="ts">
import { items } from "./items"
export default { name: "Cart" }
</script>

<script setup lang="ts">
// Doubles what is due.
const scale = (x: number): number => {
  return x * 2
}
</script>

<template>
  <p>{{ scale(1) }}</p>
</template>

<style lang="scss">
p { color: red }
</style>
"""


def test_scripts_have_the_definitions_of_their_language() -> None:
    (found,) = definitions(VUE.encode(), "vue")
    assert (found.name, found.start_line, found.line, found.end_line) == ("scale", 7, 8, 10)
    assert found.doc == "Doubles what is due."


def test_a_component_is_cut_by_its_parts() -> None:
    rows = "\n".join(f"  <p>{i} of the long template of the cart</p>" for i in range(60))
    text = VUE.replace("  <p>{{ scale(1) }}</p>", rows)
    cut = cut_text("Cart.vue", text, "vue")
    assert {chunk.language for chunk in cut.chunks} == {"vue"}
    (script,) = (chunk for chunk in cut.chunks if "scale" in chunk.definitions)
    assert "</script>" in script.text
    assert "template" not in script.text
    assert cut.imports == ("./items",)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("<script>", "javascript"),
        ('<script type="module" src="x.js">', "javascript"),
        ("<SCRIPT LANG='ts'>", "typescript"),
        ('<script setup lang="tsx">', "tsx"),
        ("<script\n  lang=ts\n>", "typescript"),
    ],
)
def test_the_tag_says_the_language(tag: str, language: str) -> None:
    (part,) = parts(f"{tag}\nconst a = 1\n</script>\n".encode(), "html")
    assert part.language == language


@pytest.mark.parametrize(
    "text",
    [
        '<script type="application/json">{"a": 1}</script>',
        '<script type="text/template"><p></p></script>',
        '<script src="a.js"></script>',
        "<script>never closed",
        "<p>no script</p>",
    ],
)
def test_what_is_no_code_is_no_part(text: str) -> None:
    assert parts(text.encode(), "html") == []


def test_the_code_keeps_its_places() -> None:
    source = VUE.encode()
    (part,) = parts(source, "vue")
    assert len(part.source) == len(source)
    assert part.source.count(b"\n") == source.count(b"\n")
    assert part.lines == ((0, 4), (5, 11))


def test_razor_and_jsp_and_astro() -> None:
    razor = "@page\n<p>@Total()</p>\n@code {\n  int Total() { return 1; }\n}\n<p>}</p>\n"
    assert [one.name for one in definitions(razor.encode(), "razor")] == ["Total"]
    jsp = "<p><%= total() %></p>\n<%!\n  int total() { return 1; }\n%>\n"
    assert [one.name for one in definitions(jsp.encode(), "jsp")] == ["total"]
    astro = "---\nfunction total() {\n  return 1;\n}\n---\n<script>\nfunction go() {}\n</script>\n"
    assert [one.name for one in definitions(astro.encode(), "astro")] == ["total", "go"]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(MIXED)),
    st.lists(
        st.sampled_from(
            '<script>|</script>|<script lang="ts">|---|@code {|}|<%!|%>|function f() {'
            "|int g() { return 1; }|<p>|é|\n|  |<style>|<".split("|")
        ),
        max_size=30,
    ),
    st.sampled_from(["\n", " ", ""]),
)
def test_any_file_is_covered_once(language: str, pieces: list[str], joint: str) -> None:
    text = joint.join(pieces)
    lines = [line for line in text.split("\n") if line.strip()]
    chunks = cut_text("a", text, language).chunks
    assert [line for one in chunks for line in one.text.split("\n") if line.strip()] == lines
    for part in parts(text.encode(), language):
        assert len(part.source) == len(text.encode())


@pytest.mark.parametrize("language", sorted(MIXED))
@pytest.mark.parametrize("text", [b"<script>", b"<script>x</script>", b"@code {", b"<%!", b"---\n"])
def test_hostile_files_end(language: str, text: bytes) -> None:
    for part in parts(text * 20_000, language):
        assert len(part.source) == len(text) * 20_000
