"""What makes a frame's input planes: the CPU, or OpenCV's CUDA where the engine's input lies."""

from __future__ import annotations

import logging
from typing import Protocol

import cv2
import numpy as np

from vader_rt.engines.engine import Engine, planes_address
from vader_rt.features import opencv_cuda
from vader_rt.features.planes import InputPlanes, PersonMask

log = logging.getLogger(__name__)


class FeatureExtractor(Protocol):
    """Makes what goes into `Engine.run`, frame after frame."""

    @property
    def name(self) -> str:
        """What makes the features: `cpu` or `opencv-cuda`."""
        ...

    def extract(self, planes: InputPlanes, small_bgr: np.ndarray, person: PersonMask) -> np.ndarray:
        """Make the planes of a frame, (h, w, 3) uint8 at the model's size.

        planes: whose buffer they go into; they may be those of another scene every time.

        Returns the buffer of the planes, or `IN_PLACE`: valid until the next frame.
        """
        ...


class CpuExtractor:
    """The features as they are defined."""

    name = "cpu"

    def extract(self, planes: InputPlanes, small_bgr: np.ndarray, person: PersonMask) -> np.ndarray:
        """See `FeatureExtractor.extract`."""
        return planes.fill(small_bgr, person() if "person" in planes.slices else None)


def extractor_for(engine: Engine, *, cpu: bool = False) -> FeatureExtractor:
    """What makes the features where the engine's input is, if that is a GPU and OpenCV can.

    Which it is, and why, is announced where the engine's input is on a GPU. cpu: the CPU at any
    rate.
    """
    address = planes_address(engine)
    if cpu or address is None or not set(opencv_cuda.ON_GPU) & set(engine.contract.inputs):
        return CpuExtractor()
    reason = opencv_cuda.hindrance()
    if reason is not None:
        log.info("features on the CPU: %s", reason)
        return CpuExtractor()
    log.info("features on the GPU, with OpenCV %s", cv2.__version__)
    return opencv_cuda.CudaExtractor(address)
