"""One index as searches read it, with what is remembered between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from c2llm.codebase.identifiers import split_identifier
from c2llm.codebase.inflection import LATIN
from c2llm.codebase.words import stems, tokens
from c2llm.index.store.catalog.records import Place
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.search.query.query_parsing import Query
from c2llm.search.ranking.chunk_facts import Facts, FactsCache
from c2llm.search.ranking.import_graph import ImportGraph, Imports

# Folders that hold a project's code and are not called by it.
_PLAIN_FOLDERS = frozenset(
    "app code java kotlin lib main master packages project repo scala shared source sources src "
    "trunk".split()
)
_MOST_PARENTS = 3
_COMMENTED = 0.1
"""Share of the chunks that must have a language's words for it to be one that comments are in."""
SCRIPT_WORDS: Mapping[str, tuple[str, ...]] = {
    "zh": ("的", "是"),
    "ja": ("の", "を"),
    "ko": ("을", "를", "는"),
    "ru": ("не", "и", "для", "в", "на"),
}
"""Tokens that nearly every comment has in a language that its script does not hide."""


class IndexReader:
    """One index to be searched, with what is remembered of it between queries."""

    def __init__(self, store: ChunkStore, root: Path | None = None, label: str = "") -> None:
        self.store = store
        self.label = label
        """What its answers are told apart by when several indexes are searched."""
        self.facts = FactsCache(store)
        self.graph: Imports = ImportGraph(store, root.parts if root else ())
        self.project = project_words(root) if root else frozenset[str]()
        self._generation = -1
        self._chunks = 0
        self._spellings: dict[str, int] = {}
        self._languages: list[str] | None = None
        self._commented: list[str] | None = None

    def called(self, facts: Facts) -> str:
        """Which repository answers say that a chunk is in; "" where only one was searched."""
        return self.label

    def own_name(self, called: str) -> str | None:
        """The `Facts.repository` of what answers call so; None where it is of another index."""
        return "" if called == self.label else None

    def elsewhere(self, facts: Facts) -> tuple[Place, ...]:
        """The other places that have the file of a chunk, byte by byte."""
        return ()

    def begin_question(self) -> None:
        """Forget what depends on which candidates were met first: an answer has no history."""
        self._spellings.clear()

    def chunk_count(self) -> int:
        """How many chunks there are."""
        generation = self.store.generation()
        if generation != self._generation:
            self._generation = generation
            self._chunks = self.store.chunk_count()
            self._spellings.clear()
            self._languages = None
            self._commented = None
        return self._chunks

    def spellings(self, found: Sequence[Facts]) -> dict[str, int]:
        """For the symbols of several words, how many chunks spell them."""
        known = self._spellings
        wanted: dict[str, str] = {}
        for facts in found:
            if facts.symbol_key and facts.symbol_key not in known:
                known[facts.symbol_key] = 0
                if len(split_identifier(facts.symbol)) > 1:
                    wanted[tokens(facts.symbol).split(" ", 1)[0]] = facts.symbol_key
        if wanted:
            for term, count in self.store.document_frequencies(wanted).items():
                known[wanted[term]] = count
        return known

    def languages(self) -> list[str]:
        """The marks of the languages other than English that some chunk's words are of."""
        self.chunk_count()  # forgets what is outdated
        if self._languages is None:
            self._languages = sorted(self.store.document_frequencies(LATIN.values()))
        return self._languages

    def commented_in(self) -> list[str]:
        """Languages other than English that a part of the chunks is commented in.

        As `SCRIPT_WORDS` names them, or by the marks of `LATIN`.
        """
        chunks = self.chunk_count()
        if self._commented is None:
            probes = {word: language for language, words in SCRIPT_WORDS.items() for word in words}
            probes |= {mark: mark for mark in LATIN.values()}
            counts = self.store.document_frequencies(probes)
            least = max(1.0, _COMMENTED * chunks)
            self._commented = sorted({probes[w] for w, count in counts.items() if count >= least})
        return self._commented

    def rarity(self, query: Query) -> dict[str, float]:
        """Weight of each of the query's terms."""
        return rarity(query.terms, self.chunk_count(), self.store.document_frequencies(query.terms))


def rarity(terms: Sequence[str], chunks: int, counts: Mapping[str, int]) -> dict[str, float]:
    """Weight of each term: the idf of BM25.

    Args:
        terms: The terms.
        chunks: How many chunks there are.
        counts: How many of them have each term.
    """
    return {
        term: math.log(1.0 + (chunks - n + 0.5) / (n + 0.5))
        for term in terms
        for n in (min(counts.get(term, 0), chunks),)
    }


def project_words(root: PurePath | str) -> frozenset[str]:
    """Stems of the words that a project is called by."""
    return frozenset(stems(project_name(PurePath(root))))


def project_name(root: PurePath) -> str:
    """What a project is called by its directory, `zls` for `zls/src`."""
    names = [name for name in root.parts[-_MOST_PARENTS:] if name.lower() not in _PLAIN_FOLDERS]
    return names[-1] if names else ""
