"""An extension that is code is no prose: a definition comes before the notes that mention it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from c2llm.codebase.languages import detect_language, family
from c2llm.search.code_index import CodeIndex

FOLDER = Path(__file__).parent / "extensions"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def test_definitions_come_before_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    shutil.copytree(FOLDER, tmp_path / "shop")
    with CodeIndex.open(tmp_path / "shop", encoder=None, embed="none") as index:
        for name, path in EXPECTED.items():
            first = index.search(name, 3, "lexical")[0]
            assert (first.path, first.symbol) == (path, name)


CODE = (
    "a.abap a.adb a.agda a.applescript a.as a.asm a.astro a.awk a.bas a.bat a.bicep a.cbl a.cfg.jl "
    "a.chpl a.clj a.cls a.cmd a.coffee a.cr a.cshtml a.cu a.cue a.cuh a.dart a.dfy a.dhall a.el "
    "a.elm a.erl a.ex a.f90 a.fish a.fnl a.frag a.fs a.gd a.gleam a.gradle a.groovy a.ha a.hack "
    "a.hlsl a.hx a.idr a.ispc a.janet a.jsonnet a.jsp a.lean a.less a.lisp a.m a.metal a.ml "
    "a.mojo a.move a.nf a.nim a.nix a.nut a.odin a.pas a.pde a.pony a.pp a.prisma a.pro a.proto "
    "a.ps1 a.purs a.pyx a.qml a.r a.raku a.razor a.re a.rego a.res a.rkt a.s a.sas a.sass a.scad "
    "a.scm a.scss a.sml a.smithy a.sol a.st a.styl a.svelte a.tcl a.tf a.thrift a.v a.vala a.vb "
    "a.vhd a.vm a.vue a.vy a.wgsl a.wren a.xq a.y a.zig Jenkinsfile Justfile BUILD.bazel BUCK "
    "meson.build Makefile.am Earthfile MODULE.bazel Rexfile"
).split()


@pytest.mark.parametrize("name", CODE)
def test_code_is_no_prose(name: str) -> None:
    language = detect_language(name)
    assert language is not None
    assert family(language) == "code"
