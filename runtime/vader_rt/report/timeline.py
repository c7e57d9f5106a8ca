"""The leak of all frames, reduced to what a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_POINTS = 1000
HEIGHT = 1000
"""Of the chart, in its own units."""


@dataclass(frozen=True)
class Timeline:
    """The chart's points. Each stands for `per_point` frames, the last one maybe for fewer.

    frames: of each, the one that leaks most. leaks: how much it leaks. top: share at the chart's
    upper edge.
    """

    per_point: int
    frames: list[int]
    leaks: list[float]
    top: float

    @classmethod
    def of(cls, leaks: Sequence[float]) -> Timeline:
        """The chart of the leaks of all frames."""
        step = max(1, -(-len(leaks) // MOST_POINTS))
        starts = range(0, len(leaks), step)
        frames = [
            max(range(start, min(start + step, len(leaks))), key=leaks.__getitem__)
            for start in starts
        ]
        most = max(leaks, default=0.0)
        top = next((top for top in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if most <= top), 1.0)
        return cls(step, frames, [leaks[frame] for frame in frames], top)

    @property
    def path(self) -> str:
        """The steps of the chart as an SVG path: one unit to the right for each point."""
        heights = [round(min(leak / self.top, 1) * HEIGHT) for leak in self.leaks]
        steps = "".join(f"v{low - high}h1" for low, high in pairwise([0, *heights]))
        return f"M0 {HEIGHT}{steps}V{HEIGHT}z"

    def x(self, frame: int) -> float:
        """Where a frame begins on the chart."""
        return round(frame / self.per_point, 2)
