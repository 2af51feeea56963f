"""The settings of an editor or an agent, which `install` puts a server into and takes it out of."""

from __future__ import annotations

from c2llm.cli.install import json_edits, toml_edits
from c2llm.cli.install.edits import FormatError, apply
from tests.fuzzing.reading import head, headed, text_of, tokens
from tests.fuzzing.target import Target

_PATH = ("servers", "c2llm")
_ENTRY = {"command": "c2llm", "args": ["mcp"], "env": {"A": "b"}}


def check(data: bytes) -> None:
    """The first line is the form: what is put in is there, and nothing else has changed."""
    form, content = headed(data, ("json", "toml"))
    edits = json_edits if form == "json" else toml_edits
    text = text_of(content)
    before = edits.value_at(text, ())
    known = edits.value_at(text, _PATH)
    after = apply(text, edits.put(text, _PATH, _ENTRY))
    now = edits.value_at(after, _PATH)
    assert {name: now[name] for name in _ENTRY} == _ENTRY
    if known is not None:
        return
    without = apply(after, edits.remove(after, _PATH))
    assert edits.value_at(without, _PATH) is None
    rest = edits.value_at(without, ()) or {}
    if isinstance(rest.get("servers"), dict) and not rest["servers"]:
        del rest["servers"]
    before = dict(before or {})
    if isinstance(before.get("servers"), dict) and not before["servers"]:
        del before["servers"]
    assert rest == before


_SEEDS = [
    head("json", '{\n  // servers\n  "servers": {"x": {"command": "a"},},\n  "b": [1, 2.5e3]\n}\n'),
    head("json", "{}"), head("json", ""), head("json", '{"servers":{}, "a": "/* no */"}'),
    head("toml", '# a\n[servers.x]\ncommand = "a"\n\n[other]\nb = [1, 2] # c\n'),
    head("toml", "servers = {x = {command = 'a'}}\n"), head("toml", ""),
    head("toml", '[[a]]\nb = 1\n[servers]\n[servers."c d"]\ne = """\n[no]\n"""\n'),
]  # fmt: skip
_TOKENS = tokens(
    r"""
    "servers":\x20{ //\x20a\n /*\x20a\x20*/ } , [servers.c2llm]\n [servers]\n
    servers.y.z\x20=\x201\n "c2llm":\x20{} ''' \x22\x22\x22 [[servers]]\n =\x20nan\n \r\n
    "\\ud800" 1e999
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=(FormatError,))
