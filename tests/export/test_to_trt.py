"""Checkpoints in; models in half precision and, with TensorRT-RTX, engines out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from export.half import TOLERANCE, largest_difference, to_half
from export.to_trt import export_model, to_trt
from tests.conftest import INPUTS, ROOT, save_checkpoint
from train.module import LeakModule, RestoreModule
from vader_rt.contract import METADATA_KEY, Contract
from vader_rt.engines import load_engine
from vader_rt.engines.onnx import read_contract
from vader_rt.engines.plans import Platform, read_plan
from vader_rt.errors import EngineError, InputError, UsageError
from vader_rt.video import file_sha256

MODULES = {
    "leaknet": lambda: LeakModule("leaknet", INPUTS, (64, 64)),
    "unet": lambda: LeakModule("unet", ["frame", "edge", "dog"], (64, 48), loss="mse"),
    "restorenet": lambda: RestoreModule(size_wh=(96, 64)),
}


@pytest.fixture(params=MODULES)
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_checkpoint(MODULES[request.param](), tmp_path / f"{request.param}.ckpt")


@pytest.fixture
def unet(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return save_checkpoint(MODULES["unet"](), tmp_path / "a.name.ckpt")


def test_half_precision_keeps_its_planes_in_float32(checkpoint: Path, tmp_path: Path) -> None:
    exported = to_trt(checkpoint, tmp_path / "out", flavour="tensorrt")
    full = tmp_path / "out" / f"{checkpoint.stem}.onnx"
    graph = onnx.load(exported.model).graph
    assert {t.data_type for t in graph.initializer} <= {TensorProto.FLOAT16, TensorProto.INT64}
    outputs = len(graph.output)
    casts = sum(node.op_type == "Cast" for node in graph.node)
    assert casts <= 2 + outputs  # RestoreNet reads its planes twice
    values = [*graph.input, *graph.output]
    assert {v.type.tensor_type.elem_type for v in values} == {TensorProto.FLOAT}
    contract = read_contract(exported.model)
    assert (contract.precision, contract.source_sha256) == ("fp16", file_sha256(full))
    planes = [np.random.default_rng(7).random(contract.input_shape, np.float32)]
    assert 0 < largest_difference(full, exported.model, planes) < TOLERANCE


def test_without_tensorrt_the_rest_is_left(
    unet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    exported = to_trt(unet)
    assert exported.engine is None
    assert "tensorrt cannot be imported" in exported.reason
    assert exported.command == "python -m vader_rt.build a.name.fp16.onnx -o a.name.fp16.engine"
    names = ["a.name.ckpt", "a.name.fp16.engine.json", "a.name.fp16.onnx", "a.name.onnx"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    values = json.loads((tmp_path / names[1]).read_text())
    assert values["onnx_sha256"] == file_sha256(tmp_path / names[2])
    assert (values["precision"], values["platform"]) == ("fp16", None)
    (tmp_path / "a.name.fp16.engine").write_bytes(b"left over")
    with pytest.raises(EngineError, match="not built yet"):
        read_plan(tmp_path / "a.name.fp16.engine").check(
            tmp_path / "a.name.fp16.engine", Platform("rtx", "1.7")
        )


@pytest.mark.gpu_build
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_checkpoint_to_engine(
    rtx: ModuleType, checkpoint: Path, precision: str, tmp_path: Path
) -> None:
    exported = to_trt(checkpoint, tmp_path / "out", precision=precision, flavour="rtx")
    suffix = ".fp16" if precision == "fp16" else ""
    assert exported.engine == tmp_path / "out" / f"{checkpoint.stem}{suffix}.engine"
    plan = read_plan(exported.engine)
    assert plan.onnx_sha256 == file_sha256(exported.model)
    assert plan.contract == read_contract(exported.model)


@pytest.mark.gpu_build
@pytest.mark.shared
@pytest.mark.slow
def test_the_seeds_checkpoint(rtx: ModuleType, shared: Path, tmp_path: Path) -> None:
    (checkpoint,) = (shared / "seed").glob("*.ckpt")
    exported = to_trt(checkpoint, tmp_path, flavour="rtx", targets=["sm_86"])
    assert exported.engine is not None
    assert exported.engine.name == f"{checkpoint.stem}.fp16.engine"
    assert load_engine(exported.model, "onnx-cpu").contract.outputs == ("similarity",)


def test_models_that_half_precision_breaks(tmp_path: Path) -> None:
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
    onnx.save(model, tmp_path / "model.onnx")
    planes = np.random.default_rng(0).random(contract.input_shape, np.float32)
    with pytest.raises(InputError, match=r"in half precision it differs by .* --precision fp32"):
        to_half(tmp_path / "model.onnx", tmp_path / "half.onnx", [planes])
    assert not list(tmp_path.glob("half*"))


@pytest.mark.slow
def test_models_are_compared_on_real_frames(clip: Path, tmp_path: Path) -> None:
    checkpoint = save_checkpoint(MODULES["leaknet"](), tmp_path / "leak.ckpt")
    assert export_model(checkpoint, calls=[clip]).is_file()


def test_folders_that_cannot_be_written(unet: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        to_trt(unet, unet / "below")


def test_command_line(unet: Path, tmp_path: Path) -> None:
    def run(*argv: object) -> subprocess.CompletedProcess[str]:
        # `import tensorrt` must fail, also where it is installed
        code = "import sys; sys.modules['tensorrt'] = None; from export.to_trt import main; "
        code += "sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, *map(str, argv)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    good = run(unet, "-o", tmp_path / "out", "--precision", "fp32")
    assert good.returncode == 0, good.stderr
    assert good.stdout.strip() == str(tmp_path / "out" / "a.name.onnx")
    line = good.stderr.strip().splitlines()[-1]
    assert line.startswith("engine not built: tensorrt cannot be imported")
    command = "python -m vader_rt.build a.name.onnx -o a.name.engine"
    assert line.endswith(f"run this on the target: {command}")
    assert run(unet, "--precision", "fp32", "--require-engine").returncode == 4
    for argv, code in (
        ((tmp_path / "missing.ckpt",), 3),
        ((unet, "--workspace", "0"), 2),
        ((unet, "--precision", "fp8"), 2),
    ):
        bad = run(*argv)
        assert bad.returncode == code
        assert "Traceback" not in bad.stderr
