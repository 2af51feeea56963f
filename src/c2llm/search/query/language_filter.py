"""Languages as people call them: `py`, `C++`, `golang`, and `ts` for `.tsx` too."""

from __future__ import annotations

from collections.abc import Collection

from c2llm.codebase.languages import language_named

_CALLED = {
    "asm": "assembly assembler nasm",
    "bash": "shell shellscript sh",
    "cpp": "c++ cplusplus cxx",
    "csharp": "c# c-sharp dotnet",
    "elixir": "phoenix",
    "fsharp": "f# f-sharp",
    "go": "golang",
    "hcl": "terraform opentofu",
    "javascript": "node nodejs ecmascript react",
    "make": "makefile gnumake",
    "markdown": "md",
    "objc": "objective-c objectivec obj-c",
    "ocaml": "reasonml",
    "pascal": "delphi objectpascal",
    "perl": "perl5",
    "powershell": "pwsh ps",
    "proto": "protobuf protocolbuffers",
    "python": "python3 python2 cpython",
    "r": "rlang",
    "rst": "restructuredtext",
    "scheme": "guile",
    "solidity": "sol",
    "sql": "postgresql mysql sqlite plsql plpgsql tsql",
    "tex": "latex",
    "vim": "vimscript viml",
    "vb": "visualbasic visual-basic vbnet vb.net basic",
    "yaml": "yml",
}
_BY_NAME = {name: language for language, names in _CALLED.items() for name in names.split()}
_ALSO = {
    "bash": "zsh ksh fish",
    "css": "scss sass less",
    "cpp": "cuda",
    "lisp": "elisp",
    "python": "cython",
    "typescript": "tsx",
}
"""What people mean too who ask for a language, where files of it have a language of their own."""


def languages_called(name: str, indexed: Collection[str]) -> set[str]:
    """Those of the indexed languages that a name stands for."""
    lower = name.strip().lower()
    meant = {lower}
    if lower not in indexed:
        meant |= {language_named(lower), _BY_NAME.get(lower, lower)}
    for language in tuple(meant):
        meant.update(_ALSO.get(language, "").split())
    return meant & set(indexed)


def nearest(name: str, indexed: Collection[str]) -> str | None:
    """The indexed language that a misspelled name is most like."""
    from difflib import get_close_matches

    spoken = {called: language for called, language in _BY_NAME.items() if language in indexed}
    spoken |= {language: language for language in indexed}
    found = get_close_matches(name.lower(), sorted(spoken), 1, 0.75)
    return spoken[found[0]] if found else None
