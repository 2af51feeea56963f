"""What a search asks of the index: the one set of questions that every store answers.

`search/` knows no other door to an index, so a store is exchanged without a change there. SQLite
is one (`sqlite_store`); `tests/index/store/conformance.py` holds any store against these pages.

Ids of chunks are integers from 1 to 2^63 - 1, and one names the same chunk for ever: a file that
changes gets new ones. So what was read of an id stays true for as long as it can be found, and one
that is gone is missing from an answer, never an error. They need not rise as a store writes: where
many write at once an id is a hash of what it names. A search is several questions with no
transaction over them. Ids of files name the files of this moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from c2llm.index.store.records import ChunkFacts, IndexedFile, StoredChunk, WordStatistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c2llm.index.store.imported.condition import Condition
    from c2llm.index.store.imported.record import Column, Record

PATH_WEIGHT, SYMBOL_WEIGHT, BODY_WEIGHT = 2.0, 2.0, 1.0
"""What a term counts in each of the three fields of a chunk (`codebase.words.lexicon_row`)."""
BM25_K1, BM25_B = 1.2, 0.75
"""How soon further occurrences of a term count less, and how much a chunk's length matters."""


class ChunkStore(Protocol):
    """The chunks of one tree with their words, names, files and vectors."""

    # -- the index as a whole --------------------------------------------------------------------

    def generation(self) -> int:
        """A number that every write raises: what was read under another one may be stale."""
        ...

    def chunk_count(self) -> int:
        """How many chunks there are."""
        ...

    # -- words and names -------------------------------------------------------------------------

    def lexical_candidates(
        self,
        terms: Iterable[str],
        limit: int,
        admitted: Collection[int] | None = None,
        statistics: WordStatistics | None = None,
    ) -> list[tuple[int, float]]:
        """Ids and BM25 scores of the chunks that have any of the terms, the best first.

        A chunk D scores the sum over the different terms t of
        `idf(t) * f * (k1 + 1) / (f + k1 * (1 - b + b * |D| / average |D|))`, where f counts t in
        the three fields with their weights, |D| is the number of tokens of all three, and
        `idf(t) = max(1e-6, log((N - n + 0.5) / (n + 0.5)))` with N chunks of which n have t
        (Robertson and Zaragoza 2009, section 3; as SQLite's FTS5 has it).

        Args:
            terms: Tokens as `codebase.words.tokens` writes them; one that is there twice counts
                once.
            limit: How many at most; of equal scores the lower id comes first and is kept.
            admitted: Ids of the chunks that may answer, None for all.
            statistics: N, n and the average |D| of all the stores that are asked together, so that
                their scores are comparable; None for those of this store alone. A term that has no
                count there is in no chunk.
        """
        ...

    def word_statistics(self, terms: Iterable[str]) -> WordStatistics:
        """How common the terms are, how many chunks there are, and how many tokens in them."""
        ...

    def document_frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """How many chunks have a term in any field, for those terms that some chunk has."""
        ...

    def phrase_matches(self, first: str, second: str, among: Collection[int]) -> list[int]:
        """Ids of those chunks in whose body the second term follows right upon the first."""
        ...

    def definitions(self, names: Iterable[str]) -> dict[str, list[int]]:
        """For each name (`codebase.words.normalized`) the ids of the chunks that define it.

        Ids rise; a name that nothing defines is not there.
        """
        ...

    def files_that_spell(self, name: str, limit: int) -> list[str]:
        """Paths, sorted, of files with a chunk whose body has a name as an identifier, spelled so.

        That is: its body has the name's first token, and its text has the name, case and all.

        Args:
            name: The name; one without a token is spelled nowhere.
            limit: How many paths at most.
        """
        ...

    # -- chunks ----------------------------------------------------------------------------------

    def facts(self, ids: Iterable[int]) -> list[ChunkFacts]:
        """All but the text of the chunks that are there, in any order."""
        ...

    def chunks(self, ids: Iterable[int]) -> list[StoredChunk]:
        """The chunks that are there, in the order of path, first line and id."""
        ...

    def chunks_of(self, file_ids: Iterable[int]) -> dict[int, list[int]]:
        """For each file that has any the ids of its chunks, in the order of lines, then of ids."""
        ...

    def chunks_at(self, file_id: int, start_line: int, end_line: int) -> list[int]:
        """Ids, rising, of a file's chunks that have a line between these two, both inclusive."""
        ...

    def texts(
        self, having: Collection[str] = (), among: Collection[int] | None = None
    ) -> Iterator[tuple[int, str]]:
        """Id and text of the chunks in whose text all these strings are, by rising id.

        Args:
            having: The strings, case and all; without any every text has them.
            among: Ids of the chunks that are asked about, None for all.
        """
        ...

    # -- files -----------------------------------------------------------------------------------

    def files(self) -> list[IndexedFile]:
        """All files, in any order."""
        ...

    def files_state(self) -> tuple[int, int]:
        """How many files there are, and a number that rises whenever a file with chunks is written.

        Unlike `generation` it stays when vectors are written.
        """
        ...

    def hashes(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Hash of the content of those of the paths that are indexed."""
        ...

    def files_named(self, name: str) -> list[tuple[int, str]]:
        """Id and path of the files whose name without folders is this, case of ASCII aside."""
        ...

    def imports(self, file_ids: Iterable[int] | None = None) -> list[tuple[int, list[str]]]:
        """Id and imported modules of all files, or of these, that import any."""
        ...

    # -- records ---------------------------------------------------------------------------------

    def record_columns(self) -> Mapping[str, Column]:
        """The columns of what was measured of the code and imported, by name."""
        ...

    def recorded(self, condition: Condition | None) -> list[Record]:
        """The records that meet a condition, each with the code that it is about today.

        None is met by all. What `Record.chunks` names are the chunks that have lines of that code.
        A condition is true, false or unknown, as in SQL: a comparison with a missing value is
        unknown, and so is what rests on it alone; what is true is met.

        Raises:
            UsageError: There is no such column, or values of two types are compared.
        """
        ...

    # -- vectors ---------------------------------------------------------------------------------

    def model_id(self, name: str) -> tuple[int, str] | None:
        """The number and the fingerprint of a model that has vectors here, None for another."""
        ...

    def lacks_vectors(self, model_id: int) -> bool:
        """Whether some chunk has no vector of the model; of a number that no model has, False."""
        ...

    def embedded(self, model: str) -> int:
        """How many chunks have a vector of the model of this name."""
        ...

    def vectors(self, model_id: int, only: Iterable[int] | None = None) -> list[tuple[int, bytes]]:
        """Id and packed vector of each chunk, or each of these, that has one, in any order.

        A packed vector has `4 + dim` bytes, as `quantized.pack` writes it.
        """
        ...

    def nearest(
        self, model_id: int, query: Callable[[], NDArray[np.float32]], limit: int
    ) -> list[tuple[int, float]] | None:
        """Ids and cosines of the chunks nearest to a query, the nearest first, ties by id.

        None where the store does not search vectors itself: then `search/retrieval` reads and
        compares them all.

        Args:
            model_id: The model's number.
            query: Gives the query's vector, float32 (dim,) of unit length; the model may still be
                loading, so it is called only by a store that answers.
            limit: How many at most.
        """
        ...


@runtime_checkable
class SampledStore(ChunkStore, Protocol):
    """A store that searches vectors itself, and gives some to compare what is near with."""

    def sampled(self, model_id: int, limit: int) -> list[tuple[int, bytes]]:
        """Id and packed vector of some chunks of all, the same ones until the store changes.

        Which ones has nothing to do with what they hold, so that they stand for all.
        """
        ...


@runtime_checkable
class LocalStore(ChunkStore, Protocol):
    """A store on this machine's disk, beside which lies a graph of very many vectors.

    Its ids of chunks rise as it writes and are never given twice.

    The graph is made and searched by `search/retrieval/hnsw.py`; the store keeps a note of which
    one fits its vectors, and drops it when they are made anew.
    """

    @property
    def path(self) -> Path:
        """The file of the store."""
        ...

    def is_large(self, model_id: int) -> bool:
        """Whether the model has more vectors than are scanned one by one."""
        ...

    def covered(self, model_id: int) -> tuple[int, int]:
        """The id up to which every chunk has a vector of the model, and how many chunks those are.

        Chunks above it may have one too.
        """
        ...

    def chunks_until(self, last: int) -> tuple[int, int]:
        """How many chunks there are up to an id, and how many beyond it."""
        ...

    def chunks_after(self, last: int) -> list[int]:
        """Ids of the chunks that came after one."""
        ...

    def vectors_in_parts(
        self, model_id: int, last: int, size: int = ...
    ) -> Iterator[list[tuple[int, bytes]]]:
        """`vectors` of the chunks up to an id by rising id, some at a time."""
        ...

    def graph_note(self, model_id: int) -> str | None:
        """What was noted of the graph of the model's vectors."""
        ...

    def note_graph(self, model_id: int, note: str) -> None:
        """Note which graph fits the vectors of the model; a transaction of its own."""
        ...
