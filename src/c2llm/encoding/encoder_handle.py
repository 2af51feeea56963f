"""An encoder that is loaded when it is needed, or in the background before that."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from c2llm.errors import ModelError, UsageError

if TYPE_CHECKING:
    from c2llm.encoding.model_folder import ModelFolder
    from c2llm.encoding.protocol import TextEncoder

DEFAULT_TABLE = "c2llm-nano"
"""The model of the `table` engine that covers everything at once, where it is there."""


_MOST_LOADED = 2
_loaded: OrderedDict[tuple[str, int], tuple[TextEncoder, str]] = OrderedDict()
"""The encoders that were loaded last and their fingerprints, by the state of the model's files and
the threads: a process that opens several indexes, or one after the other, loads its models once."""
_loaded_lock = Lock()


def model_key(model: str) -> str:
    """What an index calls a model: its name, or the whole path of its folder."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    from c2llm.encoding.model_folder import shipped_models

    return model if model in shipped_models() else str(folder.resolve())


def forget_loaded() -> None:
    """Let go of the encoders that no handle holds, as in a server that has nothing to do."""
    with _loaded_lock:
        _loaded.clear()


class EncoderHandle:
    """Holds an encoder or the name of one; loading never happens twice.

    Encoder, fingerprint and signature are always those of one state of the model's files, the one
    that was found first, until `renew` takes a later one.

    Args:
        model: Name or folder of the model.
        encoder: A loaded model instead.
        threads: Threads that it may use, 0 for all cores.
    """

    def __init__(self, model: str, encoder: TextEncoder | None = None, threads: int = 0) -> None:
        self.model = model_key(model) if encoder is None else encoder.name
        self._encoder = encoder
        self._threads = threads
        self._folder: ModelFolder | None = getattr(encoder, "folder", None)
        self._fingerprint: str | None = None
        self._signature: str | None = None
        self._error: Exception | None = None
        self._thread: Thread | None = None

    def check(self) -> None:
        """Find the model without loading it; raises what a wrong name or a torn folder deserves."""
        if self._encoder is None and self._folder is None:
            from c2llm.encoding.devices.placement import open_placed

            self._folder, _ = open_placed(self.model)

    def preload(self, *, hashed: bool = False) -> None:
        """Begin to load while the caller does something else; a failure shows at `get`.

        Args:
            hashed: The fingerprint will be asked for, and nobody remembers it.
        """
        if self._encoder is None and self._thread is None:
            arguments = (hashed,)
            self._thread = Thread(
                target=self._load, args=arguments, name="c2llm-encoder", daemon=True
            )
            self._thread.start()

    @property
    def is_loaded(self) -> bool:
        """Whether `get` would answer at once."""
        return self._encoder is not None or self._error is not None

    def get(self) -> TextEncoder:
        """The encoder, waiting until it is loaded; raises what loading it raised."""
        self.preload()
        self.wait()
        if self._error is not None:
            raise self._error
        assert self._encoder is not None
        return self._encoder

    @property
    def is_table(self) -> bool:
        """Whether it only looks up what it knows of each token: all texts cost it a second."""
        self.check()
        return self._folder is not None and self._folder.engine == "table"

    @property
    def dim(self) -> int:
        """Length of a vector, found without loading the model."""
        self.check()
        return self.get().dim if self._folder is None else self._folder.dim

    @property
    def signature(self) -> str:
        """Sizes and times of the model's files; "" for an encoder that was given."""
        if self._signature is None:
            self._signature = self._signature_now()
        return self._signature

    def _signature_now(self) -> str:
        if self._encoder is not None and self._thread is None:
            return ""
        self.check()
        if self._folder is None:
            return ""
        with os.scandir(self._folder.path) as entries:
            stamps = sorted(
                (entry.name, status.st_size, status.st_mtime_ns)
                for entry in entries
                if entry.is_file()
                for status in (entry.stat(),)
            )
        return f"{self._folder.path} {self._folder.engine} {stamps}{self._numbers()}"

    def _numbers(self) -> str:
        """What changes vectors and no file, where the engine has a choice."""
        if self._folder is None or self._folder.engine != "torch":
            return ""
        from c2llm.encoding.devices.placement import Placement

        return f" {Placement.of(self._folder, None, None)}"

    def renew(self) -> bool:
        """Let go of a model whose files have been replaced since; True if they have."""
        if not self._signature or self._signature_now() == self._signature:
            return False
        self.wait()
        self._encoder = self._folder = self._thread = self._error = None
        self._fingerprint = self._signature = None
        self.check()
        return True

    @property
    def fingerprint(self) -> str:
        """The encoder's fingerprint, which does not wait for a load in progress.

        Raises:
            ModelError: The model's files have been replaced since they were found.
        """
        if self._fingerprint is None:
            self.check()  # a model that is named has one fingerprint, loaded or not
            if self._folder is None or (self._encoder is not None and self._thread is None):
                self._fingerprint = self.get().fingerprint
            else:  # hashing the weights takes as long as it does; the load goes on meanwhile
                self._fingerprint = self._hashed(self._folder)
        return self._fingerprint

    def _hashed(self, folder: ModelFolder) -> str:
        from c2llm.encoding.devices.placement import Placement

        found = self.signature
        placement = Placement.of(folder, None, None)
        fingerprint = folder.fingerprint(folder.engine) + placement.mark(folder)
        self._require_same(found)
        return fingerprint

    def _require_same(self, signature: str) -> None:
        if self._signature_now() != signature:
            raise ModelError(
                f"The files of the model {self.model} were replaced while they were read; "
                "run the command again."
            )

    def know_fingerprint(self, fingerprint: str) -> None:
        """Take the fingerprint from one who remembers it of files of the same `signature`."""
        self._fingerprint = fingerprint

    def wait(self) -> None:
        """Let a load in progress end: an interpreter must not go down in the middle of it."""
        if self._thread is not None:
            self._thread.join()

    def _load(self, hashed: bool) -> None:
        try:
            key = self.signature, self._threads
            self._require_same(key[0])
            with _loaded_lock:
                known, fingerprint = _loaded.pop(key, (None, ""))
                if known is not None:
                    _loaded[key] = known, fingerprint  # as the last one
            self._fingerprint = self._fingerprint or fingerprint or None
            if hashed and self._fingerprint is None and self._folder is not None:
                self._fingerprint = self._hashed(self._folder)
            if known is not None:
                self._encoder = known
                return
            from c2llm.encoding.encoder import Encoder

            encoder = Encoder.load(self.model, threads=self._threads)
            self._require_same(key[0])
            # One text a call: its vector then depends on it alone to the last bit, nothing is
            # padded, and calls run side by side. A GPU would have next to nothing to do.
            alone = encoder.placement.devices == ("cpu",) and not self.is_table
            self._encoder = encoder.adapted(token_budget=1) if alone else encoder
            with _loaded_lock:
                _loaded[key] = self._encoder, self._fingerprint or ""
                while len(_loaded) > _MOST_LOADED:
                    _loaded.popitem(last=False)
        except Exception as error:  # raised again in the thread that asks
            self._error = error


def table_handle(table: str | TextEncoder | None, *, alone: bool) -> EncoderHandle | None:
    """The table model that stands beside the large one, or None.

    Raises:
        UsageError: The one that was asked for is not there, or is of another engine.
    """
    if table is None or table == "":
        return None
    if not isinstance(table, str):
        return EncoderHandle(table.name, table)
    default = table == DEFAULT_TABLE
    if default:
        named = os.environ.get("C2LLM_TABLE_MODEL")
        if not alone or named == "":
            return None
        table, default = named or table, named is None
    handle = EncoderHandle(table)
    try:
        if not handle.is_table:
            raise UsageError(f"The model {table} has no table.npz; name one of the table engine.")
    except UsageError:
        if default:
            return None  # not every installation ships it
        raise
    return handle
