"""What stands before the queries and documents of each task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from c2llm.encoding.protocol import TextEncoder
from c2llm.errors import UsageError
from c2llm.modeling.official import (
    DOCUMENT_PROMPT,
    INSTRUCTIONS,
    PAPER_CODETRANS_DL,
    query_prompt,
)

TRANSLATION_DL = "CodeTransOceanDL"

Instructions = Literal["auto", "official", "model"]
DlPrompt = Literal["mteb", "paper"]


@dataclass(frozen=True, slots=True)
class TaskPrompts:
    """Chooses prompts by task.

    The published models were trained with one instruction a task, and their scores made with them:
    query = instruction, line break, text; document = `Retrieved Answer:` and text. A task without
    an instruction, and every task of another model, gets the prompts that the model brings along.
    """

    official: bool
    """Whether the twelve published instructions are used."""
    dl_prompt: DlPrompt = "mteb"
    """mteb asks CodeTransOceanDL, which is Python to Python, for C++; the paper does not."""

    def adapt(self, encoder: TextEncoder, task: str) -> TextEncoder:
        """The encoder with the prompts of a task.

        Raises:
            UsageError: if the encoder is none whose prompts can be set.
        """
        if not self.official or task not in INSTRUCTIONS:
            return encoder
        from c2llm.encoding.encoder import Encoder

        if not isinstance(encoder, Encoder):
            raise UsageError(
                f"{encoder.name} applies its own prompts; the published instructions are for c2llm "
                "models: leave out --instructions official."
            )
        query = query_prompt(task)
        if task == TRANSLATION_DL and self.dl_prompt == "paper":
            query = PAPER_CODETRANS_DL + "\n"
        return encoder.adapted(query_prompt=query, document_prompt=DOCUMENT_PROMPT)


def prompts_for(
    encoder: TextEncoder, instructions: Instructions = "auto", dl_prompt: DlPrompt = "mteb"
) -> TaskPrompts:
    """The prompts of a run.

    Args:
        encoder: what is evaluated.
        instructions: `official` uses the twelve, `model` the model's own prompts everywhere, and
            `auto` the twelve where the model's document prompt is the published one.
        dl_prompt: whose instruction CodeTransOceanDL gets.

    Raises:
        UsageError: for the paper's instruction where no instructions are used.
    """
    official = instructions == "official" or (instructions == "auto" and is_published(encoder))
    if dl_prompt == "paper" and not official:
        raise UsageError(
            f"{encoder.name} runs without task instructions, so --dl-prompt paper changes nothing; "
            "add --instructions official."
        )
    return TaskPrompts(official, dl_prompt)


def is_published(encoder: TextEncoder) -> bool:
    """Whether a model wants the published prompts."""
    folder = getattr(encoder, "folder", None)
    return getattr(folder, "document_prompt", None) == DOCUMENT_PROMPT
