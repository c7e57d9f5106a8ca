"""The virtual background of a call, estimated from frames spread over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.features.planes import CallPlanes, shrunk
from vader_rt.io.video import IMAGE_SUFFIXES, read_image

CLEAR_SHARE = 1 / 3
"""Share of the frames, those with least of a person at a pixel, that are averaged there."""
CLEAR_MASK = 20
"""Person mask, of 255, up to which a pixel counts as showing the virtual background."""
SAME_LEVELS = 12
"""A pixel is the virtual background where no channel differs from it by more levels."""
_STILL_LEVELS, _STILL_WIDTH = 0.5, 640
"""A pixel is still where it deviates by less from its mean over time, at this width of a frame."""
_FREE_SHARE = 0.1
"""A pixel is free where a person is seen in a smaller share of the frames."""
_MOVING_SHARE = 0.2
"""The background moves if this share of the free pixels is not `image` in this share of frames."""
_PLAIN_LEVELS = 10
_STRIP = 64
_SAMPLE_BYTES = 320_000_000  # 48 frames of 1920×1080
_MATCH_LEVELS = 20
_LIBRARY_WH = (320, 180)


Kind = Literal["still", "plain", "loop", "moving"]


@dataclass
class FrameSample:
    """At most `capacity` frames spread evenly over a recording of unknown length.

    Keeps every k-th frame and doubles k when it is full, so memory does not grow with the call.
    """

    capacity: int = 48
    _frames: list[np.ndarray] = field(default_factory=list, init=False, repr=False)
    _masks: list[np.ndarray] = field(default_factory=list, init=False, repr=False)
    _step: int = field(default=1, init=False)
    _seen: int = field(default=0, init=False)

    @classmethod
    def for_size(cls, size_wh: tuple[int, int]) -> FrameSample:
        """A sample for frames of this size: fewer frames where they are large."""
        frame_bytes = 3 * size_wh[0] * size_wh[1]
        return cls(int(np.clip(_SAMPLE_BYTES // frame_bytes, 12, 48)) // 2 * 2)

    def wants_next(self) -> bool:
        """Whether the next frame will be kept; only then is its mask needed."""
        return self._seen % self._step == 0

    def skip(self) -> None:
        """Count a frame that is not wanted."""
        self._seen += 1

    def add(self, frame_bgr: np.ndarray, mask: np.ndarray) -> None:
        """Keep a frame, (H, W, 3) uint8, and its person mask, (h, w) uint8 of any size."""
        self._frames.append(frame_bgr)
        self._masks.append(mask)
        self._seen += 1
        if len(self._frames) == self.capacity:
            self._frames, self._masks = self._frames[::2], self._masks[::2]
            self._step *= 2

    @property
    def indices(self) -> list[int]:
        """Which frames of the recording are kept."""
        return [i * self._step for i in range(len(self._frames))]

    @property
    def frames_seen(self) -> int:
        return self._seen

    @property
    def frames(self) -> list[np.ndarray]:
        return self._frames

    def subset(self, indices: Sequence[int]) -> FrameSample:
        """Some of the kept frames, by index, with their masks."""
        part = FrameSample(self.capacity)
        part._frames = [self._frames[i] for i in indices]
        part._masks = [self._masks[i] for i in indices]
        part._seen = len(part._frames)
        return part

    def masks(self, size_wh: tuple[int, int]) -> np.ndarray:
        """The kept masks at a size: (N, H, W) uint8."""
        return np.stack([cv2.resize(m, size_wh) for m in self._masks])


@dataclass(frozen=True)
class VirtualBackground:
    """What stands behind the caller.

    image: (H, W, 3) uint8 BGR.
    occupancy: (H, W) uint8, 255 × the share of frames in which the pixel is not `image`.
    trace: (H, W, 3) uint8 BGR, 128 + half the mean offset from `image` outside the person.
    presence: (H, W) uint8, the mean person mask of the re-run segmenter.
    hidden: (H, W) uint8, the mask up to which frames were needed for `image`; 0 where it is given.
    kind: `still`, a picture with detail; `plain`, one without, as a blurred room has none; `loop`,
    a film that begins again, of which `image` is the first picture; `moving`, any other film.
    """

    image: np.ndarray
    occupancy: np.ndarray
    trace: np.ndarray
    presence: np.ndarray
    hidden: np.ndarray
    kind: Kind = "still"

    @property
    def trusted(self) -> np.ndarray:
        """(H, W) bool; elsewhere the image was continued from around."""
        return self.hidden <= CLEAR_MASK

    def planes(self) -> CallPlanes:
        """What the networks are told of it."""
        return CallPlanes(
            virtual=self.image,
            trace=self.trace,
            occupancy=self.occupancy,
            presence=self.presence,
            hidden=self.hidden,
        )


def estimate_virtual(sample: FrameSample, given: np.ndarray | None = None) -> VirtualBackground:
    """Estimate the virtual background, or take the one that is `given` (H, W, 3) uint8 BGR.

    Per pixel it is the mean over the third of the frames in which the re-run segmenter sees least
    of a person; where even those are not clear, the image is continued by inpainting (Telea). What
    never changes is the image, whatever the segmenter takes it for: a person moves, and the room
    that leaks around one moves with the mask.
    """
    height, width = sample.frames[0].shape[:2]
    masks = sample.masks((width, height))
    presence, hidden = person_planes(masks)
    if given is None:
        image = _clearest_mean(sample.frames, masks, hidden)
        hidden[still_pixels(sample.frames)] = 0
        image = continued(image, hidden <= CLEAR_MASK)
    else:
        image, hidden = given, np.zeros_like(hidden)
    occupancy, trace = _statistics(sample.frames, masks, [image] * len(masks))
    kind = _kind(image, occupancy, masks)
    return VirtualBackground(image, occupancy, trace, presence, hidden, kind)


def loop_virtual(
    sample: FrameSample, image: np.ndarray, behind: Sequence[np.ndarray]
) -> VirtualBackground:
    """The virtual background of a film: its first picture, and those behind the kept frames."""
    masks = sample.masks(image.shape[1::-1])
    occupancy, trace = _statistics(sample.frames, masks, behind)
    return VirtualBackground(image, occupancy, trace, *person_planes(masks), "loop")


def still_pixels(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Where frames (H, W, 3) uint8 never change: (H, W) bool.

    Encoders skip blocks that do not change, so there the same values stand in all frames; where a
    person or a mask moves, or a camera's noise shines through, they vary.
    """
    size_wh = frames[0].shape[1::-1]
    scale = _STILL_WIDTH / size_wh[0]
    small_wh = (_STILL_WIDTH, max(1, round(size_wh[1] * scale)))
    total, squares = np.zeros((2, small_wh[1], small_wh[0], 3), np.float64)
    for frame in frames:
        small = shrunk(frame, small_wh).astype(np.float64)
        total += small
        squares += small * small
    variance = squares / len(frames) - (total / len(frames)) ** 2
    deviation = cv2.blur(np.sqrt(np.maximum(variance, 0)).mean(axis=2), (9, 9))
    return cv2.resize(deviation, size_wh, interpolation=cv2.INTER_LINEAR) < _STILL_LEVELS


def person_planes(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of person masks (N, H, W) uint8 the mean, and the largest of the clearest `CLEAR_SHARE`.

    Both are (H, W) uint8.
    """
    rank = max(1, round(len(masks) * CLEAR_SHARE)) - 1
    mean, limit = np.empty((2, *masks.shape[1:]), np.uint8)
    for rows in _strips(masks.shape[1]):
        mean[rows] = np.rint(masks[:, rows].mean(axis=0))
        limit[rows] = np.partition(masks[:, rows], rank, axis=0)[rank]
    return mean, limit


def given_virtual(path: str | Path, sample: FrameSample) -> np.ndarray:
    """Read the user's virtual image, fit it to the call and check that it is the one in the call.

    Raises:
        InputError: it cannot be read, or is not what the call shows.
    """
    shown, clear = _shown(sample, sample.frames[0].shape[1::-1])
    fit, difference = _best_fit(read_image(path), shown, clear)
    if difference > _MATCH_LEVELS:
        raise InputError(
            f"{path}: is not the virtual background of this call (median difference "
            f"{difference:.0f} of 255 levels); leave --virtual-background out to estimate it"
        )
    return fit


def library_virtual(folder: str | Path, sample: FrameSample) -> Path | None:
    """Find the picture in a folder that the call shows; None if it is not there.

    Raises:
        InputError: there is no such folder, or it has no pictures.
    """
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: is not a folder; give one with pictures")
    paths = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: has no pictures ({', '.join(sorted(IMAGE_SUFFIXES))})")
    shown, clear = _shown(sample, _LIBRARY_WH)
    differences = [_best_fit(read_image(path), shown, clear)[1] for path in paths]
    best = int(np.argmin(differences))
    return paths[best] if differences[best] <= _MATCH_LEVELS else None


def temporal_mode(frames: list[np.ndarray]) -> np.ndarray:
    """Per pixel and channel the most frequent value: N × (H, W, 3) uint8 → (H, W, 3) uint8."""
    mode = np.empty_like(frames[0])
    for rows in _strips(mode.shape[0]):
        values = np.sort(np.stack([f[rows] for f in frames]), axis=0)
        run = np.ones(values.shape, np.uint8)
        for i in range(1, len(values)):
            run[i] = np.where(values[i] == values[i - 1], run[i - 1] + 1, 1)
        mode[rows] = np.take_along_axis(values, run.argmax(axis=0)[None], axis=0)[0]
    return mode


def cover(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Scale an image to cover `size_wh` and cut the middle, as clients show a virtual image."""
    width, height = size_wh
    scale = max(width / image.shape[1], height / image.shape[0])
    scaled_wh = (
        max(width, round(image.shape[1] * scale)),
        max(height, round(image.shape[0] * scale)),
    )
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(image, scaled_wh, interpolation=mode)
    x, y = (scaled_wh[0] - width) // 2, (scaled_wh[1] - height) // 2
    return np.ascontiguousarray(scaled[y : y + height, x : x + width])


def continued(image: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Continue an image (H, W, 3) uint8 into what is not clear, (H, W) bool, from around it.

    Telea's inpainting at a quarter of the size: what it makes is smooth.
    """
    if clear.all() or not clear.any():
        return image
    hidden = cv2.dilate((~clear).astype(np.uint8), np.ones((5, 5), np.uint8))
    size_wh = image.shape[1::-1]
    quarter_wh = (max(16, size_wh[0] // 4), max(16, size_wh[1] // 4))
    weight = cv2.resize(1 - hidden.astype(np.float32), quarter_wh, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image, quarter_wh, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(small, (weight < 1).astype(np.uint8), 5, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, size_wh, interpolation=cv2.INTER_LINEAR)
    return np.where(hidden[..., None] > 0, filled, image)


def _clearest_mean(frames: list[np.ndarray], masks: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Mean over the frames whose mask is not above the limit of each pixel."""
    image = np.empty_like(frames[0])
    for rows in _strips(image.shape[0]):
        total = np.zeros(image[rows].shape, np.float32)
        count = np.zeros(limit[rows].shape, np.float32)
        for frame, mask in zip(frames, masks, strict=True):
            used = (mask[rows] <= limit[rows]).astype(np.float32)
            total += frame[rows] * used[..., None]
            count += used
        image[rows] = np.rint(total / count[..., None])
    return image


def _statistics(
    frames: list[np.ndarray], masks: np.ndarray, images: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Occupancy and trace over the sampled frames, and the virtual background behind each."""
    occupied = np.zeros(frames[0].shape[:2], np.float32)
    total = np.zeros(frames[0].shape, np.float32)
    weight = np.full(frames[0].shape[:2], 1e-3, np.float32)
    for frame, mask, image in zip(frames, masks, images, strict=True):
        off = cv2.absdiff(frame, image).max(axis=2) > SAME_LEVELS
        occupied += off
        outside = off * (1 - mask.astype(np.float32) / 255)
        total += cv2.subtract(frame, image, dtype=cv2.CV_32F) * outside[..., None]
        weight += outside
    occupancy = np.rint(occupied / len(frames) * 255).astype(np.uint8)
    trace = np.clip(128 + total / weight[..., None] / 2, 0, 255)
    return occupancy, np.rint(trace).astype(np.uint8)


def _kind(image: np.ndarray, occupancy: np.ndarray, masks: np.ndarray) -> Kind:
    """Judged where hardly anybody ever is; `still` where that is nowhere."""
    free = (masks > CLEAR_MASK).mean(axis=0) < _FREE_SHARE
    if not free.any():
        return "still"
    if (occupancy[free] > 255 * _MOVING_SHARE).mean() > _MOVING_SHARE:
        return "moving"
    detail = cv2.absdiff(image, cv2.GaussianBlur(image, (0, 0), image.shape[0] / 90))
    return "plain" if np.percentile(detail.max(axis=2)[free], 98) < _PLAIN_LEVELS else "still"


def _placements(image: np.ndarray, size_wh: tuple[int, int]) -> Iterator[np.ndarray]:
    """The ways in which clients fit a picture: cut or stretched, as it is or mirrored."""
    for fit in (cover(image, size_wh), cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)):
        yield fit
        yield cv2.flip(fit, 1)


def _shown(sample: FrameSample, size_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The virtual background as the call shows it at a size, and where it is clear."""
    frames = [shrunk(frame, size_wh) for frame in sample.frames]
    masks = sample.masks(size_wh)
    _, hidden = person_planes(masks)
    clear = hidden <= CLEAR_MASK
    image = _clearest_mean(frames, masks, hidden)
    return image, clear if clear.any() else np.ones_like(clear)


def _best_fit(image: np.ndarray, shown: np.ndarray, clear: np.ndarray) -> tuple[np.ndarray, float]:
    """The placement of an image that is nearest to what is shown, and its median difference."""
    fits = [*_placements(image, shown.shape[1::-1])]
    differences = [float(np.median(cv2.absdiff(fit, shown).max(axis=2)[clear])) for fit in fits]
    best = int(np.argmin(differences))
    return fits[best], differences[best]


def _strips(height: int) -> Iterator[slice]:
    for top in range(0, height, _STRIP):
        yield slice(top, min(top + _STRIP, height))
