"""Templates of source files are read in the language that they are written in."""

from __future__ import annotations

import pytest

from c2llm.codebase.chunks import cut_text
from c2llm.codebase.filled_in import readable
from c2llm.codebase.languages import detect_language


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("a.js.erb", "function scale(x) {\n  return x * <%= factor %>;\n}\n", "scale"),
        ("a.py.in", "#!@PYTHON@\nX = @X@\ndef scale(x):\n    return x\n", "scale"),
        ("a.py.jinja", "{% for a in b %}\ndef scale(x):\n  return {{ a }}\n{% endfor %}", "scale"),
        ("a.go.tmpl", "package {{.P}}\n\nfunc {{.Name}}Scale() {}\n", "NameScale"),
        ("A.java.ftl", "<#if a>\npublic class Scale${x} {\n  int f() {}\n}\n</#if>\n", "Scalex"),
        ("a.rb.tt", "class <%= class_name %>\n  def scale; end\nend\n", "scale"),
        ("a.fypp", "#:for t in A\nsubroutine scale(a)\n ${t}$ :: a\nend subroutine\n", "scale"),
        ("a.ts.hbs", "{{#if a}}\nexport function scale(a: {{type}}) {\n}\n{{/if}}\n", "scale"),
        ("a.h.in", "static int scale(int x) {\n  return @X@;\n}\n", "scale"),
        ("a.cpp.tmpl", "int scale(int x) {\n  return {{.N}};\n}\n", "scale"),
        ("a.c.inc", "int scale(int x)\n{\n  return x;\n}\n", "scale"),
    ],
)
def test_a_template_is_cut_in_its_own_language(path: str, text: str, name: str) -> None:
    language = detect_language(path, text.encode())
    cut = cut_text(path, text, language)
    assert cut.chunks[0].symbol == name
    assert "\n".join(chunk.text for chunk in cut.chunks) == text.strip("\n")


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("page.html.erb", "html"),
        ("mail.text.erb", "html"),
        ("values.yaml.j2", "yaml"),
        ("Dockerfile.j2", "dockerfile"),
        ("CMakeLists.txt.in", "cmake"),
        ("a.tpl.php", "php"),
        ("config.yml.example", "yaml"),
        ("requirements.in", None),
        ("v1.2.in", None),
        ("a.tpl", None),
    ],
)
def test_the_ending_within_tells(path: str, language: str | None) -> None:
    assert detect_language(path) == language


def test_lines_stay_where_they_are() -> None:
    text = "<% a = 1\n b = 2 %>\nint x = <%= a %>;\n{% if x\n%}\n"
    plain = readable("a.c.erb", text, "c")
    assert plain is not None
    assert plain.split("\n")[2] == "int x = a;"
    assert plain.count("\n") == text.count("\n")
