"""Confidence is the logistic regression that it says it is."""

from __future__ import annotations

import numpy as np
import pytest

from vader_rt.confidence import logistic, restored_terms, unmixed_terms
from vader_rt.unmix import RoomEstimate


def test_of_what_was_unmixed() -> None:
    plane = np.ones((4, 6), np.float32)
    picture = np.zeros((4, 6, 3), np.uint8)
    estimate = RoomEstimate(picture, picture, picture, plane, 3 * plane, 7 * plane, 0.5 * plane)
    expected = 1 / (1 + np.exp(-(0.1 + 2.0 * 0.5 + 0.3 * 2 - 0.4 * 3)))
    found = logistic(unmixed_terms(estimate), (0.1, 2.0, 0.3, -0.4))
    assert found == pytest.approx(expected, rel=1e-5)


def test_of_what_was_restored() -> None:
    sure = np.array([[0.0, 0.2, 0.5, 0.9, 1.0]], np.float32)
    # certainty ends at 1e-4
    np.testing.assert_allclose(logistic(restored_terms(sure), (0.0, 1.0)), sure, atol=2e-4)
    halved = logistic(restored_terms(sure), (0.0, 0.5))
    assert halved[0, 3] == pytest.approx(1 / (1 + (0.1 / 0.9) ** 0.5), rel=1e-4)
    lowered = logistic(restored_terms(sure), (-1.0, 1.0))
    assert (lowered < sure + 2e-4).all()
