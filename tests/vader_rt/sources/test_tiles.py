"""The tiles of a gallery, found in recordings of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from vader_rt import reconstruct
from vader_rt.errors import UsageError
from vader_rt.io.video import VideoWriter, open_video
from vader_rt.sources.grammar import open_source
from vader_rt.sources.selection import Selection
from vader_rt.sources.tiles import chosen_tile, find_tiles

GALLERY_WH = 672, 416
PLACES = [(10, 10, 320, 180), (342, 10, 320, 180), (10, 202, 320, 180), (342, 202, 320, 180)]
GREY = 32
Gallery = Callable[..., Path]


@pytest.fixture(scope="module")
def gallery(
    frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Makes a recording of a gallery: the sample call, still pictures, a bar of buttons below."""

    def made(*moving: int, places: list[tuple[int, int, int, int]] = PLACES) -> Path:
        path = tmp_path_factory.mktemp("gallery") / "gallery.mp4"
        with VideoWriter(path, size_wh=GALLERY_WH, fps=10, crf=23) as writer:
            for n, _ in enumerate(frames):
                picture = np.full((GALLERY_WH[1], GALLERY_WH[0], 3), GREY, np.uint8)
                for number, (x, y, width, height) in enumerate(places):
                    shown = frames[(n + 3 * number) % len(frames) if number in moving else 0]
                    shown = cv2.flip(shown, 1) if number % 2 else shown
                    picture[y : y + height, x : x + width] = cv2.resize(shown, (width, height))
                for button in range(5):
                    cv2.circle(picture, (240 + 48 * button, 400), 10, (200, 200, 200), -1)
                writer.write(picture)
        return path

    return made


def near(found: object, place: tuple[int, int, int, int]) -> bool:
    return bool(np.abs(np.subtract([int(n) for n in str(found).split(",")], place)).max() <= 3)


def test_tiles_are_found_to_the_pixel_or_so(gallery: Gallery) -> None:
    found = find_tiles([*open_video(gallery(2)).frames()])
    assert [one.moves for one in found] == [False, False, True, False]
    for one, place in zip(found, PLACES, strict=True):
        assert near(one.place, place), one


def test_the_one_that_moves_is_meant(gallery: Gallery) -> None:
    with open_source(gallery(1), selection=Selection(tile="auto")) as part:
        assert near(",".join(map(str, (0, 0, *part.size_wh))), (0, 0, 320, 180))
        frame = next(part.frames())
        assert any("the tile at 34" in note for note in part.notes())
    assert frame.shape[:2] == part.size_wh[::-1]


def test_the_large_one_is_meant(gallery: Gallery) -> None:
    places = [(10, 10, 480, 270), (510, 10, 150, 84), (510, 104, 150, 84)]
    path = gallery(0, 1, 2, places=places)
    assert near(chosen_tile(open_video(path), "auto"), places[0])
    assert near(chosen_tile(open_video(path), 3), places[2])


@pytest.mark.parametrize(
    ("moving", "tile", "said"),
    [
        ((0, 3), "auto", r"more than one may be meant; choose by its number: 1: \d+,.* 4: [\d,]+$"),
        ((), "auto", r"nobody moves in 1: [\d,]+ \(still\); 2"),
        ((0,), 5, "5 is none of the tiles of gallery.mp4: 1: "),
    ],
)
def test_where_it_cannot_be_told_the_tiles_are_listed(
    moving: tuple[int, ...], tile: int, said: str, gallery: Gallery
) -> None:
    with pytest.raises(UsageError, match=said):
        chosen_tile(open_video(gallery(*moving)), tile)


def test_a_call_without_tiles(clip: Path) -> None:
    with pytest.raises(UsageError, match=r"are no tiles .* give the place of the call with roi"):
        chosen_tile(open_video(clip), "auto")


def test_a_room_is_recovered_from_a_tile(gallery: Gallery) -> None:
    result = reconstruct(gallery(0), tile="auto", frames=8)
    place = result.report["options"]["tile"], result.report["input"]["size_wh"]
    assert place[0] == "auto"
    assert near(",".join(map(str, (0, 0, *place[1]))), (0, 0, 320, 180))
    assert any("the tile at" in warning for warning in result.report["warnings"])
    assert not any("gallery" in warning for warning in result.report["warnings"])
    with pytest.raises(UsageError, match="roi and tile: give one of them"):
        reconstruct(gallery(0), tile=1, roi=(0, 0, 64, 64))


def test_a_gallery_that_is_taken_for_one_call_is_told_of(gallery: Gallery) -> None:
    (warning,) = reconstruct(gallery(0), frames=8).report["warnings"]
    assert warning.startswith("it looks like a gallery of 4 tiles, and was taken for one call")
