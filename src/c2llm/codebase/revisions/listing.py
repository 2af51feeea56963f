"""Which files of a revision are source: the rules of the walk, on the names that git lists.

`.gitignore` has no say, since git tracks all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.attributes import ATTRIBUTES_FILE, parse_attributes
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.directory_rules import DirectoryRules
from c2llm.codebase.files.exclusions import contents_reason, directory_reason, file_reason
from c2llm.codebase.files.ignore import parse_rules
from c2llm.codebase.files.secret_files import includes_secrets, is_secret, is_secret_directory
from c2llm.codebase.files.walk import MAX_FILE_BYTES, MOST_FILE_BYTES, OWN_IGNORE_FILE
from c2llm.codebase.git import Git
from c2llm.codebase.revisions.objects import read_objects
from c2llm.errors import DataError

_MOST_RULES = 1_000_000
"""Characters of all files of rules together."""
_MOST_RULE_FILES = 2_000
_NO_NAMES = {b"", b".", b"..", b".git"}


class Blob(NamedTuple):
    """A regular file as git lists it."""

    name: str
    """Of the object."""
    size: int
    taken_back: bool = False
    """A rule of the repository says that it is source, be it generated or minified."""


def blobs_of(git: Git, tree: str, *, most: int | None = None) -> dict[str, Blob]:
    """All regular files of a tree by path, as git lists them.

    A path that no checkout would have, such as one with `..` in it, is left out; so is a file that
    a partial clone lacks.

    Args:
        git: The repository.
        tree: A tree or a commit.
        most: Files, None for as many as there are.

    Raises:
        DataError: Git does not list the tree, or there are more than `most` files.
    """
    blobs: dict[str, Blob] = {}
    listed = git.run("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
    if most is not None and listed.count(b"\0") > most:
        raise DataError(f"{git.root} has more than {most:,} files, which is too many to be kept.")
    for entry in listed.split(b"\0"):
        head, _, path = entry.partition(b"\t")
        mode, *rest = head.split() or [b""]
        if len(rest) == 3 and mode[:2] == b"10" and rest[2].isdigit():
            name = rest[1].decode("ascii", "replace")
            if not _NO_NAMES.isdisjoint(path.lower().split(b"/")):
                continue
            blobs[os.fsdecode(path)] = Blob(name, int(rest[2]))
    return blobs


def texts_of(git: Git, names: list[str]) -> dict[str, str]:
    """Small files, decoded, by the names of their objects; those that git gives."""
    texts: dict[str, str] = {}
    with suppress(DataError):
        for one in read_objects(git, names, MAX_FILE_BYTES):
            if one.is_there and one.is_whole:
                texts[one.name] = decode(one.content)
    return texts


@dataclass(slots=True)
class _Folder:
    files: dict[str, Blob] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)


def source_files(
    blobs: Mapping[str, Blob], texts: Callable[[list[str]], Mapping[str, str]]
) -> tuple[dict[str, Blob], dict[str, Blob]]:
    """Those of the files of a revision that the walk would take by name, by whether by size too.

    Args:
        blobs: All regular files by path.
        texts: Reads small files by the names of their objects.

    Returns:
        What it takes, and what is too large for it.
    """
    folders = _folders(blobs)
    rules_files = [
        folder.files[name].name
        for folder in folders.values()
        for name in (OWN_IGNORE_FILE, ATTRIBUTES_FILE)
        if name in folder.files
    ][:_MOST_RULE_FILES]
    rule_texts = texts(rules_files) if rules_files else {}
    secrets = includes_secrets()
    found: dict[str, Blob] = {}
    too_large: dict[str, Blob] = {}
    stack = [("", DirectoryRules((), ()))]
    left = _MOST_RULES
    while stack:
        base, rules = stack.pop()
        folder = folders[base]
        if base and not (rules.taken_back or rules.left_out):
            if "pyvenv.cfg" in folder.files:
                continue
            entries = folder.files.keys() | folder.folders
            if contents_reason(base.split("/")[:-1], entries) is not None:
                if not rules.takes_back_below(base):
                    continue
                rules = replace(rules, left_out=True)
        for name, blob in folder.files.items():
            text = rule_texts.get(blob.name)
            if text is None or name not in (OWN_IGNORE_FILE, ATTRIBUTES_FILE):
                continue
            left -= len(text)
            if left >= 0:
                rules = _with(rules, name, text, base)
        for name, blob in folder.files.items():
            most, taken_back = _most_bytes(base, name, rules, secrets=secrets)
            if most and blob.size:
                taken = blob._replace(taken_back=True) if taken_back else blob
                (found if blob.size <= most else too_large)[base + name] = taken
        for name in folder.folders:
            below = _entered(base, name, folder, rules, secrets=secrets)
            if below is not None:
                stack.append((f"{base}{name}/", below))
    return dict(sorted(found.items())), dict(sorted(too_large.items()))


def _folders(blobs: Mapping[str, Blob]) -> dict[str, _Folder]:
    folders = {"": _Folder()}
    for path, blob in blobs.items():
        base, _, name = path.rpartition("/")
        key = f"{base}/" if base else ""
        if key not in folders:
            for parent, child in _above(base):
                folders.setdefault(parent, _Folder()).folders.add(child)
            folders.setdefault(key, _Folder())
        folders[key].files[name] = blob
    return folders


def _above(path: str) -> Iterator[tuple[str, str]]:
    """Each directory on the way to a path, and the name of the next one in it."""
    parts = path.split("/")
    for count, name in enumerate(parts):
        yield "".join(f"{part}/" for part in parts[:count]), name


def _with(rules: DirectoryRules, name: str, text: str, base: str) -> DirectoryRules:
    if name == OWN_IGNORE_FILE:
        parsed = parse_rules(text, base)
        return rules if parsed is None else replace(rules, own=(parsed, *rules.own))
    said = parse_attributes(text, base)
    return rules if said is None else replace(rules, attributes=(said, *rules.attributes))


def _most_bytes(base: str, name: str, rules: DirectoryRules, *, secrets: bool) -> tuple[int, bool]:
    """How large a file may be for the walk to take it, and whether a rule takes it back.

    0 where its name forbids it.
    """
    path = base + name
    own = rules.verdict(path, name, False)[0]
    if own or (rules.left_out and own is not False) or (not secrets and is_secret(name, base)):
        return 0, False
    reason, taken_back = None, own is False
    if not taken_back:
        reason = file_reason(name)
        if rules.attributes:
            reason, taken_back = rules.attributed(path, name, reason)
    if reason is not None:
        return 0, False
    whole = taken_back or name.endswith(NOTEBOOK)
    return MOST_FILE_BYTES if whole else MAX_FILE_BYTES, taken_back


def _entered(
    base: str, name: str, folder: _Folder, rules: DirectoryRules, *, secrets: bool
) -> DirectoryRules | None:
    """The rules of a directory, None where it is not entered."""
    path = f"{base}{name}/"
    own = rules.verdict(path, name, True)[0]
    reason = directory_reason(name, folder.files.keys() | folder.folders)
    if own or reason == "version control" or (not secrets and is_secret_directory(name)):
        return None
    if own is False or rules.is_own(path, name):
        return replace(rules, taken_back=True, left_out=False)
    if reason is not None or rules.left_out:
        return replace(rules, left_out=True) if rules.takes_back_below(path) else None
    return rules
