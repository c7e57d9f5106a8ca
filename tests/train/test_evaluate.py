"""The table of scores, on the sample."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import SAMPLE
from train.calibrate import fit, reliability
from train.calls import Call, read_calls
from train.evaluate import evaluate_call, table
from vader_rt.video import VideoWriter, open_video


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The sample cut to its first 16 frames; its mask then counts too much, alike for all."""
    folder = tmp_path_factory.mktemp("short") / "sample"
    shutil.copytree(SAMPLE, folder)
    (call,) = read_calls(folder)
    frames = [f for _, f in zip(range(16), open_video(call.video).frames(), strict=False)]
    with VideoWriter(call.video, size_wh=(1280, 720), crf=18) as writer:
        for frame in frames:
            writer.write(frame)
    return call


def test_columns_and_ceilings(short: Call) -> None:
    row = evaluate_call(short)
    assert list(row) == [
        *("ours", "artifact", "precision", "coverage", "s/frame"),
        *("virtual", "copy", "unmix", "unmix_v"),
    ]
    assert all(0 <= value <= 1 for name, value in row.items() if name != "s/frame")
    assert row["unmix_v"] > row["virtual"]


def test_table_has_mean_and_median() -> None:
    rows = {"a": {"ours": 0.1, "seed": 0.2}, "b": {"ours": 0.2}, "c": {"ours": 0.6}}
    lines = table(rows).splitlines()
    assert lines[0] == "| call | ours | seed |"
    assert lines[-2] == "| **mean** | 0.300 | 0.200 |"
    assert lines[-1] == "| **median** | 0.200 | 0.200 |"
    assert "| b | 0.200 | – |" in lines


def test_calibration_finds_the_weights_it_was_made_with(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    terms = np.concatenate([np.ones((50_000, 1)), rng.random((50_000, 3))], axis=1)
    weights = np.array([-1.0, 3.0, 0.5, -2.0])
    right = rng.random(50_000) < 1 / (1 + np.exp(-terms @ weights))
    found = fit(terms.astype(np.float32), right)
    assert found == pytest.approx(weights, abs=0.15)  # three standard errors at 50,000 samples
    assert reliability(terms, right, found).count("\n") >= 5
