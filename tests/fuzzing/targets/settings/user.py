"""The user's configuration and environment: settings of the right kind, or one sentence."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

from c2llm.cli.config import defaults_of
from c2llm.serve_config import SERVE_SETTINGS, variable_of
from c2llm.user_config import VARIABLES, UserConfig
from tests.fuzzing.reading import head, headed, text_of, tokens
from tests.fuzzing.target import Target

_VARIABLES = (
    *VARIABLES.values(),
    *map(variable_of, SERVE_SETTINGS),
    "XDG_CONFIG_HOME",
    "C2LLM_CONFIG",
)


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-config-")) / "config.toml"


def check(data: bytes) -> None:
    """The first line is `file` or the name of a variable."""
    name, content = headed(data, ("file", *_VARIABLES))
    if name == "file":
        _file().write_bytes(content)
        environment = {"C2LLM_CONFIG": str(_file())}
    else:
        environment = {"C2LLM_CONFIG": "", name: text_of(content).replace("\0", "")}
    config = UserConfig.load(environment)
    assert config == UserConfig.load(environment)
    for variable, value in config.variables().items():
        assert isinstance(value, str), variable
    for number in (config.index_mb, config.cache_mb):
        assert number is None or (type(number) is int and number >= 0)
    for setting, value in config.serve.items():
        assert type(value) is SERVE_SETTINGS[setting].kind
    assert defaults_of(config)["serve"] is not None
    json.dumps({one: getattr(config, one) for one in VARIABLES})
    # What the file says must mean the same to a child process, which is told by variables.
    told = UserConfig.load({"C2LLM_CONFIG": ""} | config.variables())
    for one in VARIABLES:
        if config.origins.get(one) == "file":
            assert getattr(told, one) == getattr(config, one), one


_SEEDS = [
    head("file", 'model = "c2llm-nano"\nexclude = ["a/**", "b"]\nbackground = false\n'
         'index_mb = 10\n[serve]\nport = 80\nroot = ["a"]\nlog_queries = true\n'),
    head("C2LLM_EXCLUDE", "a/**\nb"), head("C2LLM_INDEX_MB", "12"), head("C2LLM_SERVE_PORT", "80"),
    head("C2LLM_SERVE_LOG_QUERIES", "yes"), head("XDG_CONFIG_HOME", "/nonexistent"),
    head("C2LLM_CONFIG", "~nobody/x"), head("C2LLM_MAX_FILE_SIZE", "5MB"),
]  # fmt: skip
_TOKENS = tokens(
    r"""
    [serve]\n index_mb\x20=\x20 exclude\x20=\x20[ \x22\x22\x22 [[a]]\n a.b.c\x20=\x201\n
    1979-05-27 ٣ ² 0x1F 1_000 inf {a\x20=\x201} \\n \u2028
    """
)


TARGET = Target(check, _SEEDS, _TOKENS)
