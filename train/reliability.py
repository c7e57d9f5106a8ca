"""How often pixels of each confidence are right: what makes a confidence one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from vader_rt.pipeline.result import Reconstruction
from vader_rt.score import TOLERANCE, ciede2000

PIXELS_PER_CALL = 20_000


def seen_pixels(
    result: Reconstruction, room_bgr: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Indices (N,) and rightness (N,) bool of seen pixels, drawn from one call.

    room_bgr: the real room, (H, W, 3) uint8.
    """
    seen = np.flatnonzero(result.confidence > 0)
    drawn = rng.choice(seen, min(PIXELS_PER_CALL, len(seen)), replace=False)
    right = ciede2000(result.background, room_bgr) < TOLERANCE
    return drawn, right.ravel()[drawn]


def reliability(confidence: np.ndarray, right: np.ndarray) -> str:
    """Per tenth of confidence as a Markdown table: how many pixels, and which share is right.

    confidence: (N,) in [0, 1]. right: (N,) bool.
    """
    lines = ["| confidence | pixels | right |", "|---|---|---|"]
    for low in np.arange(10) / 10:
        inside = (confidence >= low) & (confidence < low + 0.1)
        if inside.any():
            share = right[inside].mean()
            lines.append(f"| {low:.1f}–{low + 0.1:.1f} | {inside.sum()} | {share:.3f} |")
    return "\n".join(lines)


def plot_reliability(confidence: np.ndarray, right: np.ndarray, path: Path) -> None:
    """The same as `reliability`, as a picture: bars on the diagonal mean what they say."""
    tenth = np.minimum((confidence * 10).astype(int), 9)
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
