"""Conferencing clients, as far as a leak goes: a person segmenter and what is done to its mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from train.calls import PERSON_FREE
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter

MaskFunction = Callable[[np.ndarray], np.ndarray]
"""(H, W, 3) uint8 BGR frame → (h, w) float32 person mask in [0, 1], at the segmenter's size."""

TFLITE_FILES = {
    "mp-landscape": "selfie_segmentation_landscape.tflite",
    "meet-lite": "segm_lite_v681.tflite",
    "meet-full": "segm_full_v679.tflite",
    "body-pix": "body-pix-float-050-8.tflite",
}


@dataclass(frozen=True)
class MaskStyle:
    """What a client does to the segmenter's mask before it blends.

    smoothing: share of the previous mask in the new one, in [0, 1).
    threshold: mask value at which the mask is cut to 0 and 1; None leaves it soft.
    contrast: slope of the mask around 0.5; 1 leaves it as it is.
    grow_px: radius by which the mask is dilated (negative: eroded), at 720 lines.
    bilateral: MediaPipe's bilateral filter (5, 25, 25) on the 8-bit mask.
    feather_px: size of the Gaussian kernel that ends it, odd, at 720 lines.
    margin_px: how far from the person it may leak at most, at 720 lines: 0 is a client that never
    errs; None leaves the mask as it is.
    """

    smoothing: float = 0.0
    threshold: float | None = None
    contrast: float = 1.0
    grow_px: int = 0
    bilateral: bool = False
    feather_px: int = 5
    margin_px: int | None = None


STYLES: dict[str, MaskStyle] = {
    "mp": MaskStyle(bilateral=True, feather_px=3),
    "soft": MaskStyle(smoothing=0.3),
    "hard": MaskStyle(smoothing=0.3, threshold=0.5),
    "smoothed": MaskStyle(smoothing=0.7, feather_px=9),
    "generous": MaskStyle(smoothing=0.3, grow_px=14, feather_px=31),
    "feathered": MaskStyle(smoothing=0.3, grow_px=4, feather_px=21),
    "tight": MaskStyle(smoothing=0.3, contrast=2.5, grow_px=-3, feather_px=7),
}


@dataclass
class Client:
    """One client's masks over a call; keeps the previous mask for the temporal smoothing."""

    segment: MaskFunction
    style: MaskStyle
    _previous: np.ndarray | None = field(default=None, init=False, repr=False)

    def mask(self, frame_bgr: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """The blending mask of a camera frame: (H, W) uint8, 255 = person.

        alpha: (H, W) uint8, where the person truly is.
        """
        style = self.style
        height, width = frame_bgr.shape[:2]
        small = self.segment(frame_bgr)
        if self._previous is not None:
            small = style.smoothing * self._previous + (1 - style.smoothing) * small
        self._previous = small
        mask = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        if style.threshold is not None:
            mask = (mask > style.threshold).astype(np.float32)
        if style.contrast != 1:
            mask = np.clip((mask - 0.5) * style.contrast + 0.5, 0, 1)
        mask = _finish((np.clip(mask, 0, 1) * 255).astype(np.uint8), style, height / 720)
        if style.margin_px is None:
            return mask
        around = cv2.dilate(alpha, _disc(round(style.margin_px * height / 720)))
        return np.where(around <= PERSON_FREE, 0, np.minimum(mask, around))


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _finish(mask: np.ndarray, style: MaskStyle, scale: float) -> np.ndarray:
    if radius := round(abs(style.grow_px) * scale):
        kernel = _disc(radius)
        mask = cv2.dilate(mask, kernel) if style.grow_px > 0 else cv2.erode(mask, kernel)
    if style.bilateral:
        mask = cv2.bilateralFilter(mask, 5, 25, 25)
    size = max(3, round(style.feather_px * scale) // 2 * 2 + 1)
    return cv2.GaussianBlur(mask, (size, size), 0)


def segmenter_names(tflite_folder: str | Path | None) -> list[str]:
    """Names that `load_segmenter` knows: `mp` always, others where their file is in the folder."""
    folder = Path(tflite_folder) if tflite_folder else None
    others = [n for n, f in TFLITE_FILES.items() if folder and (folder / f).is_file()]
    return ["mp", *others]


def load_segmenter(name: str, tflite_folder: str | Path | None = None) -> MaskFunction:
    """Load a segmenter: `mp` from the package, the others from their `.tflite` files.

    Raises:
        InputError: the name is unknown or its file is not in the folder.
    """
    if name == "mp":
        return SampledSegmenter()
    if name not in segmenter_names(tflite_folder):
        known = ", ".join(segmenter_names(tflite_folder))
        raise InputError(
            f"segmenter {name!r}: not to be had; known: {known} "
            f"(others need {TFLITE_FILES.get(name, 'a .tflite file')} in --segmenters DIR)"
        )
    return TfliteSegmenter(Path(tflite_folder or "") / TFLITE_FILES[name])


class SampledSegmenter:
    """MediaPipe's selfie segmenter as MediaPipe feeds it.

    Its `ImageToTensorCalculator` warps the frame onto the 256×256 input, corner onto corner, and
    takes each value from the four pixels around one point: nothing is averaged where it shrinks.
    """

    def __init__(self) -> None:
        self._segmenter = Segmenter(threads=1)

    def __call__(self, frame_bgr: np.ndarray) -> np.ndarray:
        (width, height), (w, h) = frame_bgr.shape[1::-1], self._segmenter.size_wh
        matrix = np.diag([w / width, h / height, 1])
        return self._segmenter(cv2.warpPerspective(frame_bgr, matrix, (w, h)))


class TfliteSegmenter:
    """A person segmenter as TFLite: selfie, Meet or BodyPix, told apart by its output."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        outputs = self._interpreter.get_output_details()
        named = [o for o in outputs if "segment" in o["name"] or "activation" in o["name"]]
        self._output = (named or outputs)[0]
        self._is_body_pix = "body-pix" in path.name

    def __call__(self, frame_bgr: np.ndarray) -> np.ndarray:
        height, width = self._input["shape"][1:3]
        rgb = cv2.cvtColor(cv2.resize(frame_bgr, (width, height)), cv2.COLOR_BGR2RGB)
        tensor = rgb[None].astype(np.float32) / 255
        if self._is_body_pix:
            tensor = tensor * 2 - 1
        self._interpreter.set_tensor(self._input["index"], tensor)
        self._interpreter.invoke()
        return self._probability(self._interpreter.get_tensor(self._output["index"])[0])

    def _probability(self, output: np.ndarray) -> np.ndarray:
        """Raw output (h, w, 1 or 2) → person probability (h, w)."""
        if output.shape[2] == 2:
            return _sigmoid(output[..., 1] - output[..., 0])
        return _sigmoid(output[..., 0]) if self._is_body_pix else np.clip(output[..., 0], 0, 1)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))
