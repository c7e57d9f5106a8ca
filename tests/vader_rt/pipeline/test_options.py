"""What may be asked for, and the models that it takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import vader_rt
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx import read_contract
from vader_rt.errors import InputError, UsageError
from vader_rt.io.cpus import usable_cpus
from vader_rt.models import DEFAULT_JUDGE, PERSON_MODEL
from vader_rt.pipeline.options import Options, load_models


@pytest.fixture(scope="module")
def models(untrained: dict[str, Path]) -> dict[str, Path]:
    """Options that take untrained models."""
    return {"model": untrained["frame"], "restoration": untrained["restore"]}


WRONG = [
    ({"engine": "nonsense"}, "engine: 'nonsense' is not one of auto, tensorrt, onnx-cuda"),
    ({"engine": None}, "engine: None is not one of"),
    ({"device_memory": "magic"}, "device_memory: 'magic' is not one of cuda-python, pycuda"),
    ({"threads": "2"}, "threads: '2' is not a number of threads, 0 or more"),
    ({"threads": -1}, "threads: -1 is"),
    ({"threads": True}, "threads: True is"),
    ({"threads": 1.5}, "threads: 1.5 is"),
    ({"restore": "no"}, "restore: 'no' is not True or False"),
    ({"fill": None}, "fill: None is not True or False"),
    ({"cpu_features": 1}, "cpu_features: 1 is not"),
    ({"frames": 7}, "frames: 7 is not `auto`, `all` or 8 frames or more"),
    ({"frames": 0}, "8 frames or more"),
    ({"frames": "most"}, "8 frames or more"),
    ({"frames": 8.5}, "8 frames or more"),
    ({"frames": True}, "8 frames or more"),
    ({"frames": np.zeros(3)}, "8 frames or more"),
    ({"time_limit": 0}, "time_limit: 0 is not a number of seconds above 0, or None"),
    ({"time_limit": "1"}, "time_limit: '1' is"),
    ({"time_limit": math.nan}, "time_limit: nan is"),
    ({"time_limit": math.inf}, "time_limit: inf is"),
    ({"time_limit": 10**400}, "time_limit: 1000"),
    ({"model": ""}, "model: '' is not a model's path"),
    ({"virtual_background": ""}, "virtual_background: '' is not a path"),
    ({"model": 5}, "model: 5 is not a model's path or a loaded engine, or None"),
    ({"restoration": b"x.onnx"}, "restoration: b'x.onnx' is"),
    ({"judge": object()}, "judge: <object"),
    ({"person_model": 5}, "person_model: 5 is not a path, or None"),
    ({"virtual_background": np.zeros((1000, 1000, 3))}, "virtual_background: array"),
    ({"virtual_library": "a\0b"}, "virtual_library: 'a"),
    ({"truth": "room.png"}, "truth and mask belong together: give the other, too"),
    ({"mask": "mask.png"}, "truth and mask belong together: give the other, too"),
    ({"virtual_background": "a.png", "virtual_library": "b"}, "give one of them"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=[*range(len(WRONG))])
def test_what_makes_no_sense_is_told_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        vader_rt.reconstruct_stream("call.mp4", **options)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_what_makes_sense(untrained: dict[str, Path]) -> None:
    Options()
    Options(
        model=load_engine(untrained["frame"], "onnx-cpu"),
        restoration=str(untrained["restore"]),
        threads=np.int64(2),
        frames=np.int32(8),
        time_limit=np.float32(1.5),
        fill=np.bool_(True),
        engine="onnx-cpu",
        device_memory="pycuda",
    )
    Options(frames="all", time_limit=3, threads=99_999_999_999)


def test_the_packages_judge_knows_the_packages_restoration_alone(
    untrained: dict[str, Path],
) -> None:
    frame = load_engine(untrained["frame"])

    def judge_of(**options: Any) -> str | None:
        models = load_models(Options(model=frame, **options))
        assert (models.judge is None) == (models.person is None)
        return models.judge and models.judge.contract.checkpoint_sha256

    shipped = read_contract(DEFAULT_JUDGE).checkpoint_sha256
    own = read_contract(untrained["judge"]).checkpoint_sha256
    restoration = untrained["restore"]
    assert judge_of() == shipped != own
    assert judge_of(judge=untrained["judge"]) == own
    assert judge_of(restoration=restoration) is None
    assert judge_of(restoration=restoration, judge=untrained["judge"]) == own
    assert judge_of(restore=False) is None
    with pytest.raises(UsageError, match="nothing is restored here"):
        judge_of(restore=False, judge=untrained["judge"])
    with pytest.raises(UsageError, match="there is none here"):
        judge_of(restoration=restoration, person_model=PERSON_MODEL)
    with pytest.raises(InputError, match="a judge model is needed here"):
        load_models(Options(model=frame, judge=restoration))


def test_restoration_can_be_left_out(frames: list[np.ndarray], models: dict[str, Path]) -> None:
    plain = vader_rt.reconstruct(frames[:6], model=models["model"], restore=False)
    assert len(plain.report["models"]) == 1
    seen = plain.confidence > 0
    assert (plain.background[seen] == plain.voted.room[seen]).all()
    assert plain.report["matte_trust"] == plain.voted.matte_confidence
    shipped = {"model": models["model"]}
    for options, count in ((shipped, 3), (models, 2), ({**models, "restore": False}, 2)):
        restored = vader_rt.reconstruct(frames[:6], **options)
        assert len(restored.report["models"]) == count
        assert (restored.background[seen] != plain.background[seen]).any()


@pytest.mark.parametrize("threads", [2, 1])
def test_opencv_takes_as_many_threads_as_it_may(
    threads: int, frames: list[np.ndarray], models: dict[str, Path]
) -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3 - threads)
        vader_rt.reconstruct(frames[:2], threads=threads, **models)
        assert cv2.getNumThreads() == min(threads, usable_cpus())
    finally:
        cv2.setNumThreads(before)
