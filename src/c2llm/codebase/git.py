"""The one door to the git command: a repository is read, and nothing that it configures runs.

No hook, filter, pager, signature program, file system monitor or external diff of the repository
runs, nothing is fetched, nothing is asked, nothing is written. Filters (`filter.*.clean`) cannot be
switched off, so no command that would compare files with what git keeps passes this door: whether
a file is changed is found from the stamps in git's index (`revisions/uncommitted.py`).

Beside it is a second, as narrow one, `revisions/clone.py`: a bare repository that we made, that
only we configure, and that takes one commit from the URL that the user named.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import IO

from c2llm.errors import DataError

_SECONDS = 300.0
_MOST_BYTES = 256_000_000
"""Of an answer that is held in memory; a tree of trees may name more files than there is room."""
SETTINGS = {
    "core.attributesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.quotePath": "false",
    "color.ui": "false",
    "diff.orderFile": "/dev/null",
    "diff.submodule": "short",  # `diff` would start another git, under the submodule's own settings
    "i18n.logOutputEncoding": "UTF-8",
    "log.follow": "false",
    "log.mailmap": "false",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
}
_OPTIONS = (
    *(word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")),
    *("--no-pager", "--literal-pathspecs", "--no-replace-objects"),
)
_TREES_ONLY = ("--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all")
_COMMANDS = {
    "cat-file": (),
    "diff-index": ("--cached", *_TREES_ONLY),
    "diff-tree": _TREES_ONLY,
    "log": ("--no-show-signature", "--no-notes", *_TREES_ONLY),
    "ls-files": (),
    "ls-tree": (),
    "rev-list": (),
    "rev-parse": (),
}
"""The commands that may be given, with the options that keep each from running a program."""
_REFUSED = {"-m", "--modified", "--filters", "--textconv", "--ext-diff", "--show-signature"}
_KEPT_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "none",  # stronger than protocol.file.allow of the repository
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def is_git_directory(folder: Path) -> bool:
    """Whether a directory is itself what `.git` is elsewhere: a bare repository."""
    return (
        not (folder / ".git").exists()
        and (folder / "HEAD").is_file()
        and (folder / "objects").is_dir()
    )


class Git:
    """Git on one repository, in an environment where it can neither write, ask nor fetch.

    Args:
        root: a work tree or a directory in one; with `bare` a git directory.
        alone: whether a repository around `root` does not count.
        bare: whether `root` is a git directory that the user named. One that merely lies in a
            tree is not taken for a repository.
        seconds: how long one command may take.
        attributes: a file of ours that names git's own rules for the headings of hunks.
    """

    def __init__(
        self,
        root: Path,
        *,
        alone: bool = False,
        bare: bool = False,
        seconds: float = _SECONDS,
        attributes: Path | None = None,
    ) -> None:
        self.root = root
        self.attributes = attributes
        self.seconds = seconds
        self._bare = bare
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            **_KEPT_VARIABLES,
            # The command starts in the repository: `.` on the path would be a program of its own.
            "PATH": os.pathsep.join(filter(os.path.isabs, os.get_exec_path())),
        }
        if alone:
            self.environment["GIT_CEILING_DIRECTORIES"] = str(root.resolve().parent)

    def command(self, *arguments: str) -> list[str]:
        """The whole command line, to be run in `environment`.

        Raises:
            ValueError: for a command or an option that may run what the repository configures.
        """
        name, *rest = arguments
        if name not in _COMMANDS or not _REFUSED.isdisjoint(rest):
            raise ValueError(f"git {' '.join(arguments)} may run what a repository configures")
        explicit = [f"--git-dir={self.root.resolve()}"] if self._bare else []
        if self.attributes is not None:
            explicit += ["-c", f"core.attributesFile={self.attributes}"]
        # What is named last counts.
        options = (*_OPTIONS, *explicit, name, *_COMMANDS[name])
        return ["git", "-C", str(self.root), *options, *rest]

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """Standard output.

        Raises:
            DataError: if git is not there, fails, takes too long or says too much.
        """
        with self._started(arguments, given) as running:
            output = running.stdout.read(_MOST_BYTES + 1)
            if len(output) > _MOST_BYTES:
                raise DataError(
                    f"git {arguments[0]} says more than {_MOST_BYTES / 1e6:.0f} MB of {self.root}; "
                    "its trees name too many files."
                )
            failed = running.process.wait() != 0
            running.check()
            if failed:
                raise DataError(
                    f"{self.root} is no repository that git reads "
                    f"({running.complaint() or f'git {arguments[0]} failed'})."
                )
        return output

    def line(self, *arguments: str) -> str | None:
        """What git says in one line, None where it fails."""
        try:
            return self.run(*arguments).decode("ascii", "replace").strip()
        except DataError:
            return None

    @contextmanager
    def stream(self, *arguments: str, given: bytes = b"") -> Iterator[IO[bytes]]:
        """Standard output while it is written; git is ended with the block.

        What was read may be all there is or, where git failed, less.

        Raises:
            DataError: if git is not there, or its time was up before the block had enough.
        """
        with self._started(arguments, given) as running:
            yield running.stdout
            running.check()

    @contextmanager
    def _started(self, arguments: tuple[str, ...], given: bytes) -> Iterator[RunningGit]:
        command = self.command(*arguments)
        with started_git(command, self.environment, self.root, self.seconds, given) as running:
            yield running


@contextmanager
def started_git(
    command: list[str],
    environment: dict[str, str],
    root: Path,
    seconds: float,
    given: bytes = b"",
) -> Iterator[RunningGit]:
    """A git command, ended with the block or when its time is up."""
    with ExitStack() as stack:
        said = stack.enter_context(tempfile.TemporaryFile())
        asked: IO[bytes] | int = subprocess.DEVNULL
        if given:  # from a file, so that reading its answers is all there is to wait for
            asked = stack.enter_context(tempfile.TemporaryFile())
            asked.write(given)
            asked.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                start_new_session=True,  # away from the terminal, and ended with its children
            )
        except OSError as error:
            raise DataError(f"git cannot be asked about {root} ({error}).") from error
        assert process.stdout is not None
        running = RunningGit(root, seconds, process, process.stdout, said)
        timer = Timer(seconds, running.end, (True,))
        timer.daemon = True
        timer.start()
        try:
            yield running
        finally:
            timer.cancel()
            running.end()
            process.stdout.close()
            process.wait()


@dataclass(slots=True)
class RunningGit:
    """One git command that has been started."""

    root: Path
    seconds: float
    process: subprocess.Popen[bytes]
    stdout: IO[bytes]
    said: IO[bytes]
    """What it complained of."""
    late: bool = field(default=False)
    """It was ended because its time was up."""

    def end(self, late: bool = False) -> None:
        """End it and what it has started."""
        if self.process.returncode is not None:
            return
        self.late = self.late or late
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def check(self) -> None:
        """See that its time was not up.

        Raises:
            DataError: It was.
        """
        if self.late:
            raise DataError(
                f"git took more than {self.seconds:.0f} s to read {self.root}; "
                "see whether git log works there."
            )

    def complaint(self) -> str:
        """The first line of what it complained of."""
        lines = self.complaints()
        return lines[0][:200] if lines else ""

    def complaints(self) -> list[str]:
        """What it complained of, by lines."""
        self.said.seek(0)
        return self.said.read(10_000).decode("utf-8", "replace").strip().splitlines()
