"""Composed calls: the recipe, its truth, and that a seed repeats it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT
from train.calls import read_calls
from train.clients import STYLES, Client, MaskStyle, load_segmenter
from train.compose import (
    CAMERA_CRF,
    PERSON_FREE,
    Composer,
    Scene,
    _mix,
    blend,
    camera,
    compose,
    recompress,
)
from train.material import PersonClip, read_material
from train.sample import draw_room, draw_virtual
from vader_rt.errors import InputError

SIZE_WH = (320, 180)


@pytest.fixture
def scene(person: PersonClip) -> Scene:
    return Scene(person, draw_room(SIZE_WH), draw_virtual(SIZE_WH), noise=0.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def selfie() -> Client:
    return Client(load_segmenter("mp"), STYLES["mp"])


def test_camera_shows_person_before_room(scene: Scene) -> None:
    ((image, alpha),) = camera(scene, 1, rng())
    assert (image[alpha == 0] == scene.room[alpha == 0]).all()
    assert (alpha == 255).any()
    assert (image[alpha == 255] != scene.room[alpha == 255]).any(axis=1).mean() > 0.9


def test_noise_and_light(scene: Scene, person: PersonClip) -> None:
    flat = np.full_like(scene.room, 120)
    noisy = Scene(person, flat, flat, noise=3.0)
    image, alpha = next(iter(camera(noisy, 1, rng())))
    assert image[alpha == 0].std() == pytest.approx(3.0, rel=0.05)  # 10⁵ samples, rounded
    lit = Scene(person, flat, flat, noise=0.0, light=0.2)
    levels = [image[alpha == 0].mean() for image, alpha in camera(lit, 20, rng())]
    assert max(levels) > 130
    assert min(levels) < 121


def test_sway_moves_the_person(scene: Scene, person: PersonClip) -> None:
    moving = Scene(person, scene.room, scene.virtual, sway_px=200, sway_period=8)
    centers = [np.nonzero(alpha)[1].mean() for _, alpha in camera(moving, 5, rng())]
    assert max(centers) - min(centers) > 20


def test_a_resting_person_spends_the_call_at_two_places(scene: Scene, person: PersonClip) -> None:
    def share_at_the_ends(rest: float) -> float:
        moving = Scene(
            person, scene.room, scene.virtual, pace=0, sway_px=100, sway_period=40, rest=rest
        )
        centers = np.array([np.nonzero(alpha)[1].mean() for _, alpha in camera(moving, 40, rng())])
        return float(((centers > centers.max() - 1) | (centers < centers.min() + 1)).mean())

    assert share_at_the_ends(5.0) > 0.8
    assert share_at_the_ends(1.0) < 0.4


def test_the_blend_obeys_its_equation(scene: Scene) -> None:
    """call = floor(m · camera + (1 − m) · V); where m = 0 it is the virtual image exactly."""
    for frame in blend(scene, selfie(), 2, rng()):
        assert (frame.call[frame.matte == 0] == scene.virtual[frame.matte == 0]).all()
        leaking = frame.leak > 100
        assert leaking.sum() > 20
        m = frame.matte[leaking][:, None] / 255
        expected = scene.virtual[leaking] + m * (
            scene.room[leaking].astype(float) - scene.virtual[leaking]
        )
        # the camera's own compression, CRF 17
        assert np.abs(frame.call[leaking] - expected).mean() < 6


def test_mixing_is_exact() -> None:
    """floor((m · front + (255 − m) · back) / 255), for every pair of levels and some mattes."""
    front, back = np.mgrid[0:256, 0:256].astype(np.uint8)
    pictures = [np.repeat(x[..., None], 3, axis=2) for x in (front, back)]
    for m in (0, 1, 77, 127, 128, 254, 255):
        expected = (front.astype(int) * m + back.astype(int) * (255 - m)) // 255
        found = _mix(*pictures, np.full((256, 256), m, np.uint8))
        assert (found == expected[..., None]).all()


def test_the_call_is_the_mix_of_camera_and_virtual_image(scene: Scene) -> None:
    """call = floor(m · camera + (1 − m) · V), exactly, before the call's own compression."""
    frame = next(iter(blend(scene, selfie(), 1, rng())))
    (shot,) = recompress((image for image, _ in camera(scene, 1, rng())), SIZE_WH, CAMERA_CRF)
    m = frame.matte[..., None].astype(int)
    assert (frame.call == (m * shot + (255 - m) * scene.virtual) // 255).all()


def test_the_same_seed_makes_the_same_frames(person: PersonClip) -> None:
    """At half the composer's size: at 320 pixels' width x264 itself does not repeat its bits."""
    size_wh = (640, 360)
    noisy = Scene(person, draw_room(size_wh), draw_virtual(size_wh), noise=2.0, sway_px=50)
    first, again, other = (
        list(compose(noisy, selfie(), frames=3, seed=seed)) for seed in (1, 1, 2)
    )
    assert all((a.call == b.call).all() for a, b in zip(first, again, strict=True))
    assert any((a.call != b.call).any() for a, b in zip(first, other, strict=True))


def test_leak_is_the_matte_where_the_person_is_not(scene: Scene) -> None:
    frame = next(iter(blend(scene, selfie(), 1, rng())))
    free = frame.person <= PERSON_FREE
    assert (frame.leak[free] == frame.matte[free]).all()
    assert not frame.leak[~free].any()


def test_compose_keeps_frames_and_truth_together(scene: Scene, person: PersonClip) -> None:
    moving = Scene(person, scene.room, scene.virtual, sway_px=300, sway_period=12)
    frames = list(compose(moving, selfie(), frames=12, crf=15))
    assert len(frames) == 12
    for frame in frames:
        shown = np.abs(frame.call.astype(int) - scene.virtual).max(axis=2) > 40
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


@pytest.mark.parametrize(
    ("style", "check"),
    [
        (MaskStyle(threshold=0.5, feather_px=3), lambda m: ((m > 0) & (m < 255)).mean() < 0.05),
        (MaskStyle(feather_px=61), lambda m: ((m > 0) & (m < 255)).mean() > 0.15),
        # the disc covers 0.246; 40 pixels are 0.0625 and 0.111 of its radius of 0.56 in x and y:
        # about 1.33 times the area, or 0.71
        (MaskStyle(grow_px=40), lambda m: 0.31 < (m > 127).mean() < 0.34),
        (MaskStyle(grow_px=-40), lambda m: 0.16 < (m > 127).mean() < 0.19),
        (MaskStyle(contrast=20), lambda m: ((m > 0) & (m < 255)).mean() < 0.06),
    ],
)
def test_mask_styles(style: MaskStyle, check: object) -> None:
    """A disc of a quarter of the picture with a soft edge, at 720 lines."""
    y, x = np.mgrid[-1:1:144j, -1:1:256j]
    soft = np.clip((0.56 - np.hypot(x, y)) * 8 + 0.5, 0, 1).astype(np.float32)
    mask = Client(lambda _: soft, style).mask(np.zeros((720, 1280, 3), np.uint8))
    assert mask.shape == (720, 1280)
    assert mask.dtype == np.uint8
    assert check(mask)


def test_smoothing_follows_with_delay() -> None:
    masks = iter([np.zeros((9, 16), np.float32), *[np.ones((9, 16), np.float32)] * 3])
    client = Client(lambda _: next(masks), MaskStyle(smoothing=0.5))
    levels = [client.mask(np.zeros((90, 160, 3), np.uint8)).mean() for _ in range(4)]
    assert levels == [0, 127, 191, 223]


def test_clips_run_back_and_forth() -> None:
    color = np.arange(4, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    clip = PersonClip(color, color[..., 0])
    assert [int(clip.at(i)[1][0, 0]) for i in range(8)] == [0, 1, 2, 3, 2, 1, 0, 1]
    assert int(PersonClip(color[:1], color[:1, ..., 0]).at(5.0)[1][0, 0]) == 0


def test_a_seed_and_index_make_the_same_call(material: Path) -> None:
    composers = [Composer(read_material(material), seed=3) for _ in range(2)]
    (name, scene, client, crf), (name2, scene2, client2, crf2) = (c.draw(5) for c in composers)
    assert (name, crf, client.style) == (name2, crf2, client2.style)
    assert (scene.room == scene2.room).all()
    assert (scene.height, scene.x, scene.pace) == (scene2.height, scene2.x, scene2.pace)
    other = composers[0].draw(6)[1]
    assert (other.room != scene.room).any()


def test_resting_people_and_generous_clients_change_nothing_else(material: Path) -> None:
    plain = Composer(read_material(material), seed=3)
    other = Composer(read_material(material), seed=3, resting=1.0, generous=1.0)
    name, scene, client, crf = plain.draw(5)
    name2, scene2, client2, crf2 = other.draw(5)
    assert (scene2.room == scene.room).all()
    assert (scene2.height, scene2.x, scene2.noise) == (scene.height, scene.x, scene.noise)
    assert crf2 == crf
    assert scene.rest == 1.0 < scene2.rest
    assert scene2.pace <= 0.1
    assert name2.tool == f"{name.tool}-generous"
    assert client2.style.grow_px >= 7 > client.style.grow_px
    assert client2.style.threshold == client.style.threshold


def test_rest_and_margin_are_drawn_apart(material: Path) -> None:
    composer = Composer(read_material(material), seed=3, resting=0.5, generous=0.5)
    drawn = [composer.draw(index)[:2] for index in range(16)]
    found = {(scene.rest > 1, "generous" in name.tool) for name, scene in drawn}
    assert len(found) == 4


def test_written_calls_have_the_layout(calls: Path) -> None:
    found = read_calls(calls / "train")
    assert len(found) == 2
    for call in found:
        assert call.has_truth
        assert call.virtual.is_file()
        assert len(list(call.truth_frames())) == 10
        assert cv2.imread(str(call.room)).shape == (720, 1280, 3)


def test_command_line(material: Path, tmp_path: Path) -> None:
    argv = ["train.compose", material, "-o", tmp_path / "calls", "--calls", "1", "--frames", "4"]
    command = [sys.executable, "-m", *map(str, argv), "--without", "mirrored"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (call,) = read_calls(tmp_path / "calls")
    assert call.name.room.startswith("study")
    missing = subprocess.run(
        [sys.executable, "-m", "train.compose", str(tmp_path), "-o", str(tmp_path / "x")],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert missing.returncode == 1
    assert missing.stderr.startswith("train.compose: ")
    assert missing.stderr.count("\n") == 1


def test_material_refusals(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "a_color.mp4").touch()
    with pytest.raises(InputError, match=r"a_alpha\.mp4: missing"):
        read_material(tmp_path)
    with pytest.raises(InputError, match="unheard-of"):
        load_segmenter("unheard-of")
    with pytest.raises(InputError, match=r"segm_lite_v681\.tflite"):
        load_segmenter("meet-lite", tmp_path)


def test_only_and_without_are_complements(material: Path) -> None:
    whole = read_material(material)
    part = whole.only({"study"})
    assert list(part.rooms) == ["study"]
    assert list(whole.without(part).rooms) == ["mirrored"]
    assert whole.without(part).people == whole.people
