"""The whole path on a GPU, over stand-ins of the driver and of TensorRT, equals the CPU's."""

from __future__ import annotations

import gc
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import vader_rt
from tests.conftest import FakeDriver, in_threads
from vader_rt.cli.main import main
from vader_rt.engines.load import auto_order, load_engine
from vader_rt.engines.trt.bindings import bindings_here
from vader_rt.engines.trt.builder import build_engine
from vader_rt.engines.trt.engine import WARM_UPS, TensorRtEngine
from vader_rt.engines.trt.memory import MEMORY_PACKAGES, MemoryPackage
from vader_rt.engines.trt.sidecar import engine_beside, read_sidecar, sidecar_path
from vader_rt.errors import EngineError, InputError

NOTHING = dict.fromkeys(("contexts", "pushed", "buffers", "pinned", "streams"), 0)


@pytest.fixture
def models(untrained: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Copies of the untrained models in a folder of their own."""
    (tmp_path / "models").mkdir()
    folder = tmp_path / "models"
    return {name: Path(shutil.copy(path, folder)) for name, path in untrained.items()}


def alive(driver: FakeDriver) -> dict[str, int]:
    gc.collect()
    return {name: driver.counts[name] for name in NOTHING}


def planes_for(engine: object, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(engine.contract.input_shape, np.float32)


@pytest.mark.parametrize("binding", MEMORY_PACKAGES)
@pytest.mark.parametrize("model", ["frame", "restore", "copies"])
def test_it_gives_what_onnx_runtime_gives(
    trt: ModuleType,
    driver: FakeDriver,
    models: dict[str, Path],
    model: str,
    binding: MemoryPackage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if binding == "pycuda":
        import tests.standins.pycuda

        monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
        monkeypatch.setitem(sys.modules, "pycuda.driver", tests.standins.pycuda)
    expected = load_engine(models[model], "onnx-cpu")
    with load_engine(models[model], "tensorrt", device_memory=binding) as engine:
        assert (engine.name, engine.contract) == ("tensorrt", expected.contract)
        results = [engine.run(planes_for(engine, seed)) for seed in range(2)]
        for seed, found in enumerate(results):
            for a, b in zip(found, expected.run(planes_for(engine, seed)), strict=True):
                assert (a == b).all()
        outputs = len(engine.contract.outputs)
        assert alive(driver) == {
            "contexts": 1, "pushed": 0, "buffers": 1 + outputs, "pinned": 1 + outputs, "streams": 1,
        }  # fmt: skip
        runs = WARM_UPS + 2
        copied = {name: driver.counts[name] for name in ("to_device", "kernels", "to_host")}
        assert copied == {"to_device": runs, "kernels": runs, "to_host": runs * outputs}
    assert alive(driver) == NOTHING
    with pytest.raises(EngineError, match="this engine is closed"):
        engine.run(planes_for(engine))


def test_a_call_gives_the_cpus_room(
    trt: ModuleType, driver: FakeDriver, models: dict[str, Path], frames: list[np.ndarray]
) -> None:
    rooms = []
    for engine in ("onnx-cpu", "tensorrt"):
        result = vader_rt.reconstruct(
            frames, engine=engine, model=models["frame"], restoration=models["restore"], threads=1
        )
        assert result.report["engine"] == engine
        rooms.append(result.background)
    assert (rooms[0] == rooms[1]).all()
    del result
    assert alive(driver) == NOTHING


def test_it_is_usable_from_any_thread(
    trt: ModuleType, driver: FakeDriver, models: dict[str, Path]
) -> None:
    engine = load_engine(models["copies"], "tensorrt")
    expected = load_engine(models["copies"], "onnx-cpu")
    wrong: list[int] = []

    def work(seed: int) -> None:
        planes = planes_for(engine, seed)
        for _ in range(5):
            if not (engine.run(planes)[0] == expected.run(planes)[0]).all():
                wrong.append(seed)

    in_threads(work)
    assert not wrong
    closer = threading.Thread(target=engine.close)
    closer.start()
    closer.join()
    assert alive(driver) == NOTHING


def test_an_engine_that_is_forgotten_is_freed(
    trt: ModuleType, driver: FakeDriver, models: dict[str, Path]
) -> None:
    engine = load_engine(models["copies"], "tensorrt")
    assert alive(driver)["contexts"] == 1
    del engine
    assert alive(driver) == NOTHING


def test_an_engine_is_built_once_and_timings_are_kept(
    trt: ModuleType, models: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        load_engine(models["copies"], "tensorrt").close()
    assert [m.split()[0] for m in caplog.messages] == ["building", "built,"]
    assert "Fake GPU" in caplog.messages[0]
    (timings,) = (tmp_path / "cache").glob("*.cache")
    assert timings.read_bytes() == b"timed;"
    load_engine(models["frame"], "tensorrt").close()
    assert timings.read_bytes() == b"timed;timed;"
    timings.write_bytes(b"damaged")
    load_engine(models["blind"], "tensorrt").close()
    assert timings.read_bytes() == b"timed;"
    assert any("it starts afresh" in m for m in caplog.messages)


@pytest.fixture
def engine_file(trt: ModuleType, models: dict[str, Path]) -> Path:
    path = engine_beside(models["copies"])
    build_engine(models["copies"], path, bindings_here())
    return path


@pytest.mark.parametrize("engine", ["auto", "tensorrt"])
def test_an_engine_file_is_a_model(engine_file: Path, engine: str) -> None:
    with load_engine(engine_file, engine) as loaded:
        assert loaded.contract.outputs == ("similarity",)


@pytest.mark.parametrize("fault", ["missing", "version", "gpu", "damaged", "model", "text"])
def test_engine_files_that_do_not_fit(
    trt: ModuleType, engine_file: Path, fault: str, driver: FakeDriver
) -> None:
    sidecar = read_sidecar(engine_file)
    assert sidecar.platform is not None
    expected: type[Exception] = EngineError
    if fault == "missing":
        engine_file.unlink()
        expected = InputError
    elif fault in ("version", "gpu"):
        entry = {"version": "tensorrt_version", "gpu": "gpu"}[fault]
        other = replace(sidecar.platform, **{entry: "another"})
        replace(sidecar, platform=other).write(engine_file, engine_file.read_bytes())
    elif fault == "damaged":
        engine_file.write_bytes(engine_file.read_bytes()[:-9])
    elif fault == "model":
        engine_file.with_name(sidecar.onnx).write_bytes(b"another")
    else:
        sidecar_path(engine_file).write_text("nothing")
        expected = InputError
    # whatever the fault is, TensorRT must not see the engine
    with trt.failing("deserialize"), pytest.raises(expected) as caught:
        load_engine(engine_file)
    words = {
        "missing": "does not exist",
        "version": "built with TensorRT another, here is TensorRT 10.3.0; build it again: python",
        "gpu": "built on another, this GPU is Fake GPU; build it again: python",
        "damaged": "damaged",
        "model": "built from another copies.onnx",
        "text": "not the sidecar",
    }[fault]
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert alive(driver) == NOTHING


def test_other_engines_do_not_take_engine_files(engine_file: Path) -> None:
    with pytest.raises(InputError, match=r"--engine onnx-cpu wants a \.onnx file"):
        load_engine(engine_file, "onnx-cpu")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("deserialize", "cannot make its engine: deserialize says why"),
        ("create_execution_context", "cannot make its execution context: create_execution"),
        ("set_tensor_address", "takes no memory for planes: set_tensor_address says why; build it"),
        ("execute_async_v3", "cannot run it: execute_async_v3 says why; build it again"),
        ("dtype", "holds an engine whose planes is"),
    ],
)
def test_what_tensorrt_refuses(
    trt: ModuleType, driver: FakeDriver, engine_file: Path, function: str, words: str
) -> None:
    with trt.failing(function), pytest.raises(EngineError, match=words) as caught:
        load_engine(engine_file, "tensorrt")
    assert str(caught.value).startswith(f"--engine tensorrt: {engine_file}: TensorRT 10.3.0 ")
    assert "\n" not in str(caught.value)
    caught = None
    assert alive(driver) == NOTHING


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("Builder", "cannot make its builder: Builder says why"),
        ("parse", "cannot parse it: parse says why"),
        (
            "build_serialized_network",
            "cannot build it: build_serialized_network says why; a larger",
        ),
    ],
)
def test_what_the_builder_refuses(
    trt: ModuleType, models: dict[str, Path], tmp_path: Path, function: str, words: str
) -> None:
    with trt.failing(function), pytest.raises(EngineError, match=words):
        load_engine(models["copies"], "tensorrt")
    assert not [p for p in (tmp_path / "cache").iterdir() if p.suffix in (".engine", ".json")]


@pytest.mark.parametrize(
    ("function", "code", "skip", "words"),
    [
        ("cuMemAlloc_v2", 2, 1, "out of memory; close what else uses the GPU"),
        ("cuStreamSynchronize", 719, 0, "unspecified launch failure"),
        ("cuStreamSynchronize", 719, 1, "unspecified launch failure"),
        ("cuDevicePrimaryCtxRetain", 999, 0, "a failure of the stand-in"),
    ],
)
def test_what_the_driver_refuses(
    engine_file: Path, driver: FakeDriver, function: str, code: int, skip: int, words: str
) -> None:
    driver.fail(function, code, skip=skip)
    with pytest.raises(EngineError, match=words) as caught:
        load_engine(engine_file, "tensorrt")
    assert "\n" not in str(caught.value)
    assert alive(driver) == NOTHING


def test_auto_takes_tensorrt_first(
    trt: ModuleType, models: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    assert auto_order()[0].hindrance is None
    assert load_engine(models["copies"]).name == "tensorrt"
    with trt.failing("execute_async_v3"):
        other = load_engine(models["copies"])
    assert other.name == next(c.name for c in auto_order()[1:] if c.hindrance is None)
    assert "TensorRT is not used: " in caplog.messages[-1]


def test_auto_without_a_gpu(trt: ModuleType, driver: FakeDriver, models: dict[str, Path]) -> None:
    driver.reset(devices=0)
    assert "no CUDA-capable device" in str(auto_order()[0].hindrance)
    assert load_engine(models["copies"]).name != "tensorrt"
    with pytest.raises(EngineError, match=r"^--engine tensorrt: .*no CUDA-capable device"):
        load_engine(models["copies"], "tensorrt")


def test_command_line(
    trt: ModuleType,
    models: dict[str, Path],
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    argv = [str(clip), "--engine", "tensorrt", "-o", str(tmp_path / "o")]
    assert main([*argv, "--model", str(models["frame"])]) == 0
    said = capsys.readouterr()
    assert "building a TensorRT engine of " in said.err
    assert "engine tensorrt" in said.out
    assert main([*argv, "--model", str(models["blind"]), "--quiet"]) == 5
    assert "building" not in capsys.readouterr().err
    assert main([*argv, "--model", str(tmp_path / "missing.engine")]) == 3
    with trt.failing("deserialize"):
        assert main([*argv, "--model", str(models["frame"])]) == 4
    assert capsys.readouterr().err.count("--engine tensorrt: ") == 1
    for name in ("pycuda", "pycuda.driver"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([*argv, "--model", str(models["frame"]), "--device-memory", "pycuda"]) == 4
    assert "--device-memory pycuda: pycuda cannot be imported" in capsys.readouterr().err


@pytest.mark.gpu
def test_tensorrt_agrees_with_the_cpu(untrained: dict[str, Path]) -> None:
    hindrance = auto_order()[0].hindrance
    if hindrance is not None:
        pytest.skip(hindrance)
    engines = [load_engine(untrained["frame"], name) for name in ("onnx-cpu", "tensorrt")]
    assert isinstance(engines[1], TensorRtEngine)
    planes = planes_for(engines[0])
    for a, b in zip(*(engine.run(planes) for engine in engines), strict=True):
        # products may be rounded to TF32, 10 bits, through some 20 layers
        np.testing.assert_allclose(a, b, atol=1e-2)
