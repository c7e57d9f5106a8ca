"""TensorRT's library, run for real in the flavour that needs no GPU; and what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import onnx
import pytest
from onnx import TensorProto, helper

from export.fp16 import to_fp16
from tests.conftest import FakeDriver, assert_one_line
from vader_rt.contract import METADATA_KEY, Contract
from vader_rt.engines.trt.bindings import bindings_here, find_bindings, import_tensorrt
from vader_rt.engines.trt.builder import (
    _Build,
    build_engine,
    engine_for,
    serialized,
)
from vader_rt.engines.trt.sidecar import Platform, read_sidecar
from vader_rt.errors import EngineError, InputError, UsageError

CONTRACT = Contract("frame", ("frame", "edge"), (32, 16), ("similarity",))
BUILDS = pytest.mark.gpu_build


def write_graph(path: Path, *nodes: onnx.NodeProto, height: int | str = 16) -> Path:
    """A model of the given nodes from `planes` to `similarity`, with a contract."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        list(nodes),
        "test",
        [info("planes", TensorProto.FLOAT, [1, 4, height, 32])],
        [info("similarity", TensorProto.FLOAT, [1, 1, height, 32])],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: CONTRACT.to_json()})
    onnx.save(model, path)
    return path


@BUILDS
@pytest.mark.parametrize("model", ["frame", "restore", "copies"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_network_builds(
    rtx: ModuleType, untrained: dict[str, Path], model: str, precision: str, tmp_path: Path
) -> None:
    source = untrained[model]
    if precision == "fp16":
        source = to_fp16(source, tmp_path / "half.onnx")
    engine = tmp_path / "model.engine"
    sidecar = build_engine(source, engine, find_bindings("rtx"))
    assert sidecar.contract.precision == precision
    assert sidecar.platform is not None
    assert sidecar.platform.tensorrt_version == rtx.__version__
    assert read_sidecar(engine) == sidecar
    read_sidecar(engine).check(engine, sidecar.platform)
    assert engine.stat().st_size > 100_000
    assert {p.suffix for p in tmp_path.iterdir()} <= {".engine", ".json", ".onnx"}


@BUILDS
def test_engines_for_named_gpus(
    rtx: ModuleType, untrained: dict[str, Path], tmp_path: Path
) -> None:
    engine = tmp_path / "model.engine"
    bindings = find_bindings("rtx", ["sm_89", "sm_120"])
    build_engine(untrained["copies"], engine, bindings, workspace_mib=512)
    values = json.loads((tmp_path / "model.engine.json").read_text())
    assert values["platform"]["compute_capabilities"] == ["sm_89", "sm_120"]


@BUILDS
def test_targets_that_rtx_does_not_know(rtx: ModuleType) -> None:
    with pytest.raises(UsageError, match=r"^TensorRT-RTX .* does not know sm_87, but sm_120, "):
        find_bindings("rtx", ["sm_87"])


def node(operator: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    name = f"the_{operator.lower()}"
    return helper.make_node(operator, inputs.split(), [output], name=name, **attributes)


MEAN = node("ReduceMean", "planes", "mean", axes=[1], keepdims=1)
SIGMOID = node("Sigmoid", "mean", "similarity")


@BUILDS
@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (
            [
                MEAN,
                node("Cast", "mean", "half", to=TensorProto.FLOAT16),
                node("Add", "mean half", "similarity"),
            ],
            r"refuses node 'the_add' \(Add\): .*must have same input types.*export\.to_trt",
        ),
        ([MEAN, node("Det", "mean", "similarity")], r"refuses node 'the_det' \(Det\): "),
        (
            [MEAN, node("Frobnicate", "mean", "similarity", domain="my")],
            r"'the_frobnicate' \(Frobnicate\): .*Plugin not found",
        ),
    ],
)
def test_nodes_that_tensorrt_refuses(
    rtx: ModuleType, nodes: list[onnx.NodeProto], words: str, tmp_path: Path
) -> None:
    model = write_graph(tmp_path / "bad.onnx", *nodes)
    with pytest.raises(EngineError, match=words) as caught:
        serialized(model, find_bindings("rtx"))
    assert "bad.onnx: TensorRT-RTX" in str(caught.value)
    assert "\n" not in str(caught.value)


@BUILDS
def test_files_that_are_no_model(rtx: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"garbage")
    with pytest.raises(EngineError, match=r"its parser refuses it: .*Failed to parse"):
        serialized(tmp_path / "bad.onnx", find_bindings("rtx"))
    with pytest.raises(InputError, match="ONNX Runtime cannot load it"):
        build_engine(tmp_path / "bad.onnx", tmp_path / "bad.engine", find_bindings("rtx"))


@BUILDS
def test_shapes_that_are_not_fixed(rtx: ModuleType, tmp_path: Path) -> None:
    model = write_graph(tmp_path / "bad.onnx", MEAN, SIGMOID, height="any")
    with pytest.raises(EngineError, match=r"cannot build it: .*profile"):
        serialized(model, find_bindings("rtx"))
    with pytest.raises(InputError, match="not those of its contract"):
        build_engine(model, tmp_path / "bad.engine", find_bindings("rtx"))


@BUILDS
def test_too_little_workspace(rtx: ModuleType, untrained: dict[str, Path], tmp_path: Path) -> None:
    engine = tmp_path / "model.engine"
    with pytest.raises(EngineError, match=r"workspace.*a larger --workspace may help"):
        build_engine(untrained["copies"], engine, find_bindings("rtx"), workspace_mib=1)
    assert not list(tmp_path.iterdir())


@BUILDS
def test_ctrl_c_ends_a_build(
    rtx: ModuleType, untrained: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> float:
        raise KeyboardInterrupt

    bindings = find_bindings("rtx")
    build = _Build(untrained["copies"], bindings, None)
    monkeypatch.setattr("vader_rt.engines.trt.builder.time", SimpleNamespace(monotonic=interrupted))
    with pytest.raises(KeyboardInterrupt):
        build.run()


@BUILDS
def test_progress_is_told(
    rtx: ModuleType,
    untrained: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("vader_rt.engines.trt.builder.SECONDS_BETWEEN_LINES", 0)
    with caplog.at_level("INFO"):
        serialized(untrained["copies"], find_bindings("rtx"))
    assert any(line.startswith("  Optimizing graph: ") for line in caplog.messages)


@BUILDS
def test_command_line(rtx: ModuleType, untrained: dict[str, Path], tmp_path: Path) -> None:
    engine = tmp_path / "made" / "model.engine"
    good, no_target, no_model = (
        subprocess.run(
            [sys.executable, "-m", "vader_rt.build", "--flavour", "rtx", *map(str, argv)],
            capture_output=True,
            text=True,
        )
        for argv in (
            (untrained["frame"], "-o", engine),
            (untrained["frame"], "--target", "sm_10"),
            (tmp_path / "missing.onnx",),
        )
    )
    assert (good.returncode, good.stdout.strip()) == (0, str(engine)), good.stderr
    assert_one_line(no_target, "vader_rt.build", 2)
    assert_one_line(no_model, "vader_rt.build", 3)


@pytest.fixture
def model(untrained: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in a folder of its own, and a cache of its own."""
    monkeypatch.setenv("VADER_RT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "models").mkdir()
    return Path(shutil.copy(untrained["copies"], tmp_path / "models" / "leak.onnx"))


@BUILDS
def test_an_engine_is_built_once(
    rtx: ModuleType, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bindings = find_bindings("rtx")
    engine = engine_for(model, bindings)
    assert engine.parent == model.parent.parent / "cache"
    assert [m.split()[0] for m in caplog.messages] == ["building", "built,"]
    written = engine.stat().st_mtime_ns
    assert engine_for(model, bindings) == engine
    assert engine.stat().st_mtime_ns == written
    engine.write_bytes(b"damaged")
    assert engine_for(model, bindings) == engine
    assert engine.stat().st_size > 1000
    assert any("damaged" in m for m in caplog.messages)


@BUILDS
def test_two_processes_build_once(rtx: ModuleType, model: Path) -> None:
    script = f"""
from pathlib import Path
from vader_rt.engines.trt.builder import engine_for
from vader_rt.engines.trt.bindings import find_library
print(engine_for(Path({str(model)!r}), find_library("rtx")))
"""
    both = [
        subprocess.Popen([sys.executable, "-c", script], stdout=-1, stderr=-1, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=100) for process in both]
    assert outputs[0][0] == outputs[1][0] != ""
    assert sorted("built" in said for _, said in outputs) == [False, True]


@BUILDS
def test_the_engine_beside_a_model_comes_first(
    rtx: ModuleType, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bindings = find_bindings("rtx")
    beside = model.with_name("leak.engine")
    sidecar = build_engine(model, beside, bindings)
    assert engine_for(model, bindings) == beside
    other = replace(bindings.platform, tensorrt_version="0.1")
    replace(sidecar, platform=other).write(beside, beside.read_bytes())
    assert engine_for(model, bindings).parent.name == "cache"
    assert "it was built with TensorRT-RTX 0.1" in caplog.messages[0]


@BUILDS
def test_half_precision_beside_a_model_comes_first(
    rtx: ModuleType, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bindings = find_bindings("rtx")
    half = to_fp16(model, model.with_name("leak.fp16.onnx"))
    assert read_sidecar(engine_for(model, bindings)).contract.precision == "fp16"
    assert engine_for(half, bindings) == engine_for(model, bindings)
    changed = onnx.load(model)
    changed.producer_name = "another"
    onnx.save(changed, model)
    assert read_sidecar(engine_for(model, bindings)).contract.precision == "fp32"
    assert any("it was made from another leak.onnx" in m for m in caplog.messages)


def fake_module(version: str, *flags: str) -> SimpleNamespace:
    """As much of TensorRT as is looked at before anything is built."""
    creation = SimpleNamespace(**dict.fromkeys(flags, 1))
    return SimpleNamespace(__version__=version, NetworkDefinitionCreationFlag=creation)


@BUILDS
def test_gpus_that_rtx_does_not_know(rtx: ModuleType, driver: FakeDriver) -> None:
    with pytest.raises(EngineError, match=r"^Fake GPU: TensorRT-RTX .* does not know sm_87, but"):
        bindings_here("rtx")


def test_tensorrt_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=r"pip install 'vader-rt\[tensorrt\]'") as caught:
        import_tensorrt()
    assert "tensorrt_rtx cannot be imported" in str(caught.value)


def test_tensorrt_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", fake_module("8.6.1"))
    with pytest.raises(EngineError, match=r"TensorRT 8\.6\.1 is too old, 10\.3 or later"):
        import_tensorrt("tensorrt")


def test_tensorrt_builds_for_this_gpu_only(
    driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", fake_module("10.3.0", "STRONGLY_TYPED"))
    bindings = find_bindings("tensorrt", ["sm_87"])
    assert bindings.platform == Platform("tensorrt", "10.3.0", "Fake GPU", ("sm_87",))
    with pytest.raises(EngineError, match=r"sm_87 \(Fake GPU\), not for sm_90"):
        find_bindings("tensorrt", ["sm_90"])
    driver.reset(devices=0)
    with pytest.raises(EngineError, match="no CUDA-capable device"):
        find_bindings("tensorrt")
