"""Person segmenters: the client's kind, whose errors leak, and one that knows persons better."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vader_rt.engines.engine import accepted
from vader_rt.engines.onnx_file import Declared, Shapes, declared, fits, parsed_model, read_onnx
from vader_rt.engines.sessions import CPU, declared_by, reason_of, run_options, session_of
from vader_rt.engines.trial import try_out
from vader_rt.errors import EngineError, InputError
from vader_rt.io.images import shrunk
from vader_rt.models import SELFIE_MODEL

_MOST_LENGTH = 2048
"""Pixels along a side of a segmenter's input; those that we know have 256."""


class Segmenter:
    """A person segmenter as ONNX: `rgb` (1, 3, H, W) in [0, 1] → `mask` (1, 1, H, W) in [0, 1].

    letterbox: the frame keeps its proportions, with black bars beside it; else it fills the input.
    size_wh: of the input.

    Raises:
        InputError: the model cannot be read, is none of these, or takes too much.
        EngineError: it fails when it runs.
    """

    def __init__(
        self, model: str | Path = SELFIE_MODEL, *, letterbox: bool = False, threads: int = 0
    ) -> None:
        file = read_onnx(Path(model))
        if not file.shipped:
            try_out(file, *_shapes(file.path, *declared(parsed_model(file))))
        self._session = session_of(file, CPU, threads)
        _, self._outputs = _shapes(file.path, *declared_by(self._session))
        height, width = self._outputs["mask"][2:]
        self.size_wh = (width, height)
        self._letterbox = letterbox

    def __call__(self, frame_bgr: np.ndarray) -> np.ndarray:
        """How likely pixels of a (H, W, 3) uint8 frame are person: (h, w) float32 in [0, 1].

        That is of `size_wh`, with `letterbox` as much of it as the frame takes.

        Raises:
            EngineError: ONNX Runtime failed, or the network gives something else than it should.
        """
        rows, columns = self._placed(frame_bgr.shape[1::-1])
        small = np.zeros((*self.size_wh[::-1], 3), np.uint8)
        part = small[rows, columns]
        part[:] = cv2.resize(frame_bgr, part.shape[1::-1], interpolation=cv2.INTER_AREA)
        rgb = cv2.dnn.blobFromImage(small, 1 / 255, swapRB=True)
        return self._run(rgb)[rows, columns]

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

    def _run(self, rgb: np.ndarray) -> np.ndarray:
        try:
            found = self._session.run(["mask"], {"rgb": rgb}, run_options())
        except Exception as error:  # ONNX Runtime has no common base for what can fail
            raise EngineError(f"the person segmenter failed: {reason_of(error)}") from None
        return accepted(found, self._outputs)[0]


def _shapes(path: Path, inputs: Declared, outputs: Declared) -> tuple[Shapes, Shapes]:
    """Shapes of a segmenter's input and output, by what a file declares."""
    size = (inputs.get("rgb") or ())[2:]
    wanted = {"rgb": (1, 3, *size)}, {"mask": (1, 1, *size)}
    if (
        inputs != wanted[0]
        or len(size) != 2
        or not all(1 <= length <= _MOST_LENGTH for length in size)
        or not fits(outputs.get("mask"), wanted[1]["mask"])
    ):
        raise InputError(
            f"{path}: is no person segmenter with `rgb` (1, 3, H, W) → `mask` (1, 1, H, W); "
            "`python -m tools.segmenter` makes one of a .tflite file"
        )
    return wanted
