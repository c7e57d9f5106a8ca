"""Confidence is fitted through the command line and written into the model."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from train.calibrate import fit
from vader_rt.engines.onnx import read_contract


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "train.calibrate", *map(str, argv)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_fit_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    terms = np.column_stack([np.ones(20_000), rng.normal(size=(20_000, 2))]).astype(np.float32)
    right = rng.random(20_000) < 1 / (1 + np.exp(-terms @ np.array([-1.0, 2.0, 0.0])))
    assert fit(terms, right) == pytest.approx([-1, 2, 0], abs=0.1)


@pytest.mark.parametrize("kind", ["frame", "restore"])
def test_weights_are_printed_and_written(
    kind: str, calls: Path, untrained: dict[str, Path], tmp_path: Path
) -> None:
    models = {k: Path(shutil.copy(untrained[k], tmp_path)) for k in ("frame", "restore")}
    argv = [calls / "validation", "--model", models["frame"]]
    if kind == "restore":
        argv += ["--restore", "--restoration", models["restore"]]
    before = {k: path.read_bytes() for k, path in models.items()}
    printed = run(*argv)
    assert printed.returncode == 0, printed.stderr
    assert {k: path.read_bytes() for k, path in models.items()} == before
    assert "| confidence | pixels | right |" in printed.stdout
    # what stands in the model does not change what is fitted
    again = [run(*argv, "--write") for _ in range(2)]
    assert {process.stdout for process in again} == {printed.stdout}
    weights = printed.stdout.splitlines()[0].split()[1:]
    assert read_contract(models[kind]).confidence == tuple(map(float, weights))
    other = {"frame": "restore", "restore": "frame"}[kind]
    assert models[other].read_bytes() == before[other]


def test_missing_calls_are_one_line(tmp_path: Path) -> None:
    process = run(tmp_path)
    assert process.returncode == 1
    assert process.stderr.startswith("train.calibrate: ")
    assert process.stderr.count("\n") == 1
