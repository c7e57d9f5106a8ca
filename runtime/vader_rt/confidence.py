"""How sure a pixel is: logistic regressions that `train.calibrate` fits to what was right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vader_rt.unmix import RoomEstimate


def logistic(terms: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Probability from terms (..., N) and N weights: (...) float32 in [0, 1]."""
    logit = terms @ np.asarray(weights, np.float32)
    return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))


def unmixed_terms(estimate: RoomEstimate) -> np.ndarray:
    """What speaks for an un-mixed pixel: (H, W, 4) of 1, leak, log2 evidence, log2 residual."""
    one = np.ones_like(estimate.leak)
    evidence, residual = np.log2(1 + estimate.evidence), np.log2(1 + estimate.residual)
    return np.stack([one, estimate.leak, evidence, residual], axis=-1)


def restored_terms(sure: np.ndarray) -> np.ndarray:
    """What the restoration network says, (H, W) in [0, 1], as (H, W, 2) of 1 and its logit."""
    sure = np.clip(sure, 1e-4, 1 - 1e-4)
    return np.stack([np.ones_like(sure), np.log(sure / (1 - sure))], axis=-1)
