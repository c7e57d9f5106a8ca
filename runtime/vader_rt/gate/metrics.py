"""Figures of a result, per frame and pooled, by the names that assertions use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Report = Mapping[str, Any]
"""What result.json holds, see `vader_rt.schemas`."""
Unit = Literal["share", "frames", "seconds"]


@dataclass(frozen=True)
class Metric:
    """A figure; the larger it is, the more a client leaks.

    about: what it is. of: its value by a report; None if the report does not say, for which it
    `needs` something.
    """

    unit: Unit
    about: str
    of: Callable[[Report], float | None]
    needs: str = "a recording that could be read"

    def said(self, value: float) -> str:
        """A value in words."""
        if self.unit == "share":
            return f"{value * 100:.4g} %"
        return f"{value:.2f} s" if self.unit == "seconds" else f"{value:g}"


@dataclass(frozen=True)
class FrameMetrics:
    """Figures of one frame.

    seconds: when it is shown, None if that is not known. leak: the share of its pixels that leak.
    unmasked: whether it shows the camera's picture. inferred: whether it went through the network;
    of others the leak is told from a cheap measure.
    """

    frame: int
    seconds: float | None
    leak: float
    unmasked: bool
    inferred: bool


def frame_metrics(report: Report) -> Iterator[FrameMetrics]:
    """Figures of every frame, in order."""
    times, inferred = report["frame_times"], set(report["inferred_frames"])
    spans = report["unmasked"]["intervals"]
    unmasked = {index for span in spans for index in range(span["start"], span["stop"])}
    for index, leak in enumerate(report["leak_timeline"]):
        seconds = times[index] if index < len(times) else None
        yield FrameMetrics(index, seconds, leak, index in unmasked, index in inferred)


def pooled(report: Report) -> dict[str, float | None]:
    """All figures of a result; None where it does not say."""
    return {name: metric.of(report) for name, metric in METRICS.items()}


def _leak(pool: Callable[[np.ndarray], Any]) -> Callable[[Report], float | None]:
    def of(report: Report) -> float | None:
        leaks = np.asarray(report["leak_timeline"], float)
        return float(pool(leaks)) if len(leaks) else None

    return of


def _percentile_95(leaks: np.ndarray) -> Any:
    return np.percentile(leaks, 95)


def _unmasked_seconds(report: Report) -> float:
    spans = (span["seconds"] for span in report["unmasked"]["intervals"])
    return float(sum(end - start for start, end in spans))


def _score(name: str) -> Callable[[Report], float | None]:
    return lambda report: report["scores"] and report["scores"][name]


def _true_leak(name: str) -> Callable[[Report], float | None]:
    return lambda report: report["selftest"]["leak"][name] if "selftest" in report else None


_TRUTH, _MEASURED = "--truth and --mask", "a result of selftest"
METRICS = {
    "leak.mean": Metric("share", "leaking pixels of a frame, mean of all", _leak(np.mean)),
    "leak.p95": Metric("share", "… in all but the worst twentieth", _leak(_percentile_95)),
    "leak.max": Metric("share", "… in the worst", _leak(np.max)),
    "unmasked.frames": Metric(
        "frames", "frames that show the camera's picture", lambda r: r["unmasked"]["frames"]
    ),
    "unmasked.seconds": Metric("seconds", "… how long", _unmasked_seconds),
    "unmasked.suspected": Metric(
        "frames",
        "frames that show it or another virtual background",
        lambda r: r["unmasked"]["suspected_frames"],
    ),
    "claimed": Metric("share", "of the picture, claimed to be the room", lambda r: r["coverage"]),
    "shown": Metric("share", "… likely right", lambda r: r["shown"]),
    "seen": Metric("share", "… of which anything was seen", lambda r: r["seen"]),
    "score.challenge": Metric(
        "share", "of the leak, recovered in the right colour", _score("challenge"), _TRUTH
    ),
    "score.artifact": Metric(
        "share", "… where the virtual background is not right", _score("artifact"), _TRUTH
    ),
    "true_leak.mean": Metric(
        "share", "the leak as it was measured, mean of all frames", _true_leak("mean"), _MEASURED
    ),
    "true_leak.p95": Metric(
        "share", "… in all but the worst twentieth", _true_leak("p95"), _MEASURED
    ),
    "true_leak.max": Metric("share", "… in the worst", _true_leak("max"), _MEASURED),
    "true_leak.ever": Metric(
        "share",
        "of the picture, leaked at some time by a tenth or more",
        _true_leak("ever"),
        _MEASURED,
    ),
}
"""All figures by name."""
