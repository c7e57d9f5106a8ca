"""Measures of what is shown, on pixels whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from train.trust import SeenPixels, trust


def pixels(confidence: list[float], right: list[int], leak: list[float]) -> SeenPixels:
    return SeenPixels(np.float32(confidence), np.array(right, bool), np.array(leak))


def test_shares_are_of_what_is_shown() -> None:
    found = trust([pixels([0.9, 0.6, 0.3, 0.2], [1, 0, 1, 1], [0.5, 0, 0.25, 0.25])])
    assert found.right == pytest.approx(2 / 3)
    assert found.false == pytest.approx(1 / 3)
    assert found.leak == pytest.approx(0.75)
    assert found.claimed_right == found.claimed_false == pytest.approx(1 / 2)
    assert found.claimed_leak == pytest.approx(0.5)
    assert found.seen_right == pytest.approx(3 / 4)
    assert found.seen_false == pytest.approx(1 / 4)


def test_one_threshold_holds_for_all_calls() -> None:
    """Four of the first five are right; the sixth is wrong, and 4 of 6 are too few."""
    first = pixels([0.9, 0.8, 0.1], [1, 1, 0], [0.2, 0.3, 0.5])
    second = pixels([0.7, 0.6, 0.5], [0, 1, 1], [0.0, 0.4, 0.1])
    assert trust([first, second]).at_80 == pytest.approx((0.2 + 0.3 + 0.4 + 0.1) / 2)


def test_pixels_of_one_confidence_come_together() -> None:
    found = trust([pixels([0.9, 0.5, 0.5, 0.5], [1, 1, 1, 0], [0.1, 0.2, 0.3, 0.4])])
    assert found.at_80 == pytest.approx(0.1)  # 3 of 4 would not do, though 3 of the first 3 would


def test_nothing_seen_is_nothing_shown() -> None:
    assert set(vars(trust([pixels([], [], [])])).values()) == {0.0}


def test_what_is_right_is_within_tolerance_of_the_room() -> None:
    room = np.full((2, 3, 3), 100, np.uint8)
    shown = room.copy()
    shown[0, 0] = 200

    class Result:
        confidence = np.float32([[0.5, 0.5, 0], [0, 0, 0.3]])
        background = shown

    leak = np.array([[0, 255, 0], [0, 0, 255]], np.uint8)
    found = SeenPixels.of(Result, room, leak)  # type: ignore[arg-type]
    assert found.right.tolist() == [False, True, True]
    assert found.leak.tolist() == [0.0, 0.5, 0.5]
    assert found.confidence.tolist() == pytest.approx([0.5, 0.5, 0.3])
