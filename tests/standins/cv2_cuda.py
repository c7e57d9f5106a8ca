"""`cv2.cuda` as a build with CUDA has it, computed on the CPU: as much as the runtime uses.

What it computes follows OpenCV's CUDA sources, version 5.0: Gaussians in float32 rounded to even,
Canny with an empty outermost pixel and its own suppression, rounding
where the CPU's code truncates. Names, arguments and their order are those of OpenCV's headers.
Work is kept back until its stream is waited for, so that what does not wait reads what was there
before; the memory at an address is read and written where it is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import cv2
import numpy as np

_CHANNELS = {cv2.CV_8UC1: 1, cv2.CV_8UC3: 3, cv2.CV_32FC1: 1, cv2.CV_32FC3: 3}
devices = 1
broken: set[str] = set()


def getCudaEnabledDeviceCount() -> int:  # noqa: N802
    return devices


class Stream:
    def __init__(self) -> None:
        self._work: list[Callable[[], None]] = []

    def waitForCompletion(self) -> None:  # noqa: N802
        while self._work:
            self._work.pop(0)()

    def put(self, function: str, work: Callable[[], None]) -> None:
        if function in broken:
            raise cv2.error(f"OpenCV: {function}: error: (-217:Gpu API call)\nout of memory")
        self._work.append(work)


class GpuMat:
    def __init__(self, size: tuple[int, int] | None = None, type: int = cv2.CV_8UC1) -> None:  # noqa: A002
        self.array = np.empty((0, 0), np.uint8)
        self.kind = type
        if size is not None:
            self.create(size, type)

    def create(self, size: tuple[int, int], type: int) -> None:  # noqa: A002
        """Allocate, unless this is of the size and the type already."""
        width, height = size
        dtype = np.uint8 if type in (cv2.CV_8UC1, cv2.CV_8UC3) else np.float32
        channels = () if _CHANNELS[type] == 1 else (_CHANNELS[type],)
        self.kind = type
        if (self.array.shape, self.array.dtype) != ((height, width, *channels), dtype):
            self.array = np.full((height, width, *channels), 0xA5, dtype)

    def upload(self, arr: np.ndarray, stream: Stream) -> None:
        copy = arr.copy()  # pageable memory is staged before the call returns
        self.create(arr.shape[1::-1], cv2.CV_8UC1 if arr.ndim == 2 else cv2.CV_8UC3)
        stream.put("upload", lambda: np.copyto(self.array, copy))

    def download(self) -> np.ndarray:
        return self.array.copy()

    def cudaPtr(self) -> int:  # noqa: N802
        return self.array.ctypes.data

    def convertTo(  # noqa: N802
        self, rtype: int, alpha: float, beta: float, stream: Stream, dst: GpuMat
    ) -> GpuMat:
        assert rtype == cv2.CV_32F
        dst.create(self.array.shape[1::-1], cv2.CV_32FC1 if self.array.ndim == 2 else cv2.CV_32FC3)
        scale = np.float32(alpha)
        stream.put("convertTo", lambda: np.copyto(dst.array, self.array * scale + np.float32(beta)))
        return dst


def createGpuMatFromCudaMemory(  # noqa: N802
    size: tuple[int, int],
    type: int,  # noqa: A002
    cudaMemoryAddress: int,  # noqa: N803
) -> GpuMat:
    assert type == cv2.CV_32FC1
    mat = GpuMat(type=type)
    memory = (ctypes.c_float * (size[0] * size[1])).from_address(cudaMemoryAddress)
    mat.array = np.ctypeslib.as_array(memory).reshape(size[::-1])
    return mat


def createContinuous(rows: int, cols: int, type: int) -> GpuMat:  # noqa: A002, N802
    return GpuMat((cols, rows), type)


def cvtColor(src: GpuMat, code: int, dst: GpuMat, stream: Stream) -> GpuMat:  # noqa: N802
    dst.create(src.array.shape[1::-1], cv2.CV_8UC1)
    stream.put("cvtColor", lambda: np.copyto(dst.array, cv2.cvtColor(src.array, code)))
    return dst


def split(src: GpuMat, dst: Sequence[GpuMat], stream: Stream) -> Sequence[GpuMat]:
    for index, plane in enumerate(dst):
        plane.create(src.array.shape[1::-1], cv2.CV_32FC1)

        def work(plane: GpuMat = plane, index: int = index) -> None:
            np.copyto(plane.array, src.array[..., index])

        stream.put("split", work)
    return dst


def subtract(src1: GpuMat, src2: GpuMat, dst: GpuMat, dtype: int, stream: Stream) -> GpuMat:
    assert dtype == cv2.CV_32F
    dst.create(src1.array.shape[1::-1], cv2.CV_32FC1)
    stream.put("subtract", lambda: np.copyto(dst.array, src1.array.astype(np.float32) - src2.array))
    return dst


def normalize(
    src: GpuMat,
    alpha: float,
    beta: float,
    norm_type: int,
    dtype: int,
    dst: GpuMat,
    stream: Stream,
) -> GpuMat:
    assert (norm_type, dtype) == (cv2.NORM_MINMAX, cv2.CV_8U)
    dst.create(src.array.shape[1::-1], cv2.CV_8UC1)
    low, high = np.float32(min(alpha, beta)), np.float32(max(alpha, beta))

    def work() -> None:
        smallest, largest = src.array.min(), src.array.max()
        step = np.float32(1 / (largest - smallest)) if largest > smallest else np.float32(0)
        scale = (high - low) * step
        stretched = scale * src.array + (low - smallest * scale)
        np.copyto(dst.array, np.clip(np.rint(stretched), 0, 255).astype(np.uint8))

    stream.put("normalize", work)
    return dst


class Filter:
    def __init__(self, ksize: tuple[int, int], sigma: float) -> None:
        self._kernel = cv2.getGaussianKernel(ksize[0], sigma, cv2.CV_32F)

    def apply(self, src: GpuMat, dst: GpuMat, stream: Stream) -> GpuMat:
        dst.create(src.array.shape[1::-1], cv2.CV_8UC1)

        def work() -> None:
            blurred = cv2.sepFilter2D(
                src.array.astype(np.float32), cv2.CV_32F, self._kernel, self._kernel
            )
            np.copyto(dst.array, np.clip(np.rint(blurred), 0, 255).astype(np.uint8))

        stream.put("apply", work)
        return dst


def createGaussianFilter(  # noqa: N802
    srcType: int,  # noqa: N803
    dstType: int,  # noqa: N803
    ksize: tuple[int, int],
    sigma1: float,
) -> Filter:
    assert srcType == dstType == cv2.CV_8UC1
    return Filter(ksize, sigma1)


class CannyEdgeDetector:
    def __init__(self, low_thresh: float, high_thresh: float) -> None:
        self._thresholds = low_thresh, high_thresh

    def detect(self, image: GpuMat, edges: GpuMat, stream: Stream) -> GpuMat:
        edges.create(image.array.shape[1::-1], cv2.CV_8UC1)
        stream.put("detect", lambda: np.copyto(edges.array, _canny(image.array, *self._thresholds)))
        return edges


def createCannyEdgeDetector(low_thresh: float, high_thresh: float) -> CannyEdgeDetector:  # noqa: N802
    return CannyEdgeDetector(low_thresh, high_thresh)


def _canny(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Sobel, L1 magnitude, suppression across the gradient, hysteresis; the border stays empty."""
    dx, dy = (
        cv2.Sobel(image, cv2.CV_32F, *order, borderType=cv2.BORDER_REPLICATE)
        for order in ((1, 0), (0, 1))
    )
    magnitude = np.abs(dx) + np.abs(dy)

    def beside(rows: int, columns: int) -> np.ndarray:
        """The magnitude of the pixel that is so many rows and columns further."""
        return np.roll(magnitude, (-rows, -columns), axis=(0, 1))

    flat, steep = (np.abs(dx) * tangent for tangent in (np.tan(np.pi / 8), np.tan(3 * np.pi / 8)))
    falling = dx * dy < 0
    before, after = (
        np.where(
            np.abs(dy) < flat,
            beside(0, -1 if first else 1),
            np.where(
                np.abs(dy) > steep,
                beside(-1 if first else 1, 0),
                np.where(
                    falling,
                    beside(-1, 1) if first else beside(1, -1),
                    beside(-1, -1) if first else beside(1, 1),
                ),
            ),
        )
        for first in (True, False)
    )
    weak = (magnitude > low) & (magnitude > before) & (magnitude >= after)
    weak[[0, -1]] = False
    weak[:, [0, -1]] = False
    _, labels = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    strong = np.unique(labels[weak & (magnitude > high)])
    return np.where(weak & np.isin(labels, strong), 255, 0).astype(np.uint8)
