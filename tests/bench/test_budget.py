"""The benchmark of budgets, on a short call."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from bench import budget
from bench.budget import main


def test_a_row_for_every_budget_and_model(
    tmp_path: Path,
    small_calls: Path,
    untrained: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "AUTO_FRAMES", 9)
    output, picture = tmp_path / "budget.json", tmp_path / "budget.png"
    models = ["--models", str(untrained["frame"]), str(untrained["blind"])]
    argv = [str(small_calls), "--frames", "8", "-o", str(output), "--plot", str(picture)]
    assert main([*argv, *models]) == 0
    figures = json.loads(output.read_text())
    assert len(figures["calls"]) == 1
    rows = figures["rows"]
    names = [Path(model).name for model in models[1:]]
    assert [(row["model"], row["frames"]) for row in rows] == [
        (names[0], None),
        (names[0], 8),
        (names[1], None),
        (names[1], 9),
    ]
    assert [row["inferred"] for row in rows] == [20, 8, 20, 9]
    assert rows[0]["change"] == rows[0]["worst"] == 0
    for row in rows:
        assert row["change"] == row["worst"] == pytest.approx(row["score"] - rows[0]["score"])
    assert min(cv2.imread(str(picture)).shape[:2]) > 300


def test_no_calls_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
