"""`vader-rt doctor`: on this machine, over stand-ins of a GPU's software, and on broken ones."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import ROOT, FakeDriver
from vader_rt.doctor.checks import Check, examine
from vader_rt.doctor.engine_tests import MEGABYTE, steadiness
from vader_rt.doctor.environment import OPTIONAL, REQUIRED, FailedError, SkippedError, try_import
from vader_rt.doctor.golden import Golden, GoldenModel, kept, read_golden
from vader_rt.engines.load import load_engine
from vader_rt.io.files import file_sha256
from vader_rt.models import DEFAULT_MODEL, GOLDEN

COMMAND = [sys.executable, "-m", "vader_rt", "doctor"]


def doctor(
    *argv: str, cwd: Path = ROOT, first_on_path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if first_on_path is not None:
        paths = [str(first_on_path), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return subprocess.run(
        [*COMMAND, *argv], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )


def has_gpu() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or Path("/etc/nv_tegra_release").exists()


def test_here(tmp_path: Path) -> None:
    """The whole of it as a user runs it; on a machine without a GPU all CPU checks are green."""
    (tmp_path / "doctor").touch()
    start = time.monotonic()
    process = doctor("--json", "--frames", "2", cwd=tmp_path)
    if has_gpu():
        pytest.skip("a GPU is here: what is expected below is for a machine without one")
    assert process.returncode == 0, process.stderr
    report = json.loads(process.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert (report["ok"], report["failed"]) == (True, [])
    assert checks["gpu"]["state"] == "skipped"
    assert checks["gpu"]["detail"].startswith("no GPU: no NVIDIA driver is installed (libcuda.so.1")
    for name in ("system", "features", "auto order", "engine onnx-cpu", "steady", "whole job"):
        assert checks[name]["state"] == "ok", checks[name]
    assert {f"import {name}" for name in (*REQUIRED, *OPTIONAL)} <= checks.keys()
    assert checks["system"]["data"]["versions"]["onnxruntime"]
    assert checks["steady"]["data"]["frames"] == 2
    assert set(checks["whole job"]["data"]["stages_seconds"]) >= {"features", "network", "restore"}
    models = checks["engine onnx-cpu"]["data"]["models"]
    assert [m["model"] for m in models] == ["leaknet.onnx", "restorenet.onnx", "judge.onnx"]
    lines = process.stderr.splitlines()
    assert lines[0] == "vader-rt: doctor is a command; the recording of that name is ./doctor"
    assert [line.split()[0] for line in lines[1:]] == [c["state"] for c in report["checks"]]
    assert time.monotonic() - start < 60


def test_a_recording_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "doctor").write_text("no video")
    command = [*COMMAND[:-1], "./doctor"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 3
    assert process.stderr.startswith("vader-rt: doctor: ")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "raise ImportError('libGL.so.1: cannot open shared object file')",
            "ImportError: libGL.so.1",
        ),
        ("import os; os.abort()", "ended by signal 6"),
    ],
)
def test_a_broken_opencv_is_told(code: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text(code)
    process = doctor("--json", first_on_path=tmp_path)
    assert process.returncode == 4
    assert "Traceback" not in process.stderr
    report = json.loads(process.stdout)
    assert report["failed"] == ["import cv2", "runtime"]
    details = {check["name"]: check["detail"] for check in report["checks"]}
    assert words in details["import cv2"]
    assert details["runtime"] == "not checked further, since import cv2 failed"


@pytest.mark.parametrize(
    ("code", "raised", "words"),
    [
        (None, SkippedError, "ModuleNotFoundError: No module named 'tensorrt'"),
        ("import tensorrt_libs", FailedError, "No module named 'tensorrt_libs'"),
        (
            "raise OSError('libnvinfer.so.10: cannot open')",
            FailedError,
            "OSError: libnvinfer.so.10",
        ),
        ("import time; time.sleep(60)", FailedError, "did not answer within 1 s"),
        ("__version__ = '10.3.0'", None, "10.3.0"),
    ],
)
def test_imports(
    code: str | None,
    raised: type[Exception] | None,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if code is None:
        if importlib.util.find_spec("tensorrt"):
            pytest.skip("TensorRT is here")
    else:
        (tmp_path / "tensorrt.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        if "sleep" in code:
            monkeypatch.setattr("vader_rt.doctor.environment.PROBE_SECONDS", 1)
    if raised is None:
        assert try_import("tensorrt") == (words, {"version": words})
    else:
        with pytest.raises(raised, match=words):
            try_import("tensorrt")


@pytest.fixture
def golden(untrained: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Golden vectors of the untrained models, in the place of the package's."""
    models = {}
    for name in ("frame", "restore"):
        engine = load_engine(untrained[name], "onnx-cpu")
        shape = engine.contract.input_shape
        small = (shape[1], shape[2] // 4, shape[3] // 4)
        planes = np.random.default_rng(0).integers(0, 256, small, np.uint8)
        model = GoldenModel(file_sha256(untrained[name]), planes, {})
        outputs = map(kept, engine.run(model.tensor(shape)))
        named = dict(zip(engine.contract.outputs, outputs, strict=True))
        models[name] = GoldenModel(model.sha256, planes, named)
    path = tmp_path / "golden.npz"
    Golden(read_golden().features, models).write(path)
    monkeypatch.setattr("vader_rt.doctor.golden.GOLDEN", path)
    return path


@pytest.fixture
def models(golden: Path, untrained: dict[str, Path]) -> list[Path]:
    return [untrained["frame"], untrained["restore"]]


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest) -> None:
    """Every import takes a process and is tried in the test of the whole; the rest on less."""
    if "models" in request.fixturenames:
        patch = request.getfixturevalue("monkeypatch")
        patch.setattr("vader_rt.doctor.checks.REQUIRED", ())
        patch.setattr("vader_rt.doctor.checks.OPTIONAL", ())
        patch.setattr("vader_rt.doctor.engine_tests.CALL_WH", (320, 180))


def examined(models: list[Path], *, until: str = "") -> dict[str, Check]:
    checks = {}
    for check in examine(models=models, frames=3, threads=1):
        checks[check.name] = check
        if check.name == until:
            break
    return checks


def test_the_path_on_a_gpu(trt: ModuleType, driver: FakeDriver, models: list[Path]) -> None:
    checks = examined(models)
    # a little of it may be held by engines that earlier tests left to the garbage collector
    said = re.fullmatch(
        r"Fake GPU, sm_87, (\d+) of 1024 MiB free, driver for CUDA 13.0", checks["gpu"].detail
    )
    assert said, checks["gpu"].detail
    assert int(said[1]) > 900
    assert checks["cuda versions"].state == "ok", checks["cuda versions"]
    assert checks["auto order"].detail.startswith("tensorrt → onnx-cuda (no) → ")
    found = checks["engine tensorrt"]
    assert found.state == "ok", found.detail
    assert [m["largest"] for m in found.data["models"]] == [0, 0]
    assert checks["steady"].detail.startswith("tensorrt: 2 × 3 frames, identical, memory ")
    assert checks["steady"].data["gpu_grown"] == 0
    assert checks["whole job"].detail.startswith("tensorrt, 6 frames")


@pytest.mark.parametrize(
    ("fault", "failed", "words"),
    [
        ("cuMemAlloc_v2", "engine tensorrt", "out of memory"),
        ("cuMemGetInfo_v2", "gpu", "cuMemGetInfo_v2: 999"),
        ("outputs", "engine onnx-cpu", "off by 5"),
        ("features", "features", "allowed are 0.5% and 2"),
        ("damaged", "features", "is damaged"),
    ],
)
def test_faults(
    fault: str,
    failed: str,
    words: str,
    trt: ModuleType,
    driver: FakeDriver,
    models: list[Path],
    golden: Path,
) -> None:
    if fault == "damaged":
        golden.write_bytes(golden.read_bytes()[:1000])
    elif fault.startswith("cu"):
        driver.fail(fault, 2 if fault == "cuMemAlloc_v2" else 999)
    else:
        spoil(golden, fault)
    check = examined(models, until=failed)[failed]
    assert check.state == "failed", check
    assert words in check.detail
    assert "\n" not in check.detail


def test_the_next_engine_is_taken(trt: ModuleType, models: list[Path]) -> None:
    with trt.failing("execute_async_v3"):
        checks = examined(models, until="steady")
    assert checks["engine tensorrt"].state == "failed"
    assert "execute_async_v3 says why" in checks["engine tensorrt"].detail
    assert checks["steady"].state == "ok"
    assert not checks["steady"].detail.startswith("tensorrt")


def spoil(path: Path, what: str) -> None:
    """Change golden vectors so that nothing agrees with them."""
    golden = read_golden(path)
    if what == "features":
        golden.features.edge[...] = 255
    else:
        for model in golden.models.values():
            for output in model.outputs.values():
                output += 0.5
    golden.write(path)


class Unsteady:
    """A real engine that is made to leak memory, or to give another result at times."""

    def __init__(self, model: Path, *, leak: int = 0, drift: float = 0) -> None:
        self._engine = load_engine(model, "onnx-cpu", threads=1)
        self.contract, self.name = self._engine.contract, self._engine.name
        self._leak, self._drift, self._held = leak, drift, []
        self._runs = 0

    def run(self, planes: np.ndarray) -> list[np.ndarray]:
        self._runs += 1
        self._held.append(np.ones(self._leak, np.uint8))
        return [output + self._drift * self._runs for output in self._engine.run(planes)]


LEAK = 40 * MEGABYTE
"""Bytes a run: too large for the allocator to take them from what it has kept of earlier tests."""


@pytest.mark.parametrize(
    ("options", "holds"), [({}, True), ({"leak": LEAK}, False), ({"drift": 1e-6}, False)]
)
def test_unsteadiness_is_seen(
    options: dict[str, float], holds: bool, untrained: dict[str, Path]
) -> None:
    engine = Unsteady(untrained["copies"], **options)
    planes = np.random.default_rng(0).random(engine.contract.input_shape, np.float32)
    found = steadiness(engine, planes, frames=4, seconds=60)
    assert found.holds == holds
    assert found.frames == 4
    assert found.identical == ("drift" not in options)


def test_a_slow_engine_gets_fewer_frames(untrained: dict[str, Path]) -> None:
    engine = load_engine(untrained["copies"], "onnx-cpu", threads=1)
    planes = np.zeros(engine.contract.input_shape, np.float32)
    assert steadiness(engine, planes, frames=100_000, seconds=0.05).frames < 100_000


def test_the_golden_vectors_are_in_the_package() -> None:
    assert GOLDEN.parent == DEFAULT_MODEL.parent
