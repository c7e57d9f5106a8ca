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
from onnx import TensorProto

from export.parity import fp16_engine
from export.to_trt import Checks, main, to_trt
from tests.conftest import INPUTS, ROOT, assert_one_line, save_checkpoint
from train.module import LeakModule, RestoreModule
from vader_rt.doctor.tolerance import TOLERANCES
from vader_rt.engines.load import load_engine
from vader_rt.engines.onnx import read_contract
from vader_rt.engines.trt.sidecar import Platform, read_sidecar
from vader_rt.errors import EngineError, UsageError
from vader_rt.io.files import file_sha256

RANDOM = Checks(calls=())
"""Networks are compared on random planes alone, which is quick."""
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
    exported = to_trt(checkpoint, tmp_path / "out", flavour="tensorrt", checks=RANDOM)
    full = tmp_path / "out" / f"{checkpoint.stem}.onnx"
    graph = onnx.load(exported.model).graph
    assert {t.data_type for t in graph.initializer} <= {TensorProto.FLOAT16, TensorProto.INT64}
    outputs = len(graph.output)
    casts = sum(node.op_type == "Cast" for node in graph.node)
    assert casts <= 1 + outputs
    values = [*graph.input, *graph.output]
    assert {v.type.tensor_type.elem_type for v in values} == {TensorProto.FLOAT}
    contract = read_contract(exported.model)
    assert (contract.precision, contract.source_sha256) == ("fp16", file_sha256(full))
    planes = np.random.default_rng(7).random(contract.input_shape, np.float32)
    runs = (load_engine(full, "onnx-cpu").run(planes), fp16_engine(exported.model).run(planes))
    difference = max(np.abs(a - b).max() for a, b in zip(*runs, strict=True))
    assert 0 < difference < TOLERANCES["fp16"].largest


def test_what_the_frame_network_derives_stays_in_float32(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint = save_checkpoint(MODULES["leaknet"](), tmp_path / "f.ckpt")
    exported = to_trt(checkpoint, tmp_path, flavour="tensorrt", checks=RANDOM)
    model = onnx.shape_inference.infer_shapes(onnx.load(exported.model))
    kinds = {v.name: v.type.tensor_type.elem_type for v in model.graph.value_info}
    logarithms = [n.output[0] for n in model.graph.node if n.op_type == "Log"]
    assert len(logarithms) == 3
    assert {kinds[name] for name in logarithms} == {TensorProto.FLOAT}
    convolved = [n.input[0] for n in model.graph.node if n.op_type == "Conv"]
    assert {kinds[name] for name in convolved} == {TensorProto.FLOAT16}


def test_without_tensorrt_the_rest_is_left(
    unet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    exported = to_trt(unet, checks=RANDOM)
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
        read_sidecar(tmp_path / "a.name.fp16.engine").check(
            tmp_path / "a.name.fp16.engine", Platform("rtx", "1.7")
        )


@pytest.mark.gpu_build
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_checkpoint_to_engine(
    rtx: ModuleType, checkpoint: Path, precision: str, tmp_path: Path
) -> None:
    exported = to_trt(
        checkpoint, tmp_path / "out", precision=precision, flavour="rtx", checks=RANDOM
    )
    suffix = ".fp16" if precision == "fp16" else ""
    assert exported.engine == tmp_path / "out" / f"{checkpoint.stem}{suffix}.engine"
    plan = read_sidecar(exported.engine)
    assert plan.onnx_sha256 == file_sha256(exported.model)
    assert plan.contract == read_contract(exported.model)


@pytest.mark.gpu_build
@pytest.mark.shared
@pytest.mark.slow
def test_the_seeds_checkpoint(rtx: ModuleType, shared: Path, tmp_path: Path) -> None:
    (checkpoint,) = (shared / "seed").glob("*.ckpt")
    exported = to_trt(checkpoint, tmp_path, flavour="rtx", targets=["sm_86"], checks=RANDOM)
    assert exported.engine is not None
    assert exported.engine.name == f"{checkpoint.stem}.fp16.engine"
    assert load_engine(exported.model, "onnx-cpu").contract.outputs == ("similarity",)


def overflowing(path: Path) -> Path:
    """A checkpoint that says in fp32 what it should, and nothing in half precision."""
    torch.manual_seed(0)
    module = MODULES["unet"]()
    first, second = module.model.model[0], module.model.model[2]
    with torch.no_grad():
        first.weight.mul_(1e6)
        first.bias.mul_(1e6)
        second.weight.mul_(1e-6)
    return save_checkpoint(module, path)


def test_beyond_the_tolerances_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = overflowing(tmp_path / "unet.ckpt")
    assert main([str(checkpoint), "-o", str(tmp_path / "out"), "--calls"]) == 4
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(f"export.to_trt: {checkpoint}: fp16: similarity is off by")
    assert said.endswith("not exported")
    assert not list((tmp_path / "out").iterdir())
    assert main([str(checkpoint), "--precision", "fp32", "--calls"]) == 0


def int8_argv(checkpoint: Path, folder: Path, calls: Path, least_speedup: float) -> list[str]:
    argv = [checkpoint, "-o", folder, "--precision", "int8", "--least-speedup", least_speedup]
    return [*map(str, [*argv, "--calls", calls, "--calib", calls, "--method", "minmax"])]


def test_int8_export(
    unet: Path, small_calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    folder = tmp_path / "out"
    assert main(int8_argv(unet, folder, small_calls, 0)) == 0
    models = ("a.name.onnx", "a.name.int8.onnx", "a.name.int8.fp16.onnx")
    reports = ("a.name.int8.json", "a.name.int8.fp16.engine.json")
    assert {p.name for p in folder.iterdir()} == {*models, *reports}
    contracts = [read_contract(folder / name) for name in models]
    assert [c.precision for c in contracts] == ["fp32", "int8", "int8"]
    assert [c.source_sha256 for c in contracts[1:]] == [file_sha256(folder / m) for m in models[:2]]
    assert json.loads((folder / reports[0]).read_text())["accepted"]
    assert json.loads((folder / reports[1]).read_text())["precision"] == "int8"


@pytest.mark.slow
def test_int8_that_is_refused_leaves_the_verdict_alone(
    small_calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    checkpoint = save_checkpoint(MODULES["leaknet"](), tmp_path / "leak.ckpt")
    assert main(int8_argv(checkpoint, tmp_path / "out", small_calls, 1000)) == 4
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("export.to_trt: int8 is refused: it is ")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["leak.int8.json"]
    assert not json.loads((tmp_path / "out" / "leak.int8.json").read_text())["accepted"]


def test_folders_that_cannot_be_written(unet: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        to_trt(unet, unet / "below", checks=RANDOM)


def test_command_line(unet: Path, tmp_path: Path) -> None:
    def run(*argv: object) -> subprocess.CompletedProcess[str]:
        # `import tensorrt` must fail, also where it is installed
        code = "import sys; sys.modules['tensorrt'] = None; from export.to_trt import main; "
        code += "sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, *map(str, argv)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    weights = ["--confidence", *"1234567"]
    good = run(unet, "-o", tmp_path / "out", "--precision", "fp32", *weights, "--calls")
    assert good.returncode == 0, good.stderr
    assert good.stdout.strip() == str(tmp_path / "out" / "a.name.onnx")
    sidecar = read_sidecar(tmp_path / "out" / "a.name.engine")
    assert sidecar.contract.confidence == (1, 2, 3, 4, 5, 6, 7)
    line = good.stderr.strip().splitlines()[-1]
    assert line.startswith("engine not built: tensorrt cannot be imported")
    command = "python -m vader_rt.build a.name.onnx -o a.name.engine"
    assert line.endswith(f"run this on the target: {command}")
    bad = run(tmp_path / "missing.ckpt")
    assert_one_line(bad, "export.to_trt", 3)


def test_engines_that_are_required(unet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert main([str(unet), "--precision", "fp32", "--require-engine", "--calls"]) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workspace", "0"], "is not a number of MiB"),
        (["--precision", "fp8"], "invalid choice"),
        (["--precision", "int8"], "int8 needs --calib CALLS"),
        (["--precision", "int8", "--calib", "CLIP", "--calls", "CLIP"], "in the VADER layout"),
        (["--precision", "int8", "--calib", "CLIP", "--calls"], "in the VADER layout"),
        (["--method", "entropy"], "are for int8"),
    ],
)
def test_options_that_make_no_sense(
    unet: Path, clip: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [str(unet), *(str(clip) if option == "CLIP" else option for option in options)]
    try:
        code = main(argv)
    except SystemExit as error:  # argparse
        code = error.code
    assert code == 2
    assert words in capsys.readouterr().err
    assert list(unet.parent.iterdir()) == [unet]
