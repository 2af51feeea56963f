"""The one door to the git command: a repository is read, and nothing that it configures runs.

No hook, filter, pager, signature program or external diff of the repository runs, nothing is
fetched, nothing is asked, and nothing is written.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from c2llm.errors import DataError

_TIMEOUT = 300.0
_OPTIONS = (
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "log.showSignature=false", "-c", "protocol.allow=never", "-c", "core.pager=cat"),
    *("--no-pager", "--literal-pathspecs", "--no-replace-objects"),
)


class Git:
    """Git on one repository, in an environment where it can neither write, ask nor fetch.

    Args:
        root: a work tree, a directory in one, or a bare git directory.
        alone: whether a repository around `root` does not count.
    """

    def __init__(self, root: Path, *, alone: bool = False) -> None:
        self.root = root
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
        }
        if alone:
            self.environment["GIT_CEILING_DIRECTORIES"] = str(root.resolve().parent)

    def command(self, *arguments: str) -> list[str]:
        """The whole command line, to be run in `environment`."""
        return ["git", "-C", str(self.root), *_OPTIONS, *arguments]

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """Standard output.

        Raises:
            DataError: if git is not there, fails or takes too long.
        """
        try:
            done = self._done(arguments, given)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"git cannot be asked about {self.root} ({error}).") from error
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise DataError(
                f"{self.root} is no repository that git reads "
                f"({said[0][:200] if said else f'git {arguments[0]} failed'})."
            )
        return done.stdout

    def line(self, *arguments: str) -> str | None:
        """What git says in one line, None where it fails."""
        try:
            done = self._done(arguments, b"")
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("ascii", "replace").strip() if done.returncode == 0 else None

    def _done(self, arguments: tuple[str, ...], given: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(*arguments),
            input=given,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
            env=self.environment,
        )
