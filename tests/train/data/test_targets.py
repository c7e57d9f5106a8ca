"""Targets, by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from train.data.targets import combined_similarity, hsv_similarity, lab_similarity, leak


def flat(color: tuple[int, int, int]) -> np.ndarray:
    return np.full((12, 12, 3), color, np.uint8)


def test_similarity_is_one_at_the_room_and_decays() -> None:
    room = flat((90, 120, 150))
    assert lab_similarity(room, room) == pytest.approx(1)
    assert combined_similarity(room, room) == pytest.approx(1)
    near, far = flat((95, 125, 150)), flat((200, 20, 30))
    assert 1 > lab_similarity(near, room)[0, 0] > lab_similarity(far, room)[0, 0] > 0


def test_lab_similarity_by_formula() -> None:
    a, b = flat((10, 60, 200)), flat((40, 80, 120))
    labs = [cv2.cvtColor(x, cv2.COLOR_BGR2LAB)[0, 0].astype(float) for x in (a, b)]
    distance = np.linalg.norm(labs[0] - labs[1])
    assert lab_similarity(a, b)[0, 0] == pytest.approx(np.exp(-distance / 50), rel=1e-5)
    mixed = 0.6 * lab_similarity(a, b, 40) + 0.4 * hsv_similarity(a, b, 30)
    assert combined_similarity(a, b) == pytest.approx(mixed, rel=1e-4)  # a flat picture stays


def test_hue_is_a_circle() -> None:
    hues = [cv2.cvtColor(np.uint8([[[h, 200, 200]]]), cv2.COLOR_HSV2BGR) for h in (2, 178)]
    assert hsv_similarity(*hues)[0, 0] > np.exp(-10 / 30)


def test_leak_needs_a_person_free_pixel() -> None:
    matte = np.array([[255, 255, 100, 0]], np.uint8)
    person = np.array([[4, 5, 0, 0]], np.uint8)
    assert leak(matte, person).tolist() == [[1, 0, pytest.approx(100 / 255), 0]]
