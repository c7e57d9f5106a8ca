"""What networks are calibrated on: what the runtime gives them, spread, without duplicates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calib.collect import Recorder, collect, distinct, drawn, find_videos, main, read_planes
from tests.conftest import INPUTS, LOOK
from vader_rt.contract import Contract, plane_count
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter
from vader_rt.pipeline.scan import network_inputs

LOOK_LEAK = plane_count(INPUTS[: -len(LOOK) + 1])


def flat(level: float) -> np.ndarray:
    return np.full((1, 2, 48, 80), level, np.float32)


def test_duplicates_are_left_out() -> None:
    candidates = [flat(0.1), flat(0.1), flat(0.5), flat(0.1001), flat(0.9)]
    kept = distinct(candidates, known=[flat(0.9)])
    assert [float(item[0, 0, 0, 0]) for item in kept] == pytest.approx([0.1, 0.5])


def test_what_is_drawn_is_spread_and_seeded() -> None:
    items = [flat(index / 100) for index in range(100)]

    def draw(seed: int) -> list[int]:
        chosen = drawn(items, 10, np.random.default_rng(seed))
        return [round(float(item[0, 0, 0, 0]) * 100) for item in chosen]

    assert draw(0) == draw(0) != draw(1)
    assert [index // 10 for index in draw(0)] == list(range(10))
    assert len(drawn(items[:3], 10, np.random.default_rng(0))) == 3


def test_inputs_of_a_frame_network(untrained: dict[str, Path], clip: Path) -> None:
    planes = collect(untrained["frame"], [clip], count=6)
    assert planes.shape == (6, *load_onnx(untrained["frame"], "onnx-cpu").contract.input_shape[1:])
    assert planes.dtype == np.float32
    assert (planes >= 0).all()
    assert (planes <= 1).all()
    looked = [bool(item[LOOK_LEAK].any()) for item in planes]
    assert set(looked) == {True, False}  # before and after the first look
    engine = load_onnx(untrained["frame"], "onnx-cpu")
    runtime = list(network_inputs(clip, engine, Segmenter(), 20))
    for item, after in zip(planes, looked, strict=True):
        assert any((item == given[0]).all() for given in runtime) == after


def test_inputs_of_a_restoration_network(untrained: dict[str, Path], clip: Path) -> None:
    planes = collect(untrained["restore"], [clip], count=3, frame_model=untrained["frame"])
    contract = load_onnx(untrained["restore"], "onnx-cpu").contract
    assert planes.shape == (3, *contract.input_shape[1:])
    thumbnails = planes.mean(axis=(2, 3))
    assert len(np.unique(thumbnails.round(6), axis=0)) == 3


def test_recorders_keep_what_they_are_given(untrained: dict[str, Path]) -> None:
    inner = load_onnx(untrained["copies"], "onnx-cpu")
    recorder = Recorder(inner, every=2)
    given = [np.full(inner.contract.input_shape, level, np.float32) for level in (0.1, 0.2, 0.3)]
    for planes in given:
        assert (recorder.run(planes)[0] == inner.run(planes)[0]).all()
        kept = planes.copy()
        planes[:] = 0
        assert kept.any()
    assert [round(float(item.max()), 3) for item in recorder.planes] == [0.1, 0.3]


def test_videos_are_found(small_calls: Path, tmp_path: Path) -> None:
    video = next((small_calls / "videos").iterdir())
    assert find_videos([small_calls]) == [video]
    assert find_videos([small_calls / "videos", video]) == [video, video]
    for sources, words in (([], "no calls"), ([tmp_path], "has no videos")):
        with pytest.raises(InputError, match=words):
            find_videos(sources)


def test_files_that_are_not_inputs(tmp_path: Path) -> None:
    contract = Contract("frame", ("frame",), (64, 48), ("similarity",))
    text, other, good = (tmp_path / name for name in ("a.npz", "b.npz", "c.npz"))
    text.write_text("not an archive")
    np.savez(other, planes=np.zeros((2, 5, 48, 64), np.float32))
    np.savez(good, planes=np.zeros((2, 3, 48, 64), np.float32))
    for path in (text, tmp_path / "missing.npz"):
        with pytest.raises(InputError, match=r"is not what `python -m calib\.collect -o` writes"):
            read_planes(path, contract)
    with pytest.raises(InputError, match=r"the model wants \(3, 48, 64\)"):
        read_planes(other, contract)
    assert read_planes(good, contract).shape == (2, 3, 48, 64)


def test_command_line(
    untrained: dict[str, Path], clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "planes.npz"
    model = ["--model", str(untrained["copies"])]
    assert main([str(clip), *model, "--count", "2", "-o", str(output)]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["planes.npz"]
    contract = load_onnx(untrained["copies"], "onnx-cpu").contract
    assert len(read_planes(output, contract)) == 2
    assert main([str(tmp_path / "missing.mp4"), *model, "-o", str(output)]) == 3
    assert capsys.readouterr().err.startswith("calib.collect: ")
    with pytest.raises(SystemExit) as caught:
        main([str(clip), "--count", "0", "-o", str(output)])
    assert caught.value.code == 2
