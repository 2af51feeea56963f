"""What a trial does in its own process: load a folder under limits and embed a few odd texts.

python -P -m c2llm.encoding.trial_run FOLDER ENGINE

Of a folder with safetensors only the tokenizer runs: its weights are checked by their headers
against the config, and the network that they fill is code of transformers, not of the folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.guard import blamed_on
from c2llm.encoding.model_folder import ModelFolder, open_folder
from c2llm.encoding.table import require_finite
from c2llm.encoding.tokens import TextTokenizer
from c2llm.encoding.trial import PASSED, REFUSED, bytes_for, seconds_for
from c2llm.errors import C2LLMError, ModelError
from c2llm.modeling.checks.graph_check import check_graph
from c2llm.modeling.checks.tokenizer_check import LARGEST_GROWTH, check_tokenizer

PROBES = (
    "",
    "x",
    "def parse_toml(path):\n    return load(path)\n",
    "getHTTPResponse snake_case_name __init__ 1234567890 " * 4,
    "\u00dcber \u4e2d\u6587 \u0440\u0443\u0441 \U0001f642\u200d\u0301 \ufdfa",
    "\n\n\t  \r\n" * 30,
    "((((((" * 30,
    "<s>[CLS]<|endoftext|>[PAD]</s>",
    "a" * 200,
)
"""Texts for the whole model."""
LONG_PROBES = tuple(character * 4000 for character in "aA1 _(\n\u4e2d")
"""Texts for the tokenizer alone: patterns and replacements run away on what is repeated."""
LONGEST_WINDOW = 512
"""Tokens of a window up to which a text of several windows is tried too."""


def main(path: str, engine: str) -> int:
    """Try a folder.

    Returns:
        The process's exit status; what is wrong is written to the real stdout.
    """
    said = os.dup(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # what a library prints is no sentence of ours
    try:
        folder = open_folder(Path(path), engine)
        _limit(folder)
        try_folder(folder)
    except C2LLMError as error:
        os.write(said, str(error).encode("utf-8", "surrogateescape"))
        return REFUSED
    return PASSED


def try_folder(folder: ModelFolder) -> None:
    """Read, load and run what the folder has for its engine.

    Raises:
        ModelError: with what is wrong with it.
    """
    tokenizer_path = folder.path / "tokenizer.json"
    check_tokenizer(tokenizer_path, folder.vocabulary)
    tokenizer = TextTokenizer(tokenizer_path, folder.vocabulary)
    for prompt in (folder.query_prompt, folder.document_prompt):
        for text in (*PROBES, *LONG_PROBES):
            tokens = tokenizer.tokens([text], prompt, offsets=True)[0]
            if len(tokens) > LARGEST_GROWTH * (len(prompt) + len(text) + 64):
                raise ModelError(
                    f"{tokenizer_path} makes {len(tokens):,} tokens of {len(prompt) + len(text):,} "
                    "characters; take the tokenizer of the model's authors."
                )
    if folder.engine == "torch":
        return
    if folder.engine == "onnx":
        check_graph(folder.file("onnx"))
        if (readout := folder.path / "readout.onnx").exists():
            check_graph(readout)
    if folder.engine == "table":
        require_finite(folder.file("table"))
    with blamed_on(folder.path, "used"):
        encoder = Encoder.load(folder.path, engine=folder.engine, threads=1, tried=True)
        encoder.run_outermost_tokens()
        encoder.encode_queries(PROBES[:2])
        if not encoder.encode_documents(PROBES).any():
            raise ModelError(
                f"{folder.path} gives a vector of zeros to every text; copy the model again, or "
                "export it again."
            )
        if encoder.long_texts == "window" and folder.max_tokens <= LONGEST_WINDOW:
            encoder.encode_documents(["def f(x): return x\n" * folder.max_tokens])
            encoder.encode_spans("def f(x): return x", [(0, 3), (4, 8)])


def _limit(folder: ModelFolder) -> None:
    try:
        import resource
    except ModuleNotFoundError:
        return  # Windows: the wall clock's limit is all there is
    seconds, space = seconds_for(folder), bytes_for(folder)
    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        soft, hard = resource.getrlimit(kind)
        least = [value for value in (most, soft, hard) if value != resource.RLIM_INFINITY]
        try:
            resource.setrlimit(kind, (min(least), hard))
        except (OSError, ValueError):
            continue  # macOS knows no limit of the address space


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
