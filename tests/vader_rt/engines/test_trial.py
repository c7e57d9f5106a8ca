"""Models that load and must not be run: each is tried in a process of its own first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.vader_rt.engines.made import CONTRACT, model, written
from vader_rt.engines import trial
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx_file import OnnxFile
from vader_rt.errors import EngineError, InputError

node = helper.make_node


def large(*lengths: int) -> onnx.ModelProto:
    """A few hundred bytes that want a tensor of these lengths."""
    return model(
        node("ConstantOfShape", ["lengths"], ["large"]),
        node("ReduceMax", ["large"], ["most"], keepdims=0),
        node("Add", ["mean", "most"], ["similarity"]),
        constants={"lengths": np.array(lengths)},
    )


def scaled(factor: float) -> onnx.ModelProto:
    return model(
        node("Add", ["mean", "one"], ["more"]),
        node("Mul", ["more", "factor"], ["similarity"]),
        constants={"one": np.float32([1]), "factor": np.float32([factor])},
    )


RESHAPED = model(
    node("Shape", ["mean"], ["now"]),
    node("ReduceMax", ["mean"], ["most"], keepdims=0),
    node("Cast", ["most"], ["whole"], to=TensorProto.INT64),
    node("Add", ["now", "whole"], ["wanted"]),
    node("Mul", ["wanted", "seven"], ["lengths"]),
    node("Reshape", ["mean", "lengths"], ["similarity"]),
    constants={"seven": np.array([7])},
    shape=None,
)
"""Asks at run time for seven times what there is."""
SMALLER = model(
    node("AveragePool", ["mean"], ["similarity"], kernel_shape=[2, 2], strides=[2, 2]),
    shape=["n", "k", "h", "w"],  # type: ignore[list-item]
)
"""Has an output whose size is not declared, and is half of what it should be."""


@pytest.mark.parametrize(
    ("made", "kind", "words"),
    [
        (large(30_000, 30_000), InputError, "takes more than 20 s or 2048 MiB"),
        (large(2**31, 2**31), EngineError, "ONNX Runtime fails on it"),
        (RESHAPED, EngineError, "ONNX Runtime fails on it"),
        (SMALLER, InputError, r"be right: it gives \(1, 1, 8, 16\) float32 as"),
    ],
    ids=["memory", "more memory", "fails", "size"],
)
def test_what_the_first_run_shows(
    tmp_path: Path, made: onnx.ModelProto, kind: type[Exception], words: str
) -> None:
    path = written(made, tmp_path / "m.onnx")
    assert path.stat().st_size < 2000
    with pytest.raises(kind, match=words) as caught:
        load_engine(path, "onnx-cpu")
    assert "\n" not in str(caught.value)
    assert "m.onnx" in str(caught.value)


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the start of a process."""
    monkeypatch.setattr(trial, "_PASSED", set())


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "import vader_rt.engines.trial as t; t.MOST_SECONDS = 1\n"
            "t._tried = lambda *_: [0 for _ in iter(int, 1)]; t.main()",
            "or takes more than 20 s or 2048 MiB",
        ),
        ("import os; os.abort()", r"ends ONNX Runtime \(exit status -6\)"),
        ("print('no JSON')", r"ends ONNX Runtime \(exit status 0\)"),
        ("import time; time.sleep(60)", "did not answer within 1 s"),
    ],
    ids=["no end", "crash", "nonsense", "sleeps"],
)
def test_a_trial_that_does_not_end_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    monkeypatch.setattr(trial, "_SCRIPT", script)
    monkeypatch.setattr(trial, "_MOST_WAITING", 1.0 if "sleep" in script else 60.0)
    with pytest.raises(InputError, match=words) as caught:
        load_engine(written(model(), tmp_path / "m.onnx"), "onnx-cpu")
    assert "\n" not in str(caught.value)


def test_a_model_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(scaled(0.25), tmp_path / "m.onnx")
    load_engine(path, "onnx-cpu")
    monkeypatch.setattr(trial, "_SCRIPT", "import os; os.abort()")
    assert load_engine(path, "onnx-cpu").contract == CONTRACT
    shipped = OnnxFile(tmp_path / "m", b"", "", shipped=True)
    trial.try_out(shipped, {}, {})


def test_what_depends_on_the_frames_is_an_error_of_the_engine(tmp_path: Path) -> None:
    """Zeros show nothing of it."""
    engine = load_engine(written(scaled(1.5), tmp_path / "m.onnx"), "onnx-cpu")
    planes = np.zeros(CONTRACT.input_shape, np.float32)
    assert (engine.run(planes)[0] == 1).all(), "shares end at 1"
    for level in (9, 1e30, np.nan):
        with pytest.raises(EngineError, match=r"be right: it gives values from .* as") as caught:
            engine.run(np.full_like(planes, level))
        assert "\n" not in str(caught.value)
    with pytest.raises(EngineError, match="ONNX Runtime failed on the cpu"):
        engine.run(planes[..., :5])


def test_a_trial_leaves_this_process_alone(tmp_path: Path) -> None:
    """Its limits are its own."""
    import resource

    before = [resource.getrlimit(w) for w in (resource.RLIMIT_DATA, resource.RLIMIT_CPU)]
    load_engine(written(scaled(0.5), tmp_path / "m.onnx"), "onnx-cpu")
    after = [resource.getrlimit(w) for w in (resource.RLIMIT_DATA, resource.RLIMIT_CPU)]
    assert before == after
