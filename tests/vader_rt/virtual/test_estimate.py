"""The virtual background: estimated, continued, given."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vader_rt.errors import InputError
from vader_rt.virtual.estimate import (
    KeptFrames,
    cover,
    estimate_virtual,
    given_virtual,
    library_virtual,
    person_planes,
    temporal_mode,
)

SIZE_WH = (160, 96)


def picture(seed: int = 0, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A smooth, coloured, unsymmetrical picture."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(noise, size_wh, interpolation=cv2.INTER_CUBIC)


def moving_person(virtual: np.ndarray, travel: int = 100, count: int = 24) -> KeptFrames:
    """A person in grey, 30 pixels wide, walks through `travel` pixels before the picture.

    The grey changes a little from frame to frame, as what is filmed does.
    """
    sample = KeptFrames()
    rng = np.random.default_rng(1)
    for i in range(count):
        left = 20 + i * travel // count
        mask = np.zeros(virtual.shape[:2], np.uint8)
        mask[30:, left : left + 30] = 255
        noise = rng.normal(0, 2, virtual.shape)
        frame = np.where(mask[..., None] > 0, 126 + i % 5, virtual + noise)
        sample.add(np.clip(frame, 0, 255).astype(np.uint8), mask)
    return sample


def test_recovers_what_was_clear_at_times() -> None:
    virtual = picture()
    estimate = estimate_virtual(moving_person(virtual))
    assert estimate.trusted.all()
    # the mean of 8 or more frames with noise of σ 2, rounded
    assert np.abs(estimate.image.astype(int) - virtual).max() <= 4
    assert estimate.occupancy[:25].max() < 30
    assert estimate.occupancy[60, 80] > 30


def test_continues_what_never_was() -> None:
    virtual = np.full((96, 160, 3), (90, 120, 60), np.uint8)
    estimate = estimate_virtual(moving_person(virtual, travel=0))
    hidden = ~estimate.trusted
    assert hidden[35:, 22:48].all()
    assert estimate.trusted[:28].all()
    # a flat picture is continued flat, but for the rounding of the inpainting
    assert np.abs(estimate.image[hidden].astype(int) - (90, 120, 60)).max() <= 6


def test_what_never_changes_is_the_picture_whatever_it_looks_like() -> None:
    """The segmenter takes a thing in the picture for a person; a real one stands beside it."""
    virtual = picture()
    virtual[40:80, 100:140] = (20, 30, 200)
    sample = KeptFrames()
    rng = np.random.default_rng(1)
    for _ in range(24):
        frame, mask = virtual.copy(), np.zeros((96, 160), np.uint8)
        mask[30:, 100:140] = mask[30:, 20:50] = 255
        frame[30:, 20:50] = rng.integers(100, 140, (66, 30, 1))
        sample.add(frame, mask)
    estimate = estimate_virtual(sample)
    assert (estimate.image[40:80, 102:138] == virtual[40:80, 102:138]).all()
    assert not estimate.trusted[40:, 24:46].any()


def test_person_planes_tell_where_the_person_is() -> None:
    masks = np.zeros((12, 4, 6), np.uint8)
    masks[:6, 0], masks[:9, 1], masks[:, 2] = 200, 200, np.arange(12)[:, None]
    mean, limit = person_planes(masks)
    assert mean[:, 0].tolist() == [100, 150, 6, 0]  # 5.5 rounds to even
    assert limit[:, 0].tolist() == [0, 200, 3, 0]  # the fourth smallest of twelve


def test_trace_points_to_the_room() -> None:
    virtual = np.full((96, 160, 3), 100, np.uint8)
    sample = KeptFrames()
    for i in range(12):
        frame = virtual.copy()
        if i % 3 == 0:
            frame[40:60, 40:60] = (100, 100, 180)
        sample.add(frame, np.zeros((96, 160), np.uint8))
    estimate = estimate_virtual(sample, virtual)
    assert estimate.trace[50, 50].tolist() == [128, 128, 168]
    assert estimate.trace[10, 10].tolist() == [128, 128, 128]
    assert estimate.occupancy[50, 50] == pytest.approx(255 / 3, abs=1)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 1001])
def test_sample_is_small_and_even(count: int) -> None:
    sample = KeptFrames(capacity=8)
    for i in range(count):
        if sample.wants_next():
            sample.add(np.full((2, 2, 3), i % 256, np.uint8), np.full((2, 2), i % 256, np.uint8))
        else:
            sample.skip()
    kept = [int(f[0, 0, 0]) for f in sample.frames]
    assert sample.frames_seen == count
    assert 1 <= len(kept) <= 8
    assert len(kept) >= min(count, 4)
    steps = np.diff(kept) % 256
    assert len(set(steps.tolist())) <= 1
    assert sample.masks((2, 2)).shape == (len(kept), 2, 2)


def test_large_frames_are_sampled_sparsely() -> None:
    assert KeptFrames.for_size((640, 360)).capacity == 48
    assert KeptFrames.for_size((3840, 2160)).capacity < 20


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("stretched", [False, True])
def test_given_image_is_fitted(tmp_path: Path, mirrored: bool, stretched: bool) -> None:
    original = picture(3, (400, 300))
    fitted = cv2.resize(original, SIZE_WH, interpolation=cv2.INTER_AREA)
    shown = fitted if stretched else cover(original, SIZE_WH)
    shown = cv2.flip(shown, 1) if mirrored else shown
    path = tmp_path / "virtual.png"
    cv2.imwrite(str(path), original)
    assert (given_virtual(path, moving_person(shown)) == shown).all()


def test_foreign_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.png"
    cv2.imwrite(str(path), 255 - picture())
    with pytest.raises(InputError, match="not the virtual background"):
        given_virtual(path, moving_person(picture()))


def test_library_knows_the_picture(tmp_path: Path) -> None:
    for seed in range(4):
        cv2.imwrite(str(tmp_path / f"{seed}.png"), picture(seed, (400, 300)))
    (tmp_path / "notes.txt").write_text("not a picture")
    shown = cover(picture(2, (400, 300)), SIZE_WH)
    assert library_virtual(tmp_path, moving_person(shown)) == tmp_path / "2.png"
    assert library_virtual(tmp_path, moving_person(picture(9))) is None


def test_library_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no pictures"):
        library_virtual(tmp_path, moving_person(picture()))


def test_kinds() -> None:
    detailed = picture(1)
    detailed[::4] = 255 - detailed[::4]
    assert estimate_virtual(moving_person(detailed)).kind == "still"
    gray = np.full((96, 160, 3), 90, np.uint8)
    assert estimate_virtual(moving_person(gray)).kind == "plain"
    film = KeptFrames()
    for i in range(24):
        film.add(np.roll(detailed, 7 * i, axis=1), np.zeros((96, 160), np.uint8))
    assert estimate_virtual(film).kind == "moving"


@pytest.mark.parametrize("size_wh", [(100, 100), (320, 96), (20, 200)])
def test_cover_fills(size_wh: tuple[int, int]) -> None:
    fitted = cover(picture(0, (160, 96)), size_wh)
    assert fitted.shape == (size_wh[1], size_wh[0], 3)


def test_temporal_mode_against_counting() -> None:
    frames = list(np.random.default_rng(0).integers(0, 4, (9, 70, 30, 3), np.uint8))
    mode = temporal_mode(frames)
    counts = np.stack([(np.stack(frames) == v).sum(axis=0) for v in range(4)])
    assert (np.take_along_axis(counts, mode[None].astype(int), 0)[0] == counts.max(axis=0)).all()
