"""Which code and which files made a number, as hashes: kept results count only if they agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path


def short_hash(text: str) -> str:
    """Twelve hex digits that stand for `text` in a file name."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def hash_files(root: Path, files: Iterable[Path]) -> str:
    """SHA-256 over the names, relative to `root`, and the contents of `files`."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def hash_source(*names: str) -> str:
    """SHA-256 over modules and whole packages, JSON beside them too; nothing is imported.

    Raises:
        ValueError: for a name that is not installed as source.
    """
    digest = hashlib.sha256()
    for name in names:
        spec = find_spec(name)
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            raise ValueError(f"{name} is not installed as source")
        module = Path(spec.origin)
        files = [module]
        if spec.submodule_search_locations:
            files = [*module.parent.rglob("*.py"), *module.parent.rglob("*.json")]
        digest.update(hash_files(module.parent, files).encode())
    return digest.hexdigest()
