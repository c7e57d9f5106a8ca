"""Confidence is fitted through the command line and written into the model."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from calib.confidence import (
    PIXELS_PER_CALL,
    _undecided,
    fit,
    plot_reliability,
    reliability,
    seen_pixels,
    terms_of_call,
)
from tests.conftest import ROOT
from train.calls import read_calls
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx import read_contract
from vader_rt.pipeline.api import reconstruct
from vader_rt.room.confidence import logistic


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "calib.confidence", *map(str, argv)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_calibration_finds_the_weights_it_was_made_with() -> None:
    rng = np.random.default_rng(0)
    terms = np.concatenate([np.ones((50_000, 1)), rng.random((50_000, 3))], axis=1)
    weights = np.array([-1.0, 3.0, 0.5, -2.0])
    right = rng.random(50_000) < 1 / (1 + np.exp(-terms @ weights))
    found = fit(terms.astype(np.float32), right)
    assert found == pytest.approx(weights, abs=0.15)  # three standard errors at 50,000 samples
    lines = reliability(1 / (1 + np.exp(-terms @ found)), right).splitlines()[2:]
    assert len(lines) >= 5
    for line in lines:
        confidence, pixels, share = line.strip("| ").split(" | ")
        if int(pixels) > 1000:  # a standard error of at most 0.016
            assert float(share) == pytest.approx(float(confidence[:3]) + 0.05, abs=0.1)


def test_the_last_weights_can_be_kept_small() -> None:
    """Where two terms tell the same, the one that may be large tells it."""
    rng = np.random.default_rng(0)
    known = rng.normal(size=(5_000, 1))
    twice = known + 0.1 * rng.normal(size=(5_000, 1))
    terms = np.concatenate([np.ones((5_000, 1)), known, twice], axis=1).astype(np.float32)
    right = rng.random(5_000) < 1 / (1 + np.exp(-2 * twice[:, 0]))
    free, small = fit(terms, right), fit(terms, right, shrunk=1)
    assert abs(free[2]) > 1
    assert abs(small[2]) < 0.6 * abs(free[2])
    assert small[1] > free[1] + 0.5


def test_the_plot_has_a_bar_per_tenth(tmp_path: Path) -> None:
    probability = np.repeat([0.15, 0.75], 500)
    right = np.arange(1000) % 4 == 0
    plot_reliability(probability, right, tmp_path / "plot.png")
    plot = cv2.imread(str(tmp_path / "plot.png"))
    assert plot.shape[0] > 200
    one = tmp_path / "one.png"
    plot_reliability(probability[:500], right[:500], one)
    assert (cv2.imread(str(one)) != plot).any()


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
    pixels = [int(line.split(" | ")[1]) for line in printed.stdout.splitlines()[3:]]
    assert sum(pixels) > PIXELS_PER_CALL, "the one call was not run with its virtual image too"
    # what stands in the model does not change what is fitted
    again = [run(*argv, "--write") for _ in range(2)]
    assert {process.stdout for process in again} == {printed.stdout}
    weights = printed.stdout.splitlines()[0].split()[1:]
    assert read_contract(models[kind]).confidence == tuple(map(float, weights))
    other = {"frame": "restore", "restore": "frame"}[kind]
    assert models[other].read_bytes() == before[other]


def test_what_is_fitted_is_what_the_runtime_weighs(calls: Path, untrained: dict[str, Path]) -> None:
    call = read_calls(calls / "validation")[0]
    model, restoration = (load_engine(untrained[kind]) for kind in ("frame", "restore"))
    options = {"model": model, "restoration": _undecided(restoration)}
    terms, _ = terms_of_call(call, np.random.default_rng(0), **options)
    weights = (0.3, 0.7, 0.2, -0.4, 0.5, -0.6)
    restoration.contract = replace(restoration.contract, confidence=weights)
    result = reconstruct(call.video, **options)
    drawn, _ = seen_pixels(result, call.read_room(), np.random.default_rng(0))
    confidence = result.confidence.ravel()[drawn]
    np.testing.assert_allclose(logistic(terms, weights), confidence, rtol=1e-3)


def test_what_the_vote_adds_is_kept_small(calls: Path, untrained: dict[str, Path]) -> None:
    model, restoration = (untrained[kind] for kind in ("frame", "restore"))
    printed = run(
        calls / "validation", "--model", model, "--restore", "--restoration", restoration
    ).stdout.splitlines()[0]
    options = {"model": model, "restoration": _undecided(load_engine(restoration))}
    rng, (call,) = np.random.default_rng(0), read_calls(calls / "validation")
    drawn = [terms_of_call(call, rng, given=given, **options) for given in (False, True)]
    terms, right = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    weights = list(map(float, printed.split()[1:]))
    assert weights == fit(terms, right, shrunk=4)
    assert weights != fit(terms, right)


def test_missing_calls_are_one_line(tmp_path: Path) -> None:
    process = run(tmp_path)
    assert process.returncode == 1
    assert process.stderr.startswith("calib.confidence: ")
    assert process.stderr.count("\n") == 1
