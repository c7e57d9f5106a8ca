"""How often pixels of each confidence are right."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.reliability import plot_reliability, reliability, seen_pixels
from vader_rt.pipeline.result import Reconstruction


def test_only_seen_pixels_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a grey room, half recovered as it is and half in red, and nothing seen at the left."""
    room = np.full((40, 60, 3), 128, np.uint8)
    found, confidence = room.copy(), np.full((40, 60), 0.7, np.float32)
    found[20:] = (0, 0, 255)
    confidence[:, :30] = 0
    result = Reconstruction(found, confidence, *[None] * 2, [])  # type: ignore[arg-type, list-item]
    drawn, right = seen_pixels(result, room, np.random.default_rng(0))
    assert sorted(drawn) == np.flatnonzero(confidence).tolist()
    assert (right == (drawn < 20 * 60)).all()
    monkeypatch.setattr("train.reliability.PIXELS_PER_CALL", 100)
    drawn, right = seen_pixels(result, room, np.random.default_rng(0))
    assert len(set(drawn)) == len(right) == 100


def test_the_table_tells_the_share_that_is_right() -> None:
    confidence = np.repeat([0.15, 0.75], 500)
    right = np.concatenate([np.arange(500) % 4 == 0, np.arange(500) % 10 != 0])
    assert reliability(confidence, right).splitlines()[2:] == [
        "| 0.1–0.2 | 500 | 0.250 |",
        "| 0.7–0.8 | 500 | 0.900 |",
    ]


def test_the_plot_has_a_bar_per_tenth(tmp_path: Path) -> None:
    confidence = np.repeat([0.15, 0.75], 500)
    right = np.arange(1000) % 4 == 0
    plot_reliability(confidence, right, tmp_path / "plot.png")
    plot = cv2.imread(str(tmp_path / "plot.png"))
    assert plot.shape[0] > 200
    one = tmp_path / "one.png"
    plot_reliability(confidence[:500], right[:500], one)
    assert (cv2.imread(str(one)) != plot).any()
