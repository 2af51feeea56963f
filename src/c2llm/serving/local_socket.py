"""A socket of this user's own, by which the command line asks a server that runs already.

It lies in a folder that nobody else may enter, and both sides see to it who the other one is
(`SO_PEERCRED`). A question is one line of JSON. The answer is a line that says whether it is taken,
so that a server that hangs holds nobody up, and then one with the length of what follows it.

Only Linux tells each side of such a socket who the other one is in this way; elsewhere there is no
such socket, and the command line answers for itself.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.home import home_folder
from c2llm.index.store.lock import Lock
from c2llm.index.store.private import make_folder

PROTOCOL = 1
NAME = "search.sock"
_MOST_LINE = 4_000_000
_LINE_SECONDS = 2.0
_MOST_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command has printed: parts of standard output (1) and standard error (2) in order."""

    code: int
    parts: Sequence[tuple[int, bytes]]


Answer = Callable[[Mapping[str, Any]], "Printed | str"]
"""What a question's answer prints, or why it is not answered here."""


def socket_folder() -> Path:
    """Where the socket is."""
    return home_folder() / "serve"


class LocalSocket:
    """Takes questions until it is closed; one server of a user has it.

    Args:
        answer: Called in a thread with each question.
        folder: Where the socket is.
    """

    def __init__(self, answer: Answer, folder: Path | None = None) -> None:
        self._answer = answer
        self._folder = folder or socket_folder()
        self._lock: Lock | None = None
        self._listener: socket.socket | None = None
        self._room = threading.Semaphore(_MOST_CONNECTIONS)

    def open(self) -> bool:
        """Begin to take questions; False where another server does, or where it is not possible.

        A socket that a server left behind is replaced: whether there is one is told by a lock,
        which a process loses however it ends.
        """
        if not hasattr(socket, "SO_PEERCRED"):
            return False
        listener: socket.socket | None = None
        try:
            make_folder(self._folder)
            lock = Lock(self._folder / NAME, "using")
            if not lock.take(0.0) or not lock.is_held:
                lock.release()
                return False
            self._lock = lock
            descriptor = own_folder(self._folder)
            if descriptor is None:
                self.close()
                return False
            try:
                with suppress(FileNotFoundError):
                    os.unlink(NAME, dir_fd=descriptor)
                listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                listener.bind(f"/proc/self/fd/{descriptor}/{NAME}")
                os.chmod(NAME, 0o600, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            listener.listen(_MOST_CONNECTIONS)
        except OSError:
            if listener is not None:
                listener.close()
            self.close()
            return False
        self._listener = listener
        threading.Thread(target=self._accept, name="c2llm-local", daemon=True).start()
        return True

    def close(self) -> None:
        """Take no more questions."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
            with suppress(OSError):
                (self._folder / NAME).unlink()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if not self._room.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(
                target=self._serve, args=(connection,), name="c2llm-local-search", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError, ValueError, RecursionError):
                connection.settimeout(_LINE_SECONDS)
                if peer_of(connection) != os.geteuid():
                    return
                asked = json.loads(_line(connection))
                if not isinstance(asked, dict):
                    return
                connection.sendall(b'{"taken": true}\n')
                found = self._answer(asked)
                if isinstance(found, str):
                    connection.sendall(json.dumps({"declined": found}).encode() + b"\n")
                    return
                parts = [[number, len(content)] for number, content in found.parts]
                head = json.dumps({"code": found.code, "parts": parts}).encode() + b"\n"
                connection.sendall(head + b"".join(content for _, content in found.parts))
        finally:
            self._room.release()


def own_folder(folder: Path) -> int | None:
    """A descriptor of a directory that is this user's and nobody else's; None where it is not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    status = os.fstat(descriptor)
    if status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077:
        return descriptor
    os.close(descriptor)
    return None


def peer_of(connection: socket.socket) -> int:
    """Id of the user at the other end."""
    size = struct.calcsize("3i")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack("3i", found)[1])


def _line(connection: socket.socket) -> bytes:
    """One line.

    Raises:
        ValueError: It is too long, or ends in the middle.
        OSError: It takes too long.
    """
    found = bytearray()
    while not found.endswith(b"\n"):
        more = connection.recv(65_536)
        if not more or len(found) > _MOST_LINE:
            raise ValueError("no line")
        found += more
    return bytes(found)
