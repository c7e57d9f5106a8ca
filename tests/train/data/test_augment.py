"""Calls in other rooms, before other virtual backgrounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.calls import read_calls
from train.data.cache import SmallCall, augmented_call, small_call
from train.data.planes import FRAME_PLANES, STATIC_PLANES
from vader_rt.io.images import read_image, shrunk

SIZE_WH = (160, 96)


def test_augmented_calls_obey_the_mixing_equation(calls: Path) -> None:
    first, second = read_calls(calls / "train")
    small = small_call(first, SIZE_WH)
    virtuals = [shrunk(read_image(c.virtual), SIZE_WH).astype(float) for c in (first, second)]
    given, rooms, kept = 0, set(), 0
    for turn in range(1, 13):
        other = augmented_call(first, SIZE_WH, [second], turn)
        for name in ("matte", "person"):
            before, after = (FRAME_PLANES.get(c.frames, name) for c in (small, other))
            assert (before == after).all()
        room, new_room = (STATIC_PLANES.get(c.static, "room").astype(float) for c in (small, other))
        rooms.add(new_room.tobytes())
        off = [_mixing_error(small, other, new_room - room, v - virtuals[0]) for v in virtuals]
        assert min(off) <= 1  # rounding
        kept += off[0] <= 1
        shown = STATIC_PLANES.get(other.static, "virtual")
        known = bool(np.abs(shown - virtuals[int(np.argmin(off))]).max() <= 1)
        # a known image was nowhere hidden
        assert STATIC_PLANES.get(other.static, "hidden").any() != known
        assert STATIC_PLANES.get(other.static, "presence").any()
        given += known
    assert len(rooms) == 2  # its own in half of the turns, else the other's
    assert 0 < kept < 12  # 3.6 expected
    assert 0 < given < 12


def _mixing_error(
    small: SmallCall, other: SmallCall, room_shift: np.ndarray, virtual_shift: np.ndarray
) -> float:
    """The largest difference from frame + (1 − m) ΔV + m (1 − a) ΔR."""
    worst = 0.0
    for old, new in zip(small.frames, other.frames, strict=True):
        matte, person = (FRAME_PLANES.get(old, n)[..., None] / 255 for n in ("matte", "person"))
        shift = (1 - matte) * virtual_shift + matte * (1 - person) * room_shift
        expected = np.clip(FRAME_PLANES.get(old, "frame") + shift, 0, 255)
        worst = max(worst, float(np.abs(FRAME_PLANES.get(new, "frame") - expected).max()))
    return worst
