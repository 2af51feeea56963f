"""A search that a running server of this user answers, before anything heavy is imported.

What is sent is the command as it was typed, and what the answer depends on beside it: where it was
typed, the variables and the configuration. The server answers if it would print the same as a
command that starts from nothing; in every other case, and if there is none, `answered` gives None
and the command starts from nothing.

Only the standard library is imported here, and little of it: half of a warm search is Python that
starts. Where no socket is there, nothing at all is.
"""

from __future__ import annotations

import os
import sys

PROTOCOL = 1
_CONNECT_SECONDS = 0.25
_TAKEN_SECONDS = 0.5
"""In which a server that works says that it has the question."""
_ANSWER_SECONDS = 10.0
_MOST_BYTES = 200_000_000
_VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
_BEGINNINGS = ("C2LLM_", "GIT_", "OMP_")
_NOT_ASKED = ("C2LLM_SERVE_", "C2LLM_WARM")
"""Of these, what changes no answer."""
_SOCKET = "search.sock"

Asked = dict[str, object]


def answered(arguments: list[str]) -> int | None:
    """Print the answer of a running server, and return the exit code; None where there is none.

    Args:
        arguments: `search` and what follows it.
    """
    if sys.platform != "linux" or os.environ.get("C2LLM_WARM") == "0":
        return None
    try:
        for number in range(3):
            os.fstat(number)  # closed ones are looked after by the command itself
        folder = _home()
        if folder is None or not os.path.exists(f"{folder}/serve/{_SOCKET}"):
            return None
        found = _ask(f"{folder}/serve", question(arguments))
    except Exception:  # whatever is wrong over there, the command itself answers
        return None
    return None if found is None else _print(*found)


def question(arguments: list[str]) -> Asked:
    """What a server is asked: the command, and what its answer depends on."""
    from c2llm import __file__ as here
    from c2llm import __version__

    out = sys.stdout
    return {
        "protocol": PROTOCOL,
        "arguments": arguments,
        "directory": os.getcwd(),
        "terminal": out.isatty(),
        "plain": is_plain(os.environ.get("NO_COLOR"), os.environ.get("TERM")),
        "encoding": out.encoding,
        "state": state(here, __version__),
    }


def state(here: str, version: str) -> Asked:
    """What has to be the same on both sides: the program, the variables and the configuration."""
    found = {
        name: value
        for name, value in os.environ.items()
        if (name in _VARIABLES or name.startswith(_BEGINNINGS)) and not name.startswith(_NOT_ASKED)
    }
    return {
        "version": version,
        "program": [here, os.stat(here).st_mtime_ns],
        "python": sys.version,
        "names": sys.getfilesystemencoding(),
        "variables": found,
        "configuration": _configuration(),
    }


def is_plain(no_color: str | None, terminal: str | None) -> bool:
    """Whether a terminal with these variables shows no colours."""
    return bool(no_color) or terminal in ("dumb", "unknown")


def _configuration() -> list[object]:
    """Which file the configuration is, and its state; as `user_config` finds it."""
    own = os.environ.get("C2LLM_CONFIG")
    if own is not None:
        file = os.path.expanduser(own)
    else:
        shared = os.environ.get("XDG_CONFIG_HOME", "")
        folder = shared if os.path.isabs(shared) else os.path.expanduser("~/.config")
        file = f"{folder}/c2llm/config.toml"
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return [file]
    return [file, status.st_mtime_ns, status.st_size, status.st_ino]


def _home() -> str | None:
    """The folder of everything of the user's, as `home` finds it; None if not for certain."""
    own, shared = os.environ.get("C2LLM_HOME"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return own if os.path.isabs(own) else None
    folder = shared or os.path.expanduser("~/.cache")
    return f"{folder}/c2llm" if os.path.isabs(folder) else None


def _ask(folder: str, asked: Asked) -> tuple[int, list[tuple[int, bytes]]] | None:
    """Exit code and parts of what is to be printed, or None.

    Raises:
        OSError: There is no server, or it does not answer in time.
        ValueError: It answers something else.
    """
    import json
    import socket
    import stat
    import struct

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            return None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_CONNECT_SECONDS)
            # By the descriptor the path is short enough, and no other folder than was looked at.
            connection.connect(f"/proc/self/fd/{descriptor}/{_SOCKET}")
            size = struct.calcsize("3i")
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            if struct.unpack("3i", peer)[1] != os.geteuid():
                return None
            connection.settimeout(_TAKEN_SECONDS)
            connection.sendall(json.dumps(asked).encode() + b"\n")
            with connection.makefile("rb") as stream:
                if not json.loads(stream.readline(4096)).get("taken"):
                    return None
                connection.settimeout(_ANSWER_SECONDS)
                head = json.loads(stream.readline(4_000_000))
                if "declined" in head:
                    return None
                parts = []
                for number, length in head["parts"]:
                    if number not in (1, 2) or not 0 <= length <= _MOST_BYTES:
                        return None
                    content = stream.read(length)
                    if len(content) != length:
                        return None
                    parts.append((number, content))
                return int(head["code"]), parts
    finally:
        os.close(descriptor)


def _print(code: int, parts: list[tuple[int, bytes]]) -> int | None:
    """Write what was answered; None where nothing could be written, which the command tells of."""
    written = False
    for number, content in parts:
        left = memoryview(content)
        while left:
            try:
                done = os.write(number, left)
            except BrokenPipeError:
                if number == 1:  # head or less has seen enough
                    return 0
                break
            except OSError:
                if number == 1:
                    return 1 if written else None
                break
            written = written or number == 1
            left = left[done:]
    return code
