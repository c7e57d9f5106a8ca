"""Composes the frames of a call with full truth, and writes them in the VADER layout."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from train.calls import CallName, true_leak
from train.compose.camera import CallRecipe, camera, mix
from train.compose.clients import Client
from train.compose.overlay import Overlay
from vader_rt.io.video import VideoWriter

TRUTH_SIZE_WH = (640, 360)
CAMERA_CRF = 17


@dataclass(frozen=True)
class Composed:
    """One frame of a call with its truth: `call` (H, W, 3), `matte` and `person` (H, W), uint8."""

    call: np.ndarray
    matte: np.ndarray
    person: np.ndarray

    @property
    def leak(self) -> np.ndarray:
        """The true leak: (H, W) uint8."""
        return true_leak(self.matte, self.person)


def blend(
    recipe: CallRecipe, client: Client, frames: int, rng: np.random.Generator
) -> Iterator[Composed]:
    """Yield the frames of a call as its client makes them, before the call's own compression."""
    alphas: deque[np.ndarray] = deque()

    def recorded() -> Iterator[np.ndarray]:
        for image, alpha in camera(recipe, frames, rng):
            alphas.append(alpha)
            yield image

    for t, image in enumerate(recompress(recorded(), recipe.size_wh, CAMERA_CRF)):
        alpha = alphas.popleft()
        matte = client.mask(image, alpha)
        frame = Composed(mix(image, recipe.virtual, matte), matte, alpha)
        yield _under(recipe.overlay, t, frame) if recipe.overlay else frame


def _under(overlay: Overlay, t: int, frame: Composed) -> Composed:
    """A frame below an overlay: of the camera's picture, less is left."""
    color, alpha = overlay.at(t)
    matte = cv2.multiply(frame.matte, 255 - alpha, scale=1 / 255)
    return replace(frame, call=mix(color, frame.call, alpha), matte=matte)


def compose(
    recipe: CallRecipe, client: Client, *, frames: int, crf: int = 23, seed: int = 0
) -> Iterator[Composed]:
    """Yield the frames of a call as its recording shows them, compressed, with their truth."""
    truths: deque[Composed] = deque()

    def blended() -> Iterator[np.ndarray]:
        for frame in blend(recipe, client, frames, np.random.default_rng(seed)):
            truths.append(frame)
            yield frame.call

    for call in recompress(blended(), recipe.size_wh, crf):
        yield replace(truths.popleft(), call=call)


def recompress(
    frames: Iterable[np.ndarray], size_wh: tuple[int, int], crf: int
) -> Iterator[np.ndarray]:
    """Pass (H, W, 3) uint8 BGR frames through H.264 at a constant rate factor, in memory."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = size_wh
    encoder.pix_fmt = "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(30), Fraction(1, 30)
    encoder.options = {"crf": str(crf), "preset": "veryfast"}
    decoder = av.CodecContext.create("h264", "r")

    def decoded(packets: list) -> Iterator[np.ndarray]:
        for packet in packets:
            for frame in decoder.decode(packet):
                yield frame.to_ndarray(format="bgr24")

    for index, image in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts = index
        yield from decoded(encoder.encode(frame))
    yield from decoded([*encoder.encode(None), None])


def write_call(
    folder: Path,
    name: CallName,
    recipe: CallRecipe,
    client: Client,
    *,
    frames: int,
    crf: int = 23,
    seed: int = 0,
) -> Path:
    """Write one call in the VADER layout, truth included, and return the path of its video."""
    for part in ("videos", "masks", "backgrounds", "truth", "partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    leak = np.zeros(recipe.room.shape[:2], np.uint8)
    partial, video = (folder / part / f"{name.video}.mp4" for part in ("partial", "videos"))
    truth = folder / "truth"
    with (
        VideoWriter(partial, size_wh=recipe.size_wh, crf=crf) as call,
        VideoWriter(truth / f"{name.video}_matte.mp4", size_wh=TRUTH_SIZE_WH, crf=12) as matte,
        VideoWriter(truth / f"{name.video}_person.mp4", size_wh=TRUTH_SIZE_WH, crf=12) as person,
    ):
        for frame in blend(recipe, client, frames, np.random.default_rng(seed)):
            call.write(frame.call)
            matte.write(_truth_frame(frame.matte))
            person.write(_truth_frame(frame.person))
            leak = np.maximum(leak, frame.leak)
    cv2.imwrite(str(folder / "masks" / f"{name.mask}.png"), leak)
    cv2.imwrite(str(folder / "backgrounds" / f"{name.room}.png"), recipe.room)
    cv2.imwrite(str(truth / f"{name.virtual}.jpg"), recipe.virtual)
    partial.replace(video)  # a training that reads along sees whole calls only
    return video


def _truth_frame(plane: np.ndarray) -> np.ndarray:
    small = cv2.resize(plane, TRUTH_SIZE_WH, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
