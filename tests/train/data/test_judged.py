"""What a judge learns from: whole calls as the runtime finds them, and how much of it is right."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.calls import Call, read_calls
from train.data.cache import judged_arrays
from train.data.judged import INPUT_PLANES, JudgeDataset, _cropped, _vary
from train.data.planes import JUDGE_PLANES
from vader_rt.contract import TIME_BINS
from vader_rt.engines.load import load_engine
from vader_rt.pipeline.api import reconstruct
from vader_rt.score import TOLERANCE, ciede2000

SIZE_WH = (96, 64)


@pytest.fixture
def call(calls: Path) -> Call:
    return read_calls(calls / "validation")[0]


def of(call: Call, models: dict[str, Path], *, given: bool = False) -> np.ndarray:
    return judged_arrays(call, SIZE_WH, models["frame"], models["restore"], given=given)


@pytest.mark.parametrize("given", [False, True])
def test_it_is_the_runtimes_work(call: Call, tiny_models: dict[str, Path], given: bool) -> None:
    restoration = load_engine(tiny_models["restore"])
    result = reconstruct(
        call.video,
        model=tiny_models["frame"],
        restoration=restoration,
        virtual_background=call.virtual if given else None,
    )
    array = of(call, tiny_models, given=given)
    assert array.shape == (64, 96, JUDGE_PLANES.count)
    restored = cv2.resize(result.background, SIZE_WH, interpolation=cv2.INTER_AREA)[..., ::-1]
    seen = JUDGE_PLANES.get(array, "seen") == 255
    assert seen.any()
    # where all was seen, the picture is what the judge is told of
    assert np.abs(JUDGE_PLANES.get(array, "restored").astype(int) - restored)[seen].max() <= 1
    right = (ciede2000(result.background, call.read_room()) < TOLERANCE) & (result.confidence > 0)
    share = cv2.resize(right.astype(np.float32), SIZE_WH, interpolation=cv2.INTER_AREA)
    assert np.abs(JUDGE_PLANES.get(array, "right") / 255 - share).max() < 0.01
    assert 0 < JUDGE_PLANES.get(array, "person").mean() < 255
    assert JUDGE_PLANES.get(array, "sample_person").any(axis=(0, 1)).all()


def test_arrays_are_kept(call: Call, tiny_models: dict[str, Path]) -> None:
    first = np.array(of(call, tiny_models))
    (kept,) = (call.folder / ".cache").glob(f"{call.name.video}-96x64-judge-*[!n].npy")
    np.save(kept, first ^ 1)
    assert (of(call, tiny_models) == first ^ 1).all()
    kept.unlink()


def test_items(call: Call, tiny_models: dict[str, Path]) -> None:
    models = tiny_models["frame"], tiny_models["restore"]
    whole = JudgeDataset([call] * 2, *models, size_wh=SIZE_WH, varied=False)
    planes, truth = whole[1]
    assert len(whole) == 2
    assert planes.shape == (INPUT_PLANES, 64, 96)
    assert truth.shape == (2, 64, 96)
    assert 0 <= planes.min() <= planes.max() <= 1
    assert (truth[0] <= truth[1] + 1 / 255).all()  # what is right was seen
    part, _ = JudgeDataset([call], *models, size_wh=SIZE_WH, crop_wh=(48, 32))[0]
    assert part.shape == (INPUT_PLANES, 32, 48)


def test_the_virtual_image_of_some_is_known(
    call: Call, tiny_models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in (True, False):
        monkeypatch.setattr("train.data.judged.is_given", lambda _, given=given: given)
        models = tiny_models["frame"], tiny_models["restore"]
        planes, _ = JudgeDataset([call], *models, size_wh=SIZE_WH, varied=False)[0]
        expected = of(call, tiny_models, given=given)[..., :INPUT_PLANES].transpose(2, 0, 1)
        assert (np.rint(planes.numpy() * 255) == expected).all()


def test_crops_are_parts() -> None:
    array = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60, 1)
    found = {tuple(_cropped(array, (20, 10), np.random.default_rng(i))[0, 0]) for i in range(20)}
    assert len(found) > 10
    assert (_cropped(array, (60, 40), np.random.default_rng(0)) == array).all()


def test_varied_calls_keep_their_samples_together() -> None:
    """Every bin's colour, matte, leak and person stay with each other, in another order."""
    arrays = np.zeros((8, 8, JUDGE_PLANES.count), np.uint8)
    for name in ("samples", "sample_matte", "sample_leak", "sample_person"):
        planes = JUDGE_PLANES.get(arrays, name)
        planes[:] = np.repeat(np.arange(TIME_BINS) * 20 + 20, planes.shape[-1] // TIME_BINS)
    arrays[..., JUDGE_PLANES.slice("right")] = 7
    orders = set()
    for seed in range(12):
        varied = _vary(arrays, np.random.default_rng(seed))
        bins = JUDGE_PLANES.get(varied, "sample_leak")[3, 3]
        orders.add(tuple(bins))
        assert sorted(bins) == [20 * i + 20 for i in range(TIME_BINS)]
        for name in ("sample_matte", "sample_person"):
            assert (JUDGE_PLANES.get(varied, name)[3, 3] == bins).all()
        colors = JUDGE_PLANES.get(varied, "samples")[3, 3].reshape(TIME_BINS, 3).mean(axis=1)
        assert (np.argsort(colors) == np.argsort(bins)).all()
        assert (JUDGE_PLANES.get(varied, "right") == 7).all()
    assert len(orders) > 6
