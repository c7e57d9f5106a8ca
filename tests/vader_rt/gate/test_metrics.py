"""Figures of a result."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vader_rt.conftest import Report
from vader_rt.gate.assertions import Assertion, judge
from vader_rt.gate.metrics import METRICS, frame_metrics, pooled


def test_leaks_are_pooled_over_all_frames(report: Report) -> None:
    report["leak_timeline"] = [0.0] * 18 + [0.1, 0.4]
    figures = pooled(report)
    assert figures["leak.mean"] == pytest.approx(0.025)
    assert figures["leak.max"] == 0.4
    assert figures["leak.p95"] == pytest.approx(np.percentile(report["leak_timeline"], 95))


def test_figures_are_those_of_the_report(report: Report) -> None:
    figures = pooled(report)
    assert (figures["claimed"], figures["seen"]) == (report["coverage"], report["seen"])
    assert figures["unmasked.frames"] == figures["unmasked.seconds"] == 0
    assert figures["score.challenge"] is None


def test_unmasked_frames_are_marked_and_timed(report: Report) -> None:
    span = {"start": 4, "stop": 6, "seconds": [0.133, 0.2]}
    report["unmasked"] = {**report["unmasked"], "frames": 2, "intervals": [span]}
    assert pooled(report)["unmasked.seconds"] == pytest.approx(0.067)
    frames = list(frame_metrics(report))
    assert [frame.frame for frame in frames if frame.unmasked] == [4, 5]
    assert [frame.frame for frame in frames if frame.inferred] == report["inferred_frames"]
    assert frames[4].seconds == pytest.approx(4 / 30, abs=1e-3)


def test_frames_from_memory_have_no_times(report: Report) -> None:
    report["frame_times"] = []
    assert {frame.seconds for frame in frame_metrics(report)} == {None}


def test_the_true_leak_is_that_of_a_selftest(report: Report) -> None:
    names = ("mean", "p95", "max", "ever")
    assert {pooled(report)[f"true_leak.{name}"] for name in names} == {None}
    (undecided,) = judge([Assertion.parse("true_leak.mean<=1")], report)
    assert undecided.state == "undecided"
    assert undecided.why == "that needs a result of selftest"
    leak = {"mean": 0.02, "p95": 0.03, "max": 0.05, "ever": 0.3, "ever_half": 0.2}
    report["selftest"] = {"leak": leak}
    assert [pooled(report)[f"true_leak.{name}"] for name in names] == [0.02, 0.03, 0.05, 0.3]
    verdicts = judge([Assertion.parse(f"true_leak.max{c}5%") for c in ("<=", "<")], report)
    assert [verdict.state for verdict in verdicts] == ["passed", "failed"]


def test_values_are_said_in_their_unit() -> None:
    assert METRICS["claimed"].said(0.0123) == "1.23 %"
    assert METRICS["unmasked.seconds"].said(0.5) == "0.50 s"
    assert METRICS["unmasked.frames"].said(3) == "3"
