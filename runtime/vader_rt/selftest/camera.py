"""One look at the whole of the camera's recording: what the rest needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.frames import same_shape
from vader_rt.io.images import shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.selftest.person import PersonOf
from vader_rt.selftest.room import Room, RoomSampler
from vader_rt.sources.source import FrameSource
from vader_rt.virtual.kept_frames import Spread

THUMBNAIL_WH = (64, 36)
"""Size at which frames of camera and call are compared to find which belong together."""
_SURELY_PERSON = 230
_ROOM_FRAMES = 400
"""Of a long recording about so many frames say what the room is."""
_KEPT = 6


@dataclass(frozen=True)
class Kept:
    """A frame that is kept whole, (H, W, 3) uint8 BGR, and its person mask, (h, w) uint8.

    The mask holds what surely is the person.
    """

    place: int
    frame: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class CameraLook:
    """What the camera's recording shows.

    seconds: (N,) when each frame is shown. thumbnails, persons: by how the call may show it, see
    `framings`, (N, h, w) uint8 of `THUMBNAIL_WH`, brightness and where it is surely of the person.
    kept: frames spread over it. masks: (N,) person masks, as PNG.
    """

    size_wh: tuple[int, int]
    seconds: np.ndarray
    thumbnails: list[np.ndarray]
    persons: list[np.ndarray]
    room: Room
    kept: list[Kept]
    masks: list[bytes]

    def mask(self, index: int) -> np.ndarray:
        """The person mask of a frame, (h, w) uint8."""
        mask = cv2.imdecode(np.frombuffer(self.masks[index], np.uint8), cv2.IMREAD_GRAYSCALE)
        assert mask is not None  # it was encoded here
        return mask


def framings(size_wh: tuple[int, int], call_wh: tuple[int, int]) -> list[tuple[slice, slice]]:
    """What of the camera's picture, rows and columns, the call may show: the middle, or all."""
    whole = (slice(None), slice(None))
    if same_shape(size_wh, call_wh):
        return [whole]
    scale = max(call / own for call, own in zip(call_wh, size_wh, strict=True))
    cut = [round(call / scale) for call in call_wh]
    starts = [(own - kept) // 2 for own, kept in zip(size_wh, cut, strict=True)]
    columns, rows = (slice(a, a + n) for a, n in zip(starts, cut, strict=True))
    return [(rows, columns), whole]


def look_at(source: FrameSource, person_of: PersonOf, call_wh: tuple[int, int]) -> CameraLook:
    """Read the camera's recording once.

    Raises:
        InputError: nobody is seen in it.
    """
    sampler, step = RoomSampler(source.size_wh), max(1, source.frame_hint // _ROOM_FRAMES)
    parts = framings(source.size_wh, call_wh)
    small: list[list[np.ndarray]] = [[] for _ in parts]
    surely: list[list[np.ndarray]] = [[] for _ in parts]
    masks, kept = [], Spread[Kept](_KEPT)
    for index, frame in enumerate(prefetch(source.frames())):
        mask, sure = person_of(frame)
        masks.append(cv2.imencode(".png", mask)[1].tobytes())
        kept.offer(Kept(index, frame, sure))
        if index % step == 0:
            sampler.add(frame, mask)
        gray, whole = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), shrunk(sure, source.size_wh)
        for place, part in enumerate(parts):
            small[place].append(shrunk(gray[part], THUMBNAIL_WH))
            surely[place].append(shrunk(whole[part], THUMBNAIL_WH) > _SURELY_PERSON)
    persons = [np.stack(each).astype(np.uint8) for each in surely]
    if not any(each.any() for each in persons):
        raise InputError(f"{source.name}: no person was found in it; give --person-masks")
    return CameraLook(
        source.size_wh,
        np.array([source.time(index) for index in range(len(masks))]),
        [np.stack(each) for each in small],
        persons,
        sampler.room(),
        list(kept.kept.values()),
        masks,
    )
