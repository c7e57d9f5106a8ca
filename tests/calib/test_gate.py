"""INT8 has to earn it: the verdict, what it rests on, and what it refuses."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from calib.collect import collect
from calib.compare import TensorDifference
from calib.gate import Limits, Speed, Verdict, int8_instructions, main, measured_speed
from calib.quantize import measured_ranges, quantize, with_qdq
from vader_rt.contract import METADATA_KEY, Contract
from vader_rt.engines.onnx import read_contract
from vader_rt.errors import ParityError
from vader_rt.io.files import file_sha256
from vader_rt.models import DEFAULT_MODEL

GOOD = Verdict(
    models={"a.onnx": "0", "a.int8.onnx": "1"},
    calls=("call",),
    tensors={"leak": TensorDifference(0.1, 0.001, 0.99)},
    reference_score=0.2,
    score=0.195,
    speed=Speed(100.0, 50.0, ("avx512_vnni", "avx_vnni")),
    largest_sum=32640,
    limits=Limits(most_loss=0.01, least_speedup=1.5),
    versions={},
)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (replace(GOOD, score=0.18), "the score falls by 0.0200 (> 0.01)"),
        (replace(GOOD, score=np.nan), "the score falls by nan (> 0.01)"),
        (
            replace(GOOD, tensors={"leak": TensorDifference(0.1, 0.05, 0.99)}),
            "leak is off by 0.05 in the mean (> 0.01)",
        ),
        (
            replace(GOOD, speed=Speed(100.0, 80.0, ())),
            "it is 1.25 times as fast (< 1.5; this CPU has no int8 instructions)",
        ),
        (
            replace(GOOD, largest_sum=64770),
            "without VNNI its sums saturate, 64770 in 16 bits (> 32767); make it again with "
            "`python -m calib.quantize`, whose weights have seven bits",
        ),
    ],
)
def test_what_is_refused(verdict: Verdict, words: str) -> None:
    assert verdict.reasons == [words]
    assert not json.loads(verdict.to_json())["accepted"]
    with pytest.raises(ParityError, match=r"^int8 is refused: ") as caught:
        verdict.check()
    assert words in str(caught.value)


def test_what_is_accepted() -> None:
    GOOD.check()
    values = json.loads(GOOD.to_json())
    assert (values["accepted"], values["reasons"], values["gain"]) == (True, [], 2.0)
    assert GOOD.line() == (
        "int8 is accepted: score 0.2000 → 0.1950 on any CPU, "
        "100.0 → 50.0 ms on CPUs with avx512_vnni, avx_vnni"
    )


@pytest.mark.parametrize(
    ("instructions", "largest_sum", "accuracy", "speed"),
    [
        (("avx_vnni",), 32640, "any CPU", "CPUs with avx_vnni"),
        (("avx_vnni",), 64770, "CPUs with avx_vnni", "CPUs with avx_vnni"),
        ((), 32640, "any CPU", "CPUs without int8 instructions"),
    ],
)
def test_where_it_holds(
    instructions: tuple[str, ...], largest_sum: int, accuracy: str, speed: str
) -> None:
    measured = Speed(100.0, 50.0, instructions)
    verdict = replace(GOOD, speed=measured, largest_sum=largest_sum)
    said = json.loads(verdict.to_json())
    assert said["holds_for"] == {"accuracy": accuracy, "speed": speed}
    assert said["largest_sum"] == largest_sum


def test_both_reasons_are_given() -> None:
    assert len(replace(GOOD, score=0.0, speed=Speed(1.0, 1.0, ())).reasons) == 2


class Sleeper:
    """An engine that takes its time."""

    name, contract = "sleeper", Contract("frame", ("frame",), (64, 64), ("similarity",))

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.runs = 0

    def run(self, _: np.ndarray) -> list[np.ndarray]:
        time.sleep(self._seconds)
        self.runs += 1
        return []


def test_speed_is_measured() -> None:
    slow, quick = Sleeper(0.02), Sleeper(0.005)
    speed = measured_speed(slow, quick, np.zeros((2, 1)))
    assert 20 <= speed.fp32_ms < 60
    assert 1.5 < speed.gain < 6
    assert slow.runs == quick.runs > 5


def test_instructions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("flags\t\t: fpu avx2 avx512_vnni avx512_vbmi amx_int8\n")
    assert int8_instructions(path) == ("amx_int8", "avx512_vnni")
    assert int8_instructions(tmp_path / "missing") == ()


@pytest.fixture(scope="module")
def int8(untrained: dict[str, Path], clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    planes = collect(untrained["copies"], [clip], count=4)
    output = tmp_path_factory.mktemp("int8") / "copies.int8.onnx"
    return quantize(untrained["copies"], output, planes, method="minmax").model


def test_command_line(
    untrained: dict[str, Path],
    int8: Path,
    small_calls: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*argv: object) -> int:
        return main([str(untrained["copies"]), *map(str, argv), "--calls", str(small_calls)])

    verdict = tmp_path / "verdict.json"
    assert run(int8, "--least-speedup", 0, "--most-loss", 1, "-o", verdict) == 0
    assert capsys.readouterr().out.startswith("int8 is accepted: score ")
    values = json.loads(verdict.read_text())
    assert values["models"]["copies.int8.onnx"] == file_sha256(int8)
    assert values["speed"]["int8_ms"] > 0
    assert run(int8, "--least-speedup", 1000) == 4
    said = capsys.readouterr()
    assert said.out.strip() in said.err
    assert not json.loads(int8.with_suffix(".json").read_text())["accepted"]
    assert run(untrained["frame"], "-o", verdict) == 3
    assert "was not made from" in capsys.readouterr().err
    assert main([str(tmp_path / "none.onnx"), str(int8)]) == 3
    assert "does not exist" in capsys.readouterr().err


def test_calls_without_truth(
    untrained: dict[str, Path], int8: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(untrained["copies"]), str(int8), "--calls", str(clip)]) == 2
    assert "--calls folders in the VADER layout" in capsys.readouterr().err


@pytest.mark.slow
def test_a_wrong_scale_is_refused(
    small_calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped model with one scale that is wrong: what it feeds is cut off."""
    planes = collect(DEFAULT_MODEL, [small_calls], count=2)
    ranges = measured_ranges(DEFAULT_MODEL, [p[None] for p in planes], "minmax")
    model = with_qdq(onnx.load(DEFAULT_MODEL), ranges)
    contract = replace(
        read_contract(DEFAULT_MODEL), precision="int8", source_sha256=file_sha256(DEFAULT_MODEL)
    )
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    name = [n for n in model.graph.node if n.op_type == "DequantizeLinear"][-1].input[1]
    scale = next(t for t in model.graph.initializer if t.name == name)
    values = onnx.numpy_helper.to_array(scale) * np.float32(1 / 8)
    scale.CopyFrom(onnx.numpy_helper.from_array(values, name))
    onnx.save(model, tmp_path / "leak.int8.onnx")
    argv = [DEFAULT_MODEL, tmp_path / "leak.int8.onnx", "--calls", small_calls]
    assert main([*map(str, [*argv, "--least-speedup", 0])]) == 4
    assert "is off by" in capsys.readouterr().err
