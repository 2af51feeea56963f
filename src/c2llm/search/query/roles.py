"""What a file is for, by its path: tests, examples and documents answer few questions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from c2llm.codebase.languages import family
from c2llm.lazy_pattern import lazy_pattern


class Role(StrEnum):
    """A kind of file that is demoted unless it is asked for."""

    TEST = "test"
    EXAMPLE = "example"
    BENCHMARK = "benchmark"
    DOCUMENT = "document"
    CONFIG = "configuration"
    LEGACY = "legacy"
    GENERATED = "generated"
    REEXPORT = "re-export"
    DECLARATION = "declaration"
    OLDER = "older version"
    """Told by the files beside it, not by its path alone (`ranking.older_versions`)."""


_DIRECTORIES: dict[str, Role] = {
    name: role
    for role, names in {
        Role.TEST: "test tests testing spec specs __tests__ testdata fixtures fixture mocks"
        " __mocks__ e2e jvmtest commontest jstest nativetest testsuite test_suite testsupport"
        " testutil testutils",
        Role.EXAMPLE: "example examples sample samples demo demos docs_src playground tutorial"
        " tutorials recipes cookbook snippets",
        Role.BENCHMARK: "benchmark benchmarks bench benches perf",
        Role.DOCUMENT: "doc docs documentation website site",
        Role.LEGACY: "legacy deprecated compat obsolete old attic",
        Role.GENERATED: "generated gen autogen",
    }.items()
    for name in names.split()
}
_TEST_NAMES = lazy_pattern(
    r"^(tests?|conftest|spec_helper|test_helper)\.\w+$|^test[_-]|[_.-](tests?|spec|e2e)\.\w+$"
    r"|[a-z0-9](Tests?|Spec|Suite|TestCase)\.\w+$|^Test[A-Z]\w*\.\w+$|\.bats$"
)
_BENCHMARK_NAMES = lazy_pattern(r"(^|[_.-])bench(mark)?s?[_.-]|[a-z]Benchmarks?\.\w+$")
_LEGACY_NAMES = lazy_pattern(
    r"(^|[_.-])(legacy|deprecated|compat|_compat|polyfills?)([_.-]|$)", re.I
)
_REEXPORTS = lazy_pattern(
    r"^(__init__\.pyi?|index\.(js|mjs|cjs|ts)|package-info\.java|module-info\.java|prelude\.rs)$"
)
_DECLARATIONS = lazy_pattern(r"\.d\.(ts|mts|cts)$|\.pyi$|[._-](fwd|forward)\.h(pp)?$")

# What a build fills in is a page for people; a web application's templates end otherwise.
_FILLED_IN_PAGES = re.compile(r"\.x?html?\.in$", re.IGNORECASE)

_ASKED: dict[str, Role] = {
    word: role
    for role, asked in {
        Role.TEST: "test tests testing tested spec specs fixture fixtures mock mocks mocking",
        Role.EXAMPLE: "example examples sample samples demo tutorial",
        Role.BENCHMARK: "benchmark benchmarks bench",
        Role.DOCUMENT: "documentation docs readme changelog guide documented",
        Role.CONFIG: "yaml toml workflow ci pipeline",
        Role.LEGACY: "legacy deprecated compat compatibility polyfill",
        Role.GENERATED: "generated",
    }.items()
    for word in asked.split()
}


@lru_cache(maxsize=16_384)
def roles_of(path: str, language: str) -> frozenset[Role]:
    """The roles of a file; none for what is simply source."""
    *directories, name = path.split("/")
    roles = {
        _DIRECTORIES[directory.lower()]
        for directory in directories
        if directory.lower() in _DIRECTORIES
    }
    if _TEST_NAMES.search(name):
        roles.add(Role.TEST)
    if _BENCHMARK_NAMES.search(name):
        roles.add(Role.BENCHMARK)
    if _LEGACY_NAMES.search(name):
        roles.add(Role.LEGACY)
    if _REEXPORTS.search(name):
        roles.add(Role.REEXPORT)
    if _DECLARATIONS.search(name):
        roles.add(Role.DECLARATION)
    kind = family(language)
    if kind in ("prose", "text") or _FILLED_IN_PAGES.search(name):
        roles.add(Role.DOCUMENT)
    elif kind == "config":
        roles.add(Role.CONFIG)
    return frozenset(roles)


def asked_roles(query_words: Iterable[str]) -> frozenset[Role]:
    """The roles that the words of a query ask for."""
    return frozenset(_ASKED[word] for word in query_words if word in _ASKED)
