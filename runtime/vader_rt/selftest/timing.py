"""Which frame of the camera each frame of the call shows: by where they look alike.

Two recordings of one moment begin at different times, so there is an offset. It is constant, but
for frames that the client dropped or showed twice: from frame to frame it may change a little.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.cpus import in_threads
from vader_rt.selftest.camera import CameraLook

_PROBES = 96
"""Frames of the call, spread over it, that tell the offset."""
_LEAST_PIXELS, _CHUNK = 12, 1024
_LEAST_OVERLAP = 0.5
"""Of the shorter recording, at least this share has to be in the other one."""
_ALIKE = 0.8
"""Mean correlation from which two recordings are of one moment."""
_SAME, _AS_GOOD = 0.0002, 0.002
"""Offsets that lose no more correlation than this beside the best are as good: of these, the one
with most frames in both is taken; and those up to the other are told as doubtful."""
_BAND, _STEP_COST = 8, 0.004
"""How many frames the offset may wander, and what correlation a step of one has to gain."""


@dataclass(frozen=True)
class Timing:
    """frames: (N,) of each frame of the call, that of the camera, −1 where there is none.

    They never go back. framing: index into `vader_rt.selftest.camera.framings`. offset_seconds: how
    much later than the call the camera's recording shows the same. alike: mean correlation.
    doubtful_seconds: how far offsets lie apart that fit as well, as they do while nobody moves.
    """

    frames: np.ndarray
    framing: int
    mirrored: bool
    offset_seconds: float
    alike: float
    doubtful_seconds: float


def timed(look: CameraLook, thumbnails: np.ndarray, seconds: np.ndarray) -> Timing:
    """Find the camera's frame of each frame of a call.

    thumbnails: of the call, (N, h, w) uint8; seconds: (N,) when each is shown.

    Raises:
        InputError: the recordings do not show the same.
    """
    probes = np.unique(np.linspace(0, len(seconds) - 1, min(_PROBES, len(seconds))).astype(int))
    ways = list(product(range(len(look.thumbnails)), (False, True)))
    found = [_offset(look, way, thumbnails[probes], seconds[probes]) for way in ways]
    best = int(np.argmax([each[1] for each in found]))
    (framing, mirrored), (offset, alike, doubtful) = ways[best], found[best]
    if alike < _ALIKE:
        raise InputError(
            f"camera and call do not show the same moment: where they are most alike, their "
            f"correlation at the caller is {alike:.2f}, and {_ALIKE} would be enough; give "
            "recordings of one moment, in the same framing"
        )
    nominal = _nearest(look.seconds, seconds + offset)
    frames = _followed(_camera(look, framing, mirrored), thumbnails, nominal)
    return Timing(frames, framing, mirrored, offset, alike, doubtful)


def _camera(look: CameraLook, framing: int, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Thumbnails and where the person is, (N, P) float32 each."""
    planes = look.thumbnails[framing], look.persons[framing]
    turned = (plane[..., ::-1] if mirrored else plane for plane in planes)
    small, person = (np.ascontiguousarray(p, np.float32).reshape(len(p), -1) for p in turned)
    return small, person


def _offset(
    look: CameraLook, way: tuple[int, bool], probes: np.ndarray, seconds: np.ndarray
) -> tuple[float, float, float]:
    """The offset in seconds, the mean correlation with it, and how doubtful it is in seconds."""
    camera, person = _camera(look, *way)
    alike = correlations(probes.reshape(len(probes), -1).astype(np.float32), camera, person)
    own = look.seconds
    step = max(float(np.median(np.diff(own))) if len(own) > 1 else 0.0, 1e-3)
    offsets = np.arange(own[0] - seconds[-1], own[-1] - seconds[0] + step, step)
    offsets -= offsets[np.abs(offsets).argmin()]  # that 0 is among them
    shorter = min(len(probes), len(probes) * (own[-1] - own[0] + step) / (np.ptp(seconds) + step))
    least = max(1, round(_LEAST_OVERLAP * shorter))
    counts, means, lost = np.zeros(len(offsets)), np.zeros(len(offsets)), np.ones(len(offsets))
    # some of the camera's frames, of which the segmenter saw little, are like all of the call's
    special = alike - alike.mean(axis=0)
    most = special.max(axis=1)  # where a mask cuts much away, no frame of the camera is much alike
    for place, offset in enumerate(offsets):
        partner = _nearest(own, seconds + offset)
        inside = np.flatnonzero(partner >= 0)
        if len(inside) >= least:
            pairs = inside, partner[inside]
            counts[place], means[place] = len(inside), alike[pairs].mean()
            lost[place] = (most[inside] - special[pairs]).mean()
    best = int(np.where(lost <= lost.min() + _SAME, counts, -1).argmax())
    good = offsets[lost <= lost.min() + _AS_GOOD]
    return float(offsets[best]), float(means[best]), float(np.ptp(good))


def correlations(call: np.ndarray, camera: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Of each frame of a call with each of the camera, where the camera's person is: (I, J).

    call: (I, P), camera and person: (J, P) float32. 0 where hardly anything of a person is seen.
    """
    alike = np.zeros((len(call), len(camera)), np.float32)
    squares = call * call

    def compute(start: int) -> None:
        part = slice(start, start + _CHUNK)
        weight = person[part]
        share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1)
        theirs = share * camera[part]
        mean, own = theirs.sum(axis=1), call @ share.T
        spread = (theirs * camera[part]).sum(axis=1) - mean**2
        own_spread = squares @ share.T - own**2
        scale = np.sqrt(np.maximum(spread * own_spread, 1))
        enough = weight.sum(axis=1) >= _LEAST_PIXELS
        alike[:, part] = np.where(enough, (call @ theirs.T - own * mean) / scale, 0)

    in_threads(compute, iter(range(0, len(camera), _CHUNK)))
    return alike


def _nearest(own: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The index of the time nearest to each that is wanted; −1 where all are too far away."""
    right = np.clip(np.searchsorted(own, wanted), 1, max(len(own) - 1, 1))
    right = np.minimum(right, len(own) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(wanted - own[left] <= own[right] - wanted, left, right)
    step = np.median(np.diff(own)) if len(own) > 1 else 1.0
    return np.where(np.abs(own[nearest] - wanted) <= 0.75 * step, nearest, -1)


def _followed(
    camera: tuple[np.ndarray, np.ndarray], thumbnails: np.ndarray, nominal: np.ndarray
) -> np.ndarray:
    """The camera's frame of each frame of the call, near the nominal one: (N,), −1 for none.

    The cheapest path by dynamic programming (Viterbi): unlikeness, and a price for every step by
    which the offset changes.
    """
    inside = np.flatnonzero(nominal >= 0)
    frames, last = np.full(len(nominal), -1), len(camera[0]) - 1
    shifts = np.arange(-_BAND, _BAND + 1)
    change = _STEP_COST * np.abs(shifts[:, None] - shifts).astype(np.float32)
    total, came_from = np.zeros(len(shifts), np.float32), []
    before = nominal[inside[0]]
    for index in inside:
        partner = np.clip(nominal[index] + shifts, 0, last)
        call = thumbnails[index].reshape(1, -1).astype(np.float32)
        unlike = 1 - correlations(call, camera[0][partner], camera[1][partner])[0]
        unlike[nominal[index] + shifts != partner] += 1  # there is no such frame
        back = shifts[:, None] + nominal[index] < shifts + before
        to_here = total + change + np.where(back, np.float32(1e6), 0)
        came_from.append(to_here.argmin(axis=1))
        total, before = to_here.min(axis=1) + unlike, nominal[index]
    state = int(total.argmin())
    for place in range(len(inside) - 1, -1, -1):
        frames[inside[place]] = np.clip(nominal[inside[place]] + shifts[state], 0, last)
        state = int(came_from[place][state])
    return frames
