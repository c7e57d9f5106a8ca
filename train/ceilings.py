"""What the true masks give: how far copying, and how far un-mixing, could come at best."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from train.calls import Call, true_leak
from vader_rt.io.images import read_image, shrunk
from vader_rt.io.video import open_video
from vader_rt.room.accumulate import CopyingAccumulator
from vader_rt.room.observation import Observation, observe
from vader_rt.room.unmixing import LEAST_LEAK
from vader_rt.virtual.given import cover

_WEIGHT_POWER = 8


class LeastSquaresRoom:
    """The room R by least squares over all frames: frame = V + m (R − V).

    Minimised is Σ w ‖frame − V − m (R − V)‖² with weights w = leak^8. With S1 = Σ w m (frame − V)
    and S2 = Σ w m² the solution is R = V + S1 / S2. It needs true masks: a leak that takes the
    person for room in a few frames spoils the sums.

    virtual_bgr: V, (H, W, 3) uint8.
    """

    def __init__(self, virtual_bgr: np.ndarray) -> None:
        self._virtual = virtual_bgr
        self._s1 = np.zeros(virtual_bgr.shape, np.float32)
        self._s2 = np.zeros(virtual_bgr.shape[:2], np.float32)

    def add(self, observation: Observation) -> None:
        """Take in a frame with its matte and leak."""
        where = observation.leak > LEAST_LEAK
        m = np.maximum(observation.matte[where], LEAST_LEAK)
        offset = np.subtract(observation.frame[where], self._virtual[where], dtype=np.float32)
        weighted = observation.leak[where] ** _WEIGHT_POWER * m
        self._s1[where] += weighted[:, None] * offset
        self._s2[where] += weighted * m

    def room(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR; the virtual background where nothing leaked."""
        seen = self._s2 > 0
        scale = np.divide(1, self._s2, out=np.zeros_like(self._s2), where=seen)
        room = self._virtual + self._s1 * scale[..., None]
        return np.rint(np.clip(room, 0, 255)).astype(np.uint8)


def ceilings(call: Call, virtual_bgr: np.ndarray) -> dict[str, np.ndarray]:
    """The room by the true masks, (H, W, 3) uint8 BGR each, by name.

    copy: of every pixel, the frame that leaks most there. unmix: un-mixed with the estimated
    virtual background, virtual_bgr (H, W, 3) uint8. unmix_v: with the true one, if it is known.
    """
    size_wh = virtual_bgr.shape[1::-1]
    copied, unmixed = CopyingAccumulator(size_wh), {"unmix": LeastSquaresRoom(virtual_bgr)}
    if call.virtual.is_file():
        unmixed["unmix_v"] = LeastSquaresRoom(cover(read_image(call.virtual), size_wh))
    for observation in _true_observations(call, virtual_bgr):
        copied.add(observation)
        for room in unmixed.values():
            room.add(observation)
    rooms = {name: room.room() for name, room in unmixed.items()}
    return {"copy": copied.recovered().strongest.frame, **rooms}


def _true_observations(call: Call, virtual_bgr: np.ndarray) -> Iterator[Observation]:
    """The frames with their true matte and leak.

    The leak keeps a pixel's distance from the person, for the truth is smaller and compressed.
    """
    pairs = zip(open_video(call.video).frames(), call.truth_frames(), strict=False)
    for frame, (matte, person) in pairs:
        leak = true_leak(matte, cv2.dilate(person, np.ones((3, 3), np.uint8)))
        shares = [(plane / 255).astype(np.float32) for plane in (matte, leak)]
        yield observe(frame, shrunk(frame, matte.shape[::-1]), shares, virtual_bgr)
