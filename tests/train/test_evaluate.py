"""The table of scores, on the sample."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.conftest import ROOT, SAMPLE
from train.calls import Call, read_calls
from train.evaluate import evaluate_call, strip, table
from vader_rt.io.video import VideoWriter, open_video


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The sample cut to its first 8 frames; its mask then counts too much, alike for all."""
    folder = tmp_path_factory.mktemp("short") / "sample"
    shutil.copytree(SAMPLE, folder)
    (call,) = read_calls(folder)
    frames = [f for _, f in zip(range(8), open_video(call.video).frames(), strict=False)]
    with VideoWriter(call.video, size_wh=(1280, 720), crf=18) as writer:
        for frame in frames:
            writer.write(frame)
    return call


def test_columns_and_ceilings(short: Call, untrained: dict[str, Path]) -> None:
    models = {"model": untrained["frame"], "restoration": untrained["restore"]}
    row, result = evaluate_call(short, **models, seed_model=untrained["copies"])
    assert list(row) == [
        *("ours", "artifact", "precision", "coverage", "s/frame"),
        *("virtual", "copied", "unmixed", "voted", "seed", "copy", "unmix", "unmix_v"),
    ]
    assert all(0 <= value <= 1 for name, value in row.items() if name != "s/frame")
    assert row["unmix_v"] > row["virtual"]
    assert strip(short, result).shape == (180, 5 * 320, 3)


def test_command_line(short: Call, untrained: dict[str, Path], tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "train.evaluate"]
    figures = tmp_path / "figures.json"
    model = ["--model", str(untrained["frame"]), "--restoration", str(untrained["restore"])]
    model += ["--given", "--json", str(figures), "--pictures", str(tmp_path / "pictures")]
    good, bad = (
        subprocess.run([*argv, *more], cwd=ROOT, capture_output=True, text=True)
        for more in ([str(short.folder), *model], [str(tmp_path)])
    )
    assert good.returncode == 0, good.stderr
    (row,) = json.loads(figures.read_text()).values()
    assert good.stdout.splitlines()[1] == "| call | " + " | ".join(row) + " |"
    assert cv2.imread(str(tmp_path / "pictures" / f"{short.name.video}.jpg")) is not None
    assert cv2.imread(str(tmp_path / "pictures" / "reliability.png")) is not None
    assert "| confidence | pixels | right |" in good.stdout
    assert bad.returncode == 1
    assert bad.stderr.startswith("train.evaluate: ")
    assert bad.stderr.count("\n") == 1


def test_restoration_is_left_out_where_asked(
    short: Call, untrained: dict[str, Path], tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    argv = [sys.executable, "-m", "train.evaluate", short.folder, "--model", untrained["frame"]]
    argv += ["--no-ceilings", "--json", figures]
    subprocess.run([*argv, "--no-restore"], cwd=ROOT, check=True, capture_output=True)
    (row,) = json.loads(figures.read_text()).values()
    assert row["ours"] == row["voted"]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    (restored,) = json.loads(figures.read_text()).values()
    assert restored["ours"] != restored["voted"]


def test_table_has_mean_and_median() -> None:
    rows = {"a": {"ours": 0.1, "seed": 0.2}, "b": {"ours": 0.2}, "c": {"ours": 0.6}}
    lines = table(rows).splitlines()
    assert lines[0] == "| call | ours | seed |"
    assert lines[-2] == "| **mean** | 0.300 | 0.200 |"
    assert lines[-1] == "| **median** | 0.200 | 0.200 |"
    assert "| b | 0.200 | – |" in lines
