"""What programs draw over a call, and that it is no part of the camera's picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from train.compose.camera import CallRecipe
from train.compose.clients import STYLES, Client, load_segmenter
from train.compose.overlay import FRAMES_A_SECOND, Overlay, random_overlay
from train.compose.writer import blend

SIZE_WH = (320, 180)


def drawn(seed: int) -> Overlay:
    return random_overlay(SIZE_WH, np.random.default_rng(seed))


def test_overlays_leave_the_middle_free() -> None:
    for seed in range(20):
        color, alpha = drawn(seed).at(0)
        assert color.shape == (180, 320, 3)
        assert alpha.any()
        assert not alpha[85:95, 155:165].any()


def test_overlays_differ_and_some_let_the_picture_through() -> None:
    alphas = [drawn(seed).at(0)[1] for seed in range(20)]
    assert len({alpha.tobytes() for alpha in alphas}) == 20
    assert any(np.median(alpha[alpha > 0]) < 255 for alpha in alphas)


def test_only_a_timer_changes() -> None:
    still = replace(drawn(1), timer=None)
    counting = replace(still, timer=(40, 100))
    second = FRAMES_A_SECOND
    assert np.array_equal(still.at(0)[0], still.at(second)[0])
    assert np.array_equal(counting.at(0)[0], counting.at(second - 1)[0])
    assert not np.array_equal(counting.at(0)[0], counting.at(second)[0])


def test_what_is_covered_does_not_leak(recipe: CallRecipe) -> None:
    """A field over the left third, half transparent in its upper half."""
    color, alpha = np.full((180, 320, 3), 200, np.uint8), np.zeros((180, 320), np.uint8)
    alpha[:90, :107], alpha[90:, :107] = 128, 255
    client = Client(load_segmenter("mp"), STYLES["generous"])
    (plain,) = blend(recipe, client, 1, np.random.default_rng(0))
    covered = replace(recipe, overlay=Overlay(color, alpha))
    client = Client(load_segmenter("mp"), STYLES["generous"])
    (frame,) = blend(covered, client, 1, np.random.default_rng(0))
    assert (frame.call[90:, :107] == 200).all()
    assert not frame.leak[90:, :107].any()
    half = plain.leak[:90, :107].astype(float) * 127 / 255
    assert half.max() > 20
    assert np.abs(frame.leak[:90, :107] - half).max() <= 0.5
    assert np.array_equal(frame.call[:, 107:], plain.call[:, 107:])
    assert np.array_equal(frame.leak[:, 107:], plain.leak[:, 107:])
