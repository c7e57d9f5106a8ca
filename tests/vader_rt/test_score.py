"""The score, against scikit-image and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from vader_rt.errors import InputError
from vader_rt.score import ciede2000, score


def test_ciede2000_is_that_of_scikit_image() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (200, 200, 3), np.uint8)
    b = np.clip(a + rng.integers(-25, 26, a.shape), 0, 255).astype(np.uint8)
    b[:50] = rng.integers(0, 256, (50, 200, 3))  # far colours
    a[50:60] = a[50:60, :, :1]  # greys
    b[55:60] = b[55:60, :, :1]
    a[60:65] = b[60:65]
    expected = deltaE_ciede2000(*(rgb2lab(x[..., ::-1] / 255) for x in (a, b)))
    # the same formula in float64, returned as float32
    np.testing.assert_allclose(ciede2000(a, b), expected, atol=1e-4)


@pytest.fixture
def halves() -> dict[str, np.ndarray]:
    """Left half right, right half wrong; the left leaks three times as much."""
    truth = np.full((10, 20, 3), 120, np.uint8)
    room = truth.copy()
    room[:, 10:] = (30, 200, 90)
    leak = np.full((10, 20), 60, np.uint8)
    leak[:, :10] = 180
    return {"room": room, "truth": truth, "leak": leak}


def test_challenge_is_weighted_by_the_leak(halves: dict[str, np.ndarray]) -> None:
    scores = score(halves["room"], halves["truth"], halves["leak"])
    assert scores.challenge == pytest.approx(0.75)
    assert scores.precision == pytest.approx(0.5)
    assert scores.artifact is None


def test_precision_is_of_the_claimed(halves: dict[str, np.ndarray]) -> None:
    claimed = np.zeros((10, 20), bool)
    claimed[:, 5:12] = True
    scores = score(halves["room"], halves["truth"], halves["leak"], claimed=claimed)
    assert scores.precision == pytest.approx(5 / 7)
    nothing = score(*halves.values(), claimed=np.zeros((10, 20), bool))
    assert nothing.precision == 0


def test_artifact_compares_with_the_best_blend(halves: dict[str, np.ndarray]) -> None:
    virtual = np.full((10, 20, 3), 200, np.uint8)
    share = halves["leak"][..., None] / 255
    blend = np.rint(virtual * (1 - share) + halves["truth"] * share).astype(np.uint8)
    scores = score(blend, halves["truth"], halves["leak"], virtual_bgr=virtual)
    assert scores.artifact == 1.0
    assert scores.challenge < 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"truth": np.zeros((10, 21, 3), np.uint8)}, "truth is 21×10, the call 20×10"),
        ({"leak": np.ones((11, 20), np.uint8)}, "mask is 20×11"),
        ({"leak": np.zeros((10, 20), np.uint8)}, "black"),
    ],
)
def test_refusals(halves: dict[str, np.ndarray], changes: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        score(*{**halves, **changes}.values())
