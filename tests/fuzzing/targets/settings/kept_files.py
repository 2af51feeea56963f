"""What the program keeps of the user's choices in files that anybody may have edited."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from pathlib import Path

from c2llm.cli.file_size import parse_size
from c2llm.cli.install import record
from c2llm.home import home_folder
from c2llm.index.catalog import catalogs
from c2llm.serving.repositories import Repositories
from c2llm.serving.tenants import Rate, Tenants, read_keys
from tests.fuzzing.reading import head, headed, text_of
from tests.fuzzing.target import Target

_KINDS = ("keys", "catalogs", "workspaces", "repositories", "installed", "rate", "size")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-kept-"))


def check(data: bytes) -> None:
    """The first line says which."""
    kind, content = headed(data, _KINDS)
    if kind == "rate":
        rate = Rate.parse(text_of(content))
        assert rate.requests > 0 and Rate.parse(str(rate)) == rate
    elif kind == "size":
        size = parse_size(text_of(content))
        assert size is None or size >= 0
    elif kind == "keys":
        for key in read_keys(_put(_folder() / "keys.json", content)):
            tenant = key.tenant
            assert tenant.visible([_folder()], ["a"]) in ([], [_folder()])
        Tenants(_folder() / "keys.json").of_key("c2llm_x")
    elif kind in ("catalogs", "workspaces"):
        catalogs._file().unlink(missing_ok=True)
        _put(catalogs._file() if kind == "catalogs" else catalogs._old_file(), content)
        for catalog in catalogs.load_catalogs().values():
            assert all(isinstance(entry.name, str) for entry in catalog.entries)
    elif kind == "repositories":
        file = _put(_folder() / "repositories.json", content)
        assert all(path.is_dir() for path in Repositories([], [_folder()], file).all())
    else:
        _put(home_folder() / record._NAME, content)
        assert isinstance(record._load(), dict)


def _put(file: Path, content: bytes) -> Path:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(content)
    return file


_KEY = {"name": "a", "sha256": "0" * 64, "repositories": ["b"], "rate": "5/s", "manages": False}
_ENTRY = {"name": "acme/api", "url": "https://example.org/api", "live": False}
_SEEDS = [
    head("keys", json.dumps({"keys": [{**_KEY, "made": "2024-01-01T00:00:00Z"}]})),
    head("catalogs", json.dumps({"catalogs": {"a": {"repositories": [_ENTRY], "store": "b.db"}}})),
    head("workspaces", json.dumps({"a": ["/tmp", "b"]})),
    head("repositories", json.dumps(["/tmp", "/nonexistent"])),
    head("installed", json.dumps({"client": {"/a": {"entry": "x"}}})),
    *(head("rate", rate) for rate in ("60/min", "5/s", "1000/hour")),
    *(head("size", size) for size in ("500kB", "5MB", "1.5 MiB", "7")),
]

TARGET = Target(check, _SEEDS)
