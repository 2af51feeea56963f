"""Locks of whole files that die with their holder, on every system.

POSIX has `flock`; on Windows portalocker asks the system, since Python itself has no shared locks
there.
"""

from __future__ import annotations

import errno

HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
"""What the system says when another process holds a lock; everything else means there are none."""


def try_lock(descriptor: int, *, shared: bool) -> bool:
    """Lock an open file until it is closed; False when another one has it.

    Args:
        descriptor: The open file.
        shared: Others may hold it too, if they share it as well.

    Raises:
        OSError: The disk knows no such locks.
    """
    try:
        import fcntl
    except ImportError:
        return _try_on_windows(descriptor, shared=shared)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            return False
        raise
    return True


def try_record_lock(descriptor: int) -> None:
    """See that the disk has the locks of parts of a file, which are SQLite's.

    Raises:
        OSError: It has none.
    """
    try:
        import fcntl
    except ImportError:
        return  # a lock of a whole file is one of its parts there
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in HELD and error.errno != errno.EBADF:
            raise


def _try_on_windows(descriptor: int, *, shared: bool) -> bool:
    import portalocker

    kind = portalocker.LockFlags.SHARED if shared else portalocker.LockFlags.EXCLUSIVE
    try:
        portalocker.lock(descriptor, kind | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.AlreadyLocked:
        return False
    except portalocker.LockException as error:
        raise OSError(errno.ENOLCK, str(error)) from error
    return True
