"""Make calls with full truth: `python -m train.compose MATERIAL -o CALLS --calls 100`.

The recipe is that of the VADER challenge: a matted person over a room, as a noisy camera would
record it; a real person segmenter and its client's mask style; the blend with a virtual image;
H.264. People, rooms, virtual images, clients, scale, position, pace, light and compression are
drawn anew for every call, and a seed makes the same calls again.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from train.calls import CallName
from train.clients import Client
from train.draw import Composer
from train.material import read_material
from train.scene import Scene, camera, mix
from vader_rt.errors import VaderError
from vader_rt.video import VideoWriter

TRUTH_SIZE_WH = (640, 360)
CAMERA_CRF = 17
PERSON_FREE = 4
"""A pixel is free of the person where its true alpha is at most this, of 255."""


@dataclass(frozen=True)
class Composed:
    """One frame of a call with its truth: `call` (H, W, 3), `matte` and `person` (H, W), uint8."""

    call: np.ndarray
    matte: np.ndarray
    person: np.ndarray

    @property
    def leak(self) -> np.ndarray:
        """The matte where the person is not: (H, W) uint8."""
        return np.where(self.person <= PERSON_FREE, self.matte, 0)


def blend(
    scene: Scene, client: Client, frames: int, rng: np.random.Generator
) -> Iterator[Composed]:
    """Yield the frames of a call as its client makes them, before the call's own compression."""
    alphas: deque[np.ndarray] = deque()

    def recorded() -> Iterator[np.ndarray]:
        for image, alpha in camera(scene, frames, rng):
            alphas.append(alpha)
            yield image

    for image in recompress(recorded(), scene.size_wh, CAMERA_CRF):
        matte = client.mask(image)
        yield Composed(mix(image, scene.virtual, matte), matte, alphas.popleft())


def compose(
    scene: Scene, client: Client, *, frames: int, crf: int = 23, seed: int = 0
) -> Iterator[Composed]:
    """Yield the frames of a call as its recording shows them, compressed, with their truth."""
    truths: deque[Composed] = deque()

    def blended() -> Iterator[np.ndarray]:
        for frame in blend(scene, client, frames, np.random.default_rng(seed)):
            truths.append(frame)
            yield frame.call

    for call in recompress(blended(), scene.size_wh, crf):
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
    scene: Scene,
    client: Client,
    *,
    frames: int,
    crf: int = 23,
    seed: int = 0,
) -> Path:
    """Write one call in the VADER layout, truth included, and return the path of its video."""
    for part in ("videos", "masks", "backgrounds", "truth", "partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    leak = np.zeros(scene.room.shape[:2], np.uint8)
    partial, video = (folder / part / f"{name.video}.mp4" for part in ("partial", "videos"))
    truth = folder / "truth"
    with (
        VideoWriter(partial, size_wh=scene.size_wh, crf=crf) as call,
        VideoWriter(truth / f"{name.video}_matte.mp4", size_wh=TRUTH_SIZE_WH, crf=12) as matte,
        VideoWriter(truth / f"{name.video}_person.mp4", size_wh=TRUTH_SIZE_WH, crf=12) as person,
    ):
        for frame in blend(scene, client, frames, np.random.default_rng(seed)):
            call.write(frame.call)
            matte.write(_truth_frame(frame.matte))
            person.write(_truth_frame(frame.person))
            leak = np.maximum(leak, frame.leak)
    cv2.imwrite(str(folder / "masks" / f"{name.mask}.png"), leak)
    cv2.imwrite(str(folder / "backgrounds" / f"{name.room}.png"), scene.room)
    cv2.imwrite(str(truth / f"{name.virtual}.jpg"), scene.virtual)
    partial.replace(video)  # a training that reads along sees whole calls only
    return video


def _truth_frame(plane: np.ndarray) -> np.ndarray:
    small = cv2.resize(plane, TRUTH_SIZE_WH, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.compose")
    parser.add_argument("material", type=Path, help="folder with people/, rooms/ and virtual/")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the calls")
    parser.add_argument("--calls", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--start", type=int, default=0, help="index of the first (default 0)")
    parser.add_argument("--frames", type=int, default=120, help="frames a call (default 120)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--recolored", type=float, default=0.5, help="share of recoloured people (default 0.5)"
    )
    parser.add_argument(
        "--resting", type=float, default=0.0, help="share of people who sit still (default 0)"
    )
    parser.add_argument(
        "--generous", type=float, default=0.0, help="share of clients that cut wide (default 0)"
    )
    parser.add_argument("--segmenters", type=Path, help="folder with .tflite files")
    parser.add_argument("--only", nargs="+", default=[], help="names of material to use alone")
    parser.add_argument("--without", nargs="+", default=[], help="names of material to leave out")
    return parser.parse_args()


def main() -> None:
    args = _parse()
    try:
        material = read_material(args.material)
        material = material.without(material.only(set(args.without)))
        material = material.only(set(args.only)) if args.only else material
        segmenters = args.segmenters or args.material / "segmenters"
        composer = Composer(
            material,
            segmenters,
            args.seed,
            recolored=args.recolored,
            resting=args.resting,
            generous=args.generous,
        )
        for index in range(args.start, args.start + args.calls):
            name, scene, client, crf = composer.draw(index)
            options = {"frames": args.frames, "crf": crf, "seed": index}
            print(write_call(args.output, name, scene, client, **options), flush=True)
    except VaderError as error:
        raise SystemExit(f"train.compose: {error}") from None


if __name__ == "__main__":
    main()
