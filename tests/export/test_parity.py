"""The gate on exports: what it measures, and what it does not let through."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from calib.collect import collect, spread_frames
from calib.compare import (
    Comparison,
    ComparisonRow,
    TensorDifference,
    call_score,
    calls_with_truth,
    compare,
)
from export.fp16 import to_fp16
from export.parity import fp16_engine, main
from tests.conftest import INPUTS, save_checkpoint
from train.module import LeakModule
from vader_rt.contract import METADATA_KEY, Contract
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError, ParityError
from vader_rt.pipeline.api import reconstruct
from vader_rt.score import score


@pytest.fixture(scope="module")
def planes(untrained: dict[str, Path], clip: Path) -> list[np.ndarray]:
    """Real inputs of the untrained frame model."""
    return [item[None] for item in collect(untrained["frame"], [clip], count=3)]


def changed(model: Path, output: Path, change: str) -> Path:
    """A copy of a model in which something is wrong."""
    copy = onnx.load(model)
    nodes = {node.op_type: node for node in copy.graph.node}  # the last of each type
    if change == "shuffled outputs":
        nodes["Split"].output[:] = reversed(nodes["Split"].output)
    elif change == "a weight":
        name = nodes["ConvTranspose"].input[1]
        weight = next(w for w in copy.graph.initializer if w.name == name)
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.1, name))
    elif change == "not a number":
        name = nodes["ConvTranspose"].input[2]
        bias = next(w for w in copy.graph.initializer if w.name == name)
        wrong = np.full_like(numpy_helper.to_array(bias), np.nan)
        bias.CopyFrom(numpy_helper.from_array(wrong, name))
    onnx.save(copy, output)
    return output


@pytest.mark.parametrize("change", ["shuffled outputs", "a weight", "not a number"])
def test_wrong_exports_are_refused(
    untrained: dict[str, Path], planes: list[np.ndarray], tmp_path: Path, change: str
) -> None:
    reference = load_onnx(untrained["frame"], "onnx-cpu")
    wrong = load_onnx(changed(untrained["frame"], tmp_path / "x.onnx", change), "onnx-cpu")
    parity = compare(reference, {"fp32": wrong}, planes)
    with pytest.raises(ParityError, match=r"^leak\.onnx: fp32: .* is off by .*; not exported$"):
        parity.check("leak.onnx")


def test_right_exports_pass(untrained: dict[str, Path], planes: list[np.ndarray]) -> None:
    reference = load_onnx(untrained["frame"], "onnx-cpu")
    parity = compare(reference, {"fp32": load_onnx(untrained["frame"], "onnx-cpu")}, planes)
    assert parity.failures() == []
    for tensor in parity.rows["fp32"].tensors.values():
        assert (tensor.largest, tensor.mean, tensor.iou) == (0, 0, 1)
    lines = parity.table().splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| fp32 | matte | 0 | 0 | 1.0000 |")


def model_that_half_precision_breaks(path: Path) -> Path:
    """4096 is added and subtracted again; half precision has steps of 4 there."""
    info, node = helper.make_tensor_value_info, helper.make_node
    nodes = [
        node("ReduceMean", ["planes"], ["mean"], axes=[1], keepdims=1),
        node("Add", ["mean", "much"], ["sum"]),
        node("Sub", ["sum", "much"], ["logit"]),
        node("Sigmoid", ["logit"], ["similarity"]),
    ]
    values = [
        info(name, TensorProto.FLOAT, [1, planes, 16, 32])
        for name, planes in (("planes", 4), ("similarity", 1))
    ]
    much = numpy_helper.from_array(np.float32(4096), "much")
    graph = helper.make_graph(nodes, "test", values[:1], values[1:], [much])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    contract = Contract("frame", ("frame", "edge"), (32, 16), ("similarity",))
    helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
    return path


def test_models_that_half_precision_breaks(tmp_path: Path) -> None:
    """ONNX Runtime itself computes in float32 and sees nothing."""
    model = load_onnx(model_that_half_precision_breaks(tmp_path / "model.onnx"), "onnx-cpu")
    half = to_fp16(tmp_path / "model.onnx", tmp_path / "half.onnx")
    planes = [np.random.default_rng(0).random(model.contract.input_shape, np.float32)]
    assert compare(model, {"fp16": load_onnx(half, "onnx-cpu")}, planes).failures() == []
    (failure, *_) = compare(model, {"fp16": fp16_engine(half)}, planes).failures()
    assert failure.startswith("fp16: similarity is off by")


def test_rounding_is_that_of_half_precision(tmp_path: Path) -> None:
    """Against torch, which has half precision on CPUs."""
    torch.manual_seed(0)
    module = LeakModule("unet", ["frame", "edge", "dog"], (64, 48), loss="mse").eval()
    from export.to_onnx import to_onnx

    model = to_onnx(save_checkpoint(module, tmp_path / "unet.ckpt"), tmp_path / "unet.onnx")
    planes = torch.rand(1, 5, 48, 64)
    found = fp16_engine(to_fp16(model, tmp_path / "half.onnx")).run(planes.numpy())[0]
    with torch.inference_mode():
        full = module.model(planes)[0, 0].numpy()
        half = module.model.half()(planes.half())[0, 0].float().numpy()
    # the same roundings but for the order of sums, and unlike float32
    assert np.abs(found - half).mean() < 0.7 * np.abs(full - half).mean()
    assert (found == found.astype(np.float16)).all()


def row(
    largest: float = 0.0, mean: float = 0.0, iou: float = 1.0, scored: float = 0.2
) -> ComparisonRow:
    return ComparisonRow({"leak": TensorDifference(largest, mean, iou)}, scored, 0.2)


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("figure", ["largest", "mean", "iou", "score"])
def test_every_tolerance_counts(precision: str, figure: str) -> None:
    limit = getattr(TOLERANCES[precision], figure)
    at_limit = 0.2 - limit if figure == "score" else limit
    step = -1e-6 if figure in ("iou", "score") else 1e-6
    argument = "scored" if figure == "score" else figure
    for value, failing in ((at_limit - step, 0), (at_limit + step, 1), (np.nan, 1)):
        parity = Comparison("fp32", {precision: row(**{argument: value})})
        assert len(parity.failures()) == failing


def test_undecided_pixels_do_not_count(tmp_path: Path) -> None:
    """Pixels near one half may fall on either side; those that are sure must not."""

    class Plane:
        name, contract = "plane", Contract("frame", ("frame",), (64, 64), ("similarity",))

        def __init__(self, *values: float) -> None:
            self._values = np.array([values], np.float32)

        def run(self, _: np.ndarray) -> list[np.ndarray]:
            return [self._values]

    reference = Plane(0.499, 0.501, 0.9, 0.1)
    for other, iou in ((Plane(0.501, 0.499, 0.9, 0.1), 1.0), (Plane(0.5, 0.5, 0.4, 0.1), 0.0)):
        tensors = compare(reference, {"int8": other}, [np.zeros(1)]).rows["int8"].tensors
        assert tensors["similarity"].iou == iou


def test_the_score_is_that_of_the_pipeline(
    untrained: dict[str, Path], small_calls: Path, tmp_path: Path
) -> None:
    (call,) = calls_with_truth([small_calls])
    engine = load_onnx(untrained["copies"], "onnx-cpu")
    result = reconstruct(spread_frames(call.video), model=untrained["copies"], engine="onnx-cpu")
    expected = score(result.background, call.read_room(), call.read_mask()).challenge
    assert call_score(engine, [call]) == expected > 0
    negated = onnx.load(untrained["copies"])
    (name,) = [n.input[0] for n in negated.graph.node if n.op_type == "Sigmoid"]
    negated.graph.node.insert(
        len(negated.graph.node) - 1, helper.make_node("Neg", [name], ["negated"])
    )
    negated.graph.node[-1].input[0] = "negated"
    onnx.save(negated, tmp_path / "negated.onnx")
    assert call_score(load_onnx(tmp_path / "negated.onnx", "onnx-cpu"), [call]) != expected
    assert call_score(engine, []) is None


def test_command_line(
    untrained: dict[str, Path], clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    module = LeakModule("leaknet", INPUTS, (64, 64))
    checkpoint = str(save_checkpoint(module, tmp_path / "leak.ckpt"))
    figures = tmp_path / "parity.json"
    assert main([checkpoint, "--calls", str(clip), "--json", str(figures)]) == 0
    assert "| against torch | output |" in capsys.readouterr().out
    values = json.loads(figures.read_text())
    assert set(values["rows"]) == {"fp32", "fp16"}
    assert 0 < values["rows"]["fp16"]["tensors"]["leak"]["largest"] < TOLERANCES["fp16"].largest
    half = to_fp16(untrained["frame"], tmp_path / "half.onnx")
    for argv, code in (
        ([str(tmp_path / "missing.ckpt")], 3),
        ([str(half)], 3),
        ([str(untrained["frame"]), "--calls", str(tmp_path / "missing.mp4")], 3),
        ([str(untrained["frame"]), "--calib", str(clip)], 2),
    ):
        assert main(argv) == code
        said = capsys.readouterr().err
        assert said.startswith("export.parity: ")
        assert said.count("\n") == 1


@pytest.mark.slow
def test_restoration_networks_see_real_rooms(
    untrained: dict[str, Path], clip: Path, tmp_path: Path
) -> None:
    planes = collect(untrained["restore"], [clip], count=2, frame_model=untrained["frame"])
    half = fp16_engine(to_fp16(untrained["restore"], tmp_path / "half.onnx"))
    reference = load_onnx(untrained["restore"], "onnx-cpu")
    parity = compare(reference, {"fp16": half}, [item[None] for item in planes])
    assert parity.failures() == []
    assert parity.rows["fp16"].tensors["room"].iou is None
    assert parity.rows["fp16"].tensors["room"].largest > 0


def test_other_kinds_are_refused(untrained: dict[str, Path], small_calls: Path) -> None:
    engine = load_onnx(untrained["restore"], "onnx-cpu")
    with pytest.raises(InputError, match="is a restore model; a frame model is needed"):
        call_score(engine, calls_with_truth([small_calls]), frame_model=untrained["restore"])
