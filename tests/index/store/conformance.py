"""What every store must answer, held against a slow and obvious model in Python.

A store is tried by a class of its own: it inherits `StoreConformance` and gives a fixture `fill`
that writes plain data the store's own way.

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def fill(self, tmp_path: Path) -> Fill:
            ...
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from c2llm.codebase.chunk import Chunk, Part
from c2llm.codebase.words import lexicon_row, normalized, tokens
from c2llm.index.build.cutting import CutChunk, CutFile, text_hash
from c2llm.index.store.chunk_store import (
    BM25_B,
    BM25_K1,
    BODY_WEIGHT,
    PATH_WEIGHT,
    SYMBOL_WEIGHT,
    ChunkStore,
)
from c2llm.index.store.imported.record import Column, Row
from c2llm.index.store.quantized import pack, unpack
from c2llm.index.store.records import ChunkFacts, WordStatistics

SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors)
"""What hypothesis warns of in a test that several classes inherit."""
Vectors = Mapping[str, Mapping[bytes, NDArray[np.float32]]]
"""For each model's name the vectors (dim,) of unit length by `CutChunk.embedded_hash`."""


class Import(NamedTuple):
    """Records that are imported together."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]


class Fill(Protocol):
    """Writes into a store, the way that the store is written."""

    def __call__(
        self,
        files: Sequence[CutFile],
        vectors: Vectors | None = None,
        into: ChunkStore | None = None,
        records: Sequence[Import] = (),
    ) -> ChunkStore:
        """Give a store that holds these.

        Args:
            files: Written one after the other, each in place of what was there under its path; one
                that is `gone` is removed.
            vectors: Written after the files.
            into: A store that was given before, None for a new one.
            records: Imported at the end, one after the other.
        """
        ...


# -- plain data ------------------------------------------------------------------------------------


def cut_of(
    path: str,
    *texts: str,
    language: str = "python",
    imports: Sequence[str] = (),
    scope: str = "",
) -> CutFile:
    """A file cut into these chunks, with a blank line between any two."""
    chunks: list[CutChunk] = []
    line = 1
    for text in texts:
        names = tuple(re.findall(r"def (\w+)", text))
        chunk = Chunk(
            path=path,
            start_line=line,
            end_line=line + text.count("\n"),
            language=language,
            kind="function" if names else "module",
            symbol=names[0] if names else "",
            scope=scope,
            signature=f"def {names[0]}" if names else "",
            definitions=names,
            text=text,
            parts=tuple(Part(name, "function", scope, line, line + 1) for name in names[1:]),
        )
        chunks.append(CutChunk(chunk, text_hash(text), lexicon_row(path, chunk)))
        line = chunk.end_line + 2
    content = text_hash("\n".join((path, *texts)))
    return CutFile(path, language, content, tuple(chunks), imports=tuple(imports))


def gone(path: str) -> CutFile:
    """A file that is there no more."""
    return CutFile(path, "python", gone=True)


LATIN = os.fsdecode(b"src/caf\xe9/retry_na\xefve.py")
"""A path that is no UTF-8."""
FILES = (
    cut_of(
        "src/net/retry.py",
        "def retry_with_backoff(call):\n    return call()",
        "def pause(seconds):\n    sleep(seconds)\n    sleep(seconds)",
        imports=["time", "net/client"],
    ),
    cut_of("src/net/client.py", "def send(url):\n    retry_with_backoff(url)", scope="Client"),
    cut_of("lib/client.py", "def send(url):\n    pause(url)", "import pause", imports=["net"]),
    cut_of("client.py", "retries = 3"),
    cut_of("a/one.py", "same = words(here)"),
    cut_of("b/two.py", "same = words(here)"),
    cut_of("c/six.py", "same = words(here)"),
    cut_of("docs/100%.md", "# Größe des Puffers\n\nretry with backoff", language="markdown"),
    cut_of("docs/1000.md", "nothing", language="markdown"),
    cut_of("src/Client.PY", "retry = 1"),
    cut_of(LATIN, "def naive():\n    retry_with_backoff(1)", imports=["time"]),
    cut_of("empty.py"),
)
TERMS = (
    *("retry", "retri", "backoff", "client", "pause", "send", "same", "retry_with_backoff", "url"),
    *("größe", "sleep", "no_such_term", "py", "def"),
)


# -- the model -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A chunk that the store should have, with the ids that it goes by there."""

    id: int
    file_id: int
    cut: CutChunk

    @property
    def fields(self) -> tuple[list[str], list[str], list[str]]:
        """The tokens of path, symbol and body."""
        path, symbol, body = (text.split() for text in self.cut.lexicon)
        return path, symbol, body

    @property
    def terms(self) -> list[str]:
        return [term for tokens_ in self.fields for term in tokens_]

    @property
    def facts(self) -> ChunkFacts:
        chunk = self.cut.chunk
        return ChunkFacts(
            self.id,
            self.file_id,
            chunk.path,
            chunk.start_line,
            chunk.end_line,
            chunk.language,
            chunk.kind,
            chunk.symbol,
            chunk.scope,
            chunk.definitions,
        )


@dataclass
class Model:
    """What was written, and the answers that follow from it."""

    files: dict[str, CutFile] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    @classmethod
    def of(cls, store: ChunkStore, written: Iterable[CutFile]) -> Model:
        """Find out by what ids the store knows the chunks that should be there, and no others."""
        files: dict[str, CutFile] = {}
        for file in written:
            files.pop(file.path, None)
            if not file.gone:
                files[file.path] = file
        cuts = [cut for path in sorted(files) for cut in files[path].chunks]
        stored = store.chunks([chunk_id for chunk_id, _ in store.texts()])
        assert [one.chunk for one in stored] == [cut.chunk for cut in cuts]
        entries = [Entry(one.id, one.file_id, cut) for one, cut in zip(stored, cuts, strict=True)]
        assert len({entry.id for entry in entries}) == len(entries)
        return cls(files, entries)

    @property
    def ids(self) -> list[int]:
        return sorted(entry.id for entry in self.entries)

    def file_id(self, path: str) -> int:
        """The id of a file that has chunks."""
        (found,) = {entry.file_id for entry in self.entries if entry.cut.chunk.path == path}
        return found

    def frequency(self, term: str) -> int:
        return sum(term in entry.terms for entry in self.entries)

    def statistics(self, terms: Iterable[str]) -> WordStatistics:
        counts = {term: count for term in terms if (count := self.frequency(term))}
        tokens_ = sum(len(entry.terms) for entry in self.entries)
        return WordStatistics(len(self.entries), tokens_, counts)

    def bm25(
        self, terms: Iterable[str], statistics: WordStatistics | None = None
    ) -> dict[int, float]:
        """The score of each chunk that has any of the terms: the formula, term by term."""
        terms = set(terms)
        total, tokens_of_all, counts = statistics or self.statistics(terms)
        average = tokens_of_all / max(total, 1)
        scores: dict[int, float] = {}
        for term in sorted(terms):
            n = counts.get(term, 0)
            idf = max(1e-6, math.log((total - n + 0.5) / (n + 0.5)))
            for entry in self.entries:
                weights = (PATH_WEIGHT, SYMBOL_WEIGHT, BODY_WEIGHT)
                f = sum(
                    weight * tokens_.count(term)
                    for weight, tokens_ in zip(weights, entry.fields, strict=True)
                )
                if f:
                    length = 1 - BM25_B + BM25_B * len(entry.terms) / average
                    score = idf * f * (BM25_K1 + 1) / (f + BM25_K1 * length)
                    scores[entry.id] = scores.get(entry.id, 0.0) + score
        return scores

    def phrases(self, first: str, second: str) -> list[int]:
        return [entry.id for entry in self.entries if (first, second) in pairwise(entry.fields[2])]

    def definitions(self, name: str) -> list[int]:
        return sorted(
            entry.id
            for entry in self.entries
            if name in map(normalized, entry.cut.chunk.definitions)
        )

    def spelling(self, name: str) -> list[str]:
        token = tokens(name).split(" ")[0]
        return sorted(
            {
                entry.cut.chunk.path
                for entry in self.entries
                if token in entry.fields[2] and name in entry.cut.chunk.text
            }
        )


def check_candidates(
    store: ChunkStore,
    model: Model,
    terms: Sequence[str],
    limit: int,
    admitted: Collection[int] | None = None,
    statistics: WordStatistics | None = None,
) -> None:
    """The scores are the formula's, and those that were left out are no better."""
    found = store.lexical_candidates(terms, limit, admitted, statistics)
    expected = model.bm25(terms, statistics)
    if admitted is not None:
        expected = {key: score for key, score in expected.items() if key in set(admitted)}
    assert len(found) == min(limit, len(expected))
    for chunk_id, score in found:
        assert score == pytest.approx(expected[chunk_id], rel=1e-6, abs=1e-9)
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    rest = [expected[key] for key in expected.keys() - dict(found).keys()]
    if found and rest:
        assert max(rest) <= found[-1][1] * (1 + 1e-6) + 1e-9


# -- the suite -------------------------------------------------------------------------------------


class StoreConformance:
    """Every question of `ChunkStore`, asked of a store that `fill` has filled."""

    @pytest.fixture
    def fill(self) -> Fill:
        raise NotImplementedError("the class of a store gives its own")

    @pytest.fixture
    def store(self, fill: Fill) -> ChunkStore:
        return fill(FILES)

    @pytest.fixture
    def model(self, store: ChunkStore) -> Model:
        return Model.of(store, FILES)

    def test_an_empty_store_has_no_answers(self, fill: Fill) -> None:
        store = fill([])
        assert store.chunk_count() == 0 and list(store.texts()) == []
        assert store.lexical_candidates(["retri"], 10) == []
        assert store.document_frequencies(["retri"]) == {}
        assert store.word_statistics(["retri"]) == (0, 0, {})
        assert store.lexical_candidates(["retri"], 10, None, WordStatistics(0, 0, {})) == []
        assert store.phrase_matches("retri", "with", {1, 2}) == []
        assert store.definitions(["retry"]) == {}
        assert store.files_that_spell("retry", 10) == []
        assert store.facts([1]) == store.chunks([1]) == []
        assert store.chunks_of([1]) == {} and store.chunks_at(1, 1, 9) == []
        assert store.files() == store.files_named("a.py") == store.imports() == []
        assert store.files_state()[0] == 0
        assert store.model_id("m") is None and store.embedded("m") == 0
        assert store.vectors(1) == store.vectors(1, [1]) == []
        assert not store.lacks_vectors(1)

    # -- words and names

    @pytest.mark.parametrize("limit", [0, 1, 2, 5, 100])
    @pytest.mark.parametrize(
        "terms",
        [*((term,) for term in TERMS), TERMS, ("send", "pause", "send"), ("", "client"), ()],
    )
    def test_scores_are_the_formula(
        self, store: ChunkStore, model: Model, terms: tuple[str, ...], limit: int
    ) -> None:
        check_candidates(store, model, terms, limit)

    @pytest.mark.parametrize("limit", [0, 2, 100])
    @pytest.mark.parametrize("terms", [*((term,) for term in TERMS), TERMS, ("", "client"), ()])
    def test_scores_by_the_statistics_of_several_stores_are_the_formula(
        self, store: ChunkStore, model: Model, terms: tuple[str, ...], limit: int
    ) -> None:
        own = model.statistics(terms)
        assert store.word_statistics(terms) == own
        check_candidates(store, model, terms, limit, None, own)
        counts = {term: 3 * count + 1 for term, count in own.counts.items()}
        several = WordStatistics(10 * own.chunks, 31 * own.tokens, counts)
        check_candidates(store, model, terms, limit, None, several)
        check_candidates(store, model, terms, limit, set(model.ids[::2]), several)

    def test_statistics_follow_what_is_written(self, store: ChunkStore, fill: Fill) -> None:
        written = [*FILES, cut_of("more.py", "def more():\n    retry()")]
        again = fill(written[-1:], into=store)
        assert again.word_statistics(TERMS) == Model.of(again, written).statistics(TERMS)

    def test_of_equal_scores_the_lower_id_comes_first(
        self, store: ChunkStore, model: Model
    ) -> None:
        equal = sorted(e.id for e in model.entries if e.cut.chunk.text.startswith("same"))
        for limit in (1, 2, 3):
            found = store.lexical_candidates(["same", "word"], limit)
            assert [chunk_id for chunk_id, _ in found] == equal[:limit]
            assert len({score for _, score in found}) == 1

    def test_what_is_not_admitted_does_not_answer(self, store: ChunkStore, model: Model) -> None:
        for admitted in (set(), set(model.ids[::2]), {*model.ids[1::3], 10_000}, set(model.ids)):
            for limit in (1, 3, 100):
                check_candidates(store, model, ("retri", "client", "send"), limit, admitted)

    def test_terms_are_not_a_language(self, store: ChunkStore, model: Model) -> None:
        for term in ('"', 'a"b', "OR", "NEAR", "*", "body:", "(", "AND NOT", "\\", "'"):
            found = store.lexical_candidates([term, "send"], 5)
            assert found == store.lexical_candidates(["send"], 5)
            assert store.document_frequencies([term]) == {}
            assert store.definitions([term]) == {}
            assert store.phrase_matches(term, term, set(model.ids)) == []

    def test_document_frequencies_are_counts(self, store: ChunkStore, model: Model) -> None:
        counts = {term: model.frequency(term) for term in TERMS}
        expected = {term: count for term, count in counts.items() if count}
        assert store.document_frequencies([*TERMS, *TERMS]) == expected
        assert store.document_frequencies([]) == {}

    def test_phrases_are_neighbours_in_the_body(self, store: ChunkStore, model: Model) -> None:
        seen = {pair for e in model.entries for pair in pairwise(e.fields[2])}
        pairs = [*sorted(seen), ("retri", "net"), ("backoff", "retri"), ("no_such", "no_such")]
        for first, second in pairs:
            expected = sorted(model.phrases(first, second))
            assert sorted(store.phrase_matches(first, second, set(model.ids))) == expected
            assert store.phrase_matches(first, second, set(expected[1:])) == expected[1:]
            assert store.phrase_matches(first, second, set()) == []

    def test_definitions_are_found_by_name(self, store: ChunkStore, model: Model) -> None:
        names = ("retrywithbackoff", "send", "pause", "naive", "retry_with_backoff", "nosuchname")
        found = store.definitions([*names, "send"])
        expected = {name: model.definitions(name) for name in names}
        assert found == {name: ids for name, ids in expected.items() if ids}
        assert len(found["send"]) == 2
        assert store.definitions([]) == {}

    def test_who_spells_a_name(self, store: ChunkStore, model: Model) -> None:
        for name in ("retry_with_backoff", "pause", "send", "Send", "retry", "Größe", "url", "%"):
            assert store.files_that_spell(name, 100) == model.spelling(name), name
        assert LATIN in store.files_that_spell("retry_with_backoff", 100)
        assert len(store.files_that_spell("retry_with_backoff", 1)) == 1
        assert store.files_that_spell("", 100) == store.files_that_spell("()", 100) == []

    # -- chunks

    def test_chunks_and_their_facts(self, store: ChunkStore, model: Model) -> None:
        assert store.chunk_count() == len(model.entries)
        assert list(store.texts()) == sorted((e.id, e.cut.chunk.text) for e in model.entries)
        for strings in (["retry"], ["Retry"], ["sleep(", "def "], [""], ["ß"], ["no such"]):
            expected = sorted(
                (e.id, e.cut.chunk.text)
                for e in model.entries
                if all(string in e.cut.chunk.text for string in strings)
            )
            assert list(store.texts(strings)) == expected
            for among in (set(), set(model.ids[::2]), {*model.ids[1::3], 10_000}):
                some = [pair for pair in expected if pair[0] in among]
                assert list(store.texts(strings, among)) == some
        by_id = {entry.id: entry for entry in model.entries}
        for ids in ([], model.ids[::-1], [model.ids[3], 99_999, model.ids[0], model.ids[3]]):
            there = sorted({*ids} & by_id.keys())
            assert sorted(store.facts(ids)) == [by_id[chunk_id].facts for chunk_id in there]
            assert {one.id: one.chunk for one in store.chunks(ids)} == {
                chunk_id: by_id[chunk_id].cut.chunk for chunk_id in there
            }
            order = [(one.chunk.path, one.chunk.start_line, one.id) for one in store.chunks(ids)]
            assert order == sorted(order) and len(order) == len(there)

    def test_more_ids_than_a_statement_takes(self, store: ChunkStore, model: Model) -> None:
        many = [*range(1, 50_000), *model.ids]
        assert [fact.id for fact in sorted(store.facts(many))] == model.ids
        assert sorted(one.id for one in store.chunks(many)) == model.ids
        check_candidates(store, model, ("client", "send"), 5, many)

    def test_chunks_of_files_and_lines(self, store: ChunkStore, model: Model) -> None:
        expected: dict[int, list[int]] = {}
        for entry in sorted(model.entries, key=lambda e: (e.cut.chunk.start_line, e.id)):
            expected.setdefault(entry.file_id, []).append(entry.id)
        everything = [file.id for file in store.files()]
        assert store.chunks_of([*everything, 99_999]) == expected
        assert store.chunks_of([]) == {}
        file_id = model.file_id("src/net/retry.py")
        first, second = expected[file_id]  # lines 1 to 2 and 4 to 6
        assert store.chunks_of([file_id]) == {file_id: [first, second]}
        for start, end, ids in (
            (1, 1, [first]),
            (2, 3, [first]),
            (3, 3, []),
            (2, 4, [first, second]),
            (5, 5, [second]),
            (6, 99, [second]),
            (7, 99, []),
        ):
            assert store.chunks_at(file_id, start, end) == sorted(ids), (start, end)
        assert store.chunks_at(99_999, 1, 99) == []

    # -- files

    def test_files_are_listed_with_their_languages(self, store: ChunkStore, model: Model) -> None:
        files = store.files()
        assert {file.path: file.language for file in files} == {
            path: file.language for path, file in model.files.items()
        }
        assert len({file.id for file in files}) == len(files) == store.files_state()[0]
        ids = {file.path: file.id for file in files}
        assert all(ids[e.cut.chunk.path] == e.file_id for e in model.entries)

    def test_files_by_name(self, store: ChunkStore) -> None:
        ids = {file.path: file.id for file in store.files()}
        for name, paths in {
            "client.py": ["client.py", "lib/client.py", "src/Client.PY", "src/net/client.py"],
            "CLIENT.py": ["client.py", "lib/client.py", "src/Client.PY", "src/net/client.py"],
            "retry.py": ["src/net/retry.py"],
            "100%.md": ["docs/100%.md"],
            "100_.md": [],
            "%": [],
            "lient.py": [],
            "net": [],
            LATIN.rpartition("/")[2]: [LATIN],
            "RETRY" + LATIN.rpartition("/")[2][5:]: [LATIN],
            "retry_na?ve.py": [],
            "empty.py": ["empty.py"],
            "": [],
        }.items():
            found = store.files_named(name)
            assert sorted(found) == sorted((ids[path], path) for path in paths), name

    def test_imports(self, store: ChunkStore, model: Model) -> None:
        ids = {file.path: file.id for file in store.files()}
        expected = sorted(
            (ids[path], list(file.imports)) for path, file in model.files.items() if file.imports
        )
        assert sorted(store.imports()) == expected
        assert store.imports([expected[0][0], ids["client.py"], 99_999]) == [expected[0]]
        assert store.imports([]) == []

    # -- writing

    def test_what_is_replaced_or_removed_is_gone(self, fill: Fill) -> None:
        store = fill(FILES)
        before, state, generation = Model.of(store, FILES), store.files_state(), store.generation()
        assert store.generation() == generation
        changes = [
            cut_of("src/net/retry.py", "def pause(again):\n    retry(again)", imports=["json"]),
            gone("src/net/client.py"),
            gone(LATIN),
            gone("never/was.py"),
            cut_of("c/six.py"),
            cut_of("new.py", "def send(more):\n    sleep(more)"),
        ]
        assert fill(changes, into=store) is store
        model = Model.of(store, [*FILES, *changes])
        assert store.generation() > generation
        assert store.files_state()[0] == state[0] - 1 and store.files_state()[1] > state[1]
        kept = {entry.id for entry in model.entries} & {entry.id for entry in before.entries}
        new = {entry.id for entry in model.entries} - kept
        assert len(new) == 2 and not new & set(before.ids)
        old = {entry.id: entry.cut.chunk for entry in before.entries}
        assert all(old[e.id] == e.cut.chunk for e in model.entries if e.id in kept)
        lost = sorted(set(before.ids) - kept)
        assert store.facts(lost) == store.chunks(lost) == []
        self.check_all(store, model, TERMS)
        assert fill([gone(path) for path in model.files], into=store).chunk_count() == 0
        assert store.files() == [] and store.lexical_candidates(TERMS, 10) == []

    def test_an_id_names_one_chunk_for_ever(self, fill: Fill) -> None:
        store = fill([cut_of("a.py", "one", "two", "three")])
        gone_ids = {chunk_id for chunk_id, _ in store.texts()}
        fill([gone("a.py")], into=store)
        assert store.chunk_count() == 0
        fill([cut_of("b.py", "four", "five")], into=store)
        assert not gone_ids & {chunk_id for chunk_id, _ in store.texts()}

    def test_vectors_leave_the_files_as_they_are(self, fill: Fill) -> None:
        store = fill(FILES)
        state, generation = store.files_state(), store.generation()
        fill([], vectors_of(FILES, "m"), into=store)
        assert store.files_state() == state and store.generation() > generation

    @settings(max_examples=25, deadline=None, suppress_health_check=[*SHARED])
    @given(data=st.data())
    def test_any_sequence_of_writes(self, fill: Fill, data: st.DataObject) -> None:
        words = ("red", "blue", "red_blue", "green", "grün", "x1", "redBlue")
        path = st.sampled_from(("a.py", "b/red.py", "b/c/blue.py", LATIN))
        line = st.lists(st.sampled_from(words), min_size=1, max_size=6).map(" ".join)
        text = st.lists(st.one_of(line, line.map("def {}".format)), min_size=1, max_size=3)
        file = st.builds(
            lambda path, texts: cut_of(path, *dict.fromkeys(texts)),
            path,
            st.lists(text.map("\n".join), max_size=4),
        )
        writes = data.draw(st.lists(st.one_of(file, file, path.map(gone)), max_size=8))
        store = fill(writes)
        self.check_all(store, Model.of(store, writes), tuple(tokens(" ".join(words)).split()))

    def check_all(self, store: ChunkStore, model: Model, terms: Sequence[str]) -> None:
        """The questions of words, names and files, for each of the terms and for all."""
        counts = {term: count for term in terms if (count := model.frequency(term))}
        assert store.document_frequencies(terms) == counts
        for some in ((term,) for term in terms):
            check_candidates(store, model, some, 3)
        check_candidates(store, model, terms, 5, model.ids[::2])
        check_candidates(store, model, terms, 100)
        for first, second in pairwise(terms):
            found = store.phrase_matches(first, second, set(model.ids))
            assert sorted(found) == sorted(model.phrases(first, second))
        names = {normalized(name) for e in model.entries for name in e.cut.chunk.definitions}
        assert store.definitions(names) == {name: model.definitions(name) for name in names}
        for term in terms:
            assert store.files_that_spell(term, 100) == model.spelling(term)
        ids = {file.path: file.id for file in store.files()}
        assert ids.keys() == model.files.keys()
        assert sorted(store.imports()) == sorted(
            (ids[path], list(file.imports)) for path, file in model.files.items() if file.imports
        )

    # -- vectors

    def test_vectors_are_those_of_the_texts(self, fill: Fill) -> None:
        vectors = vectors_of(FILES, "big", "small", dim=12)
        store = fill(FILES, vectors)
        model = Model.of(store, FILES)
        numbers = {name: store.model_id(name) for name in ("big", "small", "none")}
        assert numbers["big"] and numbers["small"] and numbers["none"] is None
        assert numbers["big"][0] != numbers["small"][0]
        for name in ("big", "small"):
            number = numbers[name][0]  # type: ignore[index]
            expected = {
                entry.id: pack(vectors[name][entry.cut.embedded_hash][None])[0]
                for entry in model.entries
            }
            assert sorted(store.vectors(number)) == sorted(expected.items())
            some = [model.ids[4], 99_999, model.ids[0]]
            assert sorted(store.vectors(number, some)) == sorted(
                (chunk_id, expected[chunk_id]) for chunk_id in some if chunk_id in expected
            )
            assert store.vectors(number, []) == []
            assert store.embedded(name) == len(model.entries) and not store.lacks_vectors(number)
        assert store.vectors(99) == [] and store.embedded("none") == 0
        assert not store.lacks_vectors(99)

    def test_a_vector_is_of_every_chunk_with_the_text(self, fill: Fill) -> None:
        """Three files have the same text: one vector is written and found for all of them."""
        shared = text_hash("same = words(here)")
        vectors = {"m": {shared: vectors_of(FILES, "m")["m"][shared]}}
        store = fill(FILES, vectors)
        model = Model.of(store, FILES)
        number = store.model_id("m")
        assert number is not None
        ids = sorted(e.id for e in model.entries if e.cut.embedded_hash == shared)
        assert [chunk_id for chunk_id, _ in sorted(store.vectors(number[0]))] == ids
        assert len(ids) == 3 == store.embedded("m") and store.lacks_vectors(number[0])
        fill([gone("a/one.py"), cut_of("z.py", "same = words(here)", "other")], into=store)
        assert len(store.vectors(number[0])) == 3 == store.embedded("m")
        fill([gone("b/two.py"), gone("c/six.py"), gone("z.py")], into=store)
        assert store.vectors(number[0]) == [] and store.embedded("m") == 0

    def test_the_nearest_are_the_nearest_where_the_store_says(self, fill: Fill) -> None:
        vectors = vectors_of(FILES, "m", dim=16)
        store = fill(FILES, vectors)
        number = store.model_id("m")
        assert number is not None
        query = vectors["m"][FILES[0].chunks[0].embedded_hash]
        found = store.nearest(number[0], lambda: query, 5)
        if found is None:

            def never() -> NDArray[np.float32]:
                raise AssertionError("a store that does not answer asks for no query")

            assert store.nearest(number[0], never, 5) is None
            return
        packed = dict(store.vectors(number[0]))
        cosines = {key: float(unpack([row]).dot(query)[0]) for key, row in packed.items()}
        best = sorted(cosines.values(), reverse=True)[:5]
        assert [cosine for _, cosine in found] == pytest.approx(best, abs=0.01)
        assert all(cosines[key] == pytest.approx(cosine, abs=0.01) for key, cosine in found)
        assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))


def vectors_of(
    files: Iterable[CutFile], *models: str, dim: int = 8
) -> dict[str, dict[bytes, NDArray[np.float32]]]:
    """A vector of unit length for each text and model."""
    random = np.random.default_rng(5)
    hashes = sorted({cut.embedded_hash for file in files for cut in file.chunks})
    found: dict[str, dict[bytes, NDArray[np.float32]]] = {}
    for model in models:
        rows = random.standard_normal((len(hashes), dim)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        found[model] = dict(zip(hashes, rows, strict=True))
    return found
