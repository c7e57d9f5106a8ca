"""The client's kind of person segmenter, re-run on the call: room leaks where it errs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from vader_rt.engines.onnx import session_options
from vader_rt.io.images import shrunk
from vader_rt.models import SELFIE_MODEL


class Segmenter:
    """A person segmenter as ONNX: `rgb` (1, 3, H, W) in [0, 1] → `mask` (1, 1, H, W) in [0, 1]."""

    def __init__(self, model: str | Path = SELFIE_MODEL, *, threads: int = 0) -> None:
        self._session = onnxruntime.InferenceSession(
            str(model), session_options(threads), providers=["CPUExecutionProvider"]
        )
        self.size_wh: tuple[int, int] = tuple(self._session.get_inputs()[0].shape[:1:-1])

    def __call__(self, frame_bgr: np.ndarray) -> np.ndarray:
        """How likely pixels of a (H, W, 3) uint8 frame are person: `size_wh`, float32 in [0, 1]."""
        small = cv2.resize(frame_bgr, self.size_wh, interpolation=cv2.INTER_AREA)
        rgb = cv2.dnn.blobFromImage(small, 1 / 255, swapRB=True)
        mask = self._session.run(["mask"], {"rgb": rgb})[0][0, 0]
        return np.clip(mask, 0, 1)

    def mask(self, frame_bgr: np.ndarray, size_wh: tuple[int, int] | None = None) -> np.ndarray:
        """The same as levels, 255 = person: (h, w) uint8, at a size or the segmenter's own."""
        mask = np.rint(self(frame_bgr) * 255).astype(np.uint8)
        return mask if size_wh is None else shrunk(mask, size_wh)
