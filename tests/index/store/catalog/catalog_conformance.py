"""What every store of a catalog must do, held against a slow and obvious model in Python.

A store is tried by two classes of its own; both are given a fixture `opened` that opens a new and
empty store each time it is called, and closes them all at the end.

    class TestMyCatalog(CatalogConformance):
        @pytest.fixture
        def opened(self, tmp_path: Path) -> Opened: ...

    class TestMyCatalogAsAnyStore(CatalogAnswers):
        @pytest.fixture
        def opened(self, tmp_path: Path) -> Opened: ...
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.codebase.chunks import embedding_text
from c2llm.codebase.words import lexicon_row
from c2llm.index.build.cutting import CutChunk, CutFile, text_hash
from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.records import (
    KEY_BYTES,
    Content,
    Place,
    RepositoryState,
    content_key,
)
from c2llm.index.store.catalog.visible_store import VisibleStore
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.index.store.quantized import pack
from tests.index.store.conformance import (
    FILES,
    SHARED,
    Fill,
    Import,
    StoreConformance,
    Vectors,
    cut_of,
)

Opened = Callable[[], CatalogStore]


def content_of(repository: str, path: str, *texts: str) -> Content:
    """A content that is known by its texts alone, wherever it is."""
    cut = cut_of(path, *texts)
    # What is embedded has the path in its header, as real files do.
    chunks = tuple(
        CutChunk(one.chunk, text_hash(embedding_text(one.chunk)), lexicon_row(path, one.chunk))
        for one in cut.chunks
    )
    blob = hashlib.sha1("\0".join(texts).encode()).hexdigest()
    key = content_key(blob, cut.language)
    return Content(key, Place(repository, path), replace(cut, chunks=chunks))


def unit_rows(count: int, seed: int = 3, dim: int = 8) -> list[bytes]:
    """Packed vectors of unit length."""
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return pack(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@dataclass
class Expected:
    """What was written, and the answers that follow from it."""

    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    contents: dict[bytes, Content] = field(default_factory=dict)
    """Those that must be there; others may be."""

    def put_repository(self, name: str, tree: Mapping[str, bytes]) -> None:
        self.trees[name] = dict(tree)

    def places(self, key: bytes, repositories: Collection[str] | None = None) -> list[Place]:
        return sorted(
            Place(name, path)
            for name, tree in self.trees.items()
            if repositories is None or name in repositories
            for path, its in tree.items()
            if its == key
        )

    def had(self) -> set[bytes]:
        return {key for tree in self.trees.values() for key in tree.values()}

    def check(self, store: CatalogStore) -> None:
        """Everything that a store says of what it has."""
        states = store.repositories()
        assert {name: state.files for name, state in states.items()} == {
            name: len(tree) for name, tree in self.trees.items()
        }
        for name, tree in self.trees.items():
            assert store.tree(name) == tree
        assert store.known(self.contents) == self.contents.keys()
        had = self.had()
        texts = sorted(
            (self.contents[key].first.whole, one.chunk.start_line, one.chunk.text)
            for key in had
            for one in self.contents[key].cut.chunks
        )
        stored = store.chunks([chunk_id for chunk_id, _ in store.texts()])
        chunks = [one.chunk for one in stored]
        assert sorted((one.path, one.start_line, one.text) for one in chunks) == texts
        assert store.chunk_count() == len(texts)
        files = store.files()
        assert sorted(file.path for file in files) == sorted(
            self.contents[key].first.whole for key in had
        )
        of_texts: dict[tuple[str, ...], bytes] = {
            tuple(one.chunk.text for one in self.contents[key].cut.chunks): key for key in had
        }
        keys = {}
        for file in files:
            ids = store.chunks_of([file.id]).get(file.id, [])
            keys[file.id] = of_texts[tuple(one.chunk.text for one in ordered(store, ids))]
        for names in (None, [], list(self.trees)[:1], [*list(self.trees)[1:], "none"]):
            places = {file_id: self.places(key, names) for file_id, key in keys.items()}
            assert store.places([*keys, 99_999], names) == {
                file_id: found for file_id, found in places.items() if found
            }
            if names is not None:
                visible = [file_id for file_id, found in places.items() if found]
                ids_of = store.chunks_of(visible).values()
                assert store.chunks_in(names) == {one for ids in ids_of for one in ids}


def ordered(store: CatalogStore, ids: Iterable[int]) -> list[CutChunk]:
    found = store.chunks(ids)
    found.sort(key=lambda one: one.chunk.start_line)
    return [CutChunk(one.chunk, b"", ("", "", "")) for one in found]


ONE = content_of("acme/api", "src/retry.py", "def retry(call):\n    return call()", "limit = 3")
TWO = content_of("acme/api", "src/send.py", "def send(url):\n    retry(url)")
THREE = content_of("acme/web", "app.py", "def show(page):\n    send(page)")
EMPTY = content_of("acme/web", "empty.py")
LATIN = os.fsdecode(b"caf\xe9.py")


class CatalogConformance:
    """What `CatalogStore` has beside `ChunkStore`."""

    @pytest.fixture
    def opened(self) -> Opened:
        raise NotImplementedError("the class of a store gives its own")

    def test_a_new_store_has_nothing(self, opened: Opened) -> None:
        store = opened()
        assert store.repositories() == {} and store.tree("acme/api") == {}
        assert store.known([ONE.key, b"\0" * KEY_BYTES]) == set() == store.known([])
        assert store.places([1, 2]) == {} == store.places([])
        assert store.chunks_in(["acme/api"]) == set() == store.chunks_in([])
        assert store.unembedded_hashes("m", 10) == []
        store.remove_repository("acme/api")
        assert store.sweep() == 0 and store.chunk_count() == 0

    def test_contents_are_in_no_answer_until_a_repository_has_them(self, opened: Opened) -> None:
        store = opened()
        store.put_contents([ONE, TWO])
        store.put_contents([ONE])
        assert store.known([ONE.key, TWO.key, THREE.key]) == {ONE.key, TWO.key}
        assert store.chunk_count() == 0 and store.files() == [] and list(store.texts()) == []
        assert store.lexical_candidates(["retri"], 10) == [] and store.word_statistics([])[0] == 0
        assert store.definitions(["retry"]) == {} and store.unembedded_hashes("m", 10) == []
        store.put_repository("acme/api", "r1", {"src/retry.py": ONE.key})
        assert store.repositories() == {"acme/api": RepositoryState("acme/api", "r1", 1)}
        assert {chunk_id for chunk_id, _ in store.texts()} == store.chunks_in(["acme/api"])
        assert store.chunk_count() == 2
        (file,) = store.files()
        assert file.path == "acme/api/src/retry.py"
        assert store.definitions(["retry"]) and not store.definitions(["send"])

    def test_a_content_is_kept_once_for_all_that_have_it(self, opened: Opened) -> None:
        store = opened()
        store.put_contents([ONE, TWO])
        tree = {"src/retry.py": ONE.key, "vendor/retry.py": ONE.key, "src/send.py": TWO.key}
        store.put_repository("acme/api", "r1", tree)
        store.put_repository("fork/api", "r2", {"lib/retry.py": ONE.key, LATIN: ONE.key})
        assert store.chunk_count() == 3 and len(store.files()) == 2
        ids = {file.path: file.id for file in store.files()}
        one, two = ids["acme/api/src/retry.py"], ids["acme/api/src/send.py"]
        everywhere = sorted(
            [
                Place("acme/api", "src/retry.py"),
                Place("acme/api", "vendor/retry.py"),
                Place("fork/api", LATIN),
                Place("fork/api", "lib/retry.py"),
            ]
        )
        assert store.places([one, two]) == {
            one: everywhere,
            two: [Place("acme/api", "src/send.py")],
        }
        assert store.places([one, two], ["fork/api"]) == {one: everywhere[2:]}
        assert store.places([one], []) == {}
        assert store.chunks_in(["fork/api"]) == set(store.chunks_of([one])[one])
        store.remove_repository("acme/api")
        assert store.places([one, two]) == {one: everywhere[2:]}
        assert store.chunk_count() == 2 and store.tree("acme/api") == {}
        (file,) = store.files()
        assert file.path == "acme/api/src/retry.py"  # the words of its chunks have that path

    def test_what_every_repository_has_dropped_is_gone_and_may_come_back(
        self, opened: Opened
    ) -> None:
        store = opened()
        store.put_contents([ONE, TWO])
        store.put_repository("a", "r1", {"x.py": ONE.key})
        ids, state = store.chunks_in(["a"]), store.files_state()
        store.put_repository("a", "r2", {"x.py": TWO.key})
        assert store.chunks(ids) == [] and not store.definitions(["retry"])
        assert store.lexical_candidates(["limit"], 5) == []
        assert store.files_state()[1] > state[1]
        if ONE.key in store.known([ONE.key]):  # it may be kept a while
            store.put_repository("b", "r1", {"y.py": ONE.key})
            assert store.definitions(["retry"])
            assert [one.chunk.text for one in store.chunks(store.chunks_in(["b"]))] == [
                one.chunk.text for one in ONE.cut.chunks
            ]
            chunk = store.chunks(store.chunks_in(["b"]))[0].chunk
            assert chunk == replace(ONE.cut.chunks[0].chunk, path=ONE.first.whole)
            store.remove_repository("b")
        store.sweep()
        assert store.known([ONE.key, TWO.key]) == {TWO.key}
        store.put_contents([ONE])
        store.put_repository("b", "r1", {"y.py": ONE.key})
        assert store.definitions(["retry"])

    def test_words_of_a_path_that_must_not_be_seen_count_for_nothing(self, opened: Opened) -> None:
        """Where a content was first read from one, it has the words of the path that is seen."""
        seen = [
            content_of("open", "plain/job.py", "retry one", "wait for two"),
            content_of("open", "plain/own.py", "retry three"),
            content_of("open", "other/more.py", "nothing of it"),
        ]
        hidden = [
            content_of("hush", "zanzibar/plain/secret.py", "retry one", "wait for two"),
            content_of("hush", "zanzibar/own.py", "only there, retry"),
        ]
        tree = {one.first.path: one.key for one in seen}
        alone, among = opened(), opened()
        alone.put_contents(seen)
        alone.put_repository("open", "r1", tree)
        among.put_contents(hidden)
        among.put_repository("hush", "r1", {one.first.path: one.key for one in hidden})
        among.put_contents(seen)
        among.put_repository("open", "r1", tree)
        view = VisibleStore(among, ["open"])
        terms = ["zanzibar", "secret", "plain", "job", "other", "retry", "wait", "own"]

        def scored(store: VisibleStore) -> dict[str, float]:
            found = dict(store.lexical_candidates(terms, 20))
            return {one.chunk.text: found[one.id] for one in store.chunks(found)}

        assert view.word_statistics(terms) == alone.word_statistics(terms)
        assert view.document_frequencies(terms) == alone.document_frequencies(terms)
        for term in terms:
            found = {one for one, _ in view.lexical_candidates([term], 20)}
            assert len(found) == alone.document_frequencies([term]).get(term, 0)
        assert scored(view) == pytest.approx(scored(VisibleStore(alone)), abs=1e-6)

    def test_sweeping_drops_what_nobody_has_and_says_how_many(self, opened: Opened) -> None:
        store = opened()
        store.put_contents([ONE, TWO, THREE, EMPTY])
        store.put_repository("a", "r1", {"x.py": ONE.key, "empty.py": EMPTY.key})
        assert store.sweep() == 2
        assert store.known([ONE.key, TWO.key, THREE.key, EMPTY.key]) == {ONE.key, EMPTY.key}
        assert store.sweep() == 0 and store.chunk_count() == 2 and len(store.files()) == 2

    def test_a_list_that_names_an_unknown_content_changes_nothing(self, opened: Opened) -> None:
        store = opened()
        store.put_contents([ONE, TWO])
        store.put_repository("a", "r1", {"x.py": ONE.key})
        generation = store.generation()
        for name in ("a", "b"):
            with pytest.raises(KeyError):
                store.put_repository(name, "r2", {"y.py": TWO.key, "z.py": THREE.key})
        assert store.repositories() == {"a": RepositoryState("a", "r1", 1)}
        assert store.tree("a") == {"x.py": ONE.key} and store.generation() == generation
        assert not store.definitions(["send"])

    def test_an_empty_repository_is_one(self, opened: Opened) -> None:
        store = opened()
        store.put_repository("a", "r1", {})
        assert store.repositories() == {"a": RepositoryState("a", "r1", 0)}
        store.put_contents([ONE])
        store.put_repository("a", "r2", {"x.py": ONE.key})
        store.put_repository("a", "r3", {})
        assert store.repositories()["a"] == RepositoryState("a", "r3", 0)
        assert store.chunk_count() == 0

    def test_every_write_raises_the_generation(self, opened: Opened) -> None:
        store = opened()
        store.put_contents([ONE, TWO])
        seen = [store.generation()]
        for write in (
            lambda: store.put_repository("a", "r1", {"x.py": ONE.key}),
            lambda: store.put_repository("a", "r2", {"x.py": TWO.key}),
            lambda: store.put_vectors_of(
                "m", "m-1", [TWO.cut.chunks[0].embedded_hash], unit_rows(1)
            ),
            lambda: store.remove_repository("a"),
        ):
            write()
            seen.append(store.generation())
        assert seen == sorted(set(seen))

    # -- vectors

    def test_a_vector_is_of_all_that_has_the_text(self, opened: Opened) -> None:
        store = opened()
        contents = [ONE, TWO, THREE]
        store.put_contents(contents)
        hashes = [cut.embedded_hash for one in contents for cut in one.cut.chunks]
        rows = dict(zip(hashes, unit_rows(len(hashes)), strict=True))
        store.put_vectors_of("m", "m-1", hashes[:2], [rows[key] for key in hashes[:2]])
        assert store.embedded("m") == 0
        store.put_repository("a", "r1", {"x.py": ONE.key, "y.py": TWO.key})
        number = store.model_id("m")
        assert number is not None and number[1] == "m-1"
        assert store.embedded("m") == 2 and store.lacks_vectors(number[0])
        ((key, text),) = store.unembedded_hashes("m", 10)
        assert key == TWO.cut.chunks[0].embedded_hash
        assert text == embedding_text(TWO.cut.chunks[0].chunk) and text_hash(text) == key
        assert store.unembedded_hashes("m", 10, store.chunks_in(["none"])) == []
        first = store.chunks_of([file.id for file in store.files()])
        one = min(ids for ids in first.values() if len(ids) == 2)
        assert store.unembedded_hashes("m", 10, one) == []
        assert len(store.unembedded_hashes("other", 10)) == 3
        assert len(store.unembedded_hashes("other", 10, one)) == 2
        assert len(store.unembedded_hashes("other", 2)) == 2
        store.put_vectors_of("m", "m-1", [key], [rows[key]])
        assert store.embedded("m") == 3 and store.unembedded_hashes("m", 10) == []
        assert not store.lacks_vectors(number[0])
        stored = {one.id: one for one in store.chunks([i for i, _ in store.texts()])}
        texts = {
            cut.chunk.text: rows[cut.embedded_hash] for one in contents for cut in one.cut.chunks
        }
        for chunk_id, row in store.vectors(number[0]):
            assert row == texts[stored[chunk_id].chunk.text]

    def test_another_fingerprint_drops_the_vectors_of_the_first(self, opened: Opened) -> None:
        store = opened()
        store.put_contents([ONE, TWO])
        store.put_repository("a", "r1", {"x.py": ONE.key, "y.py": TWO.key})
        hashes = [cut.embedded_hash for cut in ONE.cut.chunks]
        other = [TWO.cut.chunks[0].embedded_hash]
        store.put_vectors_of("m", "m-1", hashes, unit_rows(2))
        store.put_vectors_of("other", "o-1", hashes, unit_rows(2))
        before = store.model_id("m")
        store.put_vectors_of("m", "m-2", other, unit_rows(1, seed=4))
        after = store.model_id("m")
        assert before is not None and after is not None
        assert after[1] == "m-2" and after[0] != before[0]
        assert store.embedded("m") == 1 and store.embedded("other") == 2
        assert {key for key, _ in store.unembedded_hashes("m", 10)} == {*hashes}
        store.put_vectors_of("m", "m-2", hashes, unit_rows(2, seed=4))
        assert store.embedded("m") == 3
        assert store.chunk_count() == 3 and store.lexical_candidates(["retry"], 5)

    def test_vectors_stay_with_what_comes_back(self, opened: Opened) -> None:
        store = opened()
        store.put_contents([ONE, TWO])
        store.put_repository("a", "r1", {"x.py": ONE.key})
        store.put_vectors_of("m", "m-1", [c.embedded_hash for c in ONE.cut.chunks], unit_rows(2))
        store.sweep()
        number = store.model_id("m")
        assert number is not None and not store.lacks_vectors(number[0])
        store.put_contents([TWO])
        store.put_repository("a", "r2", {"x.py": TWO.key})
        assert store.lacks_vectors(number[0]) and store.embedded("m") == 0
        store.put_repository("a", "r3", {"x.py": TWO.key, "z.py": TWO.key})
        assert len(store.unembedded_hashes("m", 10)) == 1

    # -- any order

    @settings(max_examples=40, deadline=None, suppress_health_check=[*SHARED])
    @given(data=st.data())
    def test_any_sequence_of_writes(self, opened: Opened, data: st.DataObject) -> None:
        words = ("red", "blue", "def red", "green", "grün")
        contents = [
            content_of("first", f"dir/{number}.py", *(f"{word} {number}" for word in words[:count]))
            for number, count in enumerate((0, 1, 2, 3, 5))
        ]
        keys = st.sampled_from([content.key for content in contents])
        paths = st.sampled_from(("a.py", "b/c.py", LATIN, "d\ne.py"))
        trees = st.dictionaries(paths, keys, max_size=4)
        names = st.sampled_from(("first", "first/dir", "second", "caf\xe9"))
        puts = st.tuples(st.just("put"), names, trees)
        removes = st.tuples(st.just("remove"), names, st.none())
        sweeps = st.tuples(st.just("sweep"), st.none(), st.none())
        store, expected = opened(), Expected()
        by_key = {content.key: content for content in contents}
        for step, (what, name, tree) in enumerate(
            data.draw(st.lists(st.one_of(puts, puts, removes, sweeps), max_size=8))
        ):
            if what == "put":
                assert name is not None and tree is not None
                lacking = {*tree.values()} - store.known(tree.values())
                if lacking:
                    with pytest.raises(KeyError):
                        store.put_repository(name, str(step), tree)
                store.put_contents([by_key[key] for key in sorted({*tree.values()})])
                store.put_repository(name, str(step), tree)
                expected.contents.update((key, by_key[key]) for key in tree.values())
                expected.put_repository(name, tree)
            elif what == "remove":
                assert name is not None
                store.remove_repository(name)
                expected.trees.pop(name, None)
            else:
                store.sweep()
            had = expected.had()
            expected.contents = {key: one for key, one in by_key.items() if key in had}
            if what == "sweep":
                assert store.known(by_key) == had
            expected.check(store)


class CatalogAnswers(StoreConformance):
    """The store of a catalog answers as every `ChunkStore` does; its repository has no name."""

    @pytest.fixture
    def opened(self) -> Opened:
        raise NotImplementedError("the class of a store gives its own")

    @pytest.fixture
    def fill(self, opened: Opened) -> Fill:
        def filled(
            files: Sequence[CutFile],
            vectors: Vectors | None = None,
            into: ChunkStore | None = None,
            records: Sequence[Import] = (),
        ) -> ChunkStore:
            store = opened() if into is None else into
            assert isinstance(store, CatalogStore)
            for file in files:
                tree = store.tree("")
                tree.pop(file.path, None)
                if not file.gone:
                    key = content_key(repr(file), file.language)
                    store.put_contents([Content(key, Place("", file.path), file)])
                    tree[file.path] = key
                store.put_repository("", "", tree)
            for name, rows in (vectors or {}).items():
                packed = pack(np.stack(list(rows.values())))
                store.put_vectors_of(name, f"{name}-1", list(rows), packed)
            self.import_into(store, records)
            return store

        return filled

    def import_into(self, store: CatalogStore, records: Sequence[Import]) -> None:
        """Import records, where the store has any."""
        assert not records

    def test_a_search_asks_it_as_any_other(self, opened: Opened, fill: Fill) -> None:
        assert isinstance(fill(FILES), CatalogStore)
