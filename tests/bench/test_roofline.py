"""The roofline of the GPU path: counts, times, and the figures that are committed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.devices import DEVICES, Cpu, Device
from bench.roofline import (
    FEATURE_PLANES,
    FEATURE_STEPS,
    FLOAT32,
    SAMPLE_BYTES,
    SIZE_WH,
    SUM_BYTES,
    Stage,
    arrows,
    figures,
    main,
    roofline,
    stages,
    thread_seconds,
)
from bench.tables import ROOT, TABLES
from vader_rt.contract import PER_FRAME, plane_count
from vader_rt.engines.onnx import read_contract
from vader_rt.models import DEFAULT_MODEL
from vader_rt.room.accumulate import accumulator_for

# 100 bytes and 1000 (fp16: 4000) operations a second on the GPU
DEVICE = Device("device", 100, 1000, 2000, 4000, 8000, link=10, cpu=Cpu(50, 500), source="none")


@pytest.fixture(scope="module")
def found() -> dict[str, Stage]:
    return {stage.name: stage for stage in stages()}


@pytest.mark.parametrize(
    ("moved", "operations", "seconds"), [(200, 1000, 2), (200, 9000, 9), (0, 0, 0), (200, 0, 2)]
)
def test_the_time_is_of_what_takes_longer(moved: int, operations: int, seconds: float) -> None:
    assert roofline(moved, operations, bandwidth=100, peak=1000) == seconds


@pytest.mark.parametrize(
    ("stage", "least", "most", "bound"),
    [
        (Stage("few operations", "GPU", None, 200, 600, 1000), 2, 6, "bytes"),
        (Stage("many", "GPU", None, 200, 600, 5000), 5, 6, "operations"),
        (Stage("many, fp16", "GPU", None, 200, 600, 5000, "fp16"), 2, 6, "bytes"),
        (Stage("on the CPU", "CPU", None, 200, operations=5000), 10, 10, "operations"),
        (Stage("over PCIe", "link", None, 200), 20, 20, "bytes"),
    ],
    ids=lambda value: value.name if isinstance(value, Stage) else None,
)
def test_a_stage_takes_the_peaks_of_its_place(
    stage: Stage, least: float, most: float, bound: str
) -> None:
    assert (stage.seconds(DEVICE), stage.seconds(DEVICE, most=True)) == (least, most)
    assert stage.bound(DEVICE) == bound


def test_a_thread_is_the_sum_of_its_stages_in_one_precision() -> None:
    path = [
        Stage("a", "CPU", "one", 50),
        Stage("b, fp16", "GPU", "one", 0, operations=8000, kind="fp16"),
        Stage("b, int8", "GPU", "one", 0, operations=8000, kind="int8"),
        Stage("c", "link", "other", 70),
        Stage("once", "GPU", None, 900),
    ]
    assert thread_seconds(path, DEVICE, "fp16") == {"one": 3, "other": 7}
    assert thread_seconds(path, DEVICE, "int8") == {"one": 2, "other": 7}


def test_the_shipped_network_is_of_a_plausible_size(found: dict[str, Stage]) -> None:
    fp16, int8 = found["network, fp16"], found["network, int8"]
    assert fp16.operations == int8.operations
    assert 4e9 < fp16.operations < 6e9
    # 9.2 MB of planes and 0.9 of outputs, whatever the precision; the file's weights are 7.7 MB
    weights = fp16.bytes_least - found["network: download"].bytes_least - 256 * 448 * 20 * 4
    assert weights == pytest.approx(DEFAULT_MODEL.stat().st_size / 2, rel=0.01)
    assert int8.bytes_least < fp16.bytes_least < int8.bytes_most < fp16.bytes_most


def test_planes_are_made_of_what_changes_with_every_frame() -> None:
    inputs = read_contract(DEFAULT_MODEL).inputs
    assert plane_count([group for group in inputs if group in PER_FRAME]) == FEATURE_PLANES


def test_what_is_kept_of_a_pixel_is_what_the_program_keeps() -> None:
    """Arrays as large as the picture, but for the virtual background, which is read."""
    pixels = 1000 * 600  # no other array is as large
    contract = read_contract(DEFAULT_MODEL)
    accumulator = accumulator_for(contract, np.zeros((600, 1000, 3), np.uint8))
    kept = [a for a in _arrays(accumulator) if a.size >= pixels and a.nbytes // pixels > 4]
    alone = [a for a in _arrays(accumulator) if a.dtype == np.float32 and a.shape == (pixels,)]
    assert sum(a.nbytes for a in (*kept, *alone)) == pixels * (SAMPLE_BYTES + SUM_BYTES)


def _arrays(holder: object) -> Iterator[np.ndarray]:
    for value in vars(holder).values():
        if isinstance(value, np.ndarray):
            yield value
        elif type(value).__module__.startswith("vader_rt.room"):
            yield from _arrays(value)


def test_a_larger_frame_changes_only_what_works_at_its_size(found: dict[str, Stage]) -> None:
    larger = {stage.name for stage in stages((1920, 1080)) if stage != found[stage.name]}
    assert larger == {
        *("decode", "shrink", "person segmenter", "person prior", "enlarge", "un-mixing"),
    }


def test_un_mixing_costs_what_leaks() -> None:
    def unmixing(share: float) -> Stage:
        return next(s for s in stages(leak_share=share) if s.name == "un-mixing")

    none, half, all_of_it = map(unmixing, (0.0, 0.5, 1.0))
    assert none.bytes_least < half.bytes_least
    assert none.bytes_least + all_of_it.bytes_least == 2 * half.bytes_least


def test_the_arrows_bring_what_the_stages_read(found: dict[str, Stage]) -> None:
    moved = {(start, end): size for start, end, size, _ in arrows()}
    planes = moved["features", "network"] + moved["planes of the call", "network"]
    assert planes == FLOAT32 * np.prod(read_contract(DEFAULT_MODEL).input_shape)
    assert moved["network", "enlarge"] == found["network: download"].bytes_least
    uploaded = moved["shrink", "features"] + moved["person segmenter", "features"]
    assert uploaded == found["upload"].bytes_least
    assert moved["decode", "shrink"] == np.prod(SIZE_WH) * 3


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_the_network_bounds_no_device(device: Device, found: dict[str, Stage]) -> None:
    """As docs/gpu_roofline.md says."""
    on_the_cpu = max(s.seconds(device) for s in found.values() if s.place == "CPU")
    assert found["network, fp16"].seconds(device) < on_the_cpu / 2


def test_the_prose_says_what_the_table_says(found: dict[str, Stage]) -> None:
    text = " ".join((ROOT / "docs" / "gpu_roofline.md").read_text().split())
    nano, l4, h200 = (next(d for d in DEVICES if d.name.startswith(n)) for n in _NAMES)
    network, unmixing = found["network, fp16"], found["un-mixing"]
    least, most = (1e6 * network.seconds(nano, most=most) for most in (False, True))
    assert (
        f"takes {1e6 * network.seconds(h200):.0f} µs (H200) to {least:.0f} µs (Orin Nano)" in text
    )
    assert f"up to {most / 1000:.1f} ms there" in text
    prior = found["person prior"]
    assert f"takes {1e6 * prior.seconds(nano):.0f} µs on the Orin Nano's" in text
    assert f"beside a card {1e6 * prior.seconds(l4):.0f}," in text
    assert f"un-mixing there {1e6 * unmixing.seconds(l4):.0f}," in text
    assert f"network's {network.steps} nodes, each of the features' {len(FEATURE_STEPS)} " in text


_NAMES = ("Jetson Orin Nano", "L4", "H200")


def test_the_committed_figures_are_what_is_computed() -> None:
    committed = json.loads((ROOT / "docs" / "figures" / "roofline.json").read_text())
    computed = json.loads(json.dumps(figures()))
    for old, new in zip(committed["stages"], computed["stages"], strict=True):
        for counted in ("bytes_most", "steps"):
            # another ONNX Runtime may fold another node away, which changes these by little
            assert (old.pop(counted) or 0) == pytest.approx(new.pop(counted) or 0, rel=0.05)
        for times in (*old["times"].values(), *new["times"].values()):
            times.pop("most", None)
    assert committed == computed, "run `python -m bench.roofline -o docs/figures/roofline.json`"


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("roofline_diagram", '    s0["decode, CPU"] ==>|"1.25 MB"| s1["network, GPU"]'),
        ("roofline_diagram", '    s0["decode, CPU"] -->|"0.00 MB once"| s2["room, CPU"]'),
        ("roofline", "| decode | CPU | 2.00 | – | – | 54 |"),
        ("roofline", "| network, fp16 | GPU | 2.00–7.50 | 4.0 | `network` | *3–9 |"),
        ("roofline", "| **thread: network, fp16** | – | – | – | – | 3 |"),
    ],
)
def test_the_tables(table: str, line: str, tmp_path: Path) -> None:
    empty = dict.fromkeys(("bytes_most", "operations", "timed"))
    decode = {"name": "decode", "place": "CPU", "bytes_least": 2_000_000, **empty}
    network = {"name": "network, fp16", "place": "GPU", "bytes_least": 2_000_000}
    network |= {"bytes_most": 7_500_000, "operations": 4_000_000, "timed": "network"}
    times = {"least": 2.6, "most": 9.0, "bound": "operations"}
    made = {
        "devices": [{"name": "H200"}],
        "stages": [
            {**decode, "times": {"H200": {"least": 54.4, "bound": "bytes"}}},
            {**network, "times": {"H200": times}},
        ],
        "threads": [{"thread": "network, fp16", "times": {"H200": {"least": 2.6}}}],
        "arrows": [["decode", "network", 1_250_000, "frame"], ["decode", "room", 0, "call"]],
    }
    (tmp_path / "roofline.json").write_text(json.dumps(made))
    assert line in TABLES[table](tmp_path).splitlines()


def test_the_command_writes_what_it_computes(tmp_path: Path) -> None:
    path = tmp_path / "out" / "roofline.json"
    assert main(["--size", "640x360", "--leak", "0.5", "-o", str(path)]) == 0
    written = json.loads(path.read_text())
    assert (written["size_wh"], written["leak_share"]) == ([640, 360], 0.5)
    assert [device["name"] for device in written["devices"]] == [d.name for d in DEVICES]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "1280"], "'1280' is not a size; give one as 1280x720"),
        (["--size", "0x720"], "'0x720' is not a size"),
        (["--leak", "1.5"], "'1.5' is not a share; give one from 0 to 1"),
        (["--leak", "much"], "'much' is not a share"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert words in capsys.readouterr().err
