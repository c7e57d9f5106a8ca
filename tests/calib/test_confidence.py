"""Confidence is fitted through the command line and written into the model."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calib.confidence import _as_the_network_says, change_contract, fit, main, terms_of_call
from tests.conftest import ROOT, assert_one_line
from train.calls import Call, read_calls
from train.reliability import reliability, seen_pixels
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx import read_contract
from vader_rt.errors import InputError
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.options import OPTION_OF
from vader_rt.room.confidence import logistic


@pytest.fixture
def call(tiny_calls: Path) -> Call:
    return read_calls(tiny_calls)[0]


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> int:
    """Fewer pixels than any call shows, so that all that are asked for are drawn."""
    monkeypatch.setattr("train.reliability.PIXELS_PER_CALL", 2000)
    return 2000


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


@pytest.mark.parametrize("kind", ["frame", "restore", "judge"])
def test_weights_are_printed_and_written(
    kind: str,
    call: Call,
    tiny_models: dict[str, Path],
    few_pixels: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = {k: Path(shutil.copy(tiny_models[k], tmp_path)) for k in OPTION_OF}
    options = [f"--{OPTION_OF[k]}={path}" for k, path in models.items()]
    argv = [str(call.folder), *options, f"--of={OPTION_OF[kind]}"]
    before = {k: path.read_bytes() for k, path in models.items()}
    assert main(argv) == 0
    printed = capsys.readouterr().out
    assert {k: path.read_bytes() for k, path in models.items()} == before
    pixels = [int(line.split(" | ")[1]) for line in printed.splitlines()[3:]]
    assert sum(pixels) == 2 * few_pixels, "the one call was not run with its virtual image too"
    for _ in range(2):  # what stands in the model does not change what is fitted
        assert main([*argv, "--write"]) == 0
        assert capsys.readouterr().out == printed
    weights = printed.splitlines()[0].split()[1:]
    assert read_contract(models[kind]).confidence == tuple(map(float, weights))
    assert all(models[k].read_bytes() == before[k] for k in OPTION_OF if k != kind)


def test_a_call_that_refuses_its_virtual_image_counts_once(
    tiny_calls: Path,
    sample: Call,
    tiny_models: dict[str, Path],
    few_pixels: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(tiny_calls, tmp_path, dirs_exist_ok=True)
    (call,) = read_calls(tmp_path)
    shutil.copy(sample.room, call.virtual)
    assert main([str(tmp_path), "--model", str(tiny_models["frame"])]) == 0
    told = capsys.readouterr()
    (line,) = told.err.splitlines()
    assert "is not the virtual background of this call" in line
    assert line.endswith("; only its run without it counts")
    assert sum(int(row.split(" | ")[1]) for row in told.out.splitlines()[3:]) == few_pixels


def test_what_is_fitted_is_what_the_runtime_weighs(
    call: Call, tiny_models: dict[str, Path]
) -> None:
    model, restoration = (load_engine(tiny_models[kind]) for kind in ("frame", "restore"))
    options = {"model": model, "restoration": _as_the_network_says(restoration)}
    terms, _ = terms_of_call(call, np.random.default_rng(0), **options)
    weights = (0.3, 0.7, 0.2, -0.4, 0.5, -0.6)
    restoration.contract = replace(restoration.contract, confidence=weights)
    result = reconstruct(call.video, **options)
    drawn, _ = seen_pixels(result, call.read_room(), np.random.default_rng(0))
    confidence = result.confidence.ravel()[drawn]
    np.testing.assert_allclose(logistic(terms, weights), confidence, rtol=1e-3)


def test_what_the_vote_adds_is_kept_small(
    call: Call, tiny_models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, restoration = (tiny_models[kind] for kind in ("frame", "restore"))
    argv = [str(call.folder), f"--model={model}", f"--restoration={restoration}"]
    argv.append("--of=restoration")
    assert main(argv) == 0
    weights = [float(word) for word in capsys.readouterr().out.splitlines()[0].split()[1:]]
    options = {"model": model, "restoration": _as_the_network_says(load_engine(restoration))}
    rng = np.random.default_rng(0)
    drawn = [terms_of_call(call, rng, given=given, **options) for given in (False, True)]
    terms, right = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    assert weights == fit(terms, right, shrunk=4)
    assert weights != fit(terms, right)


def test_a_changed_contract_leaves_the_network(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    changed = Path(shutil.copy(tiny_models["frame"], tmp_path / "changed.onnx"))
    change_contract(changed, confidence=(7.0,) * 7, training="more")
    before, after = (load_engine(path, "onnx-cpu") for path in (tiny_models["frame"], changed))
    assert after.contract == replace(before.contract, confidence=(7.0,) * 7, training="more")
    planes = np.random.default_rng(0).random(before.contract.input_shape, np.float32)
    for a, b in zip(before.run(planes), after.run(planes), strict=True):
        assert (a == b).all()
    assert [path.name for path in tmp_path.iterdir()] == ["changed.onnx"]
    with pytest.raises(InputError, match=r"none\.onnx"):
        change_contract(tmp_path / "none.onnx", training="more")


def test_missing_calls_are_one_line_and_an_exit_code(tmp_path: Path) -> None:
    """Through the real process."""
    command = [sys.executable, "-m", "calib.confidence", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert_one_line(process, "calib.confidence", 3)
