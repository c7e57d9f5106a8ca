"""The VADER layout: found and checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import SAMPLE
from train.calls import Call, CallName, read_calls, true_leak
from vader_rt.errors import InputError


def test_the_sample_is_complete(sample: Call) -> None:
    assert sample.name == CallName("astronaut", "sway", "study", "waves", "generous")
    assert sample.has_truth
    assert sample.read_room().shape == (720, 1280, 3)
    assert sample.read_mask().shape == (720, 1280)
    matte, person = next(sample.truth_frames())
    assert matte.shape == person.shape == (360, 640)
    assert sum(f.stat().st_size for f in SAMPLE.rglob("*") if f.is_file()) < 2_000_000


def test_the_mask_is_the_greatest_leak(sample: Call) -> None:
    leak = np.zeros((360, 640), np.uint8)
    for matte, person in sample.truth_frames():
        leak = np.maximum(leak, np.where(person <= 4, matte, 0))
    mask = sample.read_mask()[::2, ::2]
    # the truth is stored at half the size and compressed: edges differ
    assert np.corrcoef(leak.ravel(), mask.ravel())[0, 1] > 0.9


def build(folder: Path, names: list[str], *, rooms: bool = True, masks: bool = True) -> Path:
    for part in ("videos", "backgrounds", "masks"):
        (folder / part).mkdir()
    for name in names:
        (folder / "videos" / f"{name}.mp4").touch()
        parts = name.split("_")
        if rooms and len(parts) == 5:
            (folder / "backgrounds" / f"{parts[2]}.png").touch()
        if masks and len(parts) == 5:
            (folder / "masks" / f"{'_'.join((*parts[:3], parts[4]))}.png").touch()
    return folder


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        ([], {}, "no videos"),
        (["1_i_room_wave"], {}, "is not named"),
        (["1_i_room_wave_mp_x"], {}, "is not named"),
        (["1_i__wave_mp"], {}, "is not named"),
        (["1_i_room_wave_mp"], {"rooms": False}, r"room\.png is missing"),
        (["1_i_room_wave_mp"], {"masks": False}, r"1_i_room_mp\.png is missing"),
    ],
)
def test_refusals(tmp_path: Path, names: list[str], options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_calls(build(tmp_path, names, **options))


def test_leak_needs_a_person_free_pixel() -> None:
    matte = np.array([[255, 255, 100, 0]], np.uint8)
    person = np.array([[4, 5, 0, 0]], np.uint8)
    leak = true_leak(matte, person)
    assert leak.tolist() == [[255, 0, 100, 0]]
    assert leak.dtype == np.uint8
