"""Tokens are the same whatever the layout; comments are none, strings are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.analysis.clones.forms.lexing import NAME, NUMBER, STRING, tokens_of
from c2llm.analysis.clones.forms.statements import statements_of

LANGUAGES = ("python", "java", "go", "rust", "lua", "clojure", "erlang", "vim", "ocaml", "unheard")


@pytest.mark.parametrize(
    ("language", "code", "comment"),
    [
        ("python", "x = f(1, 'a # b')", "# what {}\n"),
        ("python", "x = f(1, 'a')", '"""What\n\nit does."""\n'),
        ("java", 'x = f(1, "a // b");', "/* what\n * it */ // does\n"),
        ("rust", "fn f<'a>(x: &'a str) -> char { 'x' }", "// it's\n"),
        ("lua", "local x = f(1, 'a')", "--[[ what\nit ]] -- does\n"),
        ("sql", "select 'a--b' from t", "-- what\n/* it */\n"),
        ("clojure", '(defn f [x] (g "a;b"))', "; it's what\n"),
        ("ocaml", "let x = f 1", "(* it's\nwhat *)\n"),
        ("html", '<a href="#">x</a>', "<!-- what\nit -->\n"),
    ],
)
def test_comments_are_no_tokens(language, code, comment):
    bare, spoken = tokens_of(code, language), tokens_of(f"{comment}\n{code}\n{comment}", language)
    assert bare.spellings.tolist() == spoken.spellings.tolist()
    assert bare.forms.tolist() == spoken.forms.tolist()
    assert spoken.lines[0] == comment.count("\n") + 1


def test_names_and_literals_have_one_form_each():
    tokens = tokens_of("total = price * 1.5 + g('x')\nreturn total", "python")
    named = {NAME: "n", NUMBER: "0", STRING: "s"}
    assert "".join(named.get(form, "-") for form in tokens.forms.tolist()) == "n-n-0-n-s--n"
    assert tokens.spellings[0] == tokens.spellings[-1]
    assert tokens.lines.tolist() == [0] * 10 + [1] * 2


@given(text=st.text(max_size=300), language=st.sampled_from(LANGUAGES))
def test_any_text_is_read(text, language):
    tokens = tokens_of(text, language)
    assert (tokens.lines[1:] >= tokens.lines[:-1]).all()
    assert not len(tokens) or tokens.lines[-1] <= text.count("\n")
    statements = statements_of(tokens, language)
    assert int(statements.sizes.sum()) == len(tokens)
    assert (statements.first_lines <= statements.last_lines).all()
