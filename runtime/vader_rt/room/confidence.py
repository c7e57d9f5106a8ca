"""How sure a pixel is: logistic regressions that `calib.confidence` fits to what was right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import cv2
import numpy as np

from vader_rt.room.top_samples import MOST_SAMPLES
from vader_rt.room.vote import VotedRoom

_AROUND_WIDTHS = 1 / 100
"""σ of what counts as around a pixel, in widths of the picture."""


def logistic(terms: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Probability from terms (..., N) and N weights: (...) float32 in [0, 1]."""
    logit = terms @ np.asarray(weights, np.float32)
    return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))


def voted_terms(voted: VotedRoom, hidden: np.ndarray) -> np.ndarray:
    """What speaks for a pixel by vote: (H, W, 7) float32.

    1, log of the inlier weight, the inlier ratio, how strong samples are around it, how far the
    virtual background is hidden there, and of the whole call, its matte confidence and how far its
    samples scatter.
    """
    call = (voted.matte_confidence, voted.scatter)
    return _stacked(voted.strength.shape, 7, chain([1], _by_vote(voted, hidden), call))


def restored_terms(sure: np.ndarray, voted: VotedRoom, hidden: np.ndarray) -> np.ndarray:
    """What speaks for a pixel that was restored: (H, W, 6) float32.

    1, the logit of what the restoration network says, (H, W) in [0, 1], and what spoke for the
    pixel by vote, but for the terms of the whole call: there are few calls to fit those on.
    """
    sure = np.clip(sure, 1e-4, 1 - 1e-4)
    logit = np.log(sure / (1 - sure))
    return _stacked(sure.shape, 6, chain([1, logit], _by_vote(voted, hidden)))


def _by_vote(voted: VotedRoom, hidden: np.ndarray) -> Iterator[np.ndarray]:
    """The terms of the vote that are not the same for the whole call: (H, W) float32 each."""
    yield np.log(voted.inlier_weight + 1e-3)
    yield voted.inlier_ratio
    sigma = voted.strength.shape[1] * _AROUND_WIDTHS
    yield cv2.GaussianBlur(voted.strength, (0, 0), sigma) / MOST_SAMPLES
    yield hidden / np.float32(255)


def _stacked(
    shape: tuple[int, ...], count: int, planes: Iterable[np.ndarray | float]
) -> np.ndarray:
    """Planes side by side, (H, W, count) float32; each is made and gone before the next one."""
    terms = np.empty((*shape, count), np.float32)
    for index, plane in enumerate(planes):
        terms[..., index] = plane
    return terms
