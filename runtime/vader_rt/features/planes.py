"""The frame network's input planes: the one definition, used by training, calibration and runtime.

A model names its inputs by group (`vader_rt.contract.INPUT_GROUPS`) in its contract; `InputPlanes`
fills them in that order. All planes are float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vader_rt.contract import INPUT_GROUPS, PER_FRAME, group_slices, plane_count
from vader_rt.errors import InputError
from vader_rt.io.images import shrunk

PersonMask = Callable[[], np.ndarray]
"""Gives a frame's person mask at the model's size, (h, w) uint8, when it is needed."""
_LOOK_PLANES: dict[str, slice | int] = {
    "look": slice(0, 3),
    "look_leak": 3,
    "look_matte": 4,
    "look_residual": 5,
}
"""Where the groups of the first look are in `StaticPlanes.look`."""


def gray_plane(frame_bgr: np.ndarray) -> np.ndarray:
    """The grey image that `edge_plane` and `dog_plane` are made of: (H, W, 3) → (H, W), uint8."""
    return cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)


def edge_plane(gray: np.ndarray) -> np.ndarray:
    """Canny edges of the smoothed grey image: (H, W) uint8 → (H, W) uint8, 0 or 255."""
    return cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 50, 150)


def dog_plane(gray: np.ndarray) -> np.ndarray:
    """Difference of Gaussians (σ 1 − σ 2), min–max stretched: (H, W) uint8 → (H, W) uint8."""
    narrow = cv2.GaussianBlur(gray, (5, 5), 1).astype(np.float32)
    wide = cv2.GaussianBlur(gray, (9, 9), 2).astype(np.float32)
    difference = narrow - wide
    return cv2.normalize(difference, difference, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


@dataclass(frozen=True)
class StaticPlanes:
    """Planes that hold for the whole call, at any size; None where a model does not ask for them.

    virtual, mode: (H, W, 3) uint8 BGR. trace: (H, W, 3) uint8 BGR, 128 = no offset.
    occupancy: (H, W) uint8, 255 = always. look: (H, W, 6) uint8, see `vader_rt.room.first_look`;
    None before the first look, when nothing has been seen. presence, hidden: (H, W) uint8, see
    `vader_rt.virtual.estimate.VirtualBackground`.
    """

    virtual: np.ndarray | None = None
    trace: np.ndarray | None = None
    occupancy: np.ndarray | None = None
    mode: np.ndarray | None = None
    look: np.ndarray | None = None
    presence: np.ndarray | None = None
    hidden: np.ndarray | None = None


class InputPlanes:
    """Fills one (1, C, H, W) float32 buffer, frame after frame, in the order of `groups`.

    buffer: that memory, whose values the next frame replaces. slices: where each group's planes
    are in it. static_changes: how often planes of the whole call were written, as at the beginning.

    Raises:
        InputError: a group is not in `INPUT_GROUPS`, or the call has no planes for it.
    """

    def __init__(
        self, groups: Sequence[str], size_wh: tuple[int, int], static: StaticPlanes | None = None
    ) -> None:
        unknown = [g for g in groups if g not in INPUT_GROUPS]
        if unknown:
            raise InputError(f"unknown input {unknown[0]!r}; known: {', '.join(INPUT_GROUPS)}")
        self.size_wh = size_wh
        width, height = size_wh
        self.buffer = np.zeros((1, plane_count(groups), height, width), np.float32)
        self.slices = group_slices(groups)
        self.static_changes = 0
        for group in groups:
            if group not in PER_FRAME:
                self._put(group, _static_plane(static, group))

    def fill(self, small_bgr: np.ndarray, person: np.ndarray | None = None) -> np.ndarray:
        """Fill in the planes of a frame at the model's size; returns `buffer`, not a copy.

        small_bgr: (h, w, 3) uint8. person: its person mask, (h, w) uint8, for a `person` input.
        """
        if "frame" in self.slices:
            self._put("frame", small_bgr)
        if {"edge", "dog"} & set(self.slices):
            self._put_made_of_gray(gray_plane(small_bgr))
        if "person" in self.slices:
            assert person is not None, "this model needs the re-run segmenter's mask"
            self._put("person", person)
        return self.buffer

    def put_virtual(self, image_bgr: np.ndarray) -> None:
        """Exchange the virtual background, (H, W, 3) uint8, for the frames from here on."""
        if "virtual" in self.slices:
            self._put("virtual", image_bgr)

    def _put_made_of_gray(self, gray: np.ndarray) -> None:
        for group, make in (("edge", edge_plane), ("dog", dog_plane)):
            if group in self.slices:
                self._put(group, make(gray))

    def _put(self, group: str, plane: np.ndarray) -> None:
        """Write a uint8 plane, (H, W) or (H, W, 3) BGR, into its slot as RGB in [0, 1]."""
        self.static_changes += group not in PER_FRAME
        plane = shrunk(plane, self.size_wh)
        planes = plane[None] if plane.ndim == 2 else plane[..., ::-1].transpose(2, 0, 1)
        np.multiply(planes, np.float32(1 / 255), out=self.buffer[0, self.slices[group]])


def _static_plane(static: StaticPlanes | None, group: str) -> np.ndarray:
    if group in _LOOK_PLANES and static is not None and static.virtual is not None:
        return _look_plane(static.virtual, static.look, group)
    plane = getattr(static, group, None)
    if plane is None:
        raise InputError(f"the model asks for the input {group!r}, which was not computed")
    return plane


def _look_plane(virtual: np.ndarray, look: np.ndarray | None, group: str) -> np.ndarray:
    """A plane of the first look; without one, the virtual background and no leak."""
    if look is not None:
        return np.ascontiguousarray(look[..., _LOOK_PLANES[group]])
    return virtual if group == "look" else np.zeros(virtual.shape[:2], np.uint8)
