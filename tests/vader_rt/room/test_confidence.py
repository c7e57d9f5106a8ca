"""Confidence is the logistic regression that it says it is."""

from __future__ import annotations

import numpy as np
import pytest

from vader_rt.contract import AS_THE_NETWORK_SAYS
from vader_rt.room.confidence import logistic, restored_terms, voted_terms
from vader_rt.room.top_samples import MOST_SAMPLES
from vader_rt.room.vote import VotedRoom


def test_of_what_was_voted() -> None:
    plane = np.ones((8, 12), np.float32)
    picture = np.zeros((8, 12, 3), np.uint8)
    voted = VotedRoom(picture, 2 * plane, 4 * plane, matte_confidence=0.3, scatter=-1.5)
    hidden = np.full((8, 12), 51, np.uint8)
    terms = voted_terms(voted, hidden)
    known = [1, np.log(2.001), 0.5, 4 / MOST_SAMPLES, 0.2, 0.3, -1.5]
    np.testing.assert_allclose(terms, np.broadcast_to(known, terms.shape), rtol=1e-5)
    weights = (0.1, 2.0, 0.3, -0.4, 0.5, -0.6, 0.7)
    expected = 1 / (1 + np.exp(-np.dot(known, weights)))
    assert logistic(terms, weights) == pytest.approx(expected, rel=1e-5)


def test_of_what_was_restored() -> None:
    sure = np.array([[0.0, 0.2, 0.5, 0.9, 1.0]], np.float32)
    plane = np.ones_like(sure)
    voted = VotedRoom(
        np.zeros((1, 5, 3), np.uint8), 2 * plane, 4 * plane, matte_confidence=0.3, scatter=-1.5
    )
    terms = restored_terms(sure, voted, np.full((1, 5), 51, np.uint8))
    assert terms.dtype == np.float32
    # certainty ends at 1e-4
    np.testing.assert_allclose(logistic(terms, AS_THE_NETWORK_SAYS), sure, atol=2e-4)
    known = [1, np.log(9), np.log(2.001), 0.5, 4 / MOST_SAMPLES, 0.2]
    np.testing.assert_allclose(terms[0, 3], known, rtol=1e-4)
