"""Score a model on calls with truth: `python -m train.evaluate CALLS [--model M] [--seed S]`.

Beside it, in the same run: what our own pipeline had before its last steps, copied and un-mixed;
the virtual background itself; the seed's network and aggregation, if its exported model is given;
copying with the true masks, the ceiling of every method that copies; and un-mixing with the true
masks, with the estimated and with the true virtual background.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

import cv2
import numpy as np

from calib.confidence import plot_reliability, reliability, seen_pixels
from train.calls import Call, read_calls, true_leak
from vader_rt.errors import VaderError
from vader_rt.features.planes import shrunk
from vader_rt.io.video import open_video, read_image
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.result import Reconstruction
from vader_rt.room.unmixing import Copier, RoomEstimate, Unmixer
from vader_rt.score import score
from vader_rt.virtual.estimate import cover

TRUE_MASK_POWER = 8.0
"""Power of the leak with true masks; larger than with estimated ones, which are noisier."""
_STRIP_WH = (320, 180)


def evaluate_call(
    call: Call,
    *,
    seed_model: Path | None = None,
    given: bool = False,
    ceilings: bool = True,
    **options: Any,
) -> tuple[dict[str, float], Reconstruction]:
    """Score one call and the baselines: the columns of the table, and what was recovered.

    given: hand over the true virtual image. ceilings: score what the true masks give.
    options: of `vader_rt.reconstruct`.
    """
    truth, mask = call.read_room(), call.read_mask()
    if given:
        options["virtual_background"] = call.virtual
    result = reconstruct(call.video, truth=call.room, mask=call.mask, **options)
    assert result.scores is not None
    row = {
        "ours": result.scores.challenge,
        "artifact": result.scores.artifact or 0.0,
        "precision": result.scores.precision,
        "coverage": result.coverage,
        "s/frame": result.report["timings"]["seconds_per_frame"],
    }
    pictures = {"virtual": result.virtual, **_before_restoration(result)}
    row |= {name: score(picture, truth, mask).challenge for name, picture in pictures.items()}
    if seed_model is not None:
        seed = reconstruct(call.video, model=seed_model)
        row["seed"] = score(seed.background, truth, mask).challenge
    if ceilings and call.has_truth:
        for name, estimate in _ceilings(call, result.virtual).items():
            row[name] = score(estimate.room, truth, mask).challenge
    return row, result


def _before_restoration(result: Reconstruction) -> dict[str, np.ndarray]:
    """The strongest sample of each pixel as it is and un-mixed, and the vote of more of them."""
    seen = (result.confidence > 0)[..., None]
    pictures = {"copied": result.estimate.copy, "unmixed": result.estimate.room}
    if result.voted is not None:
        pictures["voted"] = result.voted.room
    return {name: np.where(seen, image, result.virtual) for name, image in pictures.items()}


def strip(call: Call, result: Reconstruction) -> np.ndarray:
    """What a reader looks at, side by side: a frame of the call, what was recovered (grey where
    nothing was seen), what of it is claimed, the real room, the true leak. (h, w, 3) uint8 BGR.
    """
    frame = next(islice(open_video(call.video).frames(), len(result.timeline) // 2, None))
    room, leak = result.background, cv2.cvtColor(call.read_mask(), cv2.COLOR_GRAY2BGR)
    seen, claimed = (m[..., None] for m in (result.confidence > 0, result.claimed))
    pictures = [
        frame,
        np.where(seen, room, 128),
        np.where(claimed, room, 128),
        call.read_room(),
        leak,
    ]
    return np.hstack([shrunk(picture.astype(np.uint8), _STRIP_WH) for picture in pictures])


def _ceilings(call: Call, virtual: np.ndarray) -> dict[str, RoomEstimate]:
    """The room by the true masks: copied, un-mixed, un-mixed from the true virtual image."""
    copier = Copier(virtual.shape[1::-1])
    unmixers = {"unmix": Unmixer(virtual, TRUE_MASK_POWER)}
    if call.virtual.is_file():
        true_virtual = cover(read_image(call.virtual), virtual.shape[1::-1])
        unmixers["unmix_v"] = Unmixer(true_virtual, TRUE_MASK_POWER)
    for frame, matte, leak in _true_frames(call):
        copier.add(frame, leak)
        for unmixer in unmixers.values():
            unmixer.add(frame, matte, leak)
    return {"copy": copier.estimate(), **{n: u.estimate() for n, u in unmixers.items()}}


def _true_frames(call: Call) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Frame with its true matte and leak, (h, w) float32 in [0, 1]."""
    pairs = zip(open_video(call.video).frames(), call.truth_frames(), strict=False)
    for frame, (matte, person) in pairs:
        leak = true_leak(matte, cv2.dilate(person, np.ones((3, 3), np.uint8)))
        yield frame, (matte / 255).astype(np.float32), (leak / 255).astype(np.float32)


def table(rows: dict[str, dict[str, float]]) -> str:
    """The rows by call as a Markdown table, with mean and median."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    for name, average in (("**mean**", fmean), ("**median**", median)):
        rows = {
            **rows,
            name: {
                c: average([r[c] for n, r in rows.items() if c in r and "**" not in n])
                for c in columns
            },
        }
    lines = ["| call | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        cells = (f"{row[c]:.3f}" if c in row else "–" for c in columns)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.evaluate")
    parser.add_argument("calls", type=Path, help="folder in the VADER layout")
    parser.add_argument("--model", type=Path, help="default: the shipped frame model")
    parser.add_argument("--restoration", type=Path, help="default: the shipped one")
    parser.add_argument("--no-restore", action="store_true", help="leave the room by vote as it is")
    parser.add_argument("--seed", type=Path, help="the seed's checkpoint, exported to ONNX")
    parser.add_argument("--given", action="store_true", help="hand over the true virtual image")
    parser.add_argument("--no-ceilings", action="store_true", help="leave out the true masks'")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="write a strip per call, and how reliable the confidence is",
    )
    return parser.parse_args()


def main() -> None:
    args = _parse()
    options = {
        "model": args.model,
        "restoration": args.restoration,
        "restore": not args.no_restore,
        "seed_model": args.seed,
        "given": args.given,
        "ceilings": not args.no_ceilings,
    }
    rng = np.random.default_rng(0)
    rows, sure, right = {}, [], []
    try:
        for call in read_calls(args.calls):
            row, result = evaluate_call(call, **options)
            rows[call.name.video] = row
            print(call.name.video, *(f"{k} {v:.3f}" for k, v in row.items()), flush=True)
            drawn, correct = seen_pixels(result, call.read_room(), rng)
            sure.append(result.confidence.ravel()[drawn])
            right.append(correct)
            if args.pictures:
                args.pictures.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(args.pictures / f"{call.name.video}.jpg"), strip(call, result))
    except VaderError as error:
        raise SystemExit(f"train.evaluate: {error}") from None
    print(table(rows))
    drawn_pixels = np.concatenate(sure), np.concatenate(right)
    print(reliability(*drawn_pixels))
    if args.pictures:
        plot_reliability(*drawn_pixels, args.pictures / "reliability.png")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
