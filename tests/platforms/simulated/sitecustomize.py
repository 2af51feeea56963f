"""Starts Python as far as that can be had here as on Windows: without what POSIX adds.

With this folder on `PYTHONPATH` it is so in a command and in every process that it starts. The
modules, functions, flags and signals that Python has on POSIX alone are taken away, and
`sys.platform` says `win32`, before anything of the project is imported. Paths, the console and what
the system itself does stay those of this machine: this finds what would be missing, not what would
act otherwise.
"""

from __future__ import annotations

import asyncio
import multiprocessing.util
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
from importlib.abc import MetaPathFinder

import click
import numpy
import portalocker  # has its own way to lock here, as it has there
import watchfiles

LOADED = (asyncio, multiprocessing.util, socket, sqlite3, ssl, subprocess, tempfile)
LIBRARIES = (click, numpy, portalocker, watchfiles)
"""What chooses its ways by the system when it is imported, and has to choose this one."""
MODULES = {
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "posix",
    "syslog",
    "readline",
}
# Without what the standard library of this machine calls itself, such as SIGKILL.
FUNCTIONS = (
    "chown chroot fchmod fchown fork forkpty geteuid getegid getgid getgroups getloadavg getpgid "
    "getpgrp getuid initgroups killpg lchown mkfifo mknod nice openpty pread pwrite "
    "sched_getaffinity sched_setaffinity setegid seteuid setgid setpgid setsid setuid statvfs "
    "fstatvfs wait3 wait4 waitid sendfile posix_fadvise posix_spawn confstr ctermid"
).split()
FLAGS = "O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_NDELAY O_SYNC WNOHANG".split()
SIGNALS = "SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGCHLD SIGALRM SIGPIPE SIGXFSZ SIGXCPU".split()


class _Missing(MetaPathFinder):
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def take_away() -> None:
    """Leave in Python what it has on Windows."""
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Missing())
    for module, names in ((os, FUNCTIONS + FLAGS), (signal, SIGNALS), (socket, ["AF_UNIX"])):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    for name in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks"):
        getattr(os, name).clear()
    sys.platform = "win32"


take_away()
