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
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np

from train.calls import CallName
from train.clients import STYLES, Client, MaskFunction, MaskStyle, load_segmenter, segmenter_names
from train.material import Material, PersonClip, read_material, read_person
from vader_rt.errors import VaderError
from vader_rt.video import VideoWriter, read_image
from vader_rt.virtual import cover

SIZE_WH = (1280, 720)
TRUTH_SIZE_WH = (640, 360)
CAMERA_CRF = 17
PERSON_FREE = 4
"""A pixel is free of the person where its true alpha is at most this, of 255."""


@dataclass(frozen=True)
class Scene:
    """What is in front of the camera, and behind the caller on the screen.

    room, virtual: (H, W, 3) uint8 BGR, of the call's size.
    height: the person's clip, as a share of the frame's height; x: its centre, share of the width.
    pace: clip frames per call frame; 0 holds the person still.
    sway_px: the person drifts left and right by so much; period in frames. rest: how many times
    faster than a pendulum the person changes sides, to rest in between; 1 is a pendulum.
    noise: standard deviation of the sensor noise in levels; light: amplitude of a slow change.
    """

    person: PersonClip
    room: np.ndarray
    virtual: np.ndarray
    height: float = 0.9
    x: float = 0.5
    pace: float = 1.0
    sway_px: float = 0.0
    sway_period: float = 90.0
    rest: float = 1.0
    noise: float = 2.0
    light: float = 0.0

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.room.shape[1], self.room.shape[0]


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


def camera(scene: Scene, frames: int, rng: np.random.Generator) -> Iterator[tuple]:
    """Yield what the camera sees and the person's true alpha, (H, W, 3) and (H, W) uint8."""
    sensor = _SensorNoise(scene, rng)
    for t in range(frames):
        color, alpha = _placed(scene, t)
        image = _mix(color, sensor.add_to(scene.room), alpha)
        light = 1 + scene.light * np.sin(2 * np.pi * t / (1.3 * frames))
        yield (cv2.convertScaleAbs(image, alpha=light) if scene.light else image), alpha


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
        yield Composed(_mix(image, scene.virtual, matte), matte, alphas.popleft())


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


@dataclass(frozen=True)
class Composer:
    """Draws calls at random from material; the same index always gives the same call.

    recolored, resting, generous: shares of the calls whose person wears other colours, whose person
    sits still but for a change of place now and then, and whose client leaves a wide margin.
    """

    material: Material
    segmenters: str | Path | None = None
    seed: int = 0
    recolored: float = 0.5
    resting: float = 0.0
    generous: float = 0.0

    def draw(self, index: int) -> tuple[CallName, Scene, Client, int]:
        """The call with this index: its name, scene, client and constant rate factor."""
        rng = np.random.default_rng([self.seed, index])
        person, room, virtual = (
            str(rng.choice(np.array(names)))
            for names in (
                list(self.material.people),
                list(self.material.rooms),
                list(self.material.virtuals),
            )
        )
        tool, client = self._client(rng)
        tool, client = self._with_margin(tool, client, index)
        scene = Scene(
            self._person(person, index),
            _varied(read_image(self.material.rooms[room]), rng),
            _varied(read_image(self.material.virtuals[virtual]), rng),
            height=float(rng.uniform(0.65, 1.1)),
            x=float(rng.uniform(0.3, 0.7)),
            pace=float(rng.choice([0.25, 0.5, 1.0, 1.0, 1.5, 2.0])),
            sway_px=float(rng.choice([0, 0, 1]) * rng.uniform(5, 80)),
            sway_period=float(rng.uniform(40, 150)),
            noise=float(rng.uniform(1, 3)),
            light=float(rng.choice([0, 0, 0, 1]) * rng.uniform(0, 0.05)),
        )
        tag = f"n{self.seed}x{index}"
        name = CallName(person, tag, f"{room}-{tag}", f"{virtual}-{tag}", tool)
        crf = int(rng.choice([20, 23, 23, 23, 26, 29]))
        return name, self._at_rest(scene, index), client, crf

    def _person(self, name: str, index: int) -> PersonClip:
        clip = _read_person_cached(*self.material.people[name])
        rng = self._own_rng(index, 1)
        return replace(clip, tone=_tone(rng, cast=0.3)) if rng.random() < self.recolored else clip

    def _at_rest(self, scene: Scene, index: int) -> Scene:
        rng = self._own_rng(index, 2)
        if rng.random() >= self.resting:
            return scene
        return replace(
            scene,
            pace=float(rng.choice([0.0, 0.0, 0.1])),
            sway_px=float(rng.uniform(40, 160)),
            sway_period=float(rng.uniform(60, 200)),
            rest=float(rng.uniform(1, 5)),
        )

    def _with_margin(self, tool: str, client: Client, index: int) -> tuple[str, Client]:
        rng = self._own_rng(index, 3)
        if rng.random() >= self.generous:
            return tool, client
        style = replace(
            client.style,
            smoothing=float(rng.uniform(0.2, 0.7)),
            grow_px=int(rng.integers(7, 19)),
            feather_px=int(rng.choice([9, 15, 21, 31])),
        )
        return f"{tool}-generous", replace(client, style=style)

    def _own_rng(self, index: int, what: int) -> np.random.Generator:
        """For one thing alone: what else is drawn for a call stays as it is without it."""
        return np.random.default_rng([self.seed, index, what])

    def _client(self, rng: np.random.Generator) -> tuple[str, Client]:
        names = segmenter_names(self.segmenters)
        weights = np.array([2.0 if n.startswith("mp") else 1.0 for n in names])
        segmenter = str(rng.choice(np.array(names), p=weights / weights.sum()))
        if segmenter == "mp" and rng.random() < 0.6:
            return "mp", Client(_load_cached("mp", self.segmenters), STYLES["mp"])
        style = _random_style(rng)
        label = f"{segmenter}-{'hard' if style.threshold else 'soft'}"
        return label, Client(_load_cached(segmenter, self.segmenters), style)


def _random_style(rng: np.random.Generator) -> MaskStyle:
    return MaskStyle(
        smoothing=float(rng.choice([0.0, 0.3, 0.3, rng.uniform(0, 0.7)])),
        threshold=float(rng.uniform(0.3, 0.7)) if rng.random() < 0.25 else None,
        contrast=float(rng.choice([1.0, 1.0, rng.uniform(0.8, 3.0)])),
        grow_px=int(rng.choice([0, 0, int(rng.integers(-4, 7))])),
        bilateral=bool(rng.random() < 0.3),
        feather_px=int(rng.choice([3, 5, 5, 9, 15, 25])),
    )


def _varied(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random crop, mirror, exposure and colour cast of an image, at the call's size."""
    height, width = image.shape[:2]
    share = rng.uniform(0.55, 1.0)
    h, w = int(height * share), int(width * share)
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    part = image[y : y + h, x : x + w]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return cv2.LUT(cover(np.ascontiguousarray(part), SIZE_WH), _tone(rng))


def _tone(rng: np.random.Generator, cast: float = 0.07) -> np.ndarray:
    """A look-up table, (1, 256, 3) uint8, of a random exposure, gamma and colour cast."""
    gains = rng.uniform(0.7, 1.2) * rng.uniform(1 - cast, 1 + cast, 3)
    gamma = rng.uniform(0.8, 1.3)
    levels = np.arange(256)[:, None] / 255
    return np.clip(levels**gamma * gains * 255, 0, 255).astype(np.uint8)[None]


def _mix(front: np.ndarray, back: np.ndarray, share: np.ndarray) -> np.ndarray:
    """front·share + back·(1 − share), truncated to 8 bit; `share` (H, W) uint8, 255 = 1."""
    share = cv2.merge([share] * 3).astype(np.uint16)
    total = front * share
    total += back * (255 - share)
    total += (total >> 8) + 1  # (v + 1 + v // 256) // 256 = v // 255, without a division
    return (total >> 8).astype(np.uint8)


class _SensorNoise:
    """Gaussian noise, drawn once and shifted at random from frame to frame."""

    _MARGIN = 61

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        height, width = scene.room.shape[:2]
        shape = (height + self._MARGIN, width + self._MARGIN, 3)
        self._noise = np.rint(rng.standard_normal(shape, np.float32) * scene.noise).astype(np.int16)
        self._rng = rng

    def add_to(self, image: np.ndarray) -> np.ndarray:
        y, x = self._rng.integers(self._MARGIN, size=2)
        noise = self._noise[y : y + image.shape[0], x : x + image.shape[1]]
        return np.clip(image + noise, 0, 255).astype(np.uint8)


def _placed(scene: Scene, t: int) -> tuple[np.ndarray, np.ndarray]:
    """The person's colour (H, W, 3) and alpha (H, W) in the frame, anchored at its bottom."""
    width, height = scene.size_wh
    color, alpha = scene.person.at(t * scene.pace)
    scale = scene.height * height / alpha.shape[0]
    swing = np.clip(scene.rest * np.sin(2 * np.pi * t / scene.sway_period), -1, 1)
    sway = scene.sway_px * height / 720 * swing
    dx = scene.x * width - alpha.shape[1] * scale / 2 + sway
    dy = height - alpha.shape[0] * scale
    matrix = np.array([[scale, 0, dx], [0, scale, dy]], np.float32)
    color = cv2.warpAffine(color, matrix, scene.size_wh, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, matrix, scene.size_wh)
    return color, alpha


def _truth_frame(plane: np.ndarray) -> np.ndarray:
    small = cv2.resize(plane, TRUTH_SIZE_WH, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)


@lru_cache(maxsize=32)
def _read_person_cached(color: Path, alpha: Path) -> PersonClip:
    return read_person(color, alpha)


@lru_cache(maxsize=8)
def _load_cached(name: str, folder: str | Path | None) -> MaskFunction:
    return load_segmenter(name, folder)


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
