"""What a catalog asks of its store beside what a search asks; `ChunkStore` has that.

The files of a `CatalogStore` are contents: `IndexedFile.path` is `repository/path` of the place
that a content was first read from, and what answers must show are the `places` that whoever asks
may see. A content that no repository has any more is in no answer, though it may be kept a while.

Everything is written so that it may be broken off and done again at any moment:

1. `put_contents` adds contents; until a repository has them they are in no answer.
2. `put_vectors` adds vectors, by the hash of what was embedded, for one or several models.
3. `put_repository` exchanges the list of a repository's files for another, all of it at once.
4. `sweep` drops the contents that no list has.

So a killed refresh leaves each repository as it was or as it is to be, and what it has read for
nothing is found again by the next one, or swept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from c2llm.index.store.catalog.records import Content, Place, RepositoryState
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.index.store.records import WordStatistics


@runtime_checkable
class CatalogStore(ChunkStore, Protocol):
    """The contents of many repositories, each once, with the places that have them."""

    # -- what there is ---------------------------------------------------------------------------

    def repositories(self) -> dict[str, RepositoryState]:
        """The repositories by name."""
        ...

    def tree(self, repository: str) -> dict[str, bytes]:
        """Path and key of the content of each file of a repository; of an unknown one nothing."""
        ...

    def known(self, keys: Iterable[bytes]) -> set[bytes]:
        """Those of the keys whose contents are there, whole; such need not be read again."""
        ...

    def places(
        self, file_ids: Iterable[int], repositories: Collection[str] | None = None
    ) -> dict[int, list[Place]]:
        """For each file (a content) its places, sorted, in these repositories; None for all.

        A file without a place there is missing.
        """
        ...

    def chunks_in(self, repositories: Collection[str]) -> set[int]:
        """Ids of the chunks that have a place in one of these repositories."""
        ...

    def files_in(self, repositories: Collection[str] | None) -> list[tuple[int, Place, str]]:
        """Id, place and language of each file, one for each place; None for all repositories."""
        ...

    # -- words as if there were only some of the chunks ------------------------------------------
    #
    # `moved` has the tokens of the path of each chunk whose content was first read from another
    # path than those that may be seen: the words of that one count for nothing then.

    def moved_chunks(self, paths: Mapping[int, Collection[str]]) -> list[tuple[int, int]]:
        """Id and file of the chunks whose words are those of another path than these.

        Args:
            paths: Those of each file that may be seen.
        """
        ...

    def tokens_of(self, among: Collection[int], moved: Mapping[int, Sequence[str]]) -> int:
        """How many tokens these chunks have together."""
        ...

    def document_frequencies_among(
        self, terms: Iterable[str], among: Collection[int], moved: Mapping[int, Sequence[str]]
    ) -> dict[str, int]:
        """`document_frequencies` as if there were only these chunks."""
        ...

    def lexical_candidates_among(
        self,
        terms: Iterable[str],
        limit: int,
        among: Collection[int],
        statistics: WordStatistics,
        moved: Mapping[int, Sequence[str]],
    ) -> list[tuple[int, float]]:
        """`lexical_candidates` as if there were only these chunks."""
        ...

    # -- what is written -------------------------------------------------------------------------

    def put_contents(self, contents: Sequence[Content]) -> None:
        """Add contents; one that is there already is left as it is."""
        ...

    def put_vectors_of(
        self, model: str, fingerprint: str, hashes: Sequence[bytes], packed: Sequence[bytes]
    ) -> None:
        """Add packed vectors (`quantized.pack`) of what was embedded, by its hash.

        Vectors that another fingerprint of the model made are dropped by the first of a new one.
        """
        ...

    def unembedded_hashes(
        self, model: str, limit: int, only: Collection[int] | None = None
    ) -> list[tuple[bytes, str]]:
        """Hash and text of what has no vector of the model and is in some answer, some at a time.

        The text is what is embedded: `codebase.chunks.embedding_text` of a chunk that has the hash,
        with the path inside the repository that it was first read from.

        Args:
            model: Its name; of one that is not known nothing has a vector.
            limit: How many chunks are looked at, at most: fewer hashes may come of them, but none
                only where nothing is left.
            only: Ids of the chunks that are asked about, as of a search's candidates; None for all.
        """
        ...

    def put_repository(self, name: str, revision: str, tree: Mapping[str, bytes]) -> None:
        """Exchange the files of a repository, which is added if it is not there.

        Args:
            name: Of the repository.
            revision: What its files were read from.
            tree: Path and key of each file. All the keys are `known`.

        Raises:
            KeyError: a content is not there; nothing has changed then.
        """
        ...

    def remove_repository(self, name: str) -> None:
        """Forget a repository; what only it had is in no answer any more."""
        ...

    def sweep(self) -> int:
        """Drop the contents that no repository has, and say how many those were."""
        ...

    def close(self) -> None:
        """Let go of the file or the connection."""
        ...
