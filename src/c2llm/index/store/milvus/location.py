"""Where a Milvus is: `milvus://[user:password@]host:port/db` or the path of a Lite database.

Secrets are read from the address or from the environment (`C2LLM_MILVUS_TOKEN`), and `str` of a
location never has them.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from c2llm.errors import UsageError

TOKEN_VARIABLE = "C2LLM_MILVUS_TOKEN"
"""The environment variable for `user:password` or an API key, which an address would show."""
LITE_SUFFIX = ".db"
DEFAULT_PORT = 19_530
DEFAULT_TIMEOUT = 30.0
DEFAULT_NAME = "catalog"
_SCHEMES = {"milvus": False, "milvuss": True}
_OPTIONS = frozenset({"tls", "name", "timeout"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LONGEST_WAIT = 3_600.0


@dataclass(frozen=True, slots=True)
class MilvusLocation:
    """Which Milvus, and what of it is ours."""

    address: str
    """`host:port`, or the absolute path of a Lite database."""
    lite: Path | None = None
    """The folder of a Lite database; None for a server."""
    database: str = ""
    tls: bool = False
    name: str = DEFAULT_NAME
    """What the collections of this catalog are called behind `c2llm_`: a database may hold several
    catalogs."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds that any one request may take."""
    token: str = field(default="", repr=False)

    def __str__(self) -> str:
        if self.lite is not None:
            return str(self.lite)
        scheme = "milvuss" if self.tls else "milvus"
        return f"{scheme}://{self.address}/{self.database}".rstrip("/")

    @property
    def uri(self) -> str:
        """What the client connects to, without secrets."""
        if self.lite is not None:
            return str(self.lite)
        return f"{'https' if self.tls else 'http'}://{self.address}"


def parse_location(location: str | Path, catalog: str = DEFAULT_NAME) -> MilvusLocation:
    """Read an address.

    Args:
        location: As the user gives it.
        catalog: The name of the catalog, which its collections have where the address says none.

    Raises:
        UsageError: It is none.
    """
    text = str(location)
    if "://" not in text:
        path, _, query = text.partition("?")
        if not path.endswith(LITE_SUFFIX):
            raise UsageError(
                f"{path!r} is no store; use milvus://HOST:PORT/DATABASE, a path that ends in "
                f"{LITE_SUFFIX}, or leave it away for a file of the catalog's own."
            )
        folder = Path(path).expanduser().absolute()
        options = _options(query)
        return MilvusLocation(
            str(folder), lite=folder, name=_name(options, catalog), timeout=_timeout(options)
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:  # the address may have a password in it
        raise UsageError(_shape("it is no URL")) from error
    if parts.scheme not in _SCHEMES:
        raise UsageError(_shape(f"it begins with {parts.scheme}://"))
    if not parts.hostname:
        raise UsageError(_shape("it names no host"))
    database = parts.path.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9_]*", database):
        raise UsageError(_shape("a database is named by letters, digits and _"))
    options = _options(parts.query)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return MilvusLocation(
        f"{host}:{port or DEFAULT_PORT}",
        database=database,
        tls=_SCHEMES[parts.scheme] or options.get("tls", "0") not in ("0", "false", ""),
        name=_name(options, catalog),
        timeout=_timeout(options),
        token=_token(parts),
    )


def _shape(reason: str) -> str:
    return (
        f"That is no store, since {reason}; use milvus://HOST:PORT/DATABASE (milvuss:// for TLS, "
        f"the token in {TOKEN_VARIABLE}) or a path that ends in {LITE_SUFFIX}."
    )


def _token(parts: SplitResult) -> str:
    if parts.username is None:
        return os.environ.get(TOKEN_VARIABLE, "")
    user = unquote(parts.username)
    return user if parts.password is None else f"{user}:{unquote(parts.password)}"


def _options(query: str) -> dict[str, str]:
    options = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        known = ", ".join(sorted(_OPTIONS))
        raise UsageError(f"The address of a store has no option {unknown[0]!r}; it has {known}.")
    return options


def _name(options: dict[str, str], catalog: str) -> str:
    name = options.get("name", collection_name(catalog))
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"name={name!r} in the address of a store has to be letters, digits and _, 64 at most."
        )
    return name


def collection_name(catalog: str) -> str:
    """What the collections of a catalog are called, which takes letters, digits and _ alone."""
    if _NAME.fullmatch(catalog):
        return catalog
    digest = hashlib.blake2b(catalog.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    plain = re.sub(r"[^A-Za-z0-9_]", "_", catalog)[:48]
    return f"c_{plain}_{digest}"


def _timeout(options: dict[str, str]) -> float:
    text = options.get("timeout", str(DEFAULT_TIMEOUT))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_WAIT:
        raise UsageError(
            f"timeout={text} in the address of a store has to be seconds, 3,600 at most."
        )
    return seconds
