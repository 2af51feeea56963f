"""Edits of JSON with comments and of TOML: what is added is found, and all else stays."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.cli.install import json_edits, jsonc, toml_edits
from c2llm.cli.install.edits import Edit, FormatError, apply, between

ENTRY = {"type": "stdio", "command": "/opt/c2llm", "args": ["mcp"]}
TABLE = {"command": "/opt/c2llm", "args": ["mcp"]}
PATH = ("mcpServers", "c2llm")


def plain(text: str) -> str:
    """JSON without comments and trailing commas, character by character."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == '"':
            end = at + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            out.append(text[at : end + 1])
            at = end + 1
        elif text.startswith("//", at):
            at = next((i for i in range(at, len(text)) if text[i] in "\r\n"), len(text))
        elif text.startswith("/*", at):
            at = text.index("*/", at) + 2
        else:
            if text[at] in "}]":
                while out and (out[-1].isspace() or out[-1] == ","):
                    out.pop()
            out.append(text[at])
            at += 1
    return "".join(out)


JSON = [
    "{}",
    "{ }",
    "{\n}\n",
    '{"a":1}',
    '{"a": 1, "mcpServers": {}}',
    '{"mcpServers": {"other": {"command": "x"}}}',
    '{\n  "mcpServers": {\n    "other": {"command": "x"}\n  }\n}\n',
    '{\n  "mcpServers": {\n    "other": {"command": "x"}, // why\n  },\n}\n',
    '{\n\t"mcpServers": {\n\t\t"other": {"command": "x"} // why\n\t\t// more\n\t}\n}',
    '// head\n{\r\n    "mcpServers": {\r\n    // none\r\n    }\r\n}\r\n',
    '{"mcpServers":{"other":{"command":"x"}},"z":[1,2]}',
    '{ "mcpServers": { "other": {"command": "x"}, } }',
    '{\n  "x": 1,\n  /* y */ "mcpServers": { "q": {} },\n  "w": 2 }',
    '{"mcpServers": { /* none */ }}',
    '{\n  "mcpServers": {},\n  "b": [\n    1,\n  ],\n}\n',
    '{\n  "a": "http://x//y", // "mcpServers": {\n  "b": "\\"}/*"\n}\n',
    '{\n  "a": {\n    "deep": {"mcpServers": {"c2llm": 1}}\n  }\n  /* end */\n}\n',
    "",
    "\n",
    "// nothing yet\n",
    "// nothing yet",
    '{"a": 1} // old\r// Macintosh\r',
]


@pytest.mark.parametrize("text", JSON)
def test_a_server_is_added_and_all_else_stays(text: str) -> None:
    edits = json_edits.put(text, PATH, ENTRY)
    after = apply(text, edits)
    before = json.loads(plain(text)) if plain(text).strip() else {}
    before.setdefault("mcpServers", {})["c2llm"] = ENTRY
    assert json.loads(plain(after)) == before
    assert json_edits.value_at(after, PATH) == ENTRY
    for edit in edits:
        assert not text[edit.start : edit.end].strip(), "only blanks may give way"
    if text == plain(text):
        json.loads(after)  # no comment and no trailing comma where there was none
    assert json_edits.put(after, PATH, ENTRY) == []


@pytest.mark.parametrize("text", [one for one in JSON if "mcpServers" in one and "deep" not in one])
def test_taking_it_out_gives_the_text_before(text: str) -> None:
    if json_edits.value_at(text, PATH[:1]) is None:
        return
    after = apply(text, json_edits.put(text, PATH, ENTRY))
    back = apply(after, json_edits.remove(after, PATH))
    assert "".join(back.split()) == "".join(text.split())
    if "none" not in text:
        assert back == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"c2llm": 1, "b": 2}', '{"b": 2}'),
        ('{"a": 1, "c2llm": 1, "b": 2}', '{"a": 1, "b": 2}'),
        ('{"a": 1, "c2llm": 1}', '{"a": 1}'),
        ('{"a": 1, "c2llm": 1,}', '{"a": 1,}'),
        ('{\n  "c2llm": 1, // ours\n  "b": 2\n}', '{\n  // ours\n  "b": 2\n}'),
        ('{\n  "a": 1, // its own\n  "c2llm": 1\n}', '{\n  "a": 1 // its own\n}'),
        ('{\n  "a": 1,\n  "c2llm": {\n  },\n  "b": 2\n}', '{\n  "a": 1,\n  "b": 2\n}'),
        ('{\n  // keep\n  "c2llm": 1\n}', "{\n  // keep\n}"),
        ('{"c2llm": 1}', "{}"),
    ],
)
def test_a_server_is_taken_out_wherever_it_stands(text: str, left: str) -> None:
    assert apply(text, json_edits.remove(text, ("c2llm",))) == left


def test_only_what_differs_in_an_entry_is_changed() -> None:
    text = '{\n  "mcpServers": {\n    "c2llm": {\n      "command": "/old", // mine\n'
    text += '      "env": {"A": "1"}\n    }\n  }\n}\n'
    after = apply(text, json_edits.put(text, PATH, {"command": "/new"}))
    assert after == text.replace("/old", "/new")
    after = apply(text, json_edits.put(text, PATH, {"args": ["mcp"]}))
    assert after == text.replace('{"A": "1"}', '{"A": "1"},\n      "args": ["mcp"]')


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "1",
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        '{"a": }',
        '{"a": 1',
        '{"a": "x}',
        "{'a': 1}",
        "{a: 1}",
        '{"a": 1}}',
        '{"a": 01}',
        '{"a": NaN}',
        '{"a": [1 2]}',
        '{"a": 1} /* open',
        '{"mcpServers": []}',
        '{"mcpServers": null}',
        '{"mcpServers": {}, "mcpServers": {}}',
        '{"a": "\n"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        f'{{"a": {"9" * 5_000}}}',
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_settings_file_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        json_edits.put(text, PATH, ENTRY)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
blanks = st.sampled_from(["", " ", "\n", "\n  ", "\t", " // x\n", "/* { */", ' /*, " */ '])


@st.composite
def settings_texts(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Settings as somebody may have written them, and what they say."""

    def written(value: Any) -> str:
        if not isinstance(value, dict | list):
            return json.dumps(value)
        parts = [
            f"{draw(blanks)}{json.dumps(key)}{draw(blanks)}:{draw(blanks)}{written(value[key])}"
            if isinstance(value, dict)
            else draw(blanks) + written(key)
            for key in value
        ]
        comma = "," if parts and draw(st.booleans()) else ""
        body = f"{draw(blanks)},".join(parts) + draw(blanks) + comma + draw(blanks)
        return f"{{{body}}}" if isinstance(value, dict) else f"[{body}]"

    data = draw(st.dictionaries(st.text(max_size=3), values, max_size=3))
    if draw(st.booleans()):
        data["mcpServers"] = draw(st.dictionaries(st.text(max_size=3), values, max_size=2))
    return draw(blanks) + written(data) + draw(blanks), data


@given(settings_texts())
def test_any_settings_keep_what_they_say(case: tuple[str, dict[str, Any]]) -> None:
    text, data = case
    root = jsonc.parse(text)
    assert root is not None and root.data == data == json.loads(plain(text))
    edits = json_edits.put(text, PATH, ENTRY)
    after = apply(text, edits)
    wanted = {**data, "mcpServers": {**data.get("mcpServers", {}), "c2llm": ENTRY}}
    assert json.loads(plain(after)) == wanted
    assert all(not text[edit.start : edit.end].strip() for edit in edits)
    back = apply(after, json_edits.remove(after, PATH))
    assert json.loads(plain(back)) == {**data, "mcpServers": data.get("mcpServers", {})}
    for comment in ("// x\n", "/* { */", '/*, " */'):
        assert back.count(comment) == text.count(comment)


TOML = [
    "",
    'model = "o"',
    '# head\nmodel = "o" # why\n\n[mcp_servers.other]\ncommand = "x"\n# after\n[tools]\nweb = 1\n',
    "[mcp_servers]\n[mcp_servers.other]\ncommand='x'\n\n\n",
    "mcp_servers = {other = {command='x'}}\nz=1\n",
    "mcp_servers = {}\n",
    "[a]\r\nx=1\r\n\r\n[b]\r\ny=2\r\n",
    "[[p]]\nx=1\n[[p]]\nx=2\n[mcp_servers.a.env]\nT='1'\n[mcp_servers.a]\ncommand='q'\n"
    '[projects."/a/b"]\ntrust_level = "trusted"\n',
    "[mcp_servers.a]\ncommand='x'\n[projects.'/a']\nt = 1\n[mcp_servers.b]\ncommand='y'\n# end",
    "a = '''\n[mcp_servers.c2llm]\n'''\n",
    "[mcp_servers.a]\nx=1\n[[p]]\nx=1\n[mcp_servers.b]\ny=2\n[[p]]\nx=2\n[tools]\nweb=1\n",
    "[[p]]\nx=1\n[p.q]\ny=2\n[tools]\nweb=1\n[[p]]\nx=2\n[p.r]\nz=3\n",
]
SERVER = ("mcp_servers", "c2llm")


@pytest.mark.parametrize("text", TOML)
def test_a_table_is_added_and_all_else_stays(text: str) -> None:
    edits = toml_edits.put(text, SERVER, TABLE)
    after = apply(text, edits)
    wanted = tomllib.loads(text.replace("\r\n", "\n"))
    wanted.setdefault("mcp_servers", {})["c2llm"] = TABLE
    assert tomllib.loads(after) == wanted
    assert all(edit.start == edit.end for edit in edits), "nothing gives way"
    assert toml_edits.put(after, SERVER, TABLE) == []
    assert after.count("\r\n") in (0, after.count("\n"))
    back = apply(after, toml_edits.remove(after, SERVER))
    assert back.rstrip() == text.rstrip()
    assert toml_edits.value_at(back, SERVER) is None


PARTS = [
    "# note\n",
    "\n",
    "model = 'a' # why\n",
    "[mcp_servers.a]\ncommand = 'x'\n",
    "[mcp_servers.b.env]\nK = 'v'\n",
    "[mcp_servers]\n",
    "[[p]]\nx = 1\n",
    "[tools]\nweb = true\n",
    "list = [\n 1, # one\n 2,\n]\n",
    "text = '''\n[x]\n'''\n",
    "point = {x = 1, y = {z = 2}}\n",
    "[q.r]\n  ind = 1\n",
]


@given(st.lists(st.sampled_from(PARTS), max_size=7), st.booleans(), st.booleans())
def test_any_order_of_tables_stays(parts: list[str], ended: bool, windows: bool) -> None:
    text = "".join(parts) if ended else "".join(parts).rstrip("\n")
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    text = text.replace("\n", "\r\n") if windows else text
    edits = toml_edits.put(text, SERVER, TABLE)
    assert all(edit.start == edit.end for edit in edits)
    after = apply(text, edits)
    assert toml_edits.value_at(after, SERVER) == TABLE
    back = apply(after, toml_edits.remove(after, SERVER))
    assert back.rstrip() == text.rstrip()
    assert tomllib.loads(back.replace("\r\n", "\n")) == before


def test_tables_below_it_go_too() -> None:
    text = "[mcp_servers.c2llm]\ncommand = 'x'\n\n[mcp_servers.c2llm.env]\nA = '1'\n\n# next\n[b]\n"
    assert apply(text, toml_edits.remove(text, SERVER)) == "\n# next\n[b]\n"


def test_a_table_keeps_what_its_user_has_set() -> None:
    text = '[mcp_servers.c2llm]\ncommand = "/old" # my\nstartup_timeout_sec = 20\nargs = ["mcp"]\n'
    after = apply(text, toml_edits.put(text, SERVER, {"command": "/new"}))
    assert after == text.replace("/old", "/new")


def test_a_number_that_is_none_is_no_hindrance() -> None:
    text = "a = nan\nb = -inf\nc = 1e400\n"
    after = apply(text, toml_edits.put(text, SERVER, TABLE))
    assert after.startswith(text) and apply(after, toml_edits.remove(after, SERVER)) == text


@pytest.mark.parametrize(
    "text",
    ["= 1", "[a", "a = 1\na = 2", "mcp_servers = 1\n", "[[mcp_servers]]\n", "x = [" * 3000],
    ids=lambda text: text[:20],
)
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        toml_edits.put(text, SERVER, TABLE)


@given(st.text("ab\n", max_size=12), st.text("ab\n", max_size=12))
def test_the_edit_between_two_texts_leads_from_one_to_the_other(one: str, other: str) -> None:
    assert apply(one, between(one, other)) == other


def test_a_line_that_is_put_in_is_one_piece() -> None:
    assert between("[a]\n[b]\n", "[a]\n[x]\n[b]\n") == [Edit(4, 4, "[x]\n")]
