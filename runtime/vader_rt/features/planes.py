"""The network's input planes: the one definition, used by training, calibration and runtime.

A model names its inputs by group (`INPUT_GROUPS`) in its contract; `InputPlanes` fills them at the
model's size, in the model's order. All planes are float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vader_rt.errors import InputError

INPUT_GROUPS: dict[str, int] = {
    "frame": 3,  # the call's frame, RGB
    "virtual": 3,  # the estimated virtual background, RGB
    "trace": 3,  # mean offset from the virtual background outside the person, RGB, 0.5 = none
    "occupancy": 1,  # share of the frames in which this pixel is not the virtual background
    "edge": 1,  # Canny
    "dog": 1,  # Difference of Gaussians
    "person": 1,  # person mask of the re-run segmenter
    "look": 3,  # the call where it leaks most in the first look, RGB; `virtual` where none was seen
    "look_leak": 1,  # the leak there
    "look_matte": 1,  # the matte there
    "look_residual": 1,  # log2(1 + residual) / 8: how far the samples lie off one line
    "hidden": 1,  # person mask up to which frames were needed for the virtual background
    "detail": 1,  # how much detail the virtual background has, see `VirtualDetail`
    "shown": 1,  # share of that detail which the frame shows: 1 − matte, as far as it is known
    "presence": 1,  # mean person mask of the re-run segmenter
    "mode": 3,  # per-pixel temporal mode of the frames, RGB (the seed's optional input)
}
"""Input groups by name, with their number of planes."""

PER_FRAME = frozenset({"frame", "edge", "dog", "person", "shown"})
"""Groups that change from frame to frame; the others belong to the whole call."""
_DETAIL_SIGMA, _NEAR_SIGMA = 2.0, 3.0
"""What is finer than the one is detail; what lies within the other has nearly one matte."""
_NOISE, _PLAIN = 2.0, 16.0
"""Squared levels of detail: what compression leaves of none, and half of `detail`'s range."""
_SLOPE_VARIANCE, _SLOPE_NOISE, _GUESS_VARIANCE = 0.08**2, 1.5, 0.2**2
"""Variance of a matte told by detail, how it grows with 1 / energy, and that of a network's."""


def edge_plane(frame_bgr: np.ndarray) -> np.ndarray:
    """Canny edges of the smoothed grey image: (H, W, 3) uint8 → (H, W) uint8, 0 or 255."""
    gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    return cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 50, 150)


def dog_plane(frame_bgr: np.ndarray) -> np.ndarray:
    """Difference of Gaussians (σ 1 − σ 2), min–max stretched: (H, W, 3) uint8 → (H, W) uint8."""
    gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    narrow = cv2.GaussianBlur(gray, (5, 5), 1).astype(np.float32)
    wide = cv2.GaussianBlur(gray, (9, 9), 2).astype(np.float32)
    difference = narrow - wide
    return cv2.normalize(difference, difference, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


class VirtualDetail:
    """The detail of a virtual background V, and how much of it a frame shows.

    Where call = V + m (R − V) with a smooth matte m, V's detail is in the call at 1 − m of its
    strength, and the room's own detail is not correlated with it. So the slope of a local linear
    regression of the call's detail on that of V is 1 − m: the first coefficient of a guided filter
    (He, Sun, Tang 2013) that V guides. Detail is what a Gaussian takes away.

    virtual_bgr: (H, W, 3) uint8.
    """

    def __init__(self, virtual_bgr: np.ndarray) -> None:
        self._detail = _detail(virtual_bgr)
        self._energy = _near(self._detail, self._detail)

    @property
    def plane(self) -> np.ndarray:
        """How much detail there is: (H, W) uint8, 255 = any amount, 0 = none."""
        return np.rint(self._energy / (self._energy + _PLAIN) * 255).astype(np.uint8)

    def shown(self, frame_bgr: np.ndarray) -> np.ndarray:
        """The share of the detail that a frame (H, W, 3) uint8 shows: (H, W) uint8, 255 = all."""
        return np.rint(self._slope(frame_bgr) * 255).astype(np.uint8)

    def corrected(self, matte: np.ndarray, frame_bgr: np.ndarray) -> np.ndarray:
        """A matte (H, W) float32 in [0, 1], with what the detail says of it: the same.

        The two are weighed by their variances. It needs the true virtual image: where an estimated
        one is a blend itself, the detail says too little of the room.
        """
        told = 1 / (_SLOPE_VARIANCE + _SLOPE_NOISE / np.maximum(self._energy, 1e-3))
        share = told / (told + 1 / _GUESS_VARIANCE)
        return matte + share * (1 - self._slope(frame_bgr) - matte)

    def _slope(self, frame_bgr: np.ndarray) -> np.ndarray:
        return np.clip(_near(self._detail, _detail(frame_bgr)) / (self._energy + _NOISE), 0, 1)


def _detail(image: np.ndarray) -> np.ndarray:
    image = image.astype(np.float32)
    return image - cv2.GaussianBlur(image, (0, 0), _DETAIL_SIGMA)


def _near(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Local mean of the product of two (H, W, 3) float32 images, summed over colours: (H, W)."""
    return cv2.GaussianBlur(cv2.transform(a * b, np.ones((1, 3))), (0, 0), _NEAR_SIGMA)


@dataclass(frozen=True)
class CallPlanes:
    """Planes that hold for the whole call, at any size; None where a model does not ask for them.

    virtual, mode: (H, W, 3) uint8 BGR. trace: (H, W, 3) uint8 BGR, 128 = no offset.
    occupancy: (H, W) uint8, 255 = always. look: (H, W, 6) uint8, see `vader_rt.room.first_look`; None before
    the first look, when nothing has been seen. presence, hidden: (H, W) uint8, see
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
    """Fills one (1, C, H, W) float32 tensor, frame after frame, in the order of `groups`.

    call_changes: how often planes of the whole call were written, as at the beginning.

    Raises:
        InputError: a group is not in `INPUT_GROUPS`, or the call has no planes for it.
    """

    def __init__(
        self, groups: Sequence[str], size_wh: tuple[int, int], call: CallPlanes | None = None
    ) -> None:
        unknown = [g for g in groups if g not in INPUT_GROUPS]
        if unknown:
            raise InputError(f"unknown input {unknown[0]!r}; known: {', '.join(INPUT_GROUPS)}")
        self.size_wh = size_wh
        width, height = size_wh
        self.tensor = np.zeros((1, plane_count(groups), height, width), np.float32)
        self._slices = group_slices(groups)
        self._detail: VirtualDetail | None = None
        self.call_changes = 0
        for group in groups:
            if group not in PER_FRAME | {"virtual", "detail"}:
                self._put(group, _call_plane(call, group))
        if {"virtual", "detail", "shown"} & set(groups):
            self.put_virtual(_call_plane(call, "virtual"))

    @property
    def slices(self) -> dict[str, slice]:
        """Where each group's planes are in the tensor."""
        return self._slices

    def fill(
        self, frame_bgr: np.ndarray, segment: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Fill in the planes of a (H, W, 3) uint8 frame and return the tensor (not a copy).

        segment: the re-run segmenter, needed where the model has a `person` input.
        """
        small = shrunk(frame_bgr, self.size_wh)
        person = None
        if "person" in self._slices and segment is not None:
            person = person_plane(frame_bgr, segment, self.size_wh)
        return self.fill_small(small, person)

    def put_virtual(self, image_bgr: np.ndarray) -> None:
        """Exchange the virtual background, (H, W, 3) uint8, for the frames from here on."""
        if "virtual" in self._slices:
            self._put("virtual", image_bgr)
        if {"detail", "shown"} & set(self._slices):
            self._detail = VirtualDetail(shrunk(image_bgr, self.size_wh))
        if "detail" in self._slices and self._detail is not None:
            self._put("detail", self._detail.plane)

    def shown_plane(self, small_bgr: np.ndarray) -> np.ndarray | None:
        """See `VirtualDetail.shown`; None where the model does not ask for it."""
        if "shown" not in self._slices or self._detail is None:
            return None
        return self._detail.shown(small_bgr)

    def fill_small(self, small_bgr: np.ndarray, person: np.ndarray | None = None) -> np.ndarray:
        """Fill in the planes of a frame that has the model's size already; `person` is uint8."""
        if "frame" in self._slices:
            self._put("frame", small_bgr)
        if "edge" in self._slices:
            self._put("edge", edge_plane(small_bgr))
        if "dog" in self._slices:
            self._put("dog", dog_plane(small_bgr))
        if "person" in self._slices:
            assert person is not None, "this model needs the re-run segmenter's mask"
            self._put("person", person)
        shown = self.shown_plane(small_bgr)
        if shown is not None:
            self._put("shown", shown)
        return self.tensor

    def _put(self, group: str, plane: np.ndarray) -> None:
        """Write a uint8 plane, (H, W) or (H, W, 3) BGR, into its slot as RGB in [0, 1]."""
        self.call_changes += group not in PER_FRAME
        plane = shrunk(plane, self.size_wh)
        planes = plane[None] if plane.ndim == 2 else plane[..., ::-1].transpose(2, 0, 1)
        np.multiply(planes, np.float32(1 / 255), out=self.tensor[0, self._slices[group]])


def person_plane(
    frame_bgr: np.ndarray, segment: Callable[[np.ndarray], np.ndarray], size_wh: tuple[int, int]
) -> np.ndarray:
    """The re-run segmenter's mask of a (H, W, 3) uint8 frame at a size, (h, w) uint8."""
    return shrunk(np.rint(segment(frame_bgr) * 255).astype(np.uint8), size_wh)


def shrunk(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """The image at a size: by area where it shrinks, linear where it grows."""
    if image.shape[1::-1] == size_wh:
        return image
    mode = cv2.INTER_AREA if image.shape[1] > size_wh[0] else cv2.INTER_LINEAR
    return cv2.resize(image, size_wh, interpolation=mode)


def plane_count(groups: Sequence[str]) -> int:
    """Number of planes of the input groups together."""
    return sum(INPUT_GROUPS[g] for g in groups)


def group_slices(groups: Sequence[str]) -> dict[str, slice]:
    """Where the planes of each input group are, one group after the other."""
    slices, start = {}, 0
    for group in groups:
        slices[group] = slice(start, start + INPUT_GROUPS[group])
        start += INPUT_GROUPS[group]
    return slices


def _call_plane(call: CallPlanes | None, group: str) -> np.ndarray:
    if group.startswith("look") and call is not None and call.virtual is not None:
        return _look_plane(call, group)
    plane = getattr(call, group, None)
    if plane is None:
        raise InputError(f"the model asks for the input {group!r}, which was not computed")
    return plane


def _look_plane(call: CallPlanes, group: str) -> np.ndarray:
    """A plane of the first look; without one, the virtual background and no leak."""
    assert call.virtual is not None
    if group == "look":
        return call.virtual if call.look is None else np.ascontiguousarray(call.look[..., :3])
    index = ("look_leak", "look_matte", "look_residual").index(group) + 3
    shape = call.virtual.shape[:2]
    return np.zeros(shape, np.uint8) if call.look is None else call.look[..., index].copy()
