"""The option that sets how large a file may be, in bytes or with a unit: `500kB`, `5MB`."""

from __future__ import annotations

import re

import click

from c2llm.lazy_pattern import lazy_pattern

_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "ki": 1 << 10, "mi": 1 << 20}
_SIZE = lazy_pattern(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([km]i?)?b?\s*", re.IGNORECASE)


def parse_size(text: str) -> int | None:
    """The number of bytes that a size means as people write it, or None for what is no size."""
    match = _SIZE.fullmatch(text)
    return None if match is None else round(float(match[1]) * _UNITS[(match[2] or "").lower()])


def _converted(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    size = parse_size(value)
    if size is None:
        raise click.BadParameter(f"{value!r} is no size; write 2000000, 500kB or 5MB.")
    return size


file_size_option = click.option(
    "--max-file-size",
    "max_file_bytes",
    callback=_converted,
    metavar="SIZE",
    help="Leave larger files out from now on: 1MB unless set, 20MB at most.",
)
