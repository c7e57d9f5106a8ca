"""Model files: what is refused, and that engines agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.conftest import ROOT, in_threads
from tests.vader_rt.engines.made import CONTRACT, model, written
from vader_rt.contract import METADATA_KEY, Contract
from vader_rt.engines.engine import IN_PLACE
from vader_rt.engines.load import auto_order, load_engine
from vader_rt.engines.onnx import OnnxEngine, cuda_hindrance, read_contract
from vader_rt.engines.openvino import is_installed
from vader_rt.engines.trt.driver import hindrance
from vader_rt.errors import EngineError, InputError
from vader_rt.models import DEFAULT_MODEL


def write_model(path: Path, contract: str | None, *, output: str = "similarity") -> Path:
    return written(model(contract=contract, output=output), path)


def changed(**entries: object) -> str:
    return json.dumps({**json.loads(CONTRACT.to_json()), **entries})


def without(entry: str) -> str:
    values = json.loads(CONTRACT.to_json())
    del values[entry]
    return json.dumps(values)


def test_contract_survives_its_json() -> None:
    assert Contract.from_metadata({METADATA_KEY: CONTRACT.to_json()}, "m") == CONTRACT
    assert CONTRACT.input_shape == (1, 4, 16, 32)


def test_a_later_version_may_add_entries() -> None:
    metadata = {METADATA_KEY: changed(comment="new")}
    assert Contract.from_metadata(metadata, "m") == CONTRACT


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (None, "no VADER-RT contract"),
        ("{", "not JSON"),
        ("[]", "format None"),
        (changed(format=99), "format 99"),
        (changed(kind="audio"), "'audio' model"),
        (changed(inputs=["frame", "depth"]), "input 'depth'"),
        (changed(outputs=["depth"]), "gives depth"),
        (changed(inputs=["frame"]), "not those of its contract"),
        (changed(size_wh=[64, 16]), "not those of its contract"),
        (changed(inputs=7), "lacks entries"),
        (without("size_wh"), "lacks entries"),
    ],
)
def test_contracts_that_are_refused(tmp_path: Path, contract: str | None, words: str) -> None:
    path = write_model(tmp_path / "model.onnx", contract)
    with pytest.raises(InputError, match=words) as caught:
        load_engine(path, "onnx-cpu")
    assert "\n" not in str(caught.value)
    assert "model.onnx" in str(caught.value)


def test_output_names_are_checked(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", CONTRACT.to_json(), output="depth")
    with pytest.raises(InputError, match="not those of its contract"):
        load_engine(path, "onnx-cpu")


@pytest.mark.parametrize("engine", ["onnx-cpu", "openvino"])
@pytest.mark.parametrize("damage", ["missing", "text", "truncated"])
def test_files_that_are_no_model(tmp_path: Path, engine: str, damage: str) -> None:
    if engine == "openvino" and not is_installed():
        pytest.skip("OpenVINO is not installed")
    path = tmp_path / "model.onnx"
    if damage != "missing":
        data = write_model(path, CONTRACT.to_json()).read_bytes()
        path.write_bytes(b"not a model" if damage == "text" else data[: len(data) // 2])
    with pytest.raises(InputError, match=r"model\.onnx") as caught:
        load_engine(path, engine)
    assert "\n" not in str(caught.value)


def test_cuda_is_never_silently_replaced(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", CONTRACT.to_json())
    if cuda_hindrance() is None:
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(EngineError, match="--engine onnx-cuda") as caught:
        load_engine(path, "onnx-cuda")
    assert caught.value.exit_code == 4


def test_openvino_that_is_missing_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    monkeypatch.setattr("vader_rt.installed.packages", dict)
    path = write_model(tmp_path / "model.onnx", CONTRACT.to_json())
    with pytest.raises(EngineError, match=r"pip install 'vader-rt\[openvino\]'"):
        load_engine(path, "openvino")


@pytest.mark.gpu_build
def test_a_fallback_to_the_cpu_is_seen(untrained: dict[str, Path], tmp_path: Path) -> None:
    """ONNX Runtime for GPUs itself, which without CUDA's libraries runs on the CPU and says OK.

    Without a GPU nobody tries it; with one, or asked for by name, the fallback is told.
    """
    if hindrance() is None:
        pytest.skip("a GPU is here, on which it may run")
    wheels = sorted((ROOT / ".cache" / "onnxruntime-gpu").glob("onnxruntime_gpu-*.whl"))
    if not wheels:
        pytest.skip("needs onnxruntime-gpu; make test-gpu-build fetches it")
    zipfile.ZipFile(wheels[-1]).extractall(tmp_path)
    script = f"""
import logging, onnxruntime, vader_rt.engines.trt.driver
logging.basicConfig(format="%(message)s")
from vader_rt.engines.load import load_engine
from vader_rt.errors import EngineError
assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
print(load_engine({str(untrained["copies"])!r}).name)
vader_rt.engines.trt.driver.hindrance = lambda: None
print(load_engine({str(untrained["copies"])!r}).name)
try:
    load_engine({str(untrained["copies"])!r}, "onnx-cuda")
except EngineError as error:
    print(error)
"""
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert run.returncode == 0, run.stderr
    reason = "ONNX Runtime could not start it and fell back to onnx-cpu: Failed to load lib"
    without_gpu, taken, error = run.stdout.splitlines()
    assert without_gpu == taken
    assert taken in ("onnx-cpu", "openvino")
    assert error.startswith(f"--engine onnx-cuda: {reason}")
    *before, line = run.stderr.splitlines()
    assert line.startswith(f"ONNX Runtime with CUDA is not used: {reason}")
    # where TensorRT-RTX is installed, it is tried first
    assert all(other.startswith("TensorRT is not used: ") for other in before)


@pytest.fixture
def bound(untrained: dict[str, Path]) -> OnnxEngine:
    """I/O binding as on a GPU, over the CPU's memory."""
    session = onnxruntime.InferenceSession(
        str(untrained["frame"]), providers=["CPUExecutionProvider"]
    )
    return OnnxEngine(session, read_contract(untrained["frame"]), "cpu")


def test_bound_memory_gives_the_same(bound: OnnxEngine, untrained: dict[str, Path]) -> None:
    free = load_engine(untrained["frame"], "onnx-cpu")
    rng = np.random.default_rng(0)
    inputs = [rng.random(free.contract.input_shape, np.float32) for _ in range(3)]
    expected = [free.run(planes) for planes in inputs]
    found = [bound.run(planes) for planes in inputs]  # all kept: no run may change an earlier one
    for a, b in zip(expected, found, strict=True):
        assert all((x == y).all() for x, y in zip(a, b, strict=True))
    again = bound.run(IN_PLACE)
    assert all((x == y).all() for x, y in zip(again, expected[-1], strict=True))
    assert free.planes_address is None
    assert bound.planes_address is None, "not on a GPU"


def test_bound_memory_is_safe_from_any_thread(
    bound: OnnxEngine, untrained: dict[str, Path]
) -> None:
    free = load_engine(untrained["frame"], "onnx-cpu")
    wrong: list[int] = []

    def work(seed: int) -> None:
        planes = np.random.default_rng(seed).random(free.contract.input_shape, np.float32)
        expected = free.run(planes)
        for _ in range(3):
            if not all((a == b).all() for a, b in zip(bound.run(planes), expected, strict=True)):
                wrong.append(seed)

    in_threads(work)
    assert not wrong


def test_what_fails_in_bound_memory_is_one_line(bound: OnnxEngine) -> None:
    with pytest.raises(EngineError, match="ONNX Runtime failed on the cpu: ") as caught:
        bound.run(np.zeros((1, 2, 3, 4), np.float32))
    assert "\n" not in str(caught.value)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(untrained: dict[str, Path]) -> None:
    if auto_order()[1].hindrance is not None:
        pytest.skip(auto_order()[1].hindrance)
    engines = [load_engine(untrained["frame"], name) for name in ("onnx-cpu", "onnx-cuda")]
    planes = np.random.default_rng(0).random(engines[0].contract.input_shape, np.float32)
    for a, b in zip(*(engine.run(planes) for engine in engines), strict=True):
        # cuDNN may round products to TF32, 10 bits, through some 20 layers
        np.testing.assert_allclose(a, b, atol=1e-2)


def test_run_gives_a_plane_per_output(tmp_path: Path) -> None:
    engine = load_engine(write_model(tmp_path / "model.onnx", CONTRACT.to_json()), "onnx-cpu")
    planes = np.random.default_rng(0).random(CONTRACT.input_shape, np.float32)
    (plane,) = engine.run(planes)
    assert engine.name == "onnx-cpu"
    assert engine.contract == CONTRACT
    # one float32 sigmoid
    np.testing.assert_allclose(plane, 1 / (1 + np.exp(-planes[0].mean(axis=0))), atol=1e-6)


@pytest.mark.parametrize("model", ["frame", "restore"])
def test_openvino_agrees_with_onnx_runtime(model: str, untrained: dict[str, Path]) -> None:
    if not is_installed():
        pytest.skip("OpenVINO is not installed")
    engines = [load_engine(untrained[model], name) for name in ("onnx-cpu", "openvino")]
    planes = np.random.default_rng(0).random(engines[0].contract.input_shape, np.float32)
    for a, b in zip(*(engine.run(planes) for engine in engines), strict=True):
        # float32 sums in another order through some 20 layers
        np.testing.assert_allclose(a, b, atol=1e-3)


def test_the_shipped_model_loads() -> None:
    contract = load_engine(DEFAULT_MODEL, "onnx-cpu").contract
    assert contract.kind == "frame"
    assert contract.outputs == ("matte", "leak")
    assert contract.training
    assert len(contract.checkpoint_sha256) == 64


def test_auto_takes_what_runs_here(untrained: dict[str, Path]) -> None:
    order = auto_order()
    assert [c.name for c in order] == ["tensorrt", "onnx-cuda", "openvino", "onnx-cpu"]
    best = next(c.name for c in order if c.hindrance is None)
    assert load_engine(untrained["frame"]).name == best
    if hindrance() is not None:  # without a GPU
        assert best == ("openvino" if is_installed() else "onnx-cpu")
    assert all(c.hindrance != "" for c in order)
    assert "CPUExecutionProvider" in onnxruntime.get_available_providers()
