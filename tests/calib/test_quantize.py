"""INT8 models: what is in them, what stays out of them, and what TensorRT takes."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from calib.collect import collect
from calib.compare import compare
from calib.quantize import (
    BETWEEN,
    ENOUGH,
    LAYERS,
    METHODS,
    layer_names,
    main,
    measured_ranges,
    quantize,
    with_qdq,
)
from export.fp16 import to_fp16
from export.parity import fp16_engine
from export.to_onnx import to_onnx
from tests.conftest import INPUTS, save_checkpoint
from train.module import LeakModule, RestoreModule
from vader_rt.contract import METADATA_KEY
from vader_rt.engines.onnx import load_onnx, read_contract
from vader_rt.engines.trt.bindings import find_bindings
from vader_rt.engines.trt.builder import serialized
from vader_rt.errors import EngineError, InputError, ParityError
from vader_rt.io.files import file_sha256
from vader_rt.models import DEFAULT_MODEL

MODULES = {
    "leaknet": lambda: LeakModule("leaknet", INPUTS, (64, 64)),
    "unet": lambda: LeakModule("unet", ["frame", "edge", "dog"], (64, 48), loss="mse"),
    "restorenet": lambda: RestoreModule(size_wh=(96, 64)),
}


def exported(module: torch.nn.Module, folder: Path) -> Path:
    return to_onnx(save_checkpoint(module, folder / "model.ckpt"), folder / "model.onnx")


@pytest.fixture
def unet(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return exported(MODULES["unet"](), tmp_path)


def random_planes(model: Path, count: int = 5) -> np.ndarray:
    shape = read_contract(model).input_shape[1:]
    return np.random.default_rng(0).random((count, *shape), np.float32)


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def test_a_method_that_cannot_measure_is_left_out(
    unet: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planes = random_planes(unet)
    planes[0] = 1e-30  # 10³⁰ bins would be as wide as those of this one
    result = quantize(unet, tmp_path / "int8.onnx", planes)
    assert result.method != "entropy"
    assert result.methods["entropy"] == np.inf
    assert "entropy calibration is left out" in caplog.text


def test_what_is_in_an_int8_model(unet: Path, tmp_path: Path) -> None:
    result = quantize(unet, tmp_path / "int8.onnx", random_planes(unet))
    assert set(result.methods) == set(METHODS)
    assert result.methods[result.method] == min(result.methods.values())
    assert 0 < result.error < ENOUGH
    model = onnx.load(result.model)
    assert all(t.data_type != TensorProto.INT32 for t in model.graph.initializer)
    values, layers = constants(model), [n for n in model.graph.node if n.op_type in LAYERS]
    pairs = [n for n in model.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert len(pairs) > 4 * (len(layers) - len(result.kept))
    for node in pairs:
        scale, zero = values[node.input[1]], values[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()
        assert (scale > 0).all()
    producers = {o: n for n in model.graph.node for o in n.output}
    for layer in layers:
        if layer.name not in result.kept:
            weight = producers[layer.input[1]]
            axis = 1 if layer.op_type == "ConvTranspose" else 0
            assert values[weight.input[1]].ndim == 1
            assert weight.attribute[0].i == axis
            assert producers[layer.input[0]].op_type == "DequantizeLinear"
            assert values[layer.input[2]].dtype == np.float32  # the bias
    contract = read_contract(result.model)
    assert contract.precision == "int8"
    assert contract.source_sha256 == file_sha256(unet)


def test_every_layer_is_int8_on_cpus(untrained: dict[str, Path], tmp_path: Path) -> None:
    """Layers whose input others read too; ONNX Runtime leaves them in float if pairs are equal."""
    source = untrained["frame"]
    ranges = measured_ranges(source, [random_planes(source, 1)], "minmax")
    made = with_qdq(onnx.load(source), ranges)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(made.SerializeToString(), options)
    types = [n.op_type for n in onnx.load(tmp_path / "optimized.onnx").graph.node]
    count = sum(n.op_type == "Conv" for n in made.graph.node)
    assert types.count("QLinearConv") == count
    assert "Conv" not in types


def test_only_sums_of_layers_are_int8() -> None:
    """Those that refine a level, not those of the planes that the shipped network derives."""
    source = DEFAULT_MODEL
    made = with_qdq(
        onnx.load(source), measured_ranges(source, [random_planes(source, 1)], "minmax")
    )
    makers = {name: node.op_type for node in made.graph.node for name in node.output}
    sums = [[makers.get(name) for name in n.input] for n in made.graph.node if n.op_type == "Add"]
    assert sum("DequantizeLinear" in inputs for inputs in sums) == 4
    assert sums.count(["DequantizeLinear"] * 2) == 4
    assert len(sums) > 4


def test_real_frames_in_int8(untrained: dict[str, Path], clip: Path, tmp_path: Path) -> None:
    """Q/DQ, then half precision: within the tolerances, and unlike fp32."""
    planes = collect(untrained["copies"], [clip], count=8)
    int8 = quantize(untrained["copies"], tmp_path / "int8.onnx", planes, method="entropy").model
    half = to_fp16(int8, tmp_path / "int8.fp16.onnx")
    assert read_contract(half).precision == "int8"
    assert read_contract(half).source_sha256 == file_sha256(int8)
    reference = load_onnx(untrained["copies"], "onnx-cpu")
    parity = compare(reference, {"int8": fp16_engine(half)}, [p[None] for p in planes])
    assert parity.failures() == []
    assert parity.rows["int8"].tensors["similarity"].largest > 1e-5


def test_a_wrong_scale_is_beyond_the_tolerances(clip: Path, tmp_path: Path) -> None:
    """The shipped network, whose outputs say something; with VNNI and without, off by the same."""
    planes = [frame[None] for frame in collect(DEFAULT_MODEL, [clip], count=2)]
    model = with_qdq(onnx.load(DEFAULT_MODEL), measured_ranges(DEFAULT_MODEL, planes, "minmax"))
    onnx.helper.set_model_props(model, {METADATA_KEY: read_contract(DEFAULT_MODEL).to_json()})
    reference = load_onnx(DEFAULT_MODEL, "onnx-cpu")
    path, failures = tmp_path / "int8.onnx", []
    for factor in (1, 1 / 8):
        scale_last(model, factor)
        onnx.save(model, path)
        found = compare(reference, {"int8": load_onnx(path, "onnx-cpu")}, planes)
        failures.append(found.failures())
    assert failures[0] == []
    assert any("is off by" in failure for failure in failures[1])


def scale_last(model: onnx.ModelProto, factor: float) -> None:
    """Multiply the last scale of a model's tensors."""
    name = [n for n in model.graph.node if n.op_type == "QuantizeLinear"][-1].input[1]
    scale = next(t for t in model.graph.initializer if t.name == name)
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * np.float32(factor), name))


def test_layers_that_hurt_stay_out(tmp_path: Path) -> None:
    """A weight that multiplies nothing takes the whole range of its channel."""
    torch.manual_seed(0)
    module = MODULES["unet"]()
    before, bad, last = (module.model.model[index] for index in (16, 18, 20))
    with torch.no_grad():
        before.weight[:, 0], before.bias[0] = 0, 0
        bad.weight[:, 0, 1, 1] = 1000
        last.weight.mul_(50)
    model = exported(module, tmp_path)
    result = quantize(model, tmp_path / "int8.onnx", random_planes(model), method="minmax")
    (name,) = [n.name for n in onnx.load(model).graph.node if n.name.endswith("model.18/Conv")]
    assert max(result.gains, key=lambda layer: result.gains[layer]) == name
    assert name in result.kept
    assert result.error < result.methods["minmax"] / 2
    written = onnx.load(result.model)
    node = next(n for n in written.graph.node if n.name == name)
    assert node.input[1] in constants(written)  # its weights are as they were


def test_shared_weights_are_quantized(untrained: dict[str, Path]) -> None:
    """Biases that are equal are one tensor and an Identity in torch's exports."""
    source = untrained["frame"]
    model = onnx.load(source)
    assert any(n.op_type == "Identity" for n in model.graph.node)
    expected = load_onnx(source, "onnx-cpu").run(random_planes(source, 1))
    ranges = measured_ranges(source, [random_planes(source, 1)], "minmax")
    made = with_qdq(model, ranges, layer_names(model))
    assert not any(n.op_type == "Identity" for n in made.graph.node)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    found = session.run(None, {"planes": random_planes(source, 1)})
    assert np.abs(found[0][0, 0] - expected[0]).max() < 0.05  # Resize and Concat are in int8


def test_networks_that_do_not_bear_int8(
    unet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calib.quantize.ENOUGH", 1e-9)
    with pytest.raises(ParityError, match=r"in int8 .* whatever layer stays out"):
        quantize(unet, tmp_path / "int8.onnx", random_planes(unet, 2), method="minmax")
    assert not list(tmp_path.glob("int8*"))


def test_models_that_are_no_use(untrained: dict[str, Path], unet: Path, tmp_path: Path) -> None:
    half = to_fp16(unet, tmp_path / "half.onnx")
    with pytest.raises(InputError, match="is fp16; give the fp32 model"):
        quantize(half, tmp_path / "int8.onnx", random_planes(unet, 1))
    without = onnx.load(unet)
    del without.graph.node[:]
    without.graph.node.append(
        onnx.helper.make_node("ReduceMean", ["planes"], ["similarity"], axes=[1], keepdims=1)
    )
    onnx.save(without, tmp_path / "without.onnx")
    with pytest.raises(InputError, match="has no convolution"):
        quantize(tmp_path / "without.onnx", tmp_path / "int8.onnx", random_planes(unet, 1))


def test_command_line(
    unet: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calib = ["--calib", str(clip), "--count", "4"]
    argv = [str(unet), *calib, "--method", "minmax", "--json", str(tmp_path / "figures.json")]
    assert main(argv) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("calibration: minmax 0.0")
    assert read_contract(tmp_path / "model.int8.onnx").precision == "int8"
    values = json.loads((tmp_path / "figures.json").read_text())
    assert values["method"] == "minmax"
    assert len(values["gains"]) == 10
    for argv, code in (
        ([str(tmp_path / "missing.onnx"), *calib], 3),
        ([str(unet), "--calib", str(tmp_path / "missing.npz")], 3),
        ([str(unet), *calib, "--method", "minmax", "-o", str(unet / "below.onnx")], 2),
    ):
        assert main(argv) == code
        assert capsys.readouterr().err.startswith("calib.quantize: ")


@pytest.mark.gpu_build
@pytest.mark.parametrize("network", MODULES)
@pytest.mark.parametrize("half", [False, True])
def test_tensorrt_takes_int8(rtx: ModuleType, network: str, half: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = exported(MODULES[network](), tmp_path)
    ranges = measured_ranges(model, [random_planes(model, 1)], "minmax")
    onnx.save(with_qdq(onnx.load(model), ranges), tmp_path / "int8.onnx")
    source = tmp_path / "int8.onnx"
    if half:
        made = quantize(model, source, random_planes(model), method="minmax").model
        source = to_fp16(made, tmp_path / "half.onnx")
    for target in ("sm_86", "sm_120"):
        assert len(serialized(source, find_bindings("rtx", [target]))) > 50_000


@pytest.mark.gpu_build
@pytest.mark.shared
@pytest.mark.slow
def test_tensorrt_takes_the_seed_in_int8(rtx: ModuleType, seed_model: Path, tmp_path: Path) -> None:
    ranges = measured_ranges(seed_model, [random_planes(seed_model, 1)], "minmax")
    onnx.save(with_qdq(onnx.load(seed_model), ranges), tmp_path / "int8.onnx")
    assert len(serialized(tmp_path / "int8.onnx", find_bindings("rtx", ["sm_89"]))) > 50_000


@pytest.mark.gpu_build
def test_tensorrt_refuses_int32_biases(rtx: ModuleType, unet: Path, tmp_path: Path) -> None:
    """ONNX Runtime's own defaults: the message says which node, and in whose words."""
    ranges = measured_ranges(unet, [random_planes(unet, 1)], "minmax")
    quantizer = QDQQuantizer(
        onnx.load(unet), True, False, QuantType.QInt8, QuantType.QInt8, ranges, [], [],
        [*LAYERS, *BETWEEN], {},
    )  # fmt: skip
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    onnx.save(quantizer.model.model, tmp_path / "defaults.onnx")
    with pytest.raises(EngineError, match=r"refuses node .*DequantizeLinear.*export\.to_trt"):
        serialized(tmp_path / "defaults.onnx", find_bindings("rtx", ["sm_86"]))
