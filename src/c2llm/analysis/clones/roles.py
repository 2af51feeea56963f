"""What a class is of: code, or what nobody would act on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.clone_class import Role
from c2llm.search.query.roles import Role as FileRole
from c2llm.search.query.roles import roles_of

if TYPE_CHECKING:
    from c2llm.analysis.clones.corpus import Corpus
    from c2llm.analysis.clones.findings import Place

_TESTS = {FileRole.TEST, FileRole.EXAMPLE, FileRole.BENCHMARK}
_TEST_WORDS = r"tests?|testing|specs?|fixtures?|mocks?"
_TEST_FOLDER = re.compile(
    rf"(?:^|[._-])(?i:{_TEST_WORDS})(?:$|[._-])|[a-z0-9](?:Tests?|Specs?|Testing)(?:$|[._-])"
    r"|(?:^|[._-])(?i:unit|integration|functional|acceptance|simple|system|smoke|regression|android)"
    r"(?i:tests?)(?:$|[._-])|[._-](?i:examples?|samples?|demos?)$"
)
"""Folders of tests beyond those that `search` demotes: `api_integration_tests`, `Core.Test`,
`androidTest`, `UnitTests.Shared`."""
_TESTS_AS_FEATURES = re.compile(r"(?i)(?:^|[._-])(?:ab|split|speed|self|health)[._-]?tests?")
_IDIOMS = re.compile(
    r"equals|hash_?code|to_?string|compare_?to|clone|finalize|dispose|(get|set|is|has|with|add)[A-Z]\w*"
    r"|__(eq|ne|lt|le|gt|ge|hash|repr|str|init|enter|exit|len|iter|copy|getstate|setstate)__"
    r"|operator\W+|fmt|String|Error|GoString|DeepCopy(Into)?|==|<=>",
    re.IGNORECASE,
)
_IMPORTED_SHARE = 0.6
_DECLARED_SHARE = 0.9
"""Of the tokens of a fragment, from which it has no behaviour that could be joined."""
_ACCESSOR_TOKENS = 60
"""A function that is named like an idiom and is longer does more than one."""
_LEAST_DIFFERENT = 0.35
"""Share of statements of different form, below which code is a list of the same statement."""
_FEW_TOKENS = 14
"""A function with fewer tokens does nothing but get, set or pass on."""


def file_role(path: str, language: str, *, generated: bool) -> Role:
    """The role of all that is in a file."""
    roles = roles_of(path, language)
    if generated or FileRole.GENERATED in roles:
        return "generated"
    return "test" if roles & _TESTS or _is_in_tests(path) else "code"


def _is_in_tests(path: str) -> bool:
    folders = path.split("/")[:-1]
    return folders[:1] == ["t"] or any(
        _TEST_FOLDER.search(name) and not _TESTS_AS_FEATURES.search(name) for name in folders
    )


class RolesOfPlaces:
    """The roles of classes in one corpus; a place that is in several is looked at once."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._idioms: dict[Place, bool] = {}

    def of(self, places: Sequence[Place], *, loose: bool) -> Role:
        """The role of a class whose members are at these places.

        A class is apart when no two of its members are code of the project: one function and its
        copy in a test leave nothing to join.
        """
        roles = [self._corpus.files[place.file].role for place in places]
        told: tuple[Role, ...] = ("generated", "test")
        for role in told:
            if role in roles and roles.count(role) >= len(roles) - 1:
                return role
        if all(map(self._is_idiom, places)):
            return "idiom"
        return "loose" if loose else "code"

    def _is_idiom(self, place: Place) -> bool:
        known = self._idioms.get(place)
        if known is None:
            known = self._idioms[place] = _is_idiom(self._corpus, place)
        return known


def _is_idiom(corpus: Corpus, place: Place) -> bool:
    rows = corpus.statements[place.first : place.last]
    if not len(rows):
        return False
    if rows["imports"].mean() >= _IMPORTED_SHARE:
        return True
    if place.symbol and place.tokens < _ACCESSOR_TOKENS and _IDIOMS.fullmatch(place.symbol):
        return True
    telling = rows["form"][rows["size"] > 1]
    if len(telling) >= 4 and len(set(telling.tolist())) < max(2, _LEAST_DIFFERENT * len(telling)):
        return True
    if place.symbol:
        return False
    return _declares(rows) or _holds_accessors(corpus, place)


def _declares(rows: NDArray[np.void]) -> bool:
    """Whether statements only say what there is: fields, constants, lists of literals."""
    return bool(rows["size"][rows["declares"]].sum() >= _DECLARED_SHARE * rows["size"].sum())


def _holds_accessors(corpus: Corpus, place: Place) -> bool:
    """Whether a fragment is a row of functions that do nothing but get, set or pass on."""
    functions = corpus.functions
    low, high = np.searchsorted(functions["first"], [place.first, place.last])
    inside = functions[low:high]
    inside = inside[inside["last"] <= place.last]
    if len(inside) < 2:
        return False
    return bool(np.median(inside["tokens"]) < 2 * _FEW_TOKENS)
