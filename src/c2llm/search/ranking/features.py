"""What speaks for a chunk besides the two retrievers: one number a feature, mostly 0 to 1.

The ranker adds them up with weights (`feature_weights.py`), which `recipes/ranker/fit_ranker.py`
fits. What is here is cheap for some hundred candidates of one query: sets of stems against sets of
stems.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from c2llm.codebase.words import stems
from c2llm.search.query.places import Place
from c2llm.search.query.query_parsing import Name, Query, QueryKind
from c2llm.search.query.short_forms import OTHER_FORMS
from c2llm.search.ranking.chunk_facts import Facts

FEATURES = (
    "coherence",
    "phrase",
    "definition",
    "names",
    "file_name",
    "directory",
    "whole_name",
    "structure",
    "referenced",
    "import_neighbour",
    "place",
    "recent",
)
"""The features, in the order of a row of numbers."""

OF_WORDS = tuple(FEATURES.index(name) for name in ("phrase", "definition", "names"))
"""Positions of what the words inside the code say, which BM25 counts too."""

# What a definition is worth: spelled as in the query 1, otherwise less.
_OTHER_CASE = 0.3
"""Spelled otherwise while some candidate has it as the query has."""
_NO_CASE = 0.5
"""Spelled otherwise, and nobody has it as the query has."""
_MAIN_SYMBOL = 1.2
"""Factor for what the chunk is called by, not one definition among others."""
_OWN_FILE = 0.75
"""Added when the file is called by the name too."""
_RARITY = {QueryKind.NAME: 0.25}
"""A name that n chunks define is worth 1 / n to this power, else 1 / n."""

# Stems that name no subject: `string_utils` is about strings.
_GENERIC_WORDS = frozenset(stems("base common core helper impl index lib main mod type util utils"))
_MOST_REFERENCES = 64


@dataclass(frozen=True, slots=True)
class Corpus:
    """What one index says of a query as a whole; `retrieval.pooling` puts several on one scale."""

    rarity: Mapping[str, float]
    """Weight of each term of the query, from how few chunks have it."""
    definition_counts: Mapping[str, int] = field(default_factory=dict)
    """For each name key of the query, how many chunks define it."""
    project: frozenset[str] = frozenset()
    """Stems of the project's own name, which tell nothing apart inside of it."""
    phrases: Mapping[int, float] = field(default_factory=dict)
    """For a chunk id the share of neighbouring words of the query that are neighbours there."""
    spellings: Mapping[str, int] = field(default_factory=dict)
    """For a symbol key, how many chunks spell it, its definition too; names of several words."""
    links: Mapping[int, Mapping[int, bool]] = field(default_factory=dict)
    """For a file id those of the candidates' files that it imports (True) or that import it."""
    places: Mapping[int, Sequence[Place]] = field(default_factory=dict)
    """For a file id the places in it that the query names."""
    recency: Mapping[str, float] = field(default_factory=dict)
    """For a path 1 when it has just changed, towards 0 with age."""
    contrast: float | None = None
    """How far the nearest chunk stands out by its vector (`Vectors.contrast`)."""


@dataclass(frozen=True, slots=True)
class _NameWorth:
    name: Name
    exact: float
    other_case: float


class FeatureExtractor:
    """Weighs the candidates of one query in one index."""

    def __init__(
        self, query: Query, corpus: Corpus, candidates: Sequence[Facts], spelled: Set[str]
    ) -> None:
        """Make ready to weigh.

        Args:
            query: The query.
            corpus: What the index says of it.
            candidates: Those of this index.
            spelled: Names as the candidates of all the indexes define them.
        """
        self._query = query
        self._corpus = corpus
        self._worths = _name_worths(query, corpus, spelled)
        self._path_of = {facts.file_id: facts.path for facts in candidates}
        self._neighbours: dict[int, tuple[float, int]] = {}
        self._terms = frozenset(query.terms)
        self._in_paths = self._terms - corpus.project or self._terms
        self._meant = {
            form: term
            for term in query.terms
            for form in OTHER_FORMS.get(term, ())
            if form not in self._terms
        }
        self._forms = frozenset(self._meant)
        self._total = sum(corpus.rarity.values()) or 1.0
        self._path_total = sum(corpus.rarity.get(term, 0.0) for term in self._in_paths) or 1.0

    def set_import_neighbours(self, best: Mapping[int, float]) -> None:
        """Let each file be told the best chunk of the files that it imports or is imported by.

        Args:
            best: For a file id the fused scores of its best chunk.
        """
        for file_id, others in self._corpus.links.items():
            self._neighbours[file_id] = max((best.get(other, 0.0), -other) for other in others)

    def row(self, facts: Facts, coherence: float) -> list[float]:
        """The numbers of a candidate, in the order of `FEATURES`."""
        rarity = self._corpus.rarity
        of_path = facts.of_path
        in_file = self._of_query(of_path.file_words, self._in_paths)
        in_directory = self._of_query(of_path.directory_words, self._in_paths) - in_file
        in_names = self._of_query(facts.name_words, self._terms)
        return [
            coherence,
            self._corpus.phrases.get(facts.id, 0.0),
            self.definition(facts)[0],
            sum(rarity[term] for term in in_names) / self._total if in_names else 0.0,
            sum(rarity[term] for term in in_file) / self._path_total if in_file else 0.0,
            sum(rarity[term] for term in in_directory) / self._path_total if in_directory else 0.0,
            self._whole_name(facts) if in_file else 0.0,
            1.0 if facts.kind in ("function", "class") else 0.0,
            self._referenced(facts),
            self._neighbours[facts.file_id][0] if facts.file_id in self._neighbours else 0.0,
            self._place(facts),
            self._corpus.recency.get(facts.path, 0.0),
        ]

    def definition(self, facts: Facts) -> tuple[float, str]:
        """What defining a name of the query is worth, and its spelling."""
        best, spelled = 0.0, ""
        for known in self._worths:
            spelling = facts.defines.get(known.name.key)
            if spelling is None:
                continue
            worth = known.exact if spelling == known.name.text else known.other_case
            if facts.symbol_key == known.name.key:
                worth *= _MAIN_SYMBOL
            if facts.of_path.stem_key == known.name.key:
                worth += _OWN_FILE * known.name.strength
            if worth > best:
                best, spelled = worth, spelling
        return best, spelled

    def reason(self, kind: str, facts: Facts) -> str:
        """The features in words; "" for what explains itself elsewhere."""
        of_path = facts.of_path
        in_file = self._of_query(of_path.file_words, self._in_paths)
        if kind == "definition":
            return f"defines {self.definition(facts)[1]}"
        if kind == "names":
            return f"names match: {self._spelled(self._of_query(facts.name_words, self._terms))}"
        if kind == "file_name":
            return f"file name matches: {self._spelled(in_file)}"
        if kind == "directory":
            words = self._of_query(of_path.directory_words, self._in_paths) - in_file
            return f"directory matches: {self._spelled(words)}"
        if kind == "referenced":
            return f"spelled in {self._references(facts)} chunks"
        if kind == "import_neighbour":
            other = -self._neighbours[facts.file_id][1]
            verb = "imports" if self._corpus.links[facts.file_id][other] else "imported by"
            return f"{verb} {self._path_of[other]}"
        if kind == "place":
            return "the place that the query names"
        return {
            "coherence": "other chunks of the file match too",
            "phrase": "words of the query stand together",
            "recent": "changed recently",
        }.get(kind, "")

    def _of_query(self, found: frozenset[str], terms: frozenset[str]) -> frozenset[str]:
        """Those of the query's terms that are among the stems, as they are or in another form."""
        plain = found & terms
        if self._forms.isdisjoint(found):
            return plain
        return plain | {self._meant[form] for form in found & self._forms} & terms

    def _spelled(self, found: frozenset[str]) -> str:
        spelled = self._query.spelled
        return ", ".join(dict.fromkeys(spelled[t] for t in self._query.terms if t in found))

    def _whole_name(self, facts: Facts) -> float:
        """How much of the file's name the query covers, squared."""
        own = facts.of_path.file_words - _GENERIC_WORDS - self._corpus.project
        return (len(own & self._terms) / len(own)) ** 2 if own else 0.0

    def _referenced(self, facts: Facts) -> float:
        count = self._references(facts)
        return min(1.0, math.log1p(count) / math.log1p(_MOST_REFERENCES)) if count else 0.0

    def _references(self, facts: Facts) -> int:
        """How many chunks spell a chunk's symbol beside the one that defines it."""
        return max(0, self._corpus.spellings.get(facts.symbol_key, 0) - 1)

    def _place(self, facts: Facts) -> float:
        best = 0.0
        for place in self._corpus.places.get(facts.file_id, ()):
            worth = place.strength
            if place.line is not None and not facts.start_line <= place.line <= facts.end_line:
                worth *= 0.3
            best = max(best, worth)
        return best


def _name_worths(query: Query, corpus: Corpus, spelled: Set[str]) -> list[_NameWorth]:
    power = _RARITY.get(query.kind, 1.0)
    worths: list[_NameWorth] = []
    for name in query.names:
        count = corpus.definition_counts.get(name.key, 0)
        if count:
            exact = name.strength / count**power
            loose = _OTHER_CASE if name.text in spelled else _NO_CASE
            worths.append(_NameWorth(name, exact, exact * loose))
    return worths
