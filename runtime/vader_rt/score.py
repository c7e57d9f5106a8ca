"""The VADER score, for calls whose real room is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vader_rt.errors import InputError

TOLERANCE = 4.0
"""A pixel is recovered where CIEDE2000 to the truth is below this."""

_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS > 0.04045, ((_LEVELS + 0.055) / 1.055) ** 2.4, _LEVELS / 12.92)
XYZ_FROM_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


@dataclass(frozen=True)
class Scores:
    """Scores of a reconstruction, all in [0, 1].

    challenge: leak-weighted share of pixels within tolerance of the real room.
    artifact: the same against the best blend that a copy could show, V (1 − ℓ) + R ℓ; None where
    the true virtual image is not known.
    precision: share of the claimed pixels that are within tolerance of the real room.
    """

    challenge: float
    artifact: float | None
    precision: float


def score(
    room_bgr: np.ndarray,
    truth_bgr: np.ndarray,
    leak: np.ndarray,
    *,
    claimed: np.ndarray | None = None,
    virtual_bgr: np.ndarray | None = None,
) -> Scores:
    """Score a reconstruction, (H, W, 3) uint8 BGR, against the real room.

    leak: (H, W) uint8, the true leak's maximum over time. claimed: (H, W) bool, all by default.

    Raises:
        InputError: truth or mask differ in size from the reconstruction, or nothing leaks.
    """
    check_truth(truth_bgr, leak, room_bgr.shape[1::-1])
    weight = leak.astype(np.float64)
    right = ciede2000(room_bgr, truth_bgr) < TOLERANCE
    claimed = np.ones_like(right) if claimed is None else claimed
    artifact = None
    if virtual_bgr is not None:
        share = weight[..., None] / 255
        best = np.rint(virtual_bgr * (1 - share) + truth_bgr * share).astype(np.uint8)
        artifact = _weighted(ciede2000(room_bgr, best) < TOLERANCE, weight)
    return Scores(
        challenge=_weighted(right, weight),
        artifact=artifact,
        precision=float(right[claimed].mean()) if claimed.any() else 0.0,
    )


def check_truth(truth_bgr: np.ndarray, leak: np.ndarray, size_wh: tuple[int, ...]) -> None:
    """Check that a real room and a leak can score a call of this size.

    Raises:
        InputError: one of them has another size, or nothing leaks.
    """
    width, height = size_wh
    for name, image in (("truth", truth_bgr), ("mask", leak)):
        if image.shape[:2] != (height, width):
            raise InputError(
                f"the {name} is {image.shape[1]}×{image.shape[0]}, the call {width}×{height}; "
                "give images of the call's size"
            )
    if not leak.any():
        raise InputError("the mask is black: nothing leaks, so there is nothing to score")


def ciede2000(a_bgr: np.ndarray, b_bgr: np.ndarray) -> np.ndarray:
    """Colour difference ΔE00 of two (H, W, 3) uint8 BGR images: (H, W) float32.

    CIE Lab (D65) of float RGB; formula and names of Sharma, Wu and Dalal, "The CIEDE2000
    color-difference formula", Color Research and Application 30 (2005).
    """
    (l1, a1, b1), (l2, a2, b2) = (_lab(image) for image in (a_bgr, b_bgr))
    c_mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 1 + 0.5 * (1 - np.sqrt(c_mean7 / (c_mean7 + 25.0**7)))
    c1, h1 = np.hypot(g * a1, b1), np.arctan2(b1, g * a1)
    c2, h2 = np.hypot(g * a2, b2), np.arctan2(b2, g * a2)
    grey = c1 * c2 == 0
    dh = np.where(grey, 0, (h2 - h1 + np.pi) % (2 * np.pi) - np.pi)
    h_mean = np.where(grey, h1 + h2, h1 + dh / 2)
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(dh / 2)
    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    sl, sc, sh, rt = _scales(l_mean, c_mean, h_mean)
    dl, dc, dh = (l2 - l1) / sl, (c2 - c1) / sc, delta_h / sh
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rt * dc * dh, 0)).astype(np.float32)


def _scales(
    l_mean: np.ndarray, c_mean: np.ndarray, h_mean: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """S_L, S_C, S_H and R_T of CIEDE2000; hues in radians."""
    degree = np.pi / 180
    t = (
        1
        - 0.17 * np.cos(h_mean - 30 * degree)
        + 0.24 * np.cos(2 * h_mean)
        + 0.32 * np.cos(3 * h_mean + 6 * degree)
        - 0.20 * np.cos(4 * h_mean - 63 * degree)
    )
    l50 = (l_mean - 50) ** 2
    theta = 30 * degree * np.exp(-(((np.mod(h_mean / degree, 360) - 275) / 25) ** 2))
    c7 = c_mean**7
    rotation = -2 * np.sqrt(c7 / (c7 + 25.0**7)) * np.sin(2 * theta)
    return (
        1 + 0.015 * l50 / np.sqrt(20 + l50),
        1 + 0.045 * c_mean,
        1 + 0.015 * c_mean * t,
        rotation,
    )


def _lab(image_bgr: np.ndarray) -> tuple[np.ndarray, ...]:
    """CIE Lab (D65, 2°) of sRGB; OpenCV's own is a table that errs by up to half a unit."""
    linear = _LINEAR[image_bgr[..., ::-1]]
    xyz = linear @ XYZ_FROM_RGB.T / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _weighted(right: np.ndarray, weight: np.ndarray) -> float:
    return float((right * weight).sum() / weight.sum())
