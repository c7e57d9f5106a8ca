"""Random crops and colours."""

from __future__ import annotations

import numpy as np

from train.data.vary import color_tables, drawn_colors, leaking_crop, recolor


def test_crops_hold_a_pixel_that_leaks() -> None:
    leak = np.zeros((64, 96), np.float32)
    leak[-12:, -12:] = 1
    for seed in range(20):
        where = leaking_crop(leak, (32, 24), np.random.default_rng(seed))
        assert leak[where].shape == (24, 32)
        assert leak[where].any()


def test_colors_are_reordered_and_scaled_in_place() -> None:
    image = np.array([[[10, 100, 200]]], np.uint8)
    colors, offsets = color_tables(np.array([0.5, 1.0, 2.0]))
    recolor(image, np.array([2, 0, 1]), colors)
    assert image.tolist() == [[[100, 10, 200]]]
    recolor(image, np.arange(3), offsets)  # 128 stays, and differences from it are scaled
    assert image.tolist() == [[[114, 10, 255]]]


def test_channels_are_exchanged_as_often_as_asked_for() -> None:
    rng = np.random.default_rng(0)
    drawn = [drawn_colors(rng, 0.3) for _ in range(1000)]
    exchanged = np.mean([(order != np.arange(3)).any() for order, _ in drawn])
    assert 0.2 < exchanged < 0.3  # 0.25: one order of six is none
    assert 0.25 < np.mean([(gains == 1).all() for _, gains in drawn]) < 0.35  # 0.3
