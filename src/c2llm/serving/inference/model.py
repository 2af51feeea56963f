"""The model of a server: any folder that `Encoder` loads, and what its clients are told of it."""

from __future__ import annotations

from dataclasses import dataclass

from c2llm.encoding.devices.placement import CPU, open_placed
from c2llm.encoding.encoder import Encoder
from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.encoding.model_folder import ModelFolder


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What is known of a model before it is loaded."""

    asked: str
    """Shipped name, folder or hub id."""
    device: str
    folder: ModelFolder

    @classmethod
    def found(cls, model: str, device: str = "cpu") -> ServedModel:
        """Find a model and check its folder.

        Raises:
            UsageError: There is none, or it cannot run on such a device.
            ModelError: Its folder is incomplete or damaged.
        """
        folder, placement = open_placed(model, device=device)
        if device != CPU and folder.engine == "torch":
            from c2llm.encoding.devices.torch_devices import torch_devices

            torch_devices(placement.devices)
        return cls(model, device, folder)

    @property
    def name(self) -> str:
        """What clients call it."""
        return self.folder.name

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Lengths that its vectors may have, the longest last."""
        whole = self.folder.dim
        return (*sorted(d for d in set(self.folder.matryoshka_dims) if d < whole), whole)

    def load(self) -> Encoder:
        """The weights; on the CPU they are shared with the searches of the same process.

        Raises:
            UsageError: The engine has no such device.
            ModelError: The folder is damaged.
        """
        if self.device != CPU:
            return Encoder.load(self.asked, engine=self.folder.engine, device=self.device)
        encoder = EncoderHandle(self.asked).get()
        assert isinstance(encoder, Encoder)  # nobody gave it another
        return encoder
