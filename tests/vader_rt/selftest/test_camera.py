"""What is kept of the camera's recording, and by which mask."""

from __future__ import annotations

import numpy as np

from tests.vader_rt.selftest.conftest import Maker
from vader_rt.io.video import open_video
from vader_rt.selftest.camera import look_at


def test_recordings_are_compared_by_what_surely_is_the_person(maker: Maker) -> None:
    """A segmenter that takes furniture for a person too would compare the room with the call."""
    everything, middle = np.full((2, 36, 64), 255, np.uint8)
    middle[:, :20] = 0
    look = look_at(open_video(maker.camera), lambda frame: (everything, middle), (320, 180))
    assert not look.persons[0][..., :18].any()
    assert look.persons[0][..., 24:].all()
    assert all((kept.mask == middle).all() for kept in look.kept)
    assert (look.mask(0) == everything).all()
    assert not look.room.known.any()
