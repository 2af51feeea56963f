"""The other side of a warm search: the same command, run in a server whose indexes are open.

What is printed is what the command itself would print, since it is the command that runs: its
options are parsed, its request is asked, its answer is shown by the same code. Only the indexes are
lent. Whatever would make a difference, or is not certain not to, is declined: the command line then
does it for itself.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import click

from c2llm import __file__ as here
from c2llm import __version__
from c2llm.cli.config import defaults_of
from c2llm.cli.search import command as search
from c2llm.cli.search_targets import LENDER
from c2llm.cli.serving.warm_client import PROTOCOL, is_plain, state
from c2llm.codebase.files.nested import NOT_CHECKED_OUT
from c2llm.encoding.model_folder import shipped_models
from c2llm.errors import C2LLMError
from c2llm.index.catalog.catalogs import SIGN
from c2llm.index.store.location import index_file
from c2llm.search.code_index import CodeIndex
from c2llm.serving.local_socket import Printed
from c2llm.serving.open_indexes import OpenIndexes
from c2llm.user_config import UserConfig

_WAIT_SECONDS = 0.3
"""For another search; starting from nothing takes not much longer."""
_ESCAPED = "c2llm.escaped"
_NOT_HERE = ("interactive", "background", "vimgrep", "max_file_bytes")
"""Options with which a search is more than an answer, or depends on more."""


class _Declined(C2LLMError):
    """It is not certain that the answer here is the one of the command."""


class WarmSearch:
    """Answers searches of the command line from open indexes.

    Args:
        indexes: The server's.
        config: What the server was started with.
        own: The program, variables and configuration that it was started with; see
            `warm_client.state`.
    """

    def __init__(self, indexes: OpenIndexes, config: UserConfig, own: Mapping[str, object]) -> None:
        self._indexes = indexes
        self._config = config
        self._state = dict(own)
        self._one = threading.Lock()
        """Held while a command runs, since there is one standard output."""

    def __call__(self, asked: Mapping[str, Any]) -> Printed | str:
        """What the command prints, or why it is not answered here."""
        try:
            if asked["protocol"] != PROTOCOL or asked["state"] != self._state:
                return "another program, configuration or environment"
            if not self._one.acquire(timeout=_WAIT_SECONDS):
                return "busy"
            try:
                return self._printed(asked)
            finally:
                self._one.release()
        except (C2LLMError, OSError, KeyError, TypeError, ValueError, LookupError) as error:
            return f"not here: {error}"
        except (click.exceptions.Exit, click.Abort, click.ClickException) as error:
            return f"not a search: {type(error).__name__}"

    def _printed(self, asked: Mapping[str, Any]) -> Printed:
        parts: list[tuple[int, bytes]] = []
        out = _Stream(1, parts, asked["encoding"], terminal=asked["terminal"])
        err = _Stream(2, parts, asked["encoding"], terminal=False)
        parent = click.Context(click.Group("c2llm"), info_name="c2llm", obj=self._config)
        parent.default_map = defaults_of(self._config)
        with redirect_stdout(out.text), redirect_stderr(err.text), parent.scope():
            arguments = [str(one) for one in asked["arguments"][1:]]
            context = search.make_context("search", arguments, parent=parent)
            self._require_same(asked, context.params)
            token = LENDER.set(self._lend)
            try:
                with context:
                    search.invoke(context)
            finally:
                LENDER.reset(token)
            out.text.flush()
            err.text.flush()
        return Printed(0, parts)

    def _require_same(self, asked: Mapping[str, Any], given: dict[str, Any]) -> None:
        """See that the options are such that the answer is the command's; paths are made whole.

        Raises:
            _Declined: They are not.
        """
        if given.get("query") in (None, "-") or any(given.get(name) for name in _NOT_HERE):
            raise _Declined("options")
        if given["model"] != self._indexes.model or given["model"] not in shipped_models():
            raise _Declined("another model")
        plain = is_plain(os.environ.get("NO_COLOR"), os.environ.get("TERM"))
        if asked["terminal"] and plain != asked["plain"]:
            raise _Declined("another terminal")
        directory = str(asked["directory"])
        if not Path(directory).is_absolute():
            raise _Declined("no directory")
        given["paths"] = tuple(
            self._whole(directory, str(path)) for path in given["paths"] or (".",)
        )

    @staticmethod
    def _whole(directory: str, path: str) -> str:
        if path.startswith("~"):
            return path
        whole = str(Path(directory, path))
        if path.startswith(SIGN) and not Path(whole).exists():
            return path
        return whole

    @contextmanager
    def _lend(self, roots: Sequence[Path], names: Sequence[str]) -> Iterator[list[CodeIndex]]:
        """The open indexes of these directories, if a fresh process would find the same in them.

        Raises:
            _Declined: It would not, or might say more.
        """
        if not all(root.is_dir() and index_file(root).exists() for root in roots):
            raise _Declined("no index")
        with self._indexes.lent(roots, seconds=_WAIT_SECONDS, names=names) as (indexes, notes):
            for index in indexes:
                if index.unread_files or index.stale_files or not index.is_kept:
                    raise _Declined("not all is read")
                if index.left_out().get(NOT_CHECKED_OUT):
                    raise _Declined("it has something to say")
                index.is_new = False  # for who comes after the one that has made it
            if notes or len(indexes) != len(roots):
                raise _Declined("it has something to say")
            yield indexes
            if notes:
                raise _Declined("it has something to say")


class _Stream:
    """A standard stream whose bytes are kept, as a client with this encoding would write them."""

    def __init__(
        self, number: int, parts: list[tuple[int, bytes]], encoding: str, *, terminal: bool
    ) -> None:
        class Kept(io.RawIOBase):
            def writable(self) -> bool:
                return True

            def isatty(self) -> bool:
                return terminal

            def write(self, data: Any) -> int:
                content = bytes(data)
                parts.append((number, content))
                return len(content)

        self.text = io.TextIOWrapper(
            io.BufferedWriter(Kept()), encoding=encoding, errors=_ESCAPED, line_buffering=terminal
        )


def own_state(config: UserConfig) -> dict[str, object]:
    """What a client has to share with this process, as it was started."""
    found = state(here, __version__)
    variables = found["variables"]
    assert isinstance(variables, dict)
    # What the file sets has been put into the environment since.
    found["variables"] = {
        name: value for name, value in variables.items() if name not in config.variables()
    }
    return found
