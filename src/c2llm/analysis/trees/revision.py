"""A revision of a repository, work tree or bare, as a tree that is compared, not checked out.

Git lists names, sizes and hashes and gives the bytes as it keeps them, so that no filter that the
repository configures has a say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from c2llm.analysis.trees.reading import CUT, ReadTree, may_hold_code
from c2llm.codebase.files.walk import MOST_FILE_BYTES
from c2llm.codebase.git import Git, is_git_directory
from c2llm.codebase.revisions.listing import Blob, blobs_of, source_files, texts_of
from c2llm.codebase.revisions.objects import lacking, read_objects
from c2llm.errors import DataError, UsageError

_MOST_AHEAD = 200_000_000
"""Bytes that are held of files that will be asked for."""


def repository_at(folder: Path) -> Git:
    """The repository of a folder in a work tree, or of a bare git directory that the user named.

    Raises:
        UsageError: There is none.
    """
    bare = is_git_directory(folder)
    git = Git(folder, bare=bare)
    if not folder.is_dir() or git.line("rev-parse", "--git-dir") is None:
        raise UsageError(f"{folder} is in no git repository, so there is no revision in it.")
    return git


def commit_named(git: Git, revision: str) -> str | None:
    """The hash of the commit that git takes a name for; None where it knows none."""
    if not revision.strip() or revision.startswith("-") or not revision.isprintable():
        return None
    # `^{commit}` behind it: it is a revision or nothing, never an option.
    return git.line("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") or None


class RevisionTree(ReadTree):
    """The files of one commit that the walk would take.

    Args:
        git: The repository.
        revision: Anything that git takes for a commit.
        within: A folder or a file of it, with `/`, that alone is looked at; paths are relative to
            the folder. "" is all.
        label: How the user named it.

    Raises:
        UsageError: There is no such revision, or nothing at `within` in it.
    """

    def __init__(self, git: Git, revision: str, within: str = "", label: str = "") -> None:
        super().__init__(label or (f"{within}@{revision}" if within else revision))
        self._git = git
        commit = commit_named(git, revision)
        if commit is None:
            raise UsageError(
                f"git has no revision {revision!r} in {git.root}; in a shallow clone fetch it "
                "first (git fetch --unshallow)."
            )
        self.commit = commit
        """The hash of the commit."""
        within = within.strip("/")
        folder, self._only = within, ""
        if within:
            kind = git.line("cat-file", "-t", f"{commit}:{within}")
            if kind == "blob":
                folder, _, self._only = within.rpartition("/")
            elif kind != "tree":
                raise UsageError(f"{revision} has no {within!r} in {git.root}.")
        self._tree = git.line("rev-parse", "--verify", f"{commit}:{folder}") or commit
        self._blobs: dict[str, Blob] | None = None
        self._too_large: dict[str, Blob] = {}
        self._files: dict[str, str] | None = None
        self._ahead: dict[str, bytes] = {}
        self._ahead_bytes = 0

    def files(self) -> Mapping[str, str]:
        """See `CodeTree.files`.

        Raises:
            DataError: Git does not list the tree.
        """
        if self._files is None:
            listed = self._listed()
            self._files = {path: blob.name for path, blob in listed.items() if may_hold_code(path)}
        return self._files

    def too_large(self) -> Mapping[str, str]:
        """See `CodeTree.too_large`."""
        self._listed()
        return {path: blob.name for path, blob in self._too_large.items() if may_hold_code(path)}

    def read_ahead(self, paths: Iterable[str]) -> None:
        """Read what has not been cut before, in one command."""
        files = self.files()
        wanted = list(
            dict.fromkeys(
                files[path]
                for path in paths
                if path in files
                and files[path] not in self._ahead
                and CUT.get(path, files[path]) is None
            )
        )
        if wanted:
            for name, content in self._contents(wanted):
                if self._ahead_bytes + len(content) > _MOST_AHEAD:
                    return
                self._ahead[name] = content
                self._ahead_bytes += len(content)

    def content(self, path: str) -> bytes:
        """See `ReadTree.content`."""
        name = self.files().get(path)
        if name is None:
            raise DataError(f"{self.label} has no file {path} that is compared.")
        ahead = self._ahead.get(name)
        if ahead is not None:
            return ahead
        return next(content for _, content in self._contents([name]))

    def _listed(self) -> dict[str, Blob]:
        if self._blobs is None:
            blobs = blobs_of(self._git, self._tree)
            if self._only:  # the user's own word
                blobs = {path: blob for path, blob in blobs.items() if path == self._only}
                small = {p: blob for p, blob in blobs.items() if blob.size <= MOST_FILE_BYTES}
                self._too_large = {p: blob for p, blob in blobs.items() if p not in small}
                self._blobs = small
            else:
                self._blobs, self._too_large = source_files(blobs, partial(texts_of, self._git))
        return self._blobs

    def _contents(self, names: list[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of objects; of what is larger than any source file, none.

        Raises:
            DataError: Git lacks one.
        """
        for one in read_objects(self._git, names, MOST_FILE_BYTES):
            if not one.is_there:
                raise lacking(self._git, one.name)
            yield one.name, one.content if one.is_whole else b""
