"""Which files are copies of other people's code, by the folder that they are kept in."""

from __future__ import annotations

_FOLDERS = frozenset(
    "vendor vendors vendored _vendor third_party third-party thirdparty 3rdparty 3rd_party"
    " 3rd-party deps external extern bundled".split()
)


def is_vendored(path: str) -> bool:
    """Whether a path lies below a folder that holds the code of others."""
    return not _FOLDERS.isdisjoint(path.lower().split("/")[:-1])
