"""Person segmenters: the client's kind, whose errors leak, and one that knows persons better."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from vader_rt.engines.onnx import session_options
from vader_rt.errors import InputError
from vader_rt.io.images import shrunk
from vader_rt.models import SELFIE_MODEL


class Segmenter:
    """A person segmenter as ONNX: `rgb` (1, 3, H, W) in [0, 1] → `mask` (1, 1, H, W) in [0, 1].

    letterbox: the frame keeps its proportions, with black bars beside it; else it fills the input.
    size_wh: of the input.

    Raises:
        InputError: the model cannot be read, or is none of these.
    """

    def __init__(
        self, model: str | Path = SELFIE_MODEL, *, letterbox: bool = False, threads: int = 0
    ) -> None:
        self._session = _session(Path(model), threads)
        self._letterbox = letterbox
        self.size_wh: tuple[int, int] = tuple(self._session.get_inputs()[0].shape[:1:-1])

    def __call__(self, frame_bgr: np.ndarray) -> np.ndarray:
        """How likely pixels of a (H, W, 3) uint8 frame are person: (h, w) float32 in [0, 1].

        That is of `size_wh`, with `letterbox` as much of it as the frame takes.
        """
        rows, columns = self._placed(frame_bgr.shape[1::-1])
        small = np.zeros((*self.size_wh[::-1], 3), np.uint8)
        part = small[rows, columns]
        part[:] = cv2.resize(frame_bgr, part.shape[1::-1], interpolation=cv2.INTER_AREA)
        rgb = cv2.dnn.blobFromImage(small, 1 / 255, swapRB=True)
        mask = self._session.run(["mask"], {"rgb": rgb})[0][0, 0]
        return np.clip(mask[rows, columns], 0, 1)

    def mask(self, frame_bgr: np.ndarray, size_wh: tuple[int, int] | None = None) -> np.ndarray:
        """The same as levels, 255 = person: (h, w) uint8, at a size or the segmenter's own."""
        mask = np.rint(self(frame_bgr) * 255).astype(np.uint8)
        return mask if size_wh is None else shrunk(mask, size_wh)

    def _placed(self, frame_wh: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the input that a frame of a size takes."""
        if not self._letterbox:
            return slice(None), slice(None)
        scale = min(a / b for a, b in zip(self.size_wh, frame_wh, strict=True))
        takes = (max(1, round(length * scale)) for length in frame_wh)
        starts = [((a - b) // 2, b) for a, b in zip(self.size_wh, takes, strict=True)]
        columns, rows = (slice(start, start + length) for start, length in starts)
        return rows, columns


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise InputError(f"{path}: does not exist; give a person segmenter (.onnx)")
    try:
        session = onnxruntime.InferenceSession(
            str(path), session_options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime has no common base for what a bad file raises
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: ONNX Runtime cannot read it ({reason})") from None
    inputs = {item.name: item.shape for item in session.get_inputs()}
    outputs = {item.name: item.shape for item in session.get_outputs()}
    size = inputs.get("rgb", [])[2:]
    fixed = all(isinstance(length, int) for length in size)
    if inputs != {"rgb": [1, 3, *size]} or outputs.get("mask") != [1, 1, *size] or not fixed:
        raise InputError(
            f"{path}: is no person segmenter with `rgb` (1, 3, H, W) → `mask` (1, 1, H, W); "
            "`python -m tools.segmenter` makes one of a .tflite file"
        )
    return session
