"""Who asks a server: each tenant has a key, the repositories it may see, and a rate.

A key is 256 random bits, so that its SHA-256 is kept and nothing slower: there is no word to guess.
The file of keys is looked at with every request; whose key is taken out of it is refused from then
on, without a restart.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from c2llm.errors import C2LLMError, UsageError
from c2llm.home import home_folder
from c2llm.index.store.lock import holding
from c2llm.index.store.private import check_file, make_file, make_folder

if TYPE_CHECKING:
    from c2llm.serving.kept import Kept

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_RATE = re.compile(r"(\d{1,9})\s*/\s*(s|sec|second|m|min|minute|h|hour)", re.ASCII | re.IGNORECASE)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SIGN = "c2llm_"
"""How keys begin, so that scanners of leaked secrets know one."""
_MOST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """A rate from `60/min`, `5/s` or `1000/hour`.

        Raises:
            UsageError: It is none.
        """
        match = _RATE.fullmatch(text.strip())
        if match is None or int(match[1]) < 1:
            raise UsageError(f"{text!r} is no rate; write one like 60/min, 5/s or 1000/hour.")
        return cls(int(match[1]), _SECONDS[match[2][0].lower()])

    def __str__(self) -> str:
        unit = next(name for name, seconds in _SECONDS.items() if seconds == self.seconds)
        return f"{self.requests}/{unit}"


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who asks."""

    name: str
    repositories: tuple[str, ...] | None = None
    """Names, globs of names (`acme/*`), or whole paths with all below them, of what it may see;
    None for everything."""
    rate: Rate | None = None
    manages: bool = False
    """It may add and remove repositories."""

    def visible(self, folders: Sequence[Path], names: Sequence[str]) -> list[Path]:
        """Those of the directories that it may see.

        Args:
            folders: The repositories of the server.
            names: What each is called among them all.
        """
        if self.repositories is None:
            return list(folders)
        wanted = {name for name in names if self._may_see(name)}
        paths = [Path(one) for one in self.repositories if Path(one).is_absolute()]
        return [
            folder
            for folder, name in zip(folders, names, strict=True)
            if name in wanted or any(folder.is_relative_to(path) for path in paths)
        ]

    def visible_kept(self, kept: Sequence[Kept]) -> list[Kept]:
        """Those of the repositories of catalogs that it may see."""
        if self.repositories is None:
            return list(kept)
        return [one for one in kept if self._may_see(one.name)]

    def _may_see(self, name: str) -> bool:
        """Whether a name is one of its own, or like one: `acme/*`."""
        return any(
            name == one or fnmatchcase(name, one)
            for one in self.repositories or ()
            if not Path(one).is_absolute()
        )


LOCAL = Tenant("local", manages=True)
"""Who asks a server that wants no keys: a program of this machine."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key as the file has it."""

    name: str
    sha256: str
    """Of the key, in hexadecimal."""
    repositories: tuple[str, ...] | None = None
    rate: str | None = None
    manages: bool = False
    made: str = ""
    """When, in UTC."""

    @property
    def tenant(self) -> Tenant:
        """Whom it stands for."""
        rate = None if self.rate is None else Rate.parse(self.rate)
        return Tenant(self.name, self.repositories, rate, self.manages)


class TooManyError(C2LLMError):
    """A tenant asks more often than it may.

    Args:
        seconds: After which it may ask again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Your key may not ask so often; ask again in {seconds:.0f} s.")
        self.seconds = seconds


@dataclass(slots=True)
class _Bucket:
    """What is left of a tenant's rate."""

    rate: Rate
    left: float
    at: float

    def take(self, now: float) -> float:
        """Take one; 0.0, or the seconds until there is one."""
        refill = self.rate.requests / self.rate.seconds
        self.left = min(float(self.rate.requests), self.left + (now - self.at) * refill)
        self.at = now
        if self.left >= 1.0:
            self.left -= 1.0
            return 0.0
        return (1.0 - self.left) / refill


@dataclass(slots=True)
class Tenants:
    """Tells from a key who asks.

    Args:
        file: The keys; None where there are none in a file.
        key: One that may do everything.
        required: Nobody is answered without a key.
    """

    file: Path | None = None
    key: str | None = None
    required: bool = False
    _records: tuple[KeyRecord, ...] = ()
    _stamp: tuple[int, int, int] | None = None
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def of_key(self, key: str) -> Tenant | None:
        """Whom a key stands for; as long for a wrong one as for a right one.

        Raises:
            C2LLMError: The file of keys is damaged; then nobody is let in.
        """
        digest = sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        found: Tenant | None = None
        if self.key is not None:
            own = sha256(self.key.encode()).hexdigest()
            if hmac.compare_digest(own, digest):
                found = Tenant("environment", manages=True)
        for record in self._current():
            if hmac.compare_digest(record.sha256, digest):
                found = record.tenant
        return found

    def admit(self, tenant: Tenant) -> None:
        """Count a request of a tenant.

        Raises:
            TooManyError: It asks more often than it may.
        """
        if tenant.rate is None:
            return
        now = time.monotonic()
        with self._lock:
            bucket = self._buckets.get(tenant.name)
            if bucket is None or bucket.rate != tenant.rate:
                bucket = _Bucket(tenant.rate, float(tenant.rate.requests), now)
                self._buckets[tenant.name] = bucket
            wait = bucket.take(now)
        if wait:
            raise TooManyError(max(1.0, wait))

    def _current(self) -> tuple[KeyRecord, ...]:
        """The keys as the file has them now."""
        if self.file is None:
            return ()
        try:
            status = self.file.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise C2LLMError(f"The keys cannot be read ({error.strerror}).") from error
        with self._lock:
            if stamp != self._stamp:
                self._records = read_keys(self.file)
                self._stamp = stamp
            return self._records


def keys_file() -> Path:
    """Where keys are kept if no other file is named."""
    return home_folder() / "serve" / "keys.json"


def read_keys(file: Path) -> tuple[KeyRecord, ...]:
    """The keys of a file; none where there is no file.

    Raises:
        C2LLMError: It is damaged, a link, or another user's.
    """
    try:
        check_file(file)
        content = file.read_bytes()[: _MOST_BYTES + 1]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise C2LLMError(f"The keys in {file} cannot be read ({error.strerror}).") from error
    try:
        return tuple(_record(one) for one in json.loads(content)["keys"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise C2LLMError(
            f"{file} is no file of keys; put it right, or make one with c2llm keys add."
        ) from error


def add_key(
    file: Path,
    name: str,
    repositories: Sequence[str] | None,
    *,
    rate: str | None = None,
    manages: bool = False,
) -> str:
    """Make a key and keep its hash; the key itself is told this once.

    Raises:
        UsageError: The name is taken or none, or the rate is none.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a key; use letters, digits, - and _.")
    if rate is not None:
        Rate.parse(rate)
    key = _SIGN + secrets.token_urlsafe(32)
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    wanted = None if repositories is None else tuple(repositories)
    record = KeyRecord(name, sha256(key.encode()).hexdigest(), wanted, rate, manages, made)
    with _changing(file):
        known = read_keys(file)
        if any(one.name == name for one in known):
            raise UsageError(f"There is a key {name!r} already; revoke it first, or take a name.")
        _write(file, (*known, record))
    return key


def revoke_key(file: Path, name: str) -> None:
    """Take a key away: whoever has it is refused from the next request on.

    Raises:
        UsageError: There is none of that name.
    """
    with _changing(file):
        known = read_keys(file)
        left = tuple(one for one in known if one.name != name)
        if len(left) == len(known):
            there = ", ".join(one.name for one in known) or "none"
            raise UsageError(f"There is no key {name!r}; there are: {there}.")
        _write(file, left)


@contextmanager
def _changing(file: Path) -> Iterator[None]:
    """Nobody else changes the file meanwhile."""
    make_folder(file.parent)
    with holding(file, "refreshing", 5.0):
        yield


def _write(file: Path, records: Sequence[KeyRecord]) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        make_file(temporary)
        kept = {"keys": [asdict(one) for one in records]}
        temporary.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        raise C2LLMError(f"{file} cannot be written ({error.strerror}).") from error


def _record(found: dict[str, object]) -> KeyRecord:
    """One key; what is of another kind raises TypeError or ValueError."""
    record = KeyRecord(**found)  # type: ignore[arg-type]
    paths = record.repositories
    if not all(isinstance(one, str) for one in (record.name, record.sha256)):
        raise TypeError("name and sha256 are texts")
    if len(record.sha256) != 64 or not record.sha256.isascii() or type(record.manages) is not bool:
        raise ValueError("no such key")
    if paths is not None:
        if not isinstance(paths, list | tuple) or not all(isinstance(one, str) for one in paths):
            raise TypeError("repositories are a list of texts")
        paths = tuple(paths)
    try:
        if record.rate is not None:
            Rate.parse(record.rate)
    except C2LLMError as error:
        raise ValueError(str(error)) from error
    return KeyRecord(**{**found, "repositories": paths})  # type: ignore[arg-type]
