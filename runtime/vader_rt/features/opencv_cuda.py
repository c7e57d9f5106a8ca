"""`frame`, `edge` and `dog` made by OpenCV's CUDA modules, straight into the engine's own input.

The definition is the CPU's, `vader_rt.features.planes`; where OpenCV's CUDA differs from it is
bounded by the tolerances below and checked on the first frame. The planes of the call are uploaded
with that frame, and where they change; the person mask is made on the CPU while the GPU works.

Not run on a GPU yet. The names and signatures used are checked against OpenCV's headers, and in the
tests `tests/standins/cv2_cuda.py` computes what OpenCV's CUDA sources do, on the CPU.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np

from vader_rt.engines.engine import IN_PLACE
from vader_rt.features.planes import InputPlanes, PersonMask
from vader_rt.io.images import shrunk

log = logging.getLogger(__name__)

ON_GPU = ("frame", "edge", "dog")
"""The groups that are made here."""
FRAME_LEVELS, EDGE_SHARE, DOG_LEVELS = 0.5, 0.02, 4.0
"""How far the first frame may be off the CPU's planes: the most levels of `frame`, which is only
uploaded and scaled; the share of `edge`, whose outermost pixels stay empty and which follows grey
levels that were rounded otherwise; the mean levels of `dog`, which is stretched from its smallest
to its largest value, so that one level there moves all of it."""
_FAILURES = (cv2.error, AttributeError, TypeError)
"""OpenCV's own, and what an OpenCV raises that lacks a name or an argument."""
TRUNCATES = 0.4999
"""OpenCV's CUDA rounds where the CPU's definition truncates; this shift makes the one the other."""


def hindrance() -> str | None:
    """Why OpenCV's CUDA cannot be used here; None where it can.

    Asks only what is safe: in wheels without CUDA other calls end the process.
    """
    if not hasattr(getattr(cv2, "cuda", None), "createCannyEdgeDetector"):
        return f"this OpenCV ({cv2.__version__}) is built without CUDA's image processing"
    if cv2.cuda.getCudaEnabledDeviceCount() <= 0:
        return "OpenCV's CUDA finds no GPU that it was built for"
    return None


class CudaExtractor:
    """The planes of `ON_GPU` made on the GPU, in the engine's input; gives `IN_PLACE` then.

    A frame whose planes of the call are not those that lie there is made on the CPU, and all of it
    is uploaded. Where OpenCV fails, or the first frame is further off the CPU's planes than the
    tolerances, it says so and goes on with the CPU's.

    Args:
        address: of the engine's input on the GPU, which nothing else writes to meanwhile.
    """

    def __init__(self, address: int) -> None:
        self._address = address
        self._gpu: _GpuFeatures | None = None
        self._refused = False
        self._planes: InputPlanes | None = None
        self._changes = 0

    @property
    def name(self) -> str:
        """See `FeatureExtractor.name`; `cpu` after the GPU was refused."""
        return "cpu" if self._refused else "opencv-cuda"

    def extract(self, planes: InputPlanes, small_bgr: np.ndarray, person: PersonMask) -> np.ndarray:
        """See `FeatureExtractor.extract`."""
        there = planes is self._planes and planes.static_changes == self._changes
        if there and self._gpu is not None:
            mask = self._make(self._gpu, planes, small_bgr, person)
            if not self._refused:
                return IN_PLACE
        else:
            mask = _mask(planes, person)
        buffer = planes.fill(small_bgr, mask)
        self._planes, self._changes = planes, planes.static_changes
        if self._gpu is None and not self._refused:
            self._try(planes, small_bgr)
        return buffer

    def _make(
        self, gpu: _GpuFeatures, planes: InputPlanes, small_bgr: np.ndarray, person: PersonMask
    ) -> np.ndarray | None:
        """Make a frame's planes in place, refusing the GPU where OpenCV fails; the person mask."""
        with self._refusing():
            gpu.start(small_bgr)
        mask = _mask(planes, person)
        if self._refused:
            return mask
        with self._refusing():
            if mask is not None:
                gpu.put("person", mask)
            gpu.finish()
        return mask

    def _try(self, planes: InputPlanes, small_bgr: np.ndarray) -> None:
        """Make the planes of a frame that the CPU has made on the GPU too, and compare."""
        with self._refusing():
            gpu = _GpuFeatures(planes, self._address)
            gpu.start(small_bgr)
            gpu.finish()
            reason = difference(gpu.download(), _of_cpu(planes))
            if reason is None:
                self._gpu = gpu
            else:
                self._refuse(reason)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except _FAILURES as error:
            self._refuse(f"failed ({' '.join(str(error).split())})")

    def _refuse(self, reason: str) -> None:
        self._refused, self._gpu = True, None
        log.warning("features on the CPU from here on: OpenCV's CUDA %s", reason)


def _mask(planes: InputPlanes, person: PersonMask) -> np.ndarray | None:
    return person() if "person" in planes.slices else None


def _of_cpu(planes: InputPlanes) -> dict[str, np.ndarray]:
    slices = planes.slices
    return {group: planes.buffer[0, slices[group]] for group in ON_GPU if group in slices}


def difference(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> str | None:
    """What is beyond the tolerances between planes in [0, 1] by group; None where nothing is."""
    for group, limit in (("frame", FRAME_LEVELS), ("edge", EDGE_SHARE), ("dog", DOG_LEVELS)):
        if group in wanted:
            off = distance(group, found[group], wanted[group])
            if not off <= limit:  # NaN too
                return f"makes {group} otherwise than the CPU: {off:.3g}, allowed are {limit}"
    return None


def distance(group: str, found: np.ndarray, wanted: np.ndarray) -> float:
    """How far a group's planes in [0, 1] are off, in the measure of its tolerance."""
    levels = np.abs(found - wanted) * 255
    if group == "edge":
        return float((np.abs(found - wanted) > 0.5).mean() + np.isnan(found).mean())
    return float(levels.max() if group == "frame" else levels.mean())


def trial(frame_bgr: np.ndarray) -> tuple[dict[str, float], str | None]:
    """Make the planes of a frame on the GPU: how far they are off the CPU's, and `difference`.

    Raises:
        cv2.error: OpenCV or the GPU failed.
    """
    cuda: Any = cv2.cuda
    height, width = (side // 2 for side in frame_bgr.shape[:2])
    planes, small = InputPlanes(ON_GPU, (width, height)), shrunk(frame_bgr, (width, height))
    planes.fill(small)
    memory = cuda.createContinuous(planes.buffer.shape[1] * height, width, cv2.CV_32FC1)
    gpu = _GpuFeatures(planes, memory.cudaPtr())
    gpu.start(small)
    gpu.finish()
    found, wanted = gpu.download(), _of_cpu(planes)
    distances = {group: distance(group, found[group], wanted[group]) for group in ON_GPU}
    return distances, difference(found, wanted)


class _GpuFeatures:
    """OpenCV's CUDA on one stream, with memory that is allocated once.

    Raises:
        cv2.error: OpenCV or the GPU failed.
    """

    def __init__(self, planes: InputPlanes, address: int) -> None:
        cuda: Any = cv2.cuda
        self._cuda, self._size_wh = cuda, planes.size_wh
        self._stream = cuda.Stream()
        size = planes.buffer.itemsize * planes.size_wh[0] * planes.size_wh[1]
        self._planes = {
            group: [
                cuda.createGpuMatFromCudaMemory(planes.size_wh, cv2.CV_32FC1, address + i * size)
                for i in range(*where.indices(planes.buffer.shape[1]))
            ]
            for group, where in planes.slices.items()
            if group in (*ON_GPU, "person")
        }
        self._small, self._float = (self._new(t) for t in (cv2.CV_8UC3, cv2.CV_32FC3))
        eight_bit = ("gray", "smooth", "edge", "narrow", "wide", "dog", "person")
        self._mats = {name: self._new(cv2.CV_8UC1) for name in eight_bit}
        self._difference = self._new(cv2.CV_32FC1)
        self._canny = cuda.createCannyEdgeDetector(50, 150)
        self._blurs = {
            name: cuda.createGaussianFilter(cv2.CV_8UC1, cv2.CV_8UC1, ksize, sigma)
            for name, ksize, sigma in (
                ("smooth", (5, 5), 0),
                ("narrow", (5, 5), 1),
                ("wide", (9, 9), 2),
            )
        }

    def start(self, small_bgr: np.ndarray) -> None:
        """Start to make the planes of a frame, (h, w, 3) uint8 at the model's size."""
        self._small.upload(np.ascontiguousarray(small_bgr), self._stream)
        if "frame" in self._planes:
            self._put_frame()
        if "edge" in self._planes or "dog" in self._planes:
            gray, stream = self._mats["gray"], self._stream
            self._cuda.cvtColor(self._small, cv2.COLOR_BGR2GRAY, dst=gray, stream=stream)
        if "edge" in self._planes:
            self._blur("smooth")
            edges = self._mats["edge"]
            self._canny.detect(self._mats["smooth"], edges=edges, stream=self._stream)
            self._scale(edges, self._planes["edge"][0])
        if "dog" in self._planes:
            self._put_dog()

    def put(self, group: str, plane: np.ndarray) -> None:
        """Start to write a (H, W) uint8 plane of the model's size into its place."""
        self._mats[group].upload(np.ascontiguousarray(plane), self._stream)
        self._scale(self._mats[group], self._planes[group][0])

    def finish(self) -> None:
        """Wait for what was started."""
        self._stream.waitForCompletion()

    def download(self) -> dict[str, np.ndarray]:
        """What lies in the engine's input: (C, H, W) float32 by group."""
        made = {group: mats for group, mats in self._planes.items() if group in ON_GPU}
        return {group: np.stack([mat.download() for mat in mats]) for group, mats in made.items()}

    def _new(self, kind: int) -> Any:
        return self._cuda.GpuMat(self._size_wh, kind)

    def _put_frame(self) -> None:
        self._scale(self._small, self._float)
        into = self._planes["frame"][::-1]  # the frame is BGR, the planes are RGB
        self._cuda.split(self._float, dst=into, stream=self._stream)

    def _put_dog(self) -> None:
        self._blur("narrow")
        self._blur("wide")
        narrow, wide, dog = (self._mats[name] for name in ("narrow", "wide", "dog"))
        self._cuda.subtract(
            narrow, wide, dst=self._difference, dtype=cv2.CV_32F, stream=self._stream
        )
        self._cuda.normalize(
            self._difference, -TRUNCATES, 255 - TRUNCATES, cv2.NORM_MINMAX, cv2.CV_8U, dst=dog,
            stream=self._stream,
        )  # fmt: skip
        self._scale(dog, self._planes["dog"][0])

    def _blur(self, name: str) -> None:
        self._blurs[name].apply(self._mats["gray"], dst=self._mats[name], stream=self._stream)

    def _scale(self, levels: Any, into: Any) -> None:
        """[0, 255] → [0, 1]."""
        levels.convertTo(cv2.CV_32F, alpha=1 / 255, beta=0.0, stream=self._stream, dst=into)
