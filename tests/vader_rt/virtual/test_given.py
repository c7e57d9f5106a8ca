"""A virtual image that the user has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import vader_rt
from tests.conftest import SAMPLE
from tests.vader_rt.io.made import png_of
from tests.vader_rt.virtual.made import SIZE_WH, moving_person, picture
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.images import read_image, shrunk
from vader_rt.io.timer import StageTimer
from vader_rt.io.video import open_video
from vader_rt.pipeline.scan import Scan
from vader_rt.virtual.given import cover, given_virtual, library_virtual
from vader_rt.virtual.kept_frames import KeptFrames

CALL_WH = (320, 180)


@pytest.fixture(scope="module")
def room_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with detail, 640×360."""
    return saved(detailed(), tmp_path_factory.mktemp("virtual") / "room.png")


def detailed() -> np.ndarray:
    return shrunk(read_image(SAMPLE / "backgrounds" / "study.png"), (640, 360))


def smooth() -> np.ndarray:
    return shrunk(read_image(SAMPLE / "truth" / "waves.jpg"), (640, 360))


def saved(image: np.ndarray, path: Path) -> Path:
    cv2.imwrite(str(path), image)
    return path


def fitted(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, CALL_WH, interpolation=cv2.INTER_AREA)


def zoomed(image: np.ndarray, scale: float = 1.3, x: int = 30, y: int = 12) -> np.ndarray:
    """What a client shows that scales a picture by so much more, and cuts off so much."""
    size_wh = round(CALL_WH[0] * scale), round(CALL_WH[1] * scale)
    larger = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(larger[y : y + CALL_WH[1], x : x + CALL_WH[0]])


def toned(image: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(image, alpha=0.9, beta=8)


def blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 1.5)


def with_overlays(image: np.ndarray) -> np.ndarray:
    """A name tag, and an icon."""
    image = image.copy()
    image[:16, :60] = (40, 40, 40)
    cv2.circle(image, (300, 165), 10, (60, 60, 230), -1)
    return image


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("stretched", [False, True])
def test_given_image_is_fitted(tmp_path: Path, mirrored: bool, stretched: bool) -> None:
    original = picture(3, (400, 300))
    fitted = cv2.resize(original, SIZE_WH, interpolation=cv2.INTER_AREA)
    shown = fitted if stretched else cover(original, SIZE_WH)
    shown = cv2.flip(shown, 1) if mirrored else shown
    given = given_virtual(saved(original, tmp_path / "virtual.png"), moving_person(shown))
    assert (given.picture.image == shown).all()
    assert given.picture.plain
    assert given.picture.report()["mirrored"] == mirrored


@pytest.mark.parametrize("original", [detailed, smooth])
def test_what_the_call_shows_as_it_is_stays_so_to_the_bit(
    tmp_path: Path, original: Callable[[], np.ndarray]
) -> None:
    shown = fitted(original())
    # what clients do: values are cut to whole levels, not rounded, and the call is compressed
    _, data = cv2.imencode(
        ".jpg", cv2.subtract(shown, (1, 1, 1, 0)), [cv2.IMWRITE_JPEG_QUALITY, 80]
    )
    kept = moving_person(cv2.imdecode(data, cv2.IMREAD_COLOR))
    given = given_virtual(saved(original(), tmp_path / "virtual.png"), kept)
    assert (given.picture.image == shown).all()


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (zoomed, {"scale": [0.65, 0.65], "shift": [-30, -12]}),
        (lambda v: zoomed(v[:, ::-1]), {"scale": [0.65, 0.65], "shift": [-30, -12], "mirrored": 1}),
        (lambda v: toned(fitted(v)), {"gain": [0.9] * 3, "offset": [8] * 3}),
        (lambda v: blurred(fitted(v)), {"blur_sigma": 1.5}),
        (
            lambda v: with_overlays(toned(blurred(zoomed(v[:, ::-1], 1.4, 50, 40)))),
            {
                "scale": [0.7, 0.7],
                "shift": [-50, -40],
                "mirrored": True,
                "gain": [0.9] * 3,
                "offset": [8] * 3,
                "blur_sigma": 1.5,
            },
        ),
    ],
    ids=["scaled and cut", "mirrored", "tone", "blur", "all"],
)  # fmt: skip
def test_it_is_registered(
    room_file: Path, client: Callable[[np.ndarray], np.ndarray], expected: dict[str, object]
) -> None:
    shown = client(read_image(room_file))
    given = given_virtual(room_file, moving_person(shown))
    unchanged = {"scale": [0.5, 0.5], "shift": [0, 0], "mirrored": False, "gain": [1] * 3}
    expected = {**unchanged, "offset": [0] * 3, "gamma": 1.0, "blur_sigma": 0.0, **expected}
    report = given.picture.report()
    # the noise of the call: a thousandth in scale is a third of a pixel across the call
    tolerance = {"scale": 1e-3, "shift": 0.4, "gain": 0.02, "offset": 2}
    for name, value in expected.items():
        assert report[name] == pytest.approx(value, abs=tolerance.get(name, 0)), name
    assert report["agreeing"] > 0.9
    assert report["residual_levels"] <= 3
    bare = with_overlays(np.zeros_like(shown)).max(axis=2) == 0
    assert np.abs(given.picture.image.astype(int) - shown)[bare].mean() < 2


@pytest.mark.parametrize("client", [fitted, zoomed])
def test_overlays_are_no_leaks(room_file: Path, client: Callable[[np.ndarray], np.ndarray]) -> None:
    kept = moving_person(client(read_image(room_file)))
    bare = given_virtual(room_file, kept).picture.image
    # they are painted over the noise too, and over the person
    frames = [with_overlays(frame) for frame in kept.frames]
    given = given_virtual(room_file, KeptFrames(frames, kept.small_masks, kept.indices))
    expected, image = with_overlays(bare), given.picture.image
    hidden = (expected != bare).any(axis=2)
    assert np.abs(image.astype(int) - expected).max(axis=2)[hidden].max() <= 12
    # their soft rims, and the last digit of the fit
    assert (np.abs(image.astype(int) - bare).max(axis=2)[~hidden] > 2).mean() < 0.002
    assert given.report()["overlays"] == pytest.approx(hidden.mean(), rel=0.2)


def test_a_room_that_leaks_all_the_time_is_no_overlay(room_file: Path) -> None:
    shown = fitted(read_image(room_file))
    leaking = shown.copy()
    leaking[100:140, 240:300] = (30, 200, 220)
    given = given_virtual(room_file, moving_person(leaking))
    assert (given.picture.image == shown).all()
    assert given.report()["overlays"] == 0


def test_around_a_picture_is_what_the_call_shows(room_file: Path) -> None:
    shown = np.full((*CALL_WH[::-1], 3), (90, 60, 30), np.uint8)
    shown[22:157, 40:280] = cv2.resize(
        read_image(room_file), (240, 135), None, 0, 0, cv2.INTER_AREA
    )
    given = given_virtual(room_file, moving_person(shown))
    assert not given.picture.covered[:, :39].any()
    assert given.picture.covered[24:155, 42:278].all()
    assert np.abs(given.picture.image.astype(int) - shown).mean() < 2


@pytest.mark.parametrize(
    "original", [picture, lambda: cv2.flip(detailed(), 0), lambda: 255 - detailed(), smooth]
)
def test_another_picture_is_refused(
    tmp_path: Path, room_file: Path, original: Callable[[], np.ndarray]
) -> None:
    path = saved(original(), tmp_path / "other.png")
    for shown in (fitted(detailed()), zoomed(detailed())):
        with pytest.raises(InputError, match=r"other\.png: is not the virtual background"):
            given_virtual(path, moving_person(shown))
    with pytest.raises(InputError, match=r"room\.png: is not the virtual background"):
        given_virtual(room_file, moving_person(fitted(original())))


def ramp(first: int, last: int, across: bool = True) -> np.ndarray:
    levels = np.linspace(first, last, 640)[None, :] * np.ones((360, 1))
    levels = levels if across else cv2.resize(levels.T, (640, 360))
    return np.repeat(np.rint(levels).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (ramp(0, 255), ramp(30, 180)),
        (ramp(0, 255), ramp(255, 0, across=False)),
        (ramp(0, 255), zoomed(ramp(0, 255), 1.3, 60, 20)),
        (ramp(120, 250), toned(ramp(120, 250))),
        (smooth(), zoomed(smooth())),
        (np.full((360, 640, 3), 90, np.uint8), ramp(30, 180)),
    ],
    ids=["other", "turned", "scaled", "tone", "waves", "plain"],
)
def test_a_picture_without_detail_is_not_fitted_by_chance(
    tmp_path: Path, given: np.ndarray, shown: np.ndarray
) -> None:
    """Any ramp becomes any other by a scale, a shift and a tone."""
    path = saved(given, tmp_path / "smooth.png")
    with pytest.raises(InputError, match=r"is not .* too little detail"):
        given_virtual(path, moving_person(shrunk(shown, CALL_WH)))


def test_library_knows_the_picture(tmp_path: Path) -> None:
    for seed in range(4):
        saved(picture(seed, (400, 300)), tmp_path / f"{seed}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    shown = cover(picture(2, (400, 300)), SIZE_WH)
    found = library_virtual(tmp_path, moving_person(shown))
    assert found is not None
    assert found.name == "2.png"
    assert (found.picture.image == shown).all()
    assert library_virtual(tmp_path, moving_person(picture(9))) is None


def test_library_pictures_that_cannot_be_read_are_told_of_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0.png").write_text("broken")
    (tmp_path / "1.jpg").touch()
    (tmp_path / "2.png").write_bytes(png_of((60_000, 60_000)))
    (tmp_path / "3.png").mkdir()
    (tmp_path / "4.webp").symlink_to("nowhere")
    with pytest.raises(InputError, match="has no picture that can be read"):
        library_virtual(tmp_path, moving_person(picture()))
    caplog.clear()
    cv2.imwrite(str(tmp_path / "5.png"), picture(5, (400, 300)))
    shown = cover(picture(5, (400, 300)), SIZE_WH)
    found = library_virtual(tmp_path, moving_person(shown))
    assert found is not None
    assert found.name == "5.png"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 5
    assert f"{tmp_path / '2.png'}: 60000×60000 are more than" in told[2]
    assert all("passed over" in line for line in told)


def test_of_a_library_the_best_fit_wins(tmp_path: Path) -> None:
    saved(cv2.flip(detailed(), 0), tmp_path / "a_other.png")
    saved(cv2.GaussianBlur(detailed(), (0, 0), 12), tmp_path / "b_blurred.png")
    saved(detailed(), tmp_path / "c_right.png")
    saved(smooth(), tmp_path / "d_smooth.png")
    for shown in (fitted(detailed()), zoomed(detailed())):
        found = library_virtual(tmp_path, moving_person(shown))
        assert found is not None
        assert found.name == "c_right.png"
        assert np.abs(found.picture.image.astype(int) - shown).mean() < 2


def test_library_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no pictures"):
        library_virtual(tmp_path, moving_person(picture()))
    with pytest.raises(InputError, match="cannot be read"):
        library_virtual(tmp_path / ("x" * 5000), moving_person(picture()))


@pytest.mark.parametrize("size_wh", [(100, 100), (320, 96), (20, 200)])
def test_cover_fills(size_wh: tuple[int, int]) -> None:
    fitted = cover(picture(0, (160, 96)), size_wh)
    assert fitted.shape == (size_wh[1], size_wh[0], 3)


def test_the_fit_is_reported(room_file: Path, untrained: dict[str, Path]) -> None:
    shown = zoomed(read_image(room_file))
    frames = list(moving_person(shown).frames)[::2]
    models = {"model": untrained["frame"], "restore": False}
    result = vader_rt.reconstruct(frames, virtual_background=room_file, **models)
    report = result.report["virtual_background"]
    assert report["given"] == room_file.name
    assert report["fit"]["scale"] == pytest.approx([0.65, 0.65], abs=1e-3)
    assert json.loads(json.dumps(report)) == report
    assert np.abs(result.virtual.astype(int) - shown).mean() < 2


@pytest.mark.shared
@pytest.mark.slow
def test_a_real_clients_file(shared: Path) -> None:
    """It was scaled, shifted and cut, and the call recorded from the screen."""
    folder = shared / "calls" / "recordings"
    scan = Scan(open_video(folder / "openvidu_boat.mp4"), Segmenter(), StageTimer())
    assert len(list(scan.run())) > 50
    given = given_virtual(folder / "openvidu_boat_virtual_file.jpg", scan.seen().kept)
    exact = given_virtual(folder / "openvidu_boat_virtual_registered.png", scan.seen().kept)
    with pytest.raises(InputError, match="is not the virtual background"):
        given_virtual(folder / "openvidu_moon_virtual_registered.png", scan.seen().kept)
    truth = read_image(folder / "openvidu_boat_virtual_registered.png")
    assert exact.picture.plain
    assert (exact.picture.image != truth).any(axis=2).mean() == pytest.approx(exact.overlays)
    assert exact.overlays < 0.01  # a name tag and two icons
    # 39 as most clients would show it; the truth is as sharp as the file, and the call is not
    assert np.abs(given.picture.image.astype(int) - truth).mean() < 6
