"""What a request leaves in the files that may answer it, for a tree too large to read whole first.

The same words, names and places that the index is asked for, the same filters, and the same opinion
of tests and documents as the ranker has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from c2llm.codebase.files.walk import SourceFile
from c2llm.index.build.first_files import Scent, is_large
from c2llm.search.query.globs import matching
from c2llm.search.query.language_filter import languages_called
from c2llm.search.query.query_parsing import Query, parse_query
from c2llm.search.query.roles import roles_of
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS
from c2llm.search.ranking.ranker import ROLE_FACTORS
from c2llm.search.request import SearchRequest

_LEAST_STRENGTH = 0.25
"""Of a name whose definition is looked for."""
_MOST_NAMES = 12
_WORD = re.compile(r"\w{3,}")
_ESCAPE = re.compile(r"\\.", re.DOTALL)


def scent_of(request: SearchRequest) -> Scent:
    """What to look for in files before they are cut."""
    query = parse_query(request.text)
    pattern = _ESCAPE.sub(" ", request.pattern or "")  # `\bword` has no word `bword`
    stems = [*query.terms, *(word.lower() for word in _WORD.findall(pattern))]
    names = [name.text for name in query.names if name.strength >= _LEAST_STRENGTH]
    filtered = request.languages or request.include or request.exclude
    return Scent(
        tuple(dict.fromkeys(stems)),
        tuple(names[:_MOST_NAMES]),
        tuple(place.path for place in query.places),
        partial(_factor, query),
        partial(_narrowed, request) if filtered else None,
    )


def _factor(query: Query, file: SourceFile) -> float:
    """What the ranker will multiply the scores of a file by, as far as its path tells."""
    unasked = roles_of(file.path, file.language) - query.roles
    name = next((name for role, name in ROLE_FACTORS if role in unasked), "")
    return DEFAULT_WEIGHTS.factors[name] if name else 1.0


def _narrowed(request: SearchRequest, files: Sequence[SourceFile]) -> Sequence[SourceFile]:
    """The files that pass the filters of a request, as far as their names tell."""
    wanted: set[str] = set()
    if request.languages:
        known = {file.language for file in files}
        for name in request.languages:
            wanted |= languages_called(name, known)
        # What the name does not tell may turn out to be any of them.
        files = [file for file in files if file.language in {*wanted, "text"}]
    paths = [file.path for file in files]
    if request.include:
        included = set().union(*(matching(paths, glob) for glob in request.include))
        files = [file for file in files if file.path in included]
    for glob in request.exclude:
        excluded = matching(paths, glob)
        files = [file for file in files if file.path not in excluded]
    if request.languages and is_large(files):  # those must not crowd out the ones that are sure
        files = [file for file in files if file.language in wanted] or files
    return files
