"""An encoder that is loaded when it is needed, or in the background before that."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from c2llm.encoding.folder import ModelFolder
    from c2llm.encoding.protocol import TextEncoder


class EncoderHandle:
    """Holds an encoder or the name of one; loading never happens twice."""

    def __init__(self, model: str, encoder: TextEncoder | None = None) -> None:
        self.model = model if encoder is None else encoder.name
        self._encoder = encoder
        self._folder: ModelFolder | None = None
        self._fingerprint: str | None = None
        self._error: Exception | None = None
        self._thread: Thread | None = None

    def check(self) -> None:
        """Find the model without loading it; raises what a wrong name or a torn folder deserves."""
        if self._encoder is None and self._folder is None:
            from c2llm.encoding.folder import open_folder

            self._folder = open_folder(self.model)

    def preload(self) -> None:
        """Begin to load while the caller does something else; a failure shows at `get`."""
        if self._encoder is None and self._thread is None:
            self._thread = Thread(target=self._load, name="c2llm-encoder", daemon=True)
            self._thread.start()

    def get(self) -> TextEncoder:
        """The encoder, waiting until it is loaded; raises what loading it raised."""
        self.preload()
        self.wait()
        if self._error is not None:
            raise self._error
        assert self._encoder is not None
        return self._encoder

    @property
    def fingerprint(self) -> str:
        """The encoder's fingerprint, which does not wait for a load in progress."""
        if self._fingerprint is None:
            if self._folder is None:
                self._fingerprint = self.get().fingerprint
            else:  # hashing the weights takes as long as it does; the load goes on meanwhile
                self._fingerprint = self._folder.fingerprint(self._folder.engine)
        return self._fingerprint

    def wait(self) -> None:
        """Let a load in progress end: an interpreter must not go down in the middle of it."""
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        try:
            from c2llm.encoding.encoder import Encoder

            self._encoder = Encoder.load(self.model)
        except Exception as error:  # raised again in the thread that asks
            self._error = error
