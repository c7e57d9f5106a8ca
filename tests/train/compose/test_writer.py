"""Composed calls: the recipe, its truth, and the files it leaves."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.calls import PERSON_FREE, read_calls
from train.compose.camera import CallRecipe, camera
from train.compose.clients import STYLES, Client, load_segmenter
from train.compose.material import PersonClip
from train.compose.sample_call import draw_room, draw_virtual
from train.compose.writer import CAMERA_CRF, blend, compose, recompress

SIZE_WH = (320, 180)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def selfie() -> Client:
    return Client(load_segmenter("mp"), STYLES["mp"])


def test_the_blend_obeys_its_equation(recipe: CallRecipe) -> None:
    """call = floor(m · camera + (1 − m) · V); where m = 0 it is the virtual image exactly."""
    for frame in blend(recipe, selfie(), 2, rng()):
        assert (frame.call[frame.matte == 0] == recipe.virtual[frame.matte == 0]).all()
        leaking = frame.leak > 100
        assert leaking.sum() > 20
        m = frame.matte[leaking][:, None] / 255
        expected = recipe.virtual[leaking] + m * (
            recipe.room[leaking].astype(float) - recipe.virtual[leaking]
        )
        # the camera's own compression, CRF 17
        assert np.abs(frame.call[leaking] - expected).mean() < 6


def test_the_call_is_the_mix_of_camera_and_virtual_image(recipe: CallRecipe) -> None:
    """call = floor(m · camera + (1 − m) · V), exactly, before the call's own compression."""
    frame = next(iter(blend(recipe, selfie(), 1, rng())))
    (shot,) = recompress((image for image, _ in camera(recipe, 1, rng())), SIZE_WH, CAMERA_CRF)
    m = frame.matte[..., None].astype(int)
    assert (frame.call == (m * shot + (255 - m) * recipe.virtual) // 255).all()


def test_the_same_seed_makes_the_same_frames(person: PersonClip) -> None:
    """At half the composer's size: at 320 pixels' width x264 itself does not repeat its bits."""
    size_wh = (640, 360)
    noisy = CallRecipe(person, draw_room(size_wh), draw_virtual(size_wh), noise=2.0, sway_px=50)
    first, again, other = (
        list(compose(noisy, selfie(), frames=3, seed=seed)) for seed in (1, 1, 2)
    )
    assert all((a.call == b.call).all() for a, b in zip(first, again, strict=True))
    assert any((a.call != b.call).any() for a, b in zip(first, other, strict=True))


def test_leak_is_the_matte_where_the_person_is_not(recipe: CallRecipe) -> None:
    frame = next(iter(blend(recipe, selfie(), 1, rng())))
    free = frame.person <= PERSON_FREE
    assert (frame.leak[free] == frame.matte[free]).all()
    assert not frame.leak[~free].any()


def test_compose_keeps_frames_and_truth_together(recipe: CallRecipe, person: PersonClip) -> None:
    moving = CallRecipe(person, recipe.room, recipe.virtual, sway_px=300, sway_period=12)
    frames = list(compose(moving, selfie(), frames=12, crf=15))
    assert len(frames) == 12
    for frame in frames:
        shown = np.abs(frame.call.astype(int) - recipe.virtual).max(axis=2) > 40
        assert (shown & (frame.matte == 0)).mean() < 0.01  # ringing of the compression


@pytest.mark.parametrize(("fine", "coarse"), [(10, 40)])
def test_recompress(fine: int, coarse: int) -> None:
    pictures = [np.roll(draw_room(SIZE_WH), 5 * i, axis=1) for i in range(5)]
    errors = []
    for crf in (fine, coarse):
        found = list(recompress(pictures, SIZE_WH, crf))
        assert len(found) == 5
        errors.append(
            np.mean(
                [np.abs(a.astype(int) - b).mean() for a, b in zip(found, pictures, strict=True)]
            )
        )
    assert errors[0] < errors[1]


def test_written_calls_have_the_layout(calls: Path) -> None:
    found = read_calls(calls / "train")
    assert len(found) == 2
    for call in found:
        assert call.has_truth
        assert call.virtual.is_file()
        assert len(list(call.truth_frames())) == 10
        assert cv2.imread(str(call.room)).shape == (720, 1280, 3)
