"""Score a model on calls with truth: `python -m train.evaluate CALLS [--model M] [--seed S]`.

Beside it, in the same run: the virtual background itself; the seed's network and aggregation, if
its exported model is given; copying with the true masks, the ceiling of every method that copies;
and un-mixing with the true masks, with the estimated and with the true virtual background.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median

import cv2
import numpy as np

from train.calls import Call, read_calls
from train.compose import PERSON_FREE
from vader_rt.errors import VaderError
from vader_rt.pipeline import reconstruct
from vader_rt.score import score
from vader_rt.unmix import Copier, RoomEstimate, Unmixer
from vader_rt.video import open_video, read_image
from vader_rt.virtual import cover

TRUE_MASK_POWER = 8.0
"""Power of the leak with true masks; larger than with estimated ones, which are noisier."""


def evaluate_call(
    call: Call, *, model: Path | None = None, seed_model: Path | None = None, given: bool = False
) -> dict[str, float]:
    """Score one call with a model and the baselines; keys are the columns of the table.

    given: hand the true virtual image to the model.
    """
    truth, mask = call.read_room(), call.read_mask()
    image = call.virtual if given else None
    result = reconstruct(
        call.video, model=model, virtual_background=image, truth=call.room, mask=call.mask
    )
    assert result.scores is not None
    row = {
        "ours": result.scores.challenge,
        "artifact": result.scores.artifact or 0.0,
        "precision": result.scores.precision,
        "coverage": result.coverage,
        "s/frame": result.report["timings"]["seconds_per_frame"],
        "virtual": score(result.virtual, truth, mask).challenge,
    }
    if seed_model is not None:
        seed = reconstruct(call.video, model=seed_model)
        row["seed"] = score(seed.background, truth, mask).challenge
    if call.has_truth:
        for name, estimate in _ceilings(call, result.virtual).items():
            row[name] = score(estimate.room, truth, mask).challenge
    return row


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
        leak = np.where(cv2.dilate(person, np.ones((3, 3), np.uint8)) <= PERSON_FREE, matte, 0)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.evaluate")
    parser.add_argument("calls", type=Path, help="folder in the VADER layout")
    parser.add_argument("--model", type=Path, help="default: the shipped model")
    parser.add_argument("--seed", type=Path, help="the seed's checkpoint, exported to ONNX")
    parser.add_argument("--given", action="store_true", help="hand over the true virtual image")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    args = parser.parse_args()
    rows = {}
    try:
        for call in read_calls(args.calls):
            rows[call.name.video] = evaluate_call(
                call, model=args.model, seed_model=args.seed, given=args.given
            )
            print(
                call.name.video,
                *(f"{k} {v:.3f}" for k, v in rows[call.name.video].items()),
                flush=True,
            )
    except VaderError as error:
        raise SystemExit(f"train.evaluate: {error}") from None
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
