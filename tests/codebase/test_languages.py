"""Languages by name, extension, first line and content."""

from __future__ import annotations

import pytest

from c2llm.codebase.languages import detect_language, family


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.py", "python"),
        ("A.java", "java"),
        ("x.test.mjs", "javascript"),
        ("x.ts", "typescript"),
        ("x.tsx", "tsx"),
        ("main.go", "go"),
        ("lib.rs", "rust"),
        ("x.c", "c"),
        ("x.C", "cpp"),
        ("x.hpp", "cpp"),
        ("X.cs", "csharp"),
        ("x.rb", "ruby"),
        ("x.php", "php"),
        ("x.kts", "kotlin"),
        ("x.swift", "swift"),
        ("x.scala", "scala"),
        ("x.lua", "lua"),
        ("x.hs", "haskell"),
        ("x.exs", "elixir"),
        ("x.zig", "zig"),
        ("x.bats", "bash"),
        ("x.SQL", "sql"),
        ("README.md", "markdown"),
        ("Makefile", "make"),
        ("Dockerfile.dev", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        ("Gemfile", "ruby"),
        (".bashrc", "bash"),
        ("notes.txt", "text"),
    ],
)
def test_a_name_tells_the_language(path: str, language: str) -> None:
    assert detect_language(path) == language


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("x.h", b"#include <stdio.h>\nint f(void);\n", "c"),
        ("x.h", b"#pragma once\nnamespace a {\nclass B {\n", "cpp"),
        ("x.h", b"#import <Foundation/Foundation.h>\n@interface A\n", "objc"),
        ("x.m", b"function y = f(x)\n% square\n", "matlab"),
        ("x.m", b'#import "a.h"\n@implementation A\n', "objc"),
        ("x.ts", b"<?xml version='1.0'?>\n<!DOCTYPE TS>\n", "xml"),
        ("x.pl", b":- module(a, [b/1]).\n", "prolog"),
        ("x.pl", b"use strict;\n", "perl"),
        ("x.v", b"Theorem a : True.\nProof.\n", "coq"),
        ("run", b"#!/usr/bin/env -S FOO=1 python3.11 -u\n", "python"),
        ("run", b"#!/bin/sh -e\n", "bash"),
        ("run", b"#!/usr/local/bin/ruby2.7\n", "ruby"),
        ("run", b"<?php echo 1;\n", "php"),
        ("run", b"// -*- mode: c++ -*-\n", "cpp"),
    ],
)
def test_content_decides_where_the_name_does_not(path: str, head: bytes, language: str) -> None:
    assert detect_language(path, head) == language


def test_nothing_known_is_none() -> None:
    assert detect_language("data.unheard") is None
    assert detect_language("run", b"hello\n") is None
    assert detect_language("run", b"#!\n") is None


def test_families() -> None:
    assert [family(name) for name in ("rust", "markdown", "yaml", "text")] == [
        "code",
        "prose",
        "config",
        "text",
    ]
