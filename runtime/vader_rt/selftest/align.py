"""Brings the camera's picture over the call's: in time, in space and in tone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.images import most_off, shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.selftest.camera import THUMBNAIL_WH, CameraLook, Kept
from vader_rt.selftest.timing import Timing, timed
from vader_rt.sources.source import FrameSource
from vader_rt.virtual.appearance import AS_IT_IS, Appearance, matched
from vader_rt.virtual.given import shows
from vader_rt.virtual.placement import Placement, Shown, plain_placements, refined
from vader_rt.virtual.register import Fit

_SURELY_PERSON, _INSIDE = 230, 1 / 60
"""Colours are compared where the person surely is, and not nearer to their edge than this."""
_MOST_LEFT = 16.0
"""Levels, in the median, by which the caller may differ in the end."""
_WORTH = 0.95
"""A placement below a pixel is taken if it leaves no more than this share of the difference."""
_NOBODY, _SAME_SHARE, _SAME_DETAIL = 25, 0.75, 0.5
"""Where a person mask is no more than this, nobody is. There a call shows the camera's picture if
so large a share of the pixels agrees and their detail is so much correlated. A wall and a picture
that is as plain agree too, but their detail does not."""


@dataclass(frozen=True)
class Alignment:
    """How the call shows the camera's picture. timing: None where each frame shows its own.

    placement: of the camera's picture in the call. appearance: its tone there. left_levels: median
    difference at the caller after all that.
    """

    size_wh: tuple[int, int]
    timing: Timing | None
    placement: Placement
    appearance: Appearance = AS_IT_IS
    left_levels: float = 0.0

    def shown(self, image_bgr: np.ndarray) -> np.ndarray:
        """A picture of the camera, (h, w, 3) uint8, as the call would show it: (H, W, 3)."""
        return self.appearance.of(self.placed(image_bgr))

    def placed(self, image: np.ndarray) -> np.ndarray:
        """A picture or plane of the camera where the call shows it."""
        same = np.array_equal(self.placement.scale, (1, 1)) and not self.placement.shift.any()
        if same and image.shape[1::-1] == self.size_wh:
            return cv2.flip(image, 1) if self.placement.mirrored else image
        return self.placement.rendered(image, self.size_wh)

    def report(self) -> dict[str, Any] | None:
        """What result.json says of it."""
        if self.timing is None:
            return None
        return {
            "offset_seconds": round(self.timing.offset_seconds, 4),
            "doubtful_seconds": round(self.timing.doubtful_seconds, 4),
            "correlation": round(self.timing.alike, 4),
            "mirrored": self.placement.mirrored,
            "scale": [round(float(v), 5) for v in self.placement.scale],
            "shift": [round(float(v), 3) for v in self.placement.shift],
            "gain": [round(float(v), 4) for v in self.appearance.gain[::-1]],
            "offset": [round(float(v), 2) for v in self.appearance.offset[::-1]],
            "residual_levels": round(self.left_levels, 2),
        }


def as_recorded(size_wh: tuple[int, int]) -> Alignment:
    """That of a call that is composed of the camera's frames, one by one."""
    return Alignment(size_wh, None, Placement(np.ones(2), np.zeros(2)))


def aligned(look: CameraLook, call: FrameSource) -> Alignment:
    """Find how a call shows the camera's picture.

    Raises:
        InputError: it does not, or in another framing, or it shows all of it.
    """
    small = [view.luma(THUMBNAIL_WH) for view in prefetch(call.views())]
    seconds = np.array([call.time(index) for index in range(len(small))])
    timing = timed(look, np.stack(small), seconds)
    places = plain_placements(look.size_wh, call.size_wh)
    whole = timing.framing == len(look.thumbnails) - 1
    first = Alignment(call.size_wh, timing, places[2 * whole + timing.mirrored])
    pairs = _pairs(look, call, timing)
    if not pairs:
        return first
    found = _in_tone(_below_a_pixel(_in_tone(first, pairs), pairs), pairs)
    _check_masked(found, look, call.name, pairs)
    return found


def check_order(look: CameraLook, name: str, virtual_background: Path | None) -> None:
    """Refuse a call in the place of the camera's recording.

    name: of that recording. virtual_background: the client's picture, if it is known.

    Raises:
        InputError: where nobody is it shows that picture, or that cannot be read.
    """
    room = look.room
    if virtual_background is None or not room.known.any():
        return
    if shows(Shown(room.image, room.known), virtual_background):
        raise InputError(
            f"{name}: shows {virtual_background.name} where nobody is, so it is a call; give the "
            "camera's recording first, then the call, before another picture than the room's"
        )


_Pair = tuple[Kept, np.ndarray]
"""A frame of the camera, and the call's frame that shows it, (H, W, 3) uint8 BGR."""


def _pairs(look: CameraLook, call: FrameSource, timing: Timing) -> list[_Pair]:
    """The frames of the camera that were kept, with those of the call."""
    kept = {each.place: each for each in look.kept}
    wanted = {int(np.argmax(timing.frames == i)): k for i, k in kept.items() if i in timing.frames}
    views = enumerate(call.views())
    return [(wanted[index], view.bgr()) for index, view in views if index in wanted]


def _in_tone(alignment: Alignment, pairs: list[_Pair]) -> Alignment:
    """The same with the tone in which the call shows the person.

    Raises:
        InputError: that is another picture.
    """
    picture = np.vstack([alignment.placed(kept.frame) for kept, _ in pairs])
    shown = np.vstack([frame for _, frame in pairs])
    sure = np.vstack([_surely(alignment, kept) for kept, _ in pairs])
    if not sure.any():
        return alignment
    tone = replace(matched(picture, shown, sure), sigma=0.0)
    left = float(np.median(most_off(tone.of(picture), shown)[sure]))
    if left > _MOST_LEFT:
        raise InputError(
            f"camera and call do not show the caller alike: {left:.0f} of 255 levels are between "
            "them; give recordings of one moment, in the same framing, without filters"
        )
    return replace(alignment, appearance=tone, left_levels=left)


def _below_a_pixel(alignment: Alignment, pairs: list[_Pair]) -> Alignment:
    """The same with a placement that is right below a pixel, where that makes a difference."""
    kept, frame = max(pairs, key=lambda pair: pair[0].mask.mean())
    shown = Shown(frame, _surely(alignment, kept))
    toned = alignment.appearance.of(kept.frame)
    better = replace(alignment, placement=refined(alignment.placement, toned, shown))

    def left(tried: Alignment) -> float:
        off = [most_off(tried.shown(k.frame), f)[_surely(tried, k)] for k, f in pairs]
        return float(np.concatenate(off).mean())

    return better if left(better) < _WORTH * left(alignment) else alignment


def _check_masked(alignment: Alignment, look: CameraLook, name: str, pairs: list[_Pair]) -> None:
    """Raises InputError if most frames of the call show the camera's picture beside the caller."""
    fits = []
    for kept, frame in pairs:
        free = _beside(alignment, look, kept)
        if free.any():
            fits.append(Fit.of(alignment.shown(kept.frame), Shown(frame, free), free))
    if not fits:
        return
    agreeing, alike = (
        float(np.median(each)) for each in zip(*((f.agreeing, f.alike) for f in fits), strict=True)
    )
    if agreeing >= _SAME_SHARE and alike >= _SAME_DETAIL:
        raise InputError(
            f"{name}: shows the camera's picture beside the caller too ({agreeing:.0%} of it is "
            "the same), no virtual background; was nothing masked, or is it the same recording "
            "twice?"
        )


def _beside(alignment: Alignment, look: CameraLook, kept: Kept) -> np.ndarray:
    """Where nobody is in a frame, and not near to anybody: (H, W) bool."""
    mask = alignment.placed(shrunk(look.mask(kept.place), look.size_wh))
    side = 2 * round(alignment.size_wh[0] * _INSIDE) + 1
    return cv2.dilate(mask, np.ones((side, side), np.uint8)) <= _NOBODY


def _surely(alignment: Alignment, kept: Kept) -> np.ndarray:
    """Where the call surely shows the person of a frame: (H, W) bool."""
    width, height = kept.frame.shape[1::-1]
    mask = alignment.placed(shrunk(kept.mask, (width, height)))
    side = 2 * round(alignment.size_wh[0] * _INSIDE) + 1
    return cv2.erode(mask, np.ones((side, side), np.uint8)) > _SURELY_PERSON
