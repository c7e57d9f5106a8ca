"""Fit what confidence means: `python -m calib.confidence CALLS [--model M] [--restoration R]`.

A logistic regression from what is known of a pixel (`vader_rt.room.confidence`) to whether it is right,
over the seen pixels of calls with truth. Each call is run twice, the second time with its true
virtual image given, for the weights hold for both. Prints the weights of the frame model or, with
`--restore`, of the restoration model, and how often pixels of each confidence were right; `--write`
puts the weights into the model's contract.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from export.to_onnx import change_contract
from train.calls import Call, read_calls
from vader_rt.contract import AS_THE_NETWORK_SAYS
from vader_rt.engines.engine import Engine
from vader_rt.engines.load import load_engine
from vader_rt.errors import VaderError
from vader_rt.models import DEFAULT_MODEL, DEFAULT_RESTORATION
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.result import Reconstruction
from vader_rt.room.confidence import logistic, restored_terms, voted_terms
from vader_rt.score import TOLERANCE, ciede2000

PIXELS_PER_CALL = 20_000
_SHRINKAGE = 0.01
"""Weight of the squares of shrunk weights, beside the loss of a pixel, of about 0.2."""


def seen_pixels(
    result: Reconstruction, room_bgr: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Indices (N,) and rightness (N,) bool of seen pixels, drawn from one call."""
    seen = np.flatnonzero(result.confidence > 0)
    drawn = rng.choice(seen, min(PIXELS_PER_CALL, len(seen)), replace=False)
    right = ciede2000(result.background, room_bgr) < TOLERANCE
    return drawn, right.ravel()[drawn]


def terms_of_call(
    call: Call, rng: np.random.Generator, *, given: bool = False, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Terms (N, K) and rightness (N,) bool of seen pixels of one call.

    given: hand over the true virtual image.
    """
    virtual = call.virtual if given else None
    result = reconstruct(call.video, virtual_background=virtual, **options)
    drawn, right = seen_pixels(result, call.read_room(), rng)
    assert result.voted is not None
    voted, hidden = result.voted, result.virtual_background.hidden
    if "restoration" in options:
        terms = restored_terms(result.confidence, voted, hidden)
    else:
        terms = voted_terms(voted, hidden)
    return terms.reshape(-1, terms.shape[-1])[drawn], right


def fit(terms: np.ndarray, right: np.ndarray, shrunk: int = 0) -> list[float]:
    """Logistic regression of `right` (N,) on `terms` (N, K), by L-BFGS.

    shrunk: how many of the last weights are kept small, for there are few calls to tell them from.
    """
    x, y = torch.from_numpy(terms).double(), torch.from_numpy(right).double()
    weights = torch.zeros(terms.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights, y)
        value = value + _SHRINKAGE * (weights[len(weights) - shrunk :] ** 2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return [round(w, 4) for w in weights.tolist()]


def plot_reliability(probability: np.ndarray, right: np.ndarray, path: Path) -> None:
    """The same as `reliability`, as a picture: bars on the diagonal mean what they say."""
    tenth = np.minimum((probability * 10).astype(int), 9)
    count = np.bincount(tenth, minlength=10)
    share = np.bincount(tenth, right, minlength=10) / np.maximum(count, 1)
    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot(
        xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1)
    )
    bars = axes.bar(np.arange(10) / 10 + 0.05, share, width=0.09)
    axes.bar_label(bars, [f"{n:,}" if n else "" for n in count], fontsize=7)
    axes.plot([0, 1], [0, 1], "k--", linewidth=1)
    figure.savefig(path, dpi=100)


def reliability(probability: np.ndarray, right: np.ndarray) -> str:
    """Per tenth of confidence as a Markdown table: how many pixels, and which share is right."""
    lines = ["| confidence | pixels | right |", "|---|---|---|"]
    for low in np.arange(10) / 10:
        inside = (probability >= low) & (probability < low + 0.1)
        if inside.any():
            share = right[inside].mean()
            lines.append(f"| {low:.1f}–{low + 0.1:.1f} | {inside.sum()} | {share:.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m calib.confidence")
    parser.add_argument("calls", type=Path, help="calls that the models were not trained on")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="default: %(default)s")
    parser.add_argument("--restore", action="store_true", help="calibrate the restoration model")
    parser.add_argument(
        "--restoration", type=Path, default=DEFAULT_RESTORATION, help="default: %(default)s"
    )
    parser.add_argument(
        "--write", action="store_true", help="write the weights into the model's contract"
    )
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    try:
        options: dict[str, Any] = {"model": load_engine(args.model), "restore": False}
        if args.restore:
            options["restoration"] = _undecided(load_engine(args.restoration))
        drawn = [
            terms_of_call(call, rng, given=given, **options)
            for call in read_calls(args.calls)
            for given in ((False, True) if call.virtual.is_file() else (False,))
        ]
        terms, right = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        # what the vote adds to the word of the restoration network
        weights = fit(terms, right, shrunk=terms.shape[1] - 2 if args.restore else 0)
        if args.write:
            change_contract(
                args.restoration if args.restore else args.model, confidence=tuple(weights)
            )
    except VaderError as error:
        raise SystemExit(f"calib.confidence: {error}") from None
    print("--confidence", *weights)
    print(reliability(logistic(terms, weights), right))


def _undecided(restoration: Engine) -> Engine:
    """A restoration model whose confidence is what its network says."""
    restoration.contract = replace(restoration.contract, confidence=AS_THE_NETWORK_SAYS)
    return restoration


if __name__ == "__main__":
    main()
