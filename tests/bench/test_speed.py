"""The benchmark of whole calls, on a short one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import speed
from bench.speed import main


def test_figures_of_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "FPS", 12)
    monkeypatch.setattr(speed, "SIZES", {720: (320, 180)})
    monkeypatch.setattr(speed, "SEED_FRAMES", 1)
    calls, output = tmp_path / "calls", tmp_path / "speed.json"
    argv = ["--seconds", "1", "--heights", "720", "--engines", "onnx-cpu", "--frames", "8"]
    assert main([*argv, "--calls", str(calls), "-o", str(output)]) == 0
    (row,) = json.loads(output.read_text())["calls"]
    assert (row["frames"], row["inferred_frames"], row["size_wh"]) == (12, 8, [320, 180])
    assert min(row[f"{what}seconds"] for what in ("", "first_picture_", "seed_", "decode_")) > 0
    assert row["of_decoding"] == pytest.approx(row["decode_seconds"] / row["seconds"])
    assert row["times_the_seed"] == pytest.approx(row["seed_seconds"] / row["seconds"])
    assert row["peak_rss_mb"] > 100
    assert set(row["stages_seconds"]) >= {"scan", "network", "unmix"}
