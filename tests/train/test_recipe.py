"""The commands of train/README.md, one after the other, on tiny data."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from vader_rt.contract import AS_THE_NETWORK_SAYS, Contract
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx import read_contract
from vader_rt.models import DEFAULT_MODEL

SIZE = "[96,64]"
NAMES = {
    "--without": ["mirrored", "--calls=2"],
    "--only": ["an-astronaut", "study", "waves", "--calls=1"],
    "OTHERS": ["an-astronaut", "mirrored", "waves", "--calls=2"],
}
"""What is held out of the material and what is used alone, and how many calls are made of it."""
TINY = {
    "train.compose": ["--frames=4"],
    "train.fit": [
        f"--model.init_args.size_wh={SIZE}",
        f"--data.init_args.size_wh={SIZE}",
        "--data.init_args.crop_wh=[64,32]",
        "--data.init_args.batch_size=2",
        "--data.init_args.workers=0",
        "--trainer.max_epochs=1",
        "--trainer.limit_train_batches=2",
        "--trainer.limit_val_batches=1",
        "--trainer.check_val_every_n_epoch=1",
        "--trainer.enable_progress_bar=false",
    ],
}
"""Settings that replace those of the recipe, by command."""


PATH = os.pathsep.join([str(ROOT), str(ROOT / "runtime"), os.environ.get("PYTHONPATH", "")])


def recipe() -> list[list[str]]:
    """The arguments of the commands in README's code blocks, without `python -m`."""
    text = (ROOT / "train" / "README.md").read_text()
    return [shlex.split(line)[2:] for line in re.findall(r"^ *(python -m .+)$", text, re.M)]


def tiny(module: str, *arguments: str) -> list[str]:
    """A command of the recipe, made small."""
    found = [module]
    for argument in arguments:
        if argument == "NAMES":
            found += NAMES[found[-1]]
        elif argument == "OTHERS":
            found += NAMES[argument]
        else:
            found.append(argument.replace("train/configs", str(ROOT / "train" / "configs")))
    return found + TINY.get(module, [])


def run(folder: Path, *arguments: str) -> str:
    process = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": PATH}, capture_output=True, text=True,
    )  # fmt: skip
    assert process.returncode == 0, f"{shlex.join(arguments)}\n{process.stderr}"
    return process.stdout


@pytest.fixture
def folder(material: Path, tmp_path: Path) -> Path:
    (tmp_path / "material").symlink_to(material)
    return tmp_path


@pytest.mark.slow
def test_the_recipe_runs(folder: Path) -> None:
    for command in recipe():
        printed = run(folder, *tiny(*command))
    assert "| **mean** |" in printed  # the last command's
    frame, restoration = (read_contract(folder / f"{n}.onnx") for n in ("leaknet", "restorenet"))
    assert read_contract(folder / "judge.onnx").confidence != AS_THE_NETWORK_SAYS
    assert frame.inputs == read_contract(DEFAULT_MODEL).inputs
    assert frame.confidence != Contract.confidence
    assert restoration.confidence != AS_THE_NETWORK_SAYS
    assert {path.name for path in folder.glob("*.onnx")} == {
        f"{name}.onnx" for name in ("first", "second", "leaknet", "restorenet", "judge")
    }
    videos = "calls/validation/videos"  # alone, they are compared and not scored
    run(folder, "export.to_trt", "mean.ckpt", "-o", "engines", "--calls", videos)
    assert load_engine(folder / "engines" / "mean.fp16.onnx").contract.precision == "fp16"


def test_the_recipe_has_all_steps_in_order() -> None:
    modules = [command[0] for command in recipe()]
    steps = list(dict.fromkeys(modules))
    assert steps == [
        *("train.compose", "train.fit", "export.to_onnx", "train.average"),
        *("calib.confidence", "calib.claims", "train.evaluate"),
    ]
    configs = [word for command in recipe() for word in command if word.endswith(".yaml")]
    assert [Path(config).stem for config in configs] == [
        *("leaknet", "leaknet_vote", "leaknet_vote", "restorenet", "judge"),
    ]
