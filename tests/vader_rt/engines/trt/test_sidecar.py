"""Engine files: what is refused, and that it is refused before TensorRT sees it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from vader_rt.contract import Contract
from vader_rt.engines.trt.sidecar import (
    Platform,
    Sidecar,
    cached_engine,
    read_sidecar,
    sidecar_path,
    timing_cache,
    write_in_cache,
)
from vader_rt.errors import EngineError, InputError

ORIN = Platform("tensorrt", "10.3.0", "Orin", ("sm_87",))
ANY = Platform("rtx", "1.7.1")
CONTRACT = Contract("frame", ("frame", "edge"), (32, 16), ("similarity",), precision="fp16")
PLAN = Sidecar(CONTRACT, "leak.fp16.onnx", "a" * 64, ORIN)


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    path = tmp_path / "leak.fp16.engine"
    PLAN.write(path, b"an engine")
    return path


def test_a_sidecar_survives_its_file(engine: Path) -> None:
    sidecar = read_sidecar(engine)
    assert replace(sidecar, engine_sha256=None) == PLAN
    sidecar.check(engine, ORIN, "a" * 64)
    assert sorted(p.name for p in engine.parent.iterdir()) == [engine.name, engine.name + ".json"]
    assert json.loads(sidecar_path(engine).read_text())["precision"] == "fp16"


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (replace(ORIN, tensorrt_version="10.16.1"), "built with TensorRT 10.3.0, here is TensorRT"),
        (replace(ORIN, gpu="Thor"), "built on Orin, this GPU is Thor"),
        (replace(ORIN, compute_capabilities=("sm_90",)), "built for sm_87, this GPU is sm_90"),
        (ANY, "here is TensorRT-RTX 1.7.1"),
    ],
)
def test_engines_of_other_platforms(engine: Path, here: Platform, words: str) -> None:
    with pytest.raises(EngineError, match=words) as caught:
        read_sidecar(engine).check(engine, here)
    command = f"python -m vader_rt.build {engine.parent}/leak.fp16.onnx -o {engine}"
    command += " --flavour rtx" if here.flavour == "rtx" else ""
    assert str(caught.value).endswith(f"; build it again: {command}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("built_for", "runs"), [((), True), (("sm_89",), True), (("sm_120",), False)]
)
def test_rtx_engines_are_for_capabilities(built_for: tuple[str, ...], runs: bool) -> None:
    here = replace(ANY, compute_capabilities=("sm_89",))
    assert (replace(ANY, compute_capabilities=built_for).difference(here) is None) is runs


def test_engines_of_another_model(engine: Path) -> None:
    with pytest.raises(EngineError, match=r"built from another leak\.fp16\.onnx"):
        read_sidecar(engine).check(engine, ORIN, "b" * 64)


def test_engines_that_are_damaged(engine: Path) -> None:
    engine.write_bytes(b"an engi")
    with pytest.raises(EngineError, match="damaged"):
        read_sidecar(engine).check(engine, ORIN)


def test_engines_that_are_not_built(tmp_path: Path) -> None:
    engine = tmp_path / "leak.engine"
    replace(PLAN, platform=None).write(engine)
    engine.write_bytes(b"left over")
    with pytest.raises(EngineError, match="not built yet"):
        read_sidecar(engine).check(engine, ORIN)


def test_a_missing_engine(engine: Path) -> None:
    engine.unlink()
    with pytest.raises(EngineError, match="not built yet"):
        read_sidecar(engine).check(engine, ORIN)


def changed(**entries: object) -> str:
    built = {**json.loads(PLAN.to_json()), "engine_sha256": "b" * 64}
    return json.dumps({**built, **entries})


PLATFORM = json.loads(PLAN.to_json())["platform"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, r"engine\.json: does not exist"),
        ("", "not the sidecar"),
        ("[]", "not the sidecar"),
        ("\N{ROMAN NUMERAL ONE}", "not the sidecar"),
        (changed(format=9), "unknown version"),
        (changed(platform={"flavour": "tensorrt"}), "not the sidecar"),
        (changed(platform=7), "not the sidecar"),
        (
            changed(platform={**PLATFORM, "flavour": "lite"}),
            "not the sidecar",
        ),
        (changed(contract={"format": 7}), "contract format 7"),
        (changed(contract=None), "contract format None"),
        (changed(contract={**json.loads(CONTRACT.to_json()), "kind": []}), r"is a \[\] model"),
        (changed(format=True), "unknown version"),
        (changed(onnx="../../etc/passwd"), "'onnx' is '../../etc/passwd', not the name"),
        (changed(onnx=""), "'onnx' is '', not the name"),
        (changed(onnx="a\nb"), "not the name of a file"),
        (changed(onnx=["a"]), "'onnx'"),
        (changed(onnx_sha256="a" * 63), "not a SHA-256"),
        (changed(engine_sha256=7), "'engine_sha256'"),
        (changed(engine_sha256=None), "'engine_sha256'"),
        (changed(platform={**PLATFORM, "gpu": []}), "'gpu'"),
        (changed(platform={**PLATFORM, "gpu": "Orin\n"}), "'gpu'"),
        (changed(platform={**PLATFORM, "compute_capabilities": ["\x1b[0m"]}), "list of words"),
        (changed(platform={**PLATFORM, "tensorrt_version": 10.3}), "'tensorrt_version'"),
        (changed(platform={**PLATFORM, "compute_capabilities": "sm_87"}), "not a list"),
        (changed(platform={**PLATFORM, "compute_capabilities": [[]]}), "not a list of words"),
        (changed(precision=float("nan")), "NaN is no number"),
        ("[" * 100_000, "too deep"),
        (" " * 2_000_000, "characters of text"),
    ],
)
def test_sidecars_that_are_refused(engine: Path, text: str | None, words: str) -> None:
    if text is None:
        sidecar_path(engine).unlink()
    else:
        sidecar_path(engine).write_text(text, encoding="utf-16" if "Ⅰ" in text else "utf-8")
    with pytest.raises(InputError, match=words) as caught:
        read_sidecar(engine)
    assert "\n" not in str(caught.value)


def test_the_cache_tells_all_that_matters_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADER_RT_CACHE", "/kept")
    keys = [
        (PLAN, ORIN),
        (replace(PLAN, onnx_sha256="b" * 64), ORIN),
        (replace(PLAN, contract=replace(CONTRACT, precision="fp32")), ORIN),
        (PLAN, replace(ORIN, tensorrt_version="10.16")),
        (PLAN, replace(ORIN, gpu="Thor")),
        (PLAN, replace(ORIN, compute_capabilities=("sm_101",))),
    ]
    engines = {cached_engine(*key) for key in keys}
    assert len(engines) == len(keys)
    assert {e.parent for e in engines} == {timing_cache(ORIN).parent} == {Path("/kept")}
    assert cached_engine(PLAN, ORIN) == cached_engine(replace(PLAN, engine_sha256="c"), ORIN)


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/vader-rt"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/ann"}, "/home/ann/.cache/vader-rt"),
    ],
)
def test_where_the_cache_is(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    monkeypatch.delenv("VADER_RT_CACHE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(timing_cache(ORIN).parent) == folder


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="VADER_RT_CACHE"):
        write_in_cache(tmp_path / "file" / "engine", b"")


def test_two_processes_take_turns(tmp_path: Path) -> None:
    """Each holds the lock for a while and notes when; the times do not overlap."""
    script = f"""
import time
from pathlib import Path
from vader_rt.engines.trt.sidecar import locked
with locked(Path({str(tmp_path / "cache" / "x.engine")!r})):
    start = time.monotonic(); time.sleep(0.3); print(start, time.monotonic())
"""
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    spans = sorted(tuple(map(float, p.communicate(timeout=60)[0].split())) for p in started)
    assert spans[0][1] <= spans[1][0] < time.monotonic()
