"""The table of scores, on a tiny call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT, assert_one_line
from train.calls import Call, read_calls
from train.evaluate import evaluate_call, main, strip, table


@pytest.fixture
def tiny(tiny_calls: Path) -> Call:
    return read_calls(tiny_calls)[0]


@pytest.fixture
def models(tiny_models: dict[str, Path]) -> list[str]:
    return ["--model", str(tiny_models["frame"]), "--restoration", str(tiny_models["restore"])]


def test_columns(tiny: Call, tiny_models: dict[str, Path]) -> None:
    models = {"model": tiny_models["frame"], "restoration": tiny_models["restore"]}
    row, result = evaluate_call(tiny, **models, seed_model=tiny_models["copies"])
    assert list(row) == [
        *("ours", "artifact", "precision", "coverage", "shown", "s/frame"),
        *("virtual", "copied", "voted", "seed", "copy", "unmix", "unmix_v"),
    ]
    assert all(0 <= value <= 1 for name, value in row.items() if name != "s/frame")
    assert row["unmix_v"] > row["virtual"]
    assert strip(tiny, result).shape == (180, 5 * 320, 3)


def test_a_call_without_leaks_has_no_score_but_what_is_claimed_counts(
    tiny: Call, models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    leak = tiny.read_mask()
    cv2.imwrite(str(tiny.mask), np.zeros_like(leak))
    try:
        assert main([str(tiny.folder), *models]) == 0
    finally:
        cv2.imwrite(str(tiny.mask), leak)
    printed = capsys.readouterr().out.splitlines()
    assert "| call | coverage | shown | s/frame |" in printed
    assert printed[-1].startswith("right ")
    assert "seen_false 1.000" in printed[-1]


def test_what_is_written_and_printed(
    tiny: Call, models: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, pictures = tmp_path / "figures.json", tmp_path / "pictures"
    argv = [str(tiny.folder), *models, "--given", "--no-ceilings", "--json", str(figures)]
    assert main([*argv, "--pictures", str(pictures)]) == 0
    printed = capsys.readouterr().out
    (row,) = json.loads(figures.read_text()).values()
    assert printed.splitlines()[1] == "| call | " + " | ".join(row) + " |"
    assert "| confidence | pixels | right |" in printed
    assert cv2.imread(str(pictures / f"{tiny.name.video}.jpg")) is not None
    assert cv2.imread(str(pictures / "reliability.png")) is not None


def test_restoration_is_left_out_where_asked(
    tiny: Call, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    argv = [str(tiny.folder), "--model", str(tiny_models["frame"]), "--no-ceilings"]
    argv += ["--json", str(figures)]
    assert main([*argv, "--no-restore"]) == 0
    (row,) = json.loads(figures.read_text()).values()
    assert row["ours"] == row["voted"]
    assert main(argv) == 0
    (restored,) = json.loads(figures.read_text()).values()
    assert restored["ours"] != restored["voted"]


def test_no_calls_are_one_line_and_an_exit_code(tmp_path: Path) -> None:
    """Through the real process."""
    command = [sys.executable, "-m", "train.evaluate", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert_one_line(process, "train.evaluate", 3)


def test_table_has_mean_and_median() -> None:
    rows = {"a": {"ours": 0.1, "seed": 0.2}, "b": {"ours": 0.2}, "c": {"ours": 0.6}}
    lines = table(rows).splitlines()
    assert lines[0] == "| call | ours | seed |"
    assert lines[-2] == "| **mean** | 0.300 | 0.200 |"
    assert lines[-1] == "| **median** | 0.200 | 0.200 |"
    assert "| b | 0.200 | – |" in lines
