"""Which code and which files made a number, as hashes: kept results count only if they agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path


def hash_files(root: Path, files: Iterable[Path]) -> str:
    """SHA-256 over the names, relative to `root`, and the contents of `files`."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def hash_source(*packages: str) -> str:
    """SHA-256 over the Python source of packages, found without importing them.

    Raises:
        ValueError: for a package that is not installed as source.
    """
    digest = hashlib.sha256()
    for package in packages:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(f"{package} is not a package")
        root = Path(next(iter(spec.submodule_search_locations)))
        digest.update(hash_files(root, root.rglob("*.py")).encode())
    return digest.hexdigest()
