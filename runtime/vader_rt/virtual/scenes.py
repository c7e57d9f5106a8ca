"""Scenes: a caller may change the virtual background during the call.

Each scene has a virtual background of its own; what a frame shows of the room does not depend on
it, so frames of all scenes are brought before the main scene's, and un-mixed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vader_rt.features.detail import VirtualDetail
from vader_rt.features.planes import StaticPlanes
from vader_rt.io.images import most_off, shrunk
from vader_rt.virtual.estimate import CLEAR_MASK, SAME_LEVELS, VirtualBackground
from vader_rt.virtual.given import Given
from vader_rt.virtual.kept_frames import KeptFrames
from vader_rt.virtual.looping import LoopingVideo

MAX_SCENES = 4
_LEAST_SHARE = 1 / 8
"""Share of the frames that a scene has at least; what is rarer is a fade."""
_OTHER_LEVELS = 20
_SMALL_WH = (160, 96)


@dataclass(frozen=True)
class Scene:
    """A part of a call with one virtual background.

    planes: what the frame network is told of it. given: the picture that it was taken from;
    detail: of a given one, to correct mattes. looping: the video behind the caller, where it is
    one; `virtual` is its first picture.
    """

    virtual: VirtualBackground
    planes: StaticPlanes
    given: Given | None = None
    detail: VirtualDetail | None = None
    looping: LoopingVideo | None = None

    def behind(self, index: int) -> np.ndarray:
        """The virtual background in the call's frame of this index: (H, W, 3) uint8 BGR."""
        return self.virtual.image if self.looping is None else self.looping.at(index)

    def distance(self, small_bgr: np.ndarray) -> float:
        """Median difference of a small frame, in levels, where hardly anybody ever is."""
        shown, free = self._small
        difference = most_off(small_bgr, shown)
        return float(np.median(difference[free] if free.any() else difference))

    @cached_property
    def _small(self) -> tuple[np.ndarray, np.ndarray]:
        """The virtual background, and where hardly anybody ever is, at `_SMALL_WH`."""
        free = shrunk(self.virtual.presence, _SMALL_WH) <= CLEAR_MASK
        return shrunk(self.virtual.image, _SMALL_WH), free


def split_scenes(kept: KeptFrames) -> list[KeptFrames]:
    """The frames by virtual background, most of them first.

    One scene where the background never changes, and where it always does, as a video.
    """
    small_wh = _SMALL_WH
    frames = [shrunk(frame, small_wh) for frame in kept.frames]
    clear = kept.masks(small_wh) <= CLEAR_MASK
    groups: list[_Group] = []
    for index, (frame, free) in enumerate(zip(frames, clear, strict=True)):
        group = next((g for g in groups if g.shows(frame, free)), None)
        if group is None:
            group = _Group.empty(frame.shape)
            groups.append(group)
        group.add(index, frame, free)
    large = [g for g in groups if len(g.members) >= _LEAST_SHARE * len(frames)]
    held = sum(len(g.members) for g in large)
    if not 1 < len(large) <= MAX_SCENES or held < len(frames) * (1 - _LEAST_SHARE):
        return [kept]
    large.sort(key=lambda group: -len(group.members))
    return [kept.subset(group.members) for group in large]


def find_scene(
    scenes: Sequence[Scene], frame_bgr: np.ndarray, *, doubtful: bool = False
) -> int | None:
    """Index of the scene that a frame, (H, W, 3) uint8, belongs to; None in a fade between two.

    doubtful: whether it may belong to none, even if there is only one.
    """
    if len(scenes) == 1 and not doubtful:
        return 0
    small = shrunk(frame_bgr, _SMALL_WH)
    distances = [scene.distance(small) for scene in scenes]
    best = int(np.argmin(distances))
    return best if distances[best] <= SAME_LEVELS else None


@dataclass
class _Group:
    """Frames of one scene: their indices, and the mean of what is clear of the person."""

    members: list[int]
    total: np.ndarray
    count: np.ndarray

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> _Group:
        return cls([], np.zeros(shape, np.float32), np.zeros(shape[:2], np.float32))

    def shows(self, frame: np.ndarray, free: np.ndarray) -> bool:
        both = free & (self.count > 0)
        if not both.any():
            return True
        mean = self.total[both] / self.count[both, None]
        return bool(np.median(np.abs(frame[both] - mean).max(axis=1)) <= _OTHER_LEVELS)

    def add(self, index: int, frame: np.ndarray, free: np.ndarray) -> None:
        self.members.append(index)
        self.total += frame * free[..., None]
        self.count += free
