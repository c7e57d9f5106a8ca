"""What a frame on the GPU path takes at least: `python -m bench.roofline [-o FILE.json]`.

Nothing is run. Each stage moves bytes and does operations, counted here and from the shipped
models. Its time by the roofline (Williams, Waterman and Patterson 2009) is the larger of bytes /
bandwidth and operations / peak, with the peaks of `bench.devices`. Starting kernels, waiting,
Python and the arrays that NumPy makes in between are not in it, so a real run takes longer.

The path is TensorRT with the features by OpenCV's CUDA. Bytes are counted twice: *least*, where a
stage reads its input and writes its output once; *most*, on the GPU, where each of its steps does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

from bench.devices import DEVICES, Device, Kind, Place
from bench.onnx_costs import FLOAT32, network_cost
from vader_rt.cli.exit_codes import exit_code
from vader_rt.engines.onnx import read_contract
from vader_rt.io.files import file_sha256, write_text
from vader_rt.models import (
    DEFAULT_JUDGE,
    DEFAULT_MODEL,
    DEFAULT_RESTORATION,
    PERSON_MODEL,
    SELFIE_MODEL,
    SHIPPED,
)
from vader_rt.room.top_samples import MOST_SAMPLES

SIZE_WH = (1280, 720)
LEAK_SHARE = 0.2
"""Of the pixels: the mean over the frames of the sample call is 0.19."""
BESIDE = "beside the segmenter"
"""What the GPU does while the network's thread runs the person segmenter."""
Arrow = tuple[str, str, int, Literal["frame", "call"]]
"""From a stage to a stage, bytes, of each frame or once per call."""
ELEMENT_BYTES: dict[Kind, int] = {"tf32": 4, "fp16": 2, "int8": 1}
"""Of weights and of what lies between the layers; as if all layers computed in it."""

FEATURE_STEPS = {
    "frame to float32": (3, 12, 6),
    "split into planes": (12, 12, 0),
    "grey": (3, 1, 5),
    "Gaussian 5, rows": (1, 4, 10),
    "Gaussian 5, columns": (4, 1, 10),
    "gradient": (1, 12, 14),
    "thin edges": (12, 4, 6),
    "connect edges": (4, 4, 8),
    "edges": (4, 1, 1),
    "edges to float32": (1, 4, 2),
    "Gaussian 5, σ 1, rows": (1, 4, 10),
    "Gaussian 5, σ 1, columns": (4, 1, 10),
    "Gaussian 9, rows": (1, 4, 18),
    "Gaussian 9, columns": (4, 1, 18),
    "difference": (2, 4, 1),
    "its range": (4, 0, 2),
    "stretch": (4, 1, 2),
    "DoG to float32": (1, 4, 2),
    "person to float32": (1, 4, 2),
}
"""Bytes read, bytes written and operations of every pixel, as OpenCV's CUDA sources have it: the
rows of a Gaussian are kept as float32; a gradient is two int32 and its length a float32
(`cudafilters/src/filtering.cpp`, `cudaimgproc/src/cuda/canny.cu`). How often Canny goes on
connecting edges depends on the picture: counted once."""
FEATURE_PLANES, UPLOADED_BYTES = 6, 4
"""Planes that are made of each frame; bytes of a pixel that they are made of, BGR and person."""

BILINEAR_OPERATIONS = 9
"""Of every pixel: three blends of a subtraction, a multiplication and an addition."""
SAMPLE_BYTES, SUM_BYTES = 8 * MOST_SAMPLES, 4 * 8
"""What is kept of every pixel: samples, and eight float32 (`vader_rt/room/strongest.py`)."""
UNMIX_OPERATIONS = 30 + 2 * MOST_SAMPLES
"""Of every leaking pixel: products and sums of the fitted line, and the samples' order."""
BIN_READ, BIN_WRITTEN = 12, 9
"""Bytes at the network's size: leak, matte and strength so far of all pixels; what a time bin keeps
of those that leak."""


@dataclass(frozen=True)
class Stage:
    """One stage of the path.

    thread: of the program, whose stages follow each other; None for what runs once per call.
    bytes_most: None where only the least is counted. operations: None where there are none, or they
    depend on the recording. steps: kernels, if none are fused. timed: the entry of `stages_seconds`
    in result.json that it is part of, None if of none.
    """

    name: str
    place: Place
    thread: str | None
    bytes_least: int
    bytes_most: int | None = None
    operations: int | None = None
    kind: Kind = "fp32"
    steps: int | None = None
    timed: str | None = None

    def seconds(self, device: Device, *, most: bool = False) -> float:
        """By the roofline of a device, of the least bytes or the most."""
        moved = self.bytes_most if most and self.bytes_most is not None else self.bytes_least
        peak = device.peak(self.place, self.kind)
        return roofline(moved, self.operations or 0, device.bandwidth(self.place), peak)

    def bound(self, device: Device) -> Literal["bytes", "operations"]:
        """What the least time is of."""
        of_bytes = self.bytes_least / device.bandwidth(self.place)
        return "bytes" if self.seconds(device) == of_bytes else "operations"


@dataclass(frozen=True)
class Call:
    """What the counts depend on. pixels: of a frame; small: at the network's size."""

    pixels: int
    small: int
    leak_share: float


def roofline(moved: float, operations: float, bandwidth: float, peak: float) -> float:
    """Seconds of bytes and operations, at bytes and operations a second."""
    return max(moved / bandwidth, operations / peak)


def stages(size_wh: tuple[int, int] = SIZE_WH, leak_share: float = LEAK_SHARE) -> list[Stage]:
    """The stages of a frame of a size, then those of the end of a call."""
    call = _call(size_wh, leak_share)
    return [
        *_planes(call),
        *_run(DEFAULT_MODEL, "network", "network"),
        *_room(call),
        *_once_per_call(DEFAULT_RESTORATION, "restoration"),
        *_once_per_call(DEFAULT_JUDGE, "judge"),
    ]


def arrows(size_wh: tuple[int, int] = SIZE_WH) -> list[Arrow]:
    """What goes from stage to stage."""
    call, inputs = _call(size_wh, LEAK_SHARE), _input_bytes(DEFAULT_MODEL)
    made = FEATURE_PLANES * FLOAT32 * call.small
    outputs = FLOAT32 * network_cost(DEFAULT_MODEL).ends - inputs
    by_frame = (
        ("decode", "shrink", 3 * call.pixels),
        ("decode", "person segmenter", 3 * call.pixels),
        ("shrink", "features", 3 * call.small),
        ("person segmenter", "features", call.small),
        ("features", "network", made),
        ("network", "enlarge", outputs),
        ("enlarge", "un-mixing", outputs * call.pixels // call.small),
        ("decode", "un-mixing", 3 * call.pixels),
        ("decode", "person prior", 3 * call.pixels),
        ("person prior", "un-mixing", call.small),
    )
    once = (
        ("planes of the call", "network", inputs - made),
        ("un-mixing", "restoration", _input_bytes(DEFAULT_RESTORATION)),
        ("un-mixing", "judge", _input_bytes(DEFAULT_JUDGE)),
    )
    return [*((*arrow, "frame") for arrow in by_frame), *((*arrow, "call") for arrow in once)]


def thread_seconds(found: Sequence[Stage], device: Device, kind: Kind) -> dict[str, float]:
    """The least seconds of each thread; the slowest is the least time of a frame."""
    total: dict[str, float] = {}
    for stage in found:
        if stage.thread is not None and stage.kind in ("fp32", kind):
            total[stage.thread] = total.get(stage.thread, 0) + stage.seconds(device)
    return total


def _call(size_wh: tuple[int, int], leak_share: float) -> Call:
    return Call(prod(size_wh), prod(read_contract(DEFAULT_MODEL).size_wh), leak_share)


def _planes(call: Call) -> Iterator[Stage]:
    """From the recording to the planes. A decoder reads a picture that was, writes one, and BGR."""
    decoded = int((1.5 + 1.5 + 3) * call.pixels)
    yield Stage("decode", "CPU", "decoding", decoded)
    moved = 3 * (call.pixels + call.small)
    yield Stage("shrink", "CPU", "network", moved, operations=_shrinking(call), timed="features")
    yield _segmenter(call, SELFIE_MODEL, "person segmenter", "network", "features")
    uploaded = UPLOADED_BYTES * call.small
    yield Stage("upload", "link", BESIDE, uploaded, timed="features")
    read, written, operations = map(sum, zip(*FEATURE_STEPS.values(), strict=True))
    yield Stage(
        "features", "GPU", BESIDE, uploaded + FEATURE_PLANES * FLOAT32 * call.small,
        (read + written) * call.small, operations * call.small,
        steps=len(FEATURE_STEPS), timed="features",
    )  # fmt: skip


def _segmenter(call: Call, model: Path, name: str, thread: str, timed: str) -> Stage:
    """A person segmenter: it shrinks the frame, and its mask is brought to the planes' size."""
    cost = network_cost(model)
    moved = 3 * call.pixels + cost.bytes_least(FLOAT32) + call.small
    operations = cost.operations + _shrinking(call)
    return Stage(name, "CPU", thread, moved, operations=operations, timed=timed)


def _shrinking(call: Call) -> int:
    """Operations that bring a frame to a smaller size."""
    return 2 * 3 * call.pixels


def _run(model: Path, name: str, timed: str, thread: str | None = "network") -> Iterator[Stage]:
    """A network, in each precision, and the download of what it says."""
    cost = network_cost(model)
    for kind, size in ELEMENT_BYTES.items():
        yield Stage(
            f"{name}, {kind}", "GPU", thread, cost.bytes_least(size), cost.bytes_most(size),
            cost.operations, kind, cost.nodes, timed,
        )  # fmt: skip
    outputs = FLOAT32 * cost.ends - _input_bytes(model)
    yield Stage(f"{name}: download", "link", thread, outputs, timed=timed)


def _room(call: Call) -> Iterator[Stage]:
    """From matte and leak to samples."""
    pixels, small, leaking = call.pixels, call.small, call.leak_share
    enlarging = 2 * BILINEAR_OPERATIONS * pixels
    yield Stage("enlarge", "CPU", "network", 2 * FLOAT32 * (small + pixels), operations=enlarging)
    yield _segmenter(call, PERSON_MODEL, "person prior", "un-mixing", "person")
    read = FLOAT32 + 3 + 3  # matte, frame and virtual background
    kept = leaking * pixels * (read + 2 * (SAMPLE_BYTES + SUM_BYTES))
    bins = small * (BIN_READ + leaking * BIN_WRITTEN)
    yield Stage(
        "un-mixing", "CPU", "un-mixing", round(FLOAT32 * pixels + kept + bins),
        operations=round(pixels + leaking * pixels * UNMIX_OPERATIONS), timed="unmix",
    )  # fmt: skip


def _once_per_call(model: Path, name: str) -> Iterator[Stage]:
    yield Stage(f"{name}: upload", "link", None, _input_bytes(model), timed="restore")
    yield from _run(model, name, "restore", thread=None)


def _input_bytes(model: Path) -> int:
    return FLOAT32 * prod(read_contract(model).input_shape)


def figures(size_wh: tuple[int, int] = SIZE_WH, leak_share: float = LEAK_SHARE) -> dict[str, Any]:
    """All figures of this benchmark."""
    found = stages(size_wh, leak_share)
    models = (*SHIPPED, SELFIE_MODEL, PERSON_MODEL)
    return {
        "size_wh": size_wh,
        "leak_share": leak_share,
        "models": {model.name: file_sha256(model) for model in models},
        "devices": [asdict(device) for device in DEVICES],
        "stages": [{**asdict(stage), "times": _times(stage)} for stage in found],
        "threads": [{"thread": name, "times": t} for name, t in _threads(found).items()],
        "arrows": arrows(size_wh),
    }


def _threads(found: Sequence[Stage]) -> dict[str, dict[str, dict[str, float]]]:
    """By thread, the network's in every precision, and by device: microseconds of least bytes."""
    threads = dict.fromkeys(stage.thread for stage in found if stage.thread is not None)
    kinds: dict[str, Sequence[Kind]] = {"network": tuple(ELEMENT_BYTES)}
    return {
        thread if kind == "fp32" else f"{thread}, {kind}": {
            device.name: {"least": _microseconds(thread_seconds(found, device, kind)[thread])}
            for device in DEVICES
        }
        for thread in threads
        for kind in kinds.get(thread, ("fp32",))
    }


def _times(stage: Stage) -> dict[str, dict[str, Any]]:
    """By device: microseconds of the least and of the most bytes, and what bounds the least."""
    times: dict[str, dict[str, Any]] = {}
    for device in DEVICES:
        least = _microseconds(stage.seconds(device))
        times[device.name] = {"least": least, "bound": stage.bound(device)}
        if stage.bytes_most is not None:
            times[device.name]["most"] = _microseconds(stage.seconds(device, most=True))
    return times


def _microseconds(seconds: float) -> float:
    return round(1e6 * seconds, 2)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; give one as 1280x720")
    return int(width), int(height)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share; give one from 0 to 1")
    return share


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.roofline")
    add = parser.add_argument
    add("--size", type=_size, default=SIZE_WH, metavar="WxH", help="of a frame; default: 1280x720")
    add("--leak", type=_share, default=LEAK_SHARE, help="share that leaks; default: %(default)s")
    add("-o", "--output", type=Path, metavar="FILE", help="write the figures here as JSON")
    args = parser.parse_args(argv)
    return exit_code("bench.roofline", lambda: _figures(args))


def _figures(args: argparse.Namespace) -> int:
    text = json.dumps(figures(args.size, args.leak), indent=2)
    if args.output:
        write_text(args.output, text + "\n")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
