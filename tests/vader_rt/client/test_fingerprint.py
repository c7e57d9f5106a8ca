"""What mattes tell of the client, on mattes that are drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vader_rt.client import Fingerprint
from vader_rt.room.observation import Observation

SMALL_WH, LARGE_WH = (224, 128), (448, 256)


def matte_of(width: float, shift: float = 0.0) -> np.ndarray:
    """A disc whose edge rises from 0.1 to 0.9 over so many pixels: (h, w) float32."""
    y, x = np.mgrid[: SMALL_WH[1], : SMALL_WH[0]]
    inside = 40 - np.hypot(x - 112 - shift, y - 64)
    return np.clip(0.5 + inside * 0.8 / width, 0, 1).astype(np.float32)


def observed(
    matte: np.ndarray, leak: np.ndarray | None = None, person: np.ndarray | None = None
) -> Observation:
    frame = np.zeros((*SMALL_WH[::-1], 3), np.uint8)
    leak = np.zeros_like(matte) if leak is None else leak
    return Observation(frame, matte, leak, frame, matte, leak, frame, small_person=person)


@pytest.mark.parametrize(("width", "cut"), [(2.5, "unknown"), (5.0, "unknown"), (12.0, "soft")])
def test_the_edge_is_as_wide_as_it_is(width: float, cut: str) -> None:
    found = Fingerprint(LARGE_WH)
    for index in range(3):
        found.add(index, observed(matte_of(width)))
    report = found.report()
    assert report["cut"] == cut
    # the recording is twice as large; a contour is counted in pixels, so a disc's is a tenth short
    assert report["edge_width"] == pytest.approx(2 * width, rel=0.2)


def test_flicker_is_told_of_neighbours_alone_and_not_of_steady_motion() -> None:
    def flicker(shifts: dict[int, float]) -> float | None:
        found = Fingerprint(LARGE_WH)
        for index, shift in shifts.items():
            found.add(index, observed(matte_of(8, shift)))
        return found.report()["flicker"]

    steady = flicker({index: 0.5 * index for index in range(12)})
    trembling = flicker({index: 2.0 * (index % 2) for index in range(12)})
    backwards = flicker({index: 2.0 * (index % 2) for index in reversed(range(12))})
    assert steady is not None
    assert trembling is not None
    assert trembling > 5 * steady
    assert backwards == trembling
    assert flicker({index: 2.0 * (index % 2) for index in range(0, 60, 5)}) is None


def test_leaks_far_from_the_person_are_told_from_its_edge() -> None:
    person = np.where(matte_of(2) > 0.5, 255, 0).astype(np.uint8)
    ring = cv2.dilate(person, np.ones((7, 7), np.uint8)) > person
    leak = np.where(ring, np.float32(0.5), np.float32(0))
    near, both = Fingerprint(LARGE_WH), Fingerprint(LARGE_WH)
    near.add(0, observed(matte_of(8), leak, person))
    leak[:10, :30] = leak.sum() / 300
    leak = np.minimum(leak, 1)
    both.add(0, observed(matte_of(8), leak, person))
    assert near.report()["leak_away"] == 0
    assert both.report()["leak_away"] == pytest.approx(leak[:10].sum() / leak.sum(), abs=1e-3)


def test_of_nobody_nothing_is_told() -> None:
    found = Fingerprint(LARGE_WH)
    found.add(0, observed(np.zeros(SMALL_WH[::-1], np.float32)))
    said = {"cut": "unknown", "edge_width": None, "flicker": None, "leak_away": None}
    assert found.report() == said
