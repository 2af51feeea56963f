"""Why texts were not embedded; each has a word for programs and a sentence for people."""

from __future__ import annotations

from c2llm.errors import C2LLMError


class InferenceError(C2LLMError):
    """Texts were not embedded."""

    code = "inference_failed"


class NotReadyError(InferenceError):
    """The model is being loaded, could not be, or the server is stopping."""

    code = "not_ready"


class QueueFullError(InferenceError):
    """Too much waits already.

    Args:
        message: One sentence.
        retry_seconds: After which there should be room.
    """

    code = "queue_full"

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class RequestTooLargeError(InferenceError):
    """One request has more texts or tokens than any may have, or than memory holds."""

    code = "too_large"


class TextFailedError(InferenceError):
    """The model fails at a text, and answers others."""

    code = "text_failed"
