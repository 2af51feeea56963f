"""Inputs that broke a target, kept as files from the moment they are found.

Of one kind (exception and line that raised it) the shortest input is kept, with what it raised
beside it. A run replays them first, and forgets those that have been repaired.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.fuzzing.limits import TookTooLongError, cpu_limit
from tests.fuzzing.target import Target

_SHRINK_SECONDS = 10.0


@dataclass
class Findings:
    """What is known to break one target."""

    name: str
    target: Target
    folder: Path
    """Where the inputs of this target are kept."""
    known: dict[str, int] = field(default_factory=dict)
    """Bytes of the shortest input of each kind."""
    executions: int = 0

    def replay(self) -> None:
        """Try again what broke once."""
        for file in sorted(self.folder.glob("*.input")) if self.folder.is_dir() else ():
            data = file.read_bytes()
            if self._kind(data) == "":
                file.unlink()
                file.with_suffix(".txt").unlink(missing_ok=True)
            self.try_input(data)

    def try_input(self, data: bytes) -> None:
        """Run the target on one input; what breaks is written down at once."""
        self.executions += 1
        kind = self._kind(data)
        if kind and len(data) < self.known.get(kind, len(data) + 1):
            self.known[kind] = len(data)
            self.save(kind, data, self._said)

    def save(self, kind: str, data: bytes, said: str) -> Path:
        """Keep an input."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{kind}.input"
        file.with_suffix(".txt").write_text(said, encoding="utf-8", errors="backslashreplace")
        file.write_bytes(data)
        return file

    def shrink(self) -> None:
        """Make the inputs that are kept shorter, as long as they break in the same way."""
        for kind in list(self.known):
            file = self.folder / f"{kind}.input"
            until = monotonic() + _SHRINK_SECONDS
            if "TookTooLong" not in kind and file.is_file():
                for smaller in shorter(file.read_bytes()):
                    if monotonic() > until:
                        break
                    if smaller.accepted(self._kind(smaller.data) == kind):
                        self.known[kind] = len(smaller.data)
                        self.save(kind, smaller.data, self._said)

    def _kind(self, data: bytes) -> str:
        """What an input breaks, as a name for a file; "" for nothing."""
        try:
            with cpu_limit(self.target.seconds):
                self.target.run(data)
        except (Exception, TookTooLongError) as error:
            self._said = "".join(traceback.format_exception(error))
            return kind_of(error)
        return ""

    _said: str = ""


def kind_of(error: BaseException) -> str:
    """Exception, file and line that tell one fault from another."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if re.search(r"/(c2llm|fuzzing/targets)/", one.filename)]
    if isinstance(error, RecursionError | TookTooLongError):
        ours = ours[:8]  # where it stands at the end is chance
    last = (ours or frames)[-1]
    place = f"{Path(last.filename).stem}-{last.lineno}"
    if isinstance(error, TookTooLongError):
        place = f"{Path(last.filename).stem}"
    told = hashlib.sha256(f"{last.filename}{last.line}".encode()).hexdigest()[:6]
    return f"{type(error).__name__}-{place}-{told}"


@dataclass
class Smaller:
    """A shorter input, to be tried."""

    data: bytes
    took: bool = False

    def accepted(self, took: bool) -> bool:
        """Say whether it breaks too; the next ones are made from it then."""
        self.took = took
        return took


def shorter(data: bytes):
    """Ever shorter inputs: lines, then bytes are taken away in halves, quarters and so on."""
    for separator in (b"\n", b""):
        units = data.split(separator) if separator else [bytes([byte]) for byte in data]
        length = max(1, len(units) // 2)
        while length:
            at = 0
            while at < len(units):
                candidate = Smaller(separator.join(units[:at] + units[at + length :]))
                if len(candidate.data) < len(data):
                    yield candidate
                if candidate.took:
                    del units[at : at + length]
                    data = candidate.data
                else:
                    at += length
            length //= 2
