"""The URLs of repositories: what is taken for one, what it names, and what must not be shown."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from c2llm.codebase.revisions.clone import PROTOCOLS, Remote
from c2llm.errors import UsageError

_SCP = re.compile(
    r"(?P<user>[\w.+-]+)@(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9][\w.-]*):(?P<path>[^\s:].*)"
)
_HOSTS_WITHOUT_CASE = {"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"}
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_LONGEST = 4_000


class GitUrl(NamedTuple):
    """Where a repository is fetched from."""

    url: str
    """Without a name or password, but for the login of ssh, which is no secret."""
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"GitUrl({self.url!r})"  # and no password, wherever it may come to stand

    @property
    def remote(self) -> Remote:
        """What a clone is fetched from."""
        return Remote(self.url, self.username, self.password)

    @property
    def names(self) -> list[str]:
        """Names for it, the shortest first: `acme/api`, `git.acme.org/acme/api`."""
        host, path = _host_and_path(self.url)
        parts = [part for part in path.split("/") if part not in ("", ".", "..")] or ["repository"]
        parts[-1] = parts[-1].removesuffix(".git") or "repository"
        if not host:
            return ["/".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        return ["/".join(parts), "/".join((host, *parts))]

    @property
    def identity(self) -> str:
        """The same for all URLs of a repository, whatever the protocol and the spelling."""
        host, path = _host_and_path(self.url)
        path = path.strip("/").removesuffix(".git").removeprefix("~/")
        host = host.lower()
        return f"{host}/{path.lower() if host in _HOSTS_WITHOUT_CASE else path}"


def looks_like_url(text: str) -> bool:
    """Whether somebody means a URL and no directory."""
    return "://" in text or "::" in text or _SCP.fullmatch(text) is not None


def parse_url(text: str) -> GitUrl:
    """The URL of a repository.

    Raises:
        UsageError: It is none that may be used; the message has no password.
    """
    if not text.isprintable() or " " in text or len(text) > _LONGEST:
        raise UsageError(f"{_shown(text)!r} is no URL of a git repository.")
    if "://" not in text:
        found = _SCP.fullmatch(text)
        if found is None or found["path"].startswith("-"):
            raise UsageError(
                f"{_shown(text)!r} is no URL of a git repository; use https://HOST/OWNER/NAME.git "
                "or git@HOST:OWNER/NAME.git."
            )
        return GitUrl(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{_shown(text)!r} is no URL of a git repository.") from error
    scheme = parts.scheme.lower()
    if scheme not in PROTOCOLS:
        raise UsageError(
            f"{_shown(text)!r} begins with {scheme}://, which is not fetched from; use one of "
            f"{', '.join(PROTOCOLS)}."
        )
    if (host.startswith("-") or not host) != (scheme == "file") or not parts.path.strip("/"):
        raise UsageError(f"{_shown(text)!r} is no URL of a git repository.")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    where = f"[{host}]" if ":" in host else host
    where += f":{port}" if port else ""
    if scheme == "ssh":
        if password:
            raise UsageError("ssh takes no password from a URL; use a key (ssh-add).")
        if username.startswith("-"):
            raise UsageError(f"{_shown(text)!r} is no URL of a git repository.")
        where = f"{username}@{where}" if username else where
        username = ""
    if username or password:
        if scheme == "http" and host not in _LOCAL:
            raise UsageError(
                f"{_shown(text)!r} would send its password in the clear; use https://."
            )
        if any(ord(letter) < 32 for letter in username + password):
            raise UsageError(f"{_shown(text)!r} is no URL of a git repository.")
    return GitUrl(urlunsplit((scheme, where, parts.path, parts.query, "")), username, password)


def without_password(text: str) -> str:
    """A text that may be a URL with a name and a password, without them."""
    return re.sub(r"//[^/]*@", "//***@", text)


def _shown(text: str) -> str:
    return without_password(text)[:200]


def _host_and_path(url: str) -> tuple[str, str]:
    if "://" not in url:
        found = _SCP.fullmatch(url)
        return (found["host"], found["path"]) if found else ("", url)
    parts = urlsplit(url)
    return parts.hostname or "", unquote(parts.path)
