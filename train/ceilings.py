"""What the true masks give: how far copying, and how far un-mixing, could come at best."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from train.calls import Call, true_leak
from vader_rt.io.video import open_video, read_image
from vader_rt.room.unmixing import LEAST_LEAK, Copier
from vader_rt.virtual.estimate import cover

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

    def add(self, frame_bgr: np.ndarray, matte: np.ndarray, leak: np.ndarray) -> None:
        """Take in a frame (H, W, 3) uint8, its matte and leak, (H, W) float32 in [0, 1]."""
        where = leak > LEAST_LEAK
        m = np.maximum(matte[where], LEAST_LEAK)
        offset = np.subtract(frame_bgr[where], self._virtual[where], dtype=np.float32)
        weighted = leak[where] ** _WEIGHT_POWER * m
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
    copier, unmixed = Copier(size_wh), {"unmix": LeastSquaresRoom(virtual_bgr)}
    if call.virtual.is_file():
        unmixed["unmix_v"] = LeastSquaresRoom(cover(read_image(call.virtual), size_wh))
    for frame, matte, leak in _true_frames(call):
        copier.add(frame, leak)
        for room in unmixed.values():
            room.add(frame, matte, leak)
    rooms = {name: room.room() for name, room in unmixed.items()}
    return {"copy": copier.estimate().room, **rooms}


def _true_frames(call: Call) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Frame, (H, W, 3) uint8, with its true matte and leak, (H, W) float32 in [0, 1].

    The leak keeps a pixel's distance from the person, for the truth is smaller and compressed.
    """
    pairs = zip(open_video(call.video).frames(), call.truth_frames(), strict=False)
    for frame, (matte, person) in pairs:
        leak = true_leak(matte, cv2.dilate(person, np.ones((3, 3), np.uint8)))
        size_wh = frame.shape[1::-1]
        yield frame, _enlarged(matte, size_wh), _enlarged(leak, size_wh)


def _enlarged(plane: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    share = (plane / 255).astype(np.float32)
    return cv2.resize(share, size_wh, interpolation=cv2.INTER_LINEAR)
