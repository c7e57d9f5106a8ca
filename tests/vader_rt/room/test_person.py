"""Where the caller was likely, added up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.vader_rt.room.made import observed, plane
from vader_rt.room.person import PersonSum

FRAME = np.zeros((2, 4, 3), np.uint8)


def test_frames_count_alike_and_as_much_as_they_show() -> None:
    total = PersonSum((4, 2))
    for level, leak in ((200, 0.9), (100, 0.3)):
        leaks = plane(leak, (2, 4))
        leaks[:, 2:] = 0
        person = np.full((2, 4), level, np.uint8)
        total.add(replace(observed(FRAME, 1.0, leaks), small_person=person))
    prior = total.prior()
    assert (prior.mean == 150).all()
    assert (prior.seen[:, :2] == 175).all()  # (200 · 0.9 + 100 · 0.3) / 1.2
    assert not prior.seen[:, 2:].any()


def test_a_frame_in_which_nobody_was_looked_for_tells_nothing() -> None:
    total = PersonSum((4, 2))
    total.add(observed(FRAME, 1.0, 0.5))
    assert not total.prior().mean.any()
    total.add(replace(observed(FRAME, 1.0, 0.5), small_person=np.full((2, 4), 80, np.uint8)))
    assert (total.prior().mean == 80).all()
