"""`c2llm eval mteb` as it is typed."""

from __future__ import annotations

import json

import pytest

from c2llm.cli.main import main
from tests.tiny import save_tiny_model


def arguments(hub, tmp_path):
    model = save_tiny_model(tmp_path / "tiny")
    return [
        *("eval", "mteb", "--model", str(model), "--tasks", "cosqa", "--beside", "C2LLM-0.5B"),
        *("--data", str(hub), "--output", str(tmp_path / "out")),
    ]


def test_one_json_object_then_a_table_from_what_was_kept(hub, tmp_path, capsys):
    command = arguments(hub, tmp_path)
    main([*command, "--json"])
    streams = capsys.readouterr()
    report = json.loads(streams.out)
    assert report["systems"] == ["tiny"]
    assert report["tasks"][0]["published"] == {"codefuse-ai/C2LLM-0.5B": 38.3}
    assert 0 <= report["tasks"][0]["ours"]["tiny"]["score"] <= 1
    assert "CosQA: tiny NDCG@10" in streams.err
    main(command)
    streams = capsys.readouterr()
    assert streams.out.startswith("| NDCG@10, %")
    assert "(kept)" in streams.err
    assert (tmp_path / "out" / "mteb.md").read_text() == streams.out


def test_refusals_are_one_sentence(hub, tmp_path, capsys):
    command = arguments(hub, tmp_path)
    for more, code, told in [
        (["--beside", "C2LLM-70B"], 2, "C2LLM-70B"),
        (["--tasks", "CosQB"], 2, "no task 'CosQB'"),
        (["--max-tokens", "65"], 2, "reads 1 to 64"),
        (["--model", "c2llm-nano", "--dtype", "float16"], 2, "runs in the table engine"),
        (["--dl-prompt", "paper"], 2, "add --instructions official"),
        (["--data", str(tmp_path / "nowhere")], 2, "nowhere is not a directory"),
        (["--data", str(tmp_path / "tiny")], 1, "has no CoIR-Retrieval/cosqa"),
        (["--model", "no-such-model"], 2, "no-such-model"),
    ]:
        with pytest.raises(SystemExit) as caught:
            main([*command, *more])
        streams = capsys.readouterr()
        assert caught.value.code == code, streams.err
        assert told in streams.err
        assert "Traceback" not in streams.err
        assert streams.out == ""
