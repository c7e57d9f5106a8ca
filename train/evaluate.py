"""Score a model on calls with truth: `python -m train.evaluate CALLS [--model M] [--seed-model S]`.

Beside `ours`, in the same run: `virtual`, the virtual background itself; `copied` and `voted`, what
our own pipeline had before its last steps; `seed`, the seed's network and aggregation, if its
exported model is given; and what the true masks give, see `train.ceilings`. Of all calls together,
what is shown is measured by `train.trust`. A call whose true leak is black has no score: what is
shown and claimed of it is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

import cv2
import numpy as np

from train.calls import Call, read_calls
from train.ceilings import ceilings
from train.reliability import plot_reliability, reliability, seen_pixels
from train.trust import SeenPixels, trust
from vader_rt.cli.exit_codes import exit_code
from vader_rt.io.files import write_text
from vader_rt.io.images import shrunk
from vader_rt.io.video import open_video
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.result import Reconstruction
from vader_rt.score import score

Row = dict[str, float]
"""What the table says of one call, by column."""
_STRIP_WH = (320, 180)


def evaluate_call(
    call: Call,
    *,
    seed_model: Path | None = None,
    given: bool = False,
    with_ceilings: bool = True,
    **options: Any,
) -> tuple[Row, Reconstruction]:
    """Score one call and the baselines: its row of the table, and what was recovered.

    given: hand over the true virtual image. with_ceilings: score what the true masks give.
    options: of `vader_rt.reconstruct`.
    """
    if given:
        options["virtual_background"] = call.virtual
    mask = call.read_mask()
    if not mask.any():
        result = reconstruct(call.video, **options)
        return _own_columns(result), result
    result = reconstruct(call.video, truth=call.room, mask=call.mask, **options)
    rooms = {"virtual": result.virtual, **_before_restoration(result)}
    if seed_model is not None:
        rooms["seed"] = reconstruct(call.video, model=seed_model).background
    if with_ceilings and call.has_truth:
        rooms |= ceilings(call, result.virtual)
    truth = call.read_room()
    baselines = {name: score(room, truth, mask).challenge for name, room in rooms.items()}
    return _own_columns(result) | baselines, result


def _own_columns(result: Reconstruction) -> Row:
    scored = {}
    if result.scores is not None:
        scored = {
            "ours": result.scores.challenge,
            "artifact": result.scores.artifact or 0.0,
            "precision": result.scores.precision,
        }
    return scored | {
        "coverage": result.coverage,
        "shown": result.report["shown"],
        "s/frame": result.report["timings"]["seconds_per_frame"],
    }


def _before_restoration(result: Reconstruction) -> dict[str, np.ndarray]:
    """The strongest sample of each pixel as it is, and the vote of more of them."""
    seen = (result.confidence > 0)[..., None]
    rooms = {"copied": result.strongest.frame}
    if result.voted is not None:
        rooms["voted"] = result.voted.room
    return {name: np.where(seen, room, result.virtual) for name, room in rooms.items()}


def strip(call: Call, result: Reconstruction) -> np.ndarray:
    """What a reader looks at, side by side: a frame of the call, the guess (grey where nothing was
    seen), what of it is shown as room, the real room, the true leak. (h, w, 3) uint8 BGR.
    """
    frame = next(islice(open_video(call.video).frames(), len(result.timeline) // 2, None))
    room, leak = result.background, cv2.cvtColor(call.read_mask(), cv2.COLOR_GRAY2BGR)
    seen, shown = (m[..., None] for m in (result.confidence > 0, result.shown))
    pictures = [
        frame,
        np.where(seen, room, 128),
        np.where(shown, room, 128),
        call.read_room(),
        leak,
    ]
    return np.hstack([shrunk(picture.astype(np.uint8), _STRIP_WH) for picture in pictures])


def table(rows: dict[str, Row]) -> str:
    """The rows by call as a Markdown table, with mean and median."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = ["| call | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    averages = {
        f"**{name}**": {c: average([r[c] for r in rows.values() if c in r]) for c in columns}
        for name, average in (("mean", fmean), ("median", median))
    }
    for name, row in (rows | averages).items():
        cells = (f"{row[c]:.3f}" if c in row else "–" for c in columns)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _parser().parse_args(argv)
    return exit_code("train.evaluate", lambda: _evaluate(args))


def _evaluate(args: argparse.Namespace) -> int:
    rng = np.random.default_rng(0)
    rows: dict[str, Row] = {}
    drawn: list[tuple[np.ndarray, np.ndarray]] = []
    seen: list[SeenPixels] = []
    for call, row, result in _evaluated(args):
        rows[call.name.video] = row
        print(call.name.video, *(f"{k} {v:.3f}" for k, v in row.items()), flush=True)
        pixels, right = seen_pixels(result, call.read_room(), rng)
        drawn.append((result.confidence.ravel()[pixels], right))
        seen.append(SeenPixels.of(result, call.read_room(), call.read_mask()))
        if args.pictures:
            args.pictures.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(args.pictures / f"{call.name.video}.jpg"), strip(call, result))
    confidence, right = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    print(table(rows))
    print(reliability(confidence, right))
    print(*(f"{name} {value:.3f}" for name, value in vars(trust(seen)).items()))
    if args.pictures:
        plot_reliability(confidence, right, args.pictures / "reliability.png")
    if args.json:
        write_text(args.json, json.dumps(rows, indent=2) + "\n")
    return 0


def _evaluated(args: argparse.Namespace) -> Iterator[tuple[Call, Row, Reconstruction]]:
    """The calls, each with its row and what was recovered."""
    for call in read_calls(args.calls):
        yield (
            call,
            *evaluate_call(
                call,
                model=args.model,
                restoration=args.restoration,
                judge=args.judge,
                restore=not args.no_restore,
                seed_model=args.seed_model,
                given=args.given,
                with_ceilings=not args.no_ceilings,
            ),
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.evaluate")
    add = parser.add_argument
    add("calls", type=Path, help="folder in the VADER layout")
    add("--model", type=Path, help="default: the shipped frame model")
    add("--restoration", type=Path, help="default: the shipped one")
    add("--judge", type=Path, help="default: the shipped one, for the shipped restoration alone")
    add("--no-restore", action="store_true", help="leave the room by vote as it is")
    add("--seed-model", type=Path, help="the seed's checkpoint, exported to ONNX")
    add("--given", action="store_true", help="hand over the true virtual image")
    add("--no-ceilings", action="store_true", help="leave out what the true masks give")
    add("--json", type=Path, metavar="FILE", help="write the figures here too")
    add(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="write a strip per call, and how reliable the confidence is",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
