"""`c2llm train` as a user meets it: a plan, a run, an interrupt, two processes, clear refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.modeling.official import PAPER_INSTRUCTIONS
from c2llm.training.data.pair_loading import load_pairs
from c2llm.training.run.checkpoint import checkpoints
from c2llm.training.run.recipe import SourceConfig, TrainConfig, load_config
from tests.training.recipes import write_recipe

SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture()
def recipe(tmp_path):
    return write_recipe(tmp_path, negatives=2)


def start(arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


def test_a_dry_run_tells_counts_steps_and_memory_and_writes_nothing(recipe, tmp_path, capsys):
    before = set(tmp_path.rglob("*"))
    main(["train", str(recipe), "--dry-run", "--json", "optim.epochs=2", "data.hard_negatives=1"])
    plan = json.loads(capsys.readouterr().out)
    assert plan["pairs"] + plan["validation"] <= 90 and plan["validation"] == 9
    assert plan["steps"] == round(2 * plan["pairs"] / 8)
    assert plan["parameters"] == plan["trained"] > 0
    assert plan["memory"]["optimizer"] == 8 * plan["trained"]
    assert plan["lengths"]["pairs"]["negative"]["median"] > 5
    main(["train", str(recipe), "--dry-run", "tune.mode=lora", "tune.lora_rank=2"])
    text = capsys.readouterr().out
    assert "training pairs" in text and "GiB on each device" in text
    assert set(tmp_path.rglob("*")) == before


def test_a_dry_run_tells_the_time_from_a_given_or_a_measured_speed(recipe, tmp_path, capsys):
    def planned(*options):
        main(["train", str(recipe), "--dry-run", "--json", *options])
        return json.loads(capsys.readouterr().out)

    run = tmp_path / "run"
    run.mkdir()
    speeds = [1, 100, 300, 200]  # the first step also warms up
    lines = [json.dumps({"step": i, "tokens_per_second": s}) for i, s in enumerate(speeds)]
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    plan = planned("--speed", "50")
    assert plan["seconds"] == plan["steps"] * plan["step_tokens"] / 50
    assert planned("--speed", str(run))["seconds"] == plan["seconds"] / 4
    assert planned("--run", str(run))["seconds"] == plan["seconds"] / 4
    assert planned()["seconds"] is None
    for wrong in ("0", "nan", "-3", "nowhere"):
        with pytest.raises(SystemExit) as leaving:
            main(["train", str(recipe), "--dry-run", "--speed", wrong])
        assert leaving.value.code == 2
    main(["train", str(recipe), "--dry-run", "--speed", "0.1"])
    assert " hours\n" in capsys.readouterr().out


def test_the_instruction_of_the_data_is_saved_as_the_prompt_of_queries(recipe, tmp_path, capsys):
    def prompt(*changes):
        return load_config(recipe, list(changes)).query_prompt

    text = PAPER_INSTRUCTIONS["CosQA"] + "\n"
    one = "data.sources=[{file: pairs.jsonl, instruction: CosQA}]"
    two = "data.sources=[{file: pairs.jsonl, instruction: CosQA}, {file: pairs.jsonl}]"
    assert prompt() == "" and prompt(two) == "" and prompt(one) == text
    assert prompt(two, "model.query_prompt=CosQA") == text
    assert prompt(one, "model.query_prompt='Find: '") == "Find: "
    main(["train", str(recipe), two, "--dry-run"])
    assert "will be asked without one" in capsys.readouterr().out
    run = tmp_path / "run"
    main(["train", str(recipe), one, "optim.steps=1", "--run", str(run)])
    saved = json.loads((run / "model" / "config.json").read_text())
    assert saved["prompts"]["query"] == text


def test_a_run_prints_its_folder_and_says_what_it_did(recipe, tmp_path, capsys):
    run = tmp_path / "run"
    main(
        ["train", str(recipe), "optim.steps=2", "run.tensorboard=true", "--run", str(run), "--json"]
    )
    printed = capsys.readouterr()
    assert json.loads(printed.out)["model"] == str(run / "model")
    assert "step     2/2" in printed.err and "NDCG@10" in printed.err
    assert list((run / "tensorboard").glob("events.*"))
    facts = json.loads((run / "config.json").read_text())
    assert facts["environment"]["processes"] == 1 and "revision" in facts["environment"]
    assert json.loads((run / "data.json").read_text())["lengths"]["pairs"]["rows"] > 70
    # The resolved recipe is one that can be used again.
    main(["train", str(run / "recipe.yaml"), "--run", str(run), "--json"])
    assert "going on after step 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "sent", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_an_interrupted_run_goes_on(recipe, tmp_path, sent):
    run = tmp_path / "run"
    command = ["c2llm", "train", str(recipe), "optim.steps=100000", "--run", str(run)]
    with start(command) as process:
        for line in process.stderr:
            if "step     5/" in line:
                process.send_signal(sent)
                break
        rest = process.stderr.read()
        code = process.wait()
    if sent == signal.SIGINT:
        assert code == 130 and "Interrupted" in rest and "Traceback" not in rest
    kept = checkpoints(run)
    assert kept and int(kept[-1].name) >= 4
    with start(command) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("step"):
                process.kill()
                break
    assert f"going on after step {int(kept[-1].name)}\n" in lines


LAUNCHERS = {
    "torchrun": "torch.distributed.run --standalone --nproc-per-node 2",
    # On CPUs too: with --cpu, accelerate starts one process whatever --num-processes says.
    "accelerate": "accelerate.commands.launch --multi-gpu --num-processes 2",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "strategy"), [("torchrun", "ddp"), ("torchrun", "fsdp"), ("accelerate", "ddp")]
)
def test_two_processes_train_as_one(recipe, tmp_path, launcher, strategy):
    train = ["c2llm", "train", str(recipe), "optim.steps=4"]
    losses = []
    for name, command in (
        ("one", train),
        ("two", [*LAUNCHERS[launcher].split(), "-m", *train, f"run.strategy={strategy}"]),
    ):
        run = tmp_path / name
        with start([*command, "--folder", str(run)]) as process:
            _, errors = process.communicate()
        assert process.returncode == 0, errors
        losses.append([json.loads(line)["loss"] for line in (run / "metrics.jsonl").open()])
        facts = json.loads((run / "config.json").read_text())
        assert facts["environment"]["processes"] == len(losses)
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)


def test_all_pairs_go_to_one_file_that_reads_back_alike(recipe, tmp_path, capsys):
    out = tmp_path / "all.jsonl"
    main(["train", str(recipe), "--pairs-out", str(out), "--json"])
    assert json.loads(capsys.readouterr().out)["pairs"] == 90
    first = load_config(recipe).data
    again = replace(first, sources=[SourceConfig("all.jsonl", name="pairs")])
    assert load_pairs(again, 0)[0] == load_pairs(first, 0)[0]


def test_every_key_is_told_with_its_default(capsys):
    main(["train", "--keys"])
    told = capsys.readouterr().out
    for section, values in TrainConfig().to_dict().items():
        for name in values:
            assert f"\n{section}.{name} = " in f"\n{told}"
    assert "loss.temperature = 0.05\n" in told and "optim.mixing = 0.7\n    Groups are" in told


def test_the_recipes_in_the_repository_are_valid():
    for path in sorted((SOURCE.parent / "recipes").glob("*.yaml")):
        load_config(path)
    paper = load_config(SOURCE.parent / "recipes" / "c2llm-0.5b.yaml")
    assert {s.instruction for s in paper.data.sources} <= set(PAPER_INSTRUCTIONS)
    assert {"CodeSearchNetRetrieval"} < {s.instruction for s in paper.data.sources if s.swap} | {""}
    assert paper.query_prompt == PAPER_INSTRUCTIONS["CodeSearchNetRetrieval"] + "\n"
    assert paper.run.merge_last == 4
    evaluated = {name.partition("@")[0].rpartition("/")[2] for name in paper.data.decontaminate}
    assert evaluated >= {source.dataset for source in paper.data.sources if not source.name} - {
        "stackoverflow-qa"  # MTEB tests on a copy of its own
    }
    assert evaluated >= {"StackOverflowQA", "CodeSearchNet", "CodeSearchNetRetrieval"}
    assert evaluated >= {
        "CodeSearchNet-ccr",
        "CodeEditSearch",
        "mxeval.jsonl.gz",
        "corpus.jsonl.gz",
    }
    hub = [name for name in paper.data.decontaminate if name.startswith("hub:")]
    named = [*hub, *(source.file for source in paper.data.sources)]
    assert all(len(name.partition("@")[2]) == 40 for name in named)
    assert (paper.tune.lora_rank, paper.tune.lora_alpha, paper.optim.epochs) == (64, 32, 3)


def test_wrong_use_is_one_sentence(recipe, capsys):
    for change, message in (
        ("optim.stepz=1", "Unknown key optim.stepz"),
        ("loss.form=two_term", "data.hard_negatives is 0"),
        ("data.hard_negatives=9", "has 2 negatives where data.hard_negatives asks for 9"),
        (
            "loss.matryoshka_dims=[8, 4096]",
            "names 4096 dimensions, but the model's vectors have 32",
        ),
        ("model.backbone=nowhere", "The backbone folder nowhere is not there"),
    ):
        with pytest.raises(SystemExit) as leaving:
            main(["train", str(recipe), change, "--dry-run"])
        assert leaving.value.code in (1, 2)
        error = capsys.readouterr().err
        assert message in error and len(error.splitlines()) == 1
