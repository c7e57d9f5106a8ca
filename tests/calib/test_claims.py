"""Claims: the bound holds, and the threshold is the lowest that is safe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calib.claims import THRESHOLDS, bound, losses, main, p_value, safe_threshold
from train.trust import SeenPixels

DELTA = 0.1


def call(confidence: list[float], right: list[bool]) -> SeenPixels:
    return SeenPixels(np.float32(confidence), np.array(right), np.ones(len(right)))


def test_the_loss_is_the_wrong_share_of_what_is_claimed() -> None:
    found = losses([call([0.9, 0.6, 0.6, 0.3], [True, False, True, False]), call([0.1], [False])])
    at = {float(t): row.tolist() for t, row in zip(THRESHOLDS, found, strict=True)}
    assert at[0.95] == [0, 0]
    assert at[0.9] == [0, 0]
    assert at[0.6] == pytest.approx([1 / 3, 0])
    assert at[0.25] == [0.5, 0]


@pytest.mark.parametrize("risk", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("count", [10, 40, 200])
def test_a_risk_that_is_not_kept_seldom_passes(risk: float, count: int) -> None:
    """The worst losses of this mean are 0 and 1; 20,000 draws, and their standard error thrice."""
    rng = np.random.default_rng(0)
    wrong = rng.binomial(count, risk, 20_000)
    p = np.array([p_value(k / count, count, risk) for k in range(count + 1)])
    assert (p[wrong] <= DELTA).mean() <= DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / 20_000)


def test_many_low_losses_pass() -> None:
    assert p_value(0.05, 100, 0.2) < 1e-3
    assert p_value(0.2, 100, 0.2) == 1
    assert p_value(0.3, 100, 0.2) == 1
    assert p_value(0.0, 40, 0.2) == pytest.approx(0.8**40)  # no loss at all: (1 − risk)^n


def test_the_bound_is_where_the_test_turns() -> None:
    limit = bound(0.08, 46, DELTA)
    assert p_value(0.08, 46, limit) <= DELTA < p_value(0.08, 46, limit - 0.002)
    assert bound(0.08, 400, DELTA) < limit
    assert bound(1.0, 10, DELTA) == 1


def test_the_threshold_is_the_lowest_before_the_first_that_fails() -> None:
    table = np.full((len(THRESHOLDS), 60), 0.02)
    assert safe_threshold(table, 0.2, DELTA) == THRESHOLDS[-1]
    table[5] = 0.5
    assert safe_threshold(table, 0.2, DELTA) == THRESHOLDS[4]
    table[0] = 0.5
    assert safe_threshold(table, 0.2, DELTA) is None


def test_the_command_reports_on_calls(tiny_calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One call can prove nothing: even without a loss, 0.8 is above 0.1."""
    assert main([str(tiny_calls)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(THRESHOLDS)
    assert lines[-1].startswith("no threshold keeps the risk below 0.2")


def test_what_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 3
    said = capsys.readouterr().err
    assert said.startswith("calib.claims: ")
    assert said.count("\n") == 1
