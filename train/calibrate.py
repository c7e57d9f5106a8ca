"""Fit what confidence means: `python -m train.calibrate CALLS --model MODEL`.

A logistic regression from what un-mixing knows of a pixel (`vader_rt.unmix.confidence`) to whether
it is right, over the seen pixels of calls with truth. Prints the four weights for
`export.to_onnx --confidence`, and how often pixels of each confidence were right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from train.calls import Call, read_calls
from vader_rt.errors import VaderError
from vader_rt.pipeline import reconstruct
from vader_rt.score import TOLERANCE, ciede2000
from vader_rt.unmix import confidence_terms

PIXELS_PER_CALL = 20_000


def seen_pixels(call: Call, model: Path | None, rng: np.random.Generator) -> tuple:
    """Terms (N, 4) float32 and rightness (N,) bool of seen pixels, drawn from one call."""
    result = reconstruct(call.video, model=model)
    right = ciede2000(result.background, call.read_room()) < TOLERANCE
    seen = np.flatnonzero(result.estimate.evidence > 0)
    drawn = rng.choice(seen, min(PIXELS_PER_CALL, len(seen)), replace=False)
    return confidence_terms(result.estimate).reshape(-1, 4)[drawn], right.ravel()[drawn]


def fit(terms: np.ndarray, right: np.ndarray) -> list[float]:
    """Logistic regression of `right` (N,) on `terms` (N, 4), by L-BFGS."""
    x, y = torch.from_numpy(terms).double(), torch.from_numpy(right).double()
    weights = torch.zeros(terms.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights, y)
        value.backward()
        return value

    optimizer.step(loss)
    return [round(w, 4) for w in weights.tolist()]


def reliability(terms: np.ndarray, right: np.ndarray, weights: list[float]) -> str:
    """Per tenth of confidence: how many pixels, and which share of them is right."""
    probability = 1 / (1 + np.exp(-terms @ np.array(weights)))
    lines = ["confidence  pixels   right"]
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & (probability < low + 0.1)
        if inside.any():
            lines.append(
                f"{low:.1f}–{low + 0.1:.1f}  {inside.sum():8d}  {right[inside].mean():.3f}"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m train.calibrate")
    parser.add_argument("calls", type=Path, help="calls that the model was not trained on")
    parser.add_argument("--model", type=Path, help="default: the shipped model")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    try:
        drawn = [seen_pixels(call, args.model, rng) for call in read_calls(args.calls)]
    except VaderError as error:
        raise SystemExit(f"train.calibrate: {error}") from None
    terms, right = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    weights = fit(terms, right)
    print("--confidence", *weights)
    print(reliability(terms, right, weights))


if __name__ == "__main__":
    main()
