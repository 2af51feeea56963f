"""Clones that are ours: the second door to the git command, as narrow as `codebase/git.py`.

A clone is a bare repository that we made and that only we configure; it takes one commit from the
URL that the user named, with his own credential helpers, and asks him nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from c2llm.codebase.git import SETTINGS, RunningGit, started_git
from c2llm.errors import DataError

PROTOCOLS = ("https", "http", "ssh", "git", "file")
"""What a URL may begin with."""
_REMOTE_SETTINGS = {
    **SETTINGS,
    "core.askPass": "",
    "fetch.fsckObjects": "true",
    # What is wrong with many an old commit and harms nobody.
    **{
        f"fetch.fsck.{flaw}": "ignore"
        for flaw in (
            *(
                "badDate",
                "badEmail",
                "badName",
                "badTimezone",
                "missingEmail",
                "missingNameBeforeEmail",
            ),
            *("missingSpaceBeforeDate", "missingSpaceBeforeEmail", "zeroPaddedDate"),
            *("zeroPaddedFilemode", "badFilemode", "hasDot", "nullSha1", "gitmodulesParse"),
        )
    },
    "fetch.recurseSubmodules": "false",
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "120",
}
_KEPT_OF_USER = ("GIT_SSH", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_")
"""How the names of variables begin by which a user says how his git reaches servers."""
_POLL_SECONDS = 0.25
_CLONE_SETTINGS = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tsharedrepository = 0600
{extensions}"""
_TIP = "refs/heads/tip"
_IS_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_OLDEST = "2.31"
_LISTING_MEMORY = 2_000_000_000
"""Bytes of address space: git holds all that a server lists before it says any of it."""
_LISTED_BYTES = 4_000_000
_BRANCHES = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a clone is fetched from."""

    url: str
    """Without a name or a password."""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no message."""
        return tuple(filter(None, (self.password, self.username)))


class Clone:
    """A bare clone that we made, of the last commit of a remote repository and no other.

    Args:
        folder: Its directory, in a folder that is its owner's alone.
        remote: Where it is from. Its protocol must be one of `PROTOCOLS`.
        seconds: How long one command may take.
        quiet_seconds: How long a fetch may bring nothing.
        most_bytes: What it may bring.
        largest: Larger files are left away where the server can do that, bytes.
    """

    def __init__(
        self,
        folder: Path,
        remote: Remote,
        *,
        seconds: float = 3_600.0,
        quiet_seconds: float = 300.0,
        most_bytes: int = 8_000_000_000,
        largest: int = 20_000_000,
    ) -> None:
        if remote.url.partition("://")[0] not in PROTOCOLS:
            raise ValueError(f"no protocol that may be used: {remote.url}")
        self.folder = folder
        self._remote = remote
        self._seconds = seconds
        self._quiet_seconds = quiet_seconds
        self._most_bytes = most_bytes
        self._largest = largest
        self._running: RunningGit | None = None
        self._is_ended = False

    def end(self) -> None:
        """End what is under way, which fails then; for another thread."""
        self._is_ended = True
        if (running := self._running) is not None:
            running.end()

    def tip(self) -> str | None:
        """The commit that was fetched last, None where there is none."""
        for part in (_TIP, "packed-refs"):
            try:
                text = (self.folder / part).read_text(encoding="ascii")
            except (OSError, ValueError):
                continue
            for line in text.splitlines():
                name, _, ref = line.partition(" ")
                if _IS_HASH.fullmatch(name) and ref in ("", _TIP):
                    return name
        return None

    def remote_tip(self) -> str | None:
        """The commit that the remote repository's HEAD names, None where it has no commit.

        Raises:
            DataError: The server does not answer, or not so.
        """
        heads = self._listed("HEAD")
        if "HEAD" in heads:
            return heads["HEAD"]
        heads = self._listed("refs/heads/*")  # HEAD may name a branch that was renamed
        if not heads:
            return None
        named = [heads[f"refs/heads/{name}"] for name in _BRANCHES if f"refs/heads/{name}" in heads]
        return named[0] if named else heads[min(heads)]

    def fetch(self, commit: str) -> None:
        """Bring the files of a commit that the remote repository has at the tip of a branch.

        Raises:
            DataError: It could not be brought, whole; what was there before still is.
        """
        if not (self.folder / "HEAD").exists():
            self._make("sha1" if len(commit) == 40 else "sha256")
        self._configure(partial=True)
        try:
            with self._started(
                "fetch",
                *("--quiet", "--force", "--no-tags", "--depth=1", "--no-recurse-submodules"),
                *("--no-auto-maintenance", "--no-write-fetch-head", "--update-head-ok"),
                f"--filter=blob:limit={self._largest + 1}",
                *("--", "origin", f"{commit}:{_TIP}"),
            ) as running:
                self._watch(running)
                self._check(running, "fetch")
        finally:
            self._configure(partial=False)

    def compact(self) -> None:
        """Drop what is of earlier commits, and put the rest into one pack.

        Raises:
            DataError: That failed.
        """
        self._configure(partial=True)
        try:
            with self._started("gc", "--quiet", "--prune=now") as running:
                self._check(running, "gc")
        finally:
            self._configure(partial=False)

    def packs(self) -> int:
        """How many fetches are not put together yet."""
        return len(list((self.folder / "objects" / "pack").glob("*.pack")))

    def _listed(self, pattern: str) -> dict[str, str]:
        seconds = min(self._seconds, self._quiet_seconds)  # it says all at once
        command = ("ls-remote", "--quiet", "--", self._remote.url, pattern)
        with self._started(*command, seconds=seconds) as running:
            _limit_memory(running.process.pid)
            output = running.stdout.read(_LISTED_BYTES)
            self._check(running, "ls-remote")
        lines = (line.split("\t", 1) for line in output.decode("utf-8", "replace").splitlines())
        return {
            line[1]: line[0]
            for line in lines
            if len(line) == 2
            and len(line[0]) in (40, 64)
            and set(line[0]) <= set("0123456789abcdef")
        }

    def _make(self, object_format: str) -> None:
        """An empty repository as `git init` would make it, but for what templates bring along."""
        for part in ("objects/pack", "objects/info", "refs/heads"):
            (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_own(self.folder / "format", object_format)
        self._configure(partial=False)
        _write_own(self.folder / "HEAD", f"ref: {_TIP}\n")

    def _configure(self, *, partial: bool) -> None:
        """Write our settings over what git has written.

        Args:
            partial: The clone is known to lack files, as a fetch must know. A reader must not, or
                it would fetch them.
        """
        object_format = (self.folder / "format").read_text()
        extensions = ["objectformat = sha256"] if object_format == "sha256" else []
        if partial:
            extensions.append("partialclone = origin")
        text = _CLONE_SETTINGS.format(
            version=int(bool(extensions)),
            extensions="".join(f"{line}\n" for line in ["[extensions]", *extensions])
            if extensions
            else "",
        )
        if partial:
            text += '[remote "origin"]\n\tpromisor = true\n'
        for name in ("config.lock", "shallow.lock", f"{_TIP}.lock", "packed-refs.lock"):
            (self.folder / name).unlink(missing_ok=True)  # of a process that was killed
        _write_own(self.folder / "config", text)

    def _environment(self) -> dict[str, str]:
        settings = [
            *_REMOTE_SETTINGS.items(),
            ("remote.origin.url", self._remote.url),
        ]
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("GIT_") or name.startswith(_KEPT_OF_USER)
            },
            "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            "PATH": os.pathsep.join(filter(os.path.isabs, os.get_exec_path())),
        }
        environment.pop("SSH_ASKPASS", None)
        if self._remote.secrets:  # by the environment, which nobody else can read as he can `ps`
            environment["C2LLM_GIT_USERNAME"] = self._remote.username
            environment["C2LLM_GIT_PASSWORD"] = self._remote.password
            said = "username=%s\\npassword=%s\\n"
            given = f'printf \'{said}\' "$C2LLM_GIT_USERNAME" "$C2LLM_GIT_PASSWORD"'
            settings += [
                ("credential.helper", ""),
                # For that server alone: one that it redirects to may be anybody's.
                ("http.followRedirects", "false"),
                (
                    f"credential.{_server(self._remote.url)}.helper",
                    f'!f() {{ test "$1" != get || {given}; }}; f',
                ),
            ]
        environment["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (name, value) in enumerate(settings):
            environment[f"GIT_CONFIG_KEY_{number}"] = name
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment

    @contextmanager
    def _started(self, *arguments: str, seconds: float | None = None) -> Iterator[RunningGit]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = ["git", "-C", str(self.folder), f"--git-dir={self.folder}", *arguments]
        seconds = seconds or self._seconds
        with started_git(command, self._environment(), self.folder, seconds) as running:
            self._running = running
            if self._is_ended:
                running.end()
            try:
                yield running
            finally:
                self._running = None

    def _watch(self, running: RunningGit) -> None:
        """Wait for the end of a fetch, unless it brings too much, or nothing for too long.

        Raises:
            DataError: So it is.
        """
        begun = brought = self._size()
        since = time.monotonic()
        while True:
            ended = False
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(_POLL_SECONDS)
                ended = True
            size = self._size()
            if size > begun + self._most_bytes:
                (self.folder / _TIP).unlink(missing_ok=True)
                raise DataError(
                    f"{self._remote.url} has more than {self._most_bytes / 1e6:,.0f} MB, which is "
                    "more than a clone may take."
                )
            if ended:
                return
            if size != brought:
                brought, since = size, time.monotonic()
            elif time.monotonic() - since > self._quiet_seconds:
                raise DataError(
                    f"{self._remote.url} has sent nothing for {self._quiet_seconds:.0f} s."
                )

    def _size(self) -> int:
        """Bytes of what has been brought so far."""
        total = 0
        for folder, _, names in os.walk(self.folder / "objects"):
            for name in names:
                with suppress(OSError):
                    total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118
        return total

    def _check(self, running: RunningGit, what: str) -> None:
        """See that a command has ended well.

        Raises:
            DataError: It has not.
        """
        code = running.process.wait()
        if running.late:
            raise DataError(f"{self._remote.url} took more than {running.seconds:.0f} s to answer.")
        if code:
            if any(line.startswith("usage: git") for line in running.complaints()):
                raise DataError(f"This git is too old to {what}; {_OLDEST} or newer is needed.")
            lines = [line for line in running.complaints() if not line.startswith("warning:")]
            told = next((line for line in lines if line.startswith(("fatal:", "error:"))), "")
            told = told or (lines[0] if lines else f"git {what} failed")
            for secret in self._remote.secrets:
                told = told.replace(secret, "***")
            raise DataError(f"{self._remote.url} cannot be fetched ({told[:300]}).")


def _server(url: str) -> str:
    """The protocol, host and port of a URL."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _limit_memory(pid: int) -> None:
    """Bound the memory of a process that a server may feed without end, where that can be done."""
    if sys.platform == "linux":
        import resource

        with suppress(OSError, ValueError):  # it has ended already, or has a lower limit
            resource.prlimit(pid, resource.RLIMIT_AS, (_LISTING_MEMORY, _LISTING_MEMORY))


def _write_own(path: Path, text: str) -> None:
    """Write a file that is its owner's alone."""
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
