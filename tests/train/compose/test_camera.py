"""What a camera records of a recipe."""

from __future__ import annotations

import numpy as np
import pytest

from train.compose.camera import CallRecipe, camera, mix
from train.compose.material import PersonClip


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_camera_shows_person_before_room(recipe: CallRecipe) -> None:
    ((image, alpha),) = camera(recipe, 1, rng())
    assert (image[alpha == 0] == recipe.room[alpha == 0]).all()
    assert (alpha == 255).any()
    assert (image[alpha == 255] != recipe.room[alpha == 255]).any(axis=1).mean() > 0.9


def test_noise_and_light(recipe: CallRecipe, person: PersonClip) -> None:
    flat = np.full_like(recipe.room, 120)
    noisy = CallRecipe(person, flat, flat, noise=3.0)
    image, alpha = next(iter(camera(noisy, 1, rng())))
    assert image[alpha == 0].std() == pytest.approx(3.0, rel=0.05)  # 10⁵ samples, rounded
    lit = CallRecipe(person, flat, flat, noise=0.0, light=0.2)
    levels = [image[alpha == 0].mean() for image, alpha in camera(lit, 20, rng())]
    assert max(levels) > 130
    assert min(levels) < 121


def test_sway_moves_the_person(recipe: CallRecipe, person: PersonClip) -> None:
    moving = CallRecipe(person, recipe.room, recipe.virtual, sway_px=200, sway_period=8)
    centers = [np.nonzero(alpha)[1].mean() for _, alpha in camera(moving, 5, rng())]
    assert max(centers) - min(centers) > 20


def test_a_resting_person_spends_the_call_at_two_places(
    recipe: CallRecipe, person: PersonClip
) -> None:
    def share_at_the_ends(rest: float) -> float:
        moving = CallRecipe(
            person, recipe.room, recipe.virtual, pace=0, sway_px=100, sway_period=40, rest=rest
        )
        centers = np.array([np.nonzero(alpha)[1].mean() for _, alpha in camera(moving, 40, rng())])
        return float(((centers > centers.max() - 1) | (centers < centers.min() + 1)).mean())

    assert share_at_the_ends(5.0) > 0.8
    assert share_at_the_ends(1.0) < 0.4


def test_mixing_is_exact() -> None:
    """floor((m · front + (255 − m) · back) / 255), for every pair of levels and some mattes."""
    front, back = np.mgrid[0:256, 0:256].astype(np.uint8)
    pictures = [np.repeat(x[..., None], 3, axis=2) for x in (front, back)]
    for m in (0, 1, 77, 127, 128, 254, 255):
        expected = (front.astype(int) * m + back.astype(int) * (255 - m)) // 255
        found = mix(*pictures, np.full((256, 256), m, np.uint8))
        assert (found == expected[..., None]).all()
