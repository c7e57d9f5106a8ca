"""The cheap measure of leaks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from vader_rt.pipeline import timeline
from vader_rt.pipeline.timeline import CheapLeak


def swaying(count: int) -> list[np.ndarray]:
    """Something that moves fast, slowly, and not at all, before something still."""
    thumbnails, left = [], 10.0
    for index in range(count):
        left += (3, 1, 0)[index % 30 // 10] * (1 if index // 30 % 2 else -1) * 0.3
        thumbnail = np.full((27, 48), 90, np.uint8)
        thumbnail[10:, round(left) % 30 : round(left) % 30 + 12] = 200
        thumbnails.append(thumbnail)
    return thumbnails


def filled(thumbnails: list[np.ndarray]) -> CheapLeak:
    leaks = CheapLeak()
    for thumbnail in thumbnails:
        leaks.add(thumbnail)
    return leaks


@pytest.mark.parametrize("chunk", [2048, 32])
def test_leaks_that_follow_the_movement_are_told(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "_CHUNK", chunk)
    thumbnails = swaying(300)
    true = [0.0, *(float((a != b).mean()) for a, b in pairwise(thumbnails))]
    known = {index: true[index] for index in range(0, 300, 7)}
    found = filled(thumbnails).leaks(known)
    assert len(found) == 300
    assert [found[index] for index in known] == list(known.values())
    assert np.corrcoef(found, true)[0, 1] > 0.9


def test_what_stands_still_where_it_mostly_is_not_leaks_too() -> None:
    thumbnails = [np.full((27, 48), 90, np.uint8) for _ in range(90)]
    for thumbnail in thumbnails[40:60]:
        thumbnail[:, :12] = 200
    found = filled(thumbnails).leaks({0: 0.0, 20: 0.0, 45: 0.25, 80: 0.0})
    assert found[50] == pytest.approx(0.25, abs=0.01)
    assert found[30] == pytest.approx(0, abs=0.01)


def test_the_first_frame_of_a_chunk_is_compared_with_the_last_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timeline, "_CHUNK", 32)
    flicker = [np.full((27, 48), (80, 140)[index % 2], np.uint8) for index in range(64)]
    found = filled(flicker).leaks({0: 0.0, 5: 0.4, 10: 0.4})
    assert found[32] == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("known", [{}, {3: 0.5}, {0: 0.2, 9: 0.2}])
def test_of_few_frames_it_is_a_share(known: dict[int, float]) -> None:
    found = filled(swaying(10)).leaks(known)
    assert len(found) == 10
    assert all(0 <= leak <= 1 for leak in found)
    for index, leak in known.items():
        assert found[index] == leak


def test_it_can_be_asked_twice() -> None:
    leaks = filled(swaying(40))
    assert leaks.leaks({0: 0.1, 20: 0.3}) == leaks.leaks({0: 0.1, 20: 0.3})
