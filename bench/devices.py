"""What GPUs can do at most, by their makers' data sheets: at boost clocks, and dense.

A data sheet that counts operations with sparsity is halved here. Where a Jetson's gives int8 alone,
fp16 is half of it and tf32 a quarter, as the Ampere architecture has it (NVIDIA, A100 Tensor Core
GPU Architecture).

PCIe carries 16 (4.0) or 32 (5.0) gigabits a second and lane, 128 of 130 of them data. A Jetson has
one memory for both processors: a copy between them reads and writes there, at half its speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Place = Literal["CPU", "link", "GPU"]
"""Where a stage runs. link: PCIe, or a copy inside a Jetson's memory."""
Kind = Literal["fp32", "tf32", "fp16", "int8"]
"""What a stage computes in; fp32 on CUDA's cores, the others on tensor cores. TensorRT takes tf32
for networks of float32 (NVIDIA, TensorRT Developer Guide: `BuilderFlag.TF32`, set by default)."""

_TERA, _GIGA = 10**12, 10**9
_LANES, _PCIE_4, _PCIE_5 = 16, 16 * _GIGA / 8 * 128 / 130, 32 * _GIGA / 8 * 128 / 130
_ARM_OPERATIONS, _AVX2_OPERATIONS = 16, 32
"""fp32 operations of a core and cycle: two units of 128 bits in a Cortex-A78AE (Arm: "Cortex-A78
Core Software Optimization Guide"), two of 256 in a processor with AVX2; two a multiply-add."""


@dataclass(frozen=True)
class Cpu:
    """memory: bytes a second; fp32: operations a second, all cores."""

    memory: float
    fp32: float


@dataclass(frozen=True)
class Device:
    """A GPU with the CPU beside it.

    memory, link: bytes a second, the link's in one direction. fp32 to int8: operations a second.
    source: the data sheet.
    """

    name: str
    memory: float
    fp32: float
    tf32: float
    fp16: float
    int8: float
    link: float
    cpu: Cpu
    source: str

    def bandwidth(self, place: Place) -> float:
        """Bytes a second."""
        return {"CPU": self.cpu.memory, "link": self.link, "GPU": self.memory}[place]

    def peak(self, place: Place, kind: Kind) -> float:
        """Operations a second; the CPU's are fp32 whatever they are."""
        if place == "CPU":
            return self.cpu.fp32
        peaks = {"fp32": self.fp32, "tf32": self.tf32, "fp16": self.fp16, "int8": self.int8}
        return peaks[kind]


DESKTOP = Cpu(memory=2 * 8 * 4.8 * _GIGA, fp32=8 * 3 * _GIGA * _AVX2_OPERATIONS)
"""An assumption: eight cores with AVX2 at 3 GHz, two channels of DDR5-4800 (JEDEC JESD79-5)."""

DEVICES = (
    Device(
        name="Jetson Orin Nano 8GB",
        memory=102 * _GIGA,
        fp32=1024 * 2 * 1.02 * _GIGA,
        tf32=33 / 4 * _TERA,
        fp16=17 * _TERA,
        int8=33 * _TERA,
        link=102 * _GIGA / 2,
        cpu=Cpu(memory=102 * _GIGA, fp32=6 * 1.7 * _GIGA * _ARM_OPERATIONS),
        source="NVIDIA, Jetson Orin Nano Super Developer Kit data sheet (mode MAXN SUPER)",
    ),
    Device(
        name="Jetson AGX Orin 64GB",
        memory=204.8 * _GIGA,
        fp32=5.3 * _TERA,
        tf32=170 / 8 * _TERA,
        fp16=170 / 4 * _TERA,
        int8=170 / 2 * _TERA,
        link=204.8 * _GIGA / 2,
        cpu=Cpu(memory=204.8 * _GIGA, fp32=12 * 2.2 * _GIGA * _ARM_OPERATIONS),
        source="NVIDIA, Jetson AGX Orin Series data sheet DS-10662-001 (GPU without DLA)",
    ),
    Device(
        name="L4",
        memory=300 * _GIGA,
        fp32=30.3 * _TERA,
        tf32=120 / 2 * _TERA,
        fp16=242 / 2 * _TERA,
        int8=485 / 2 * _TERA,
        link=_LANES * _PCIE_4,
        cpu=DESKTOP,
        source="NVIDIA, L4 Tensor Core GPU data sheet",
    ),
    Device(
        name="RTX 4090",
        memory=1008 * _GIGA,
        fp32=82.6 * _TERA,
        tf32=82.6 * _TERA,
        fp16=330.3 * _TERA,
        int8=660.6 * _TERA,
        link=_LANES * _PCIE_4,
        cpu=DESKTOP,
        source="NVIDIA, Ada GPU Architecture, appendix A (fp16 sums; half of it with fp32 sums)",
    ),
    Device(
        name="H200 SXM",
        memory=4.8 * _TERA,
        fp32=67 * _TERA,
        tf32=989 / 2 * _TERA,
        fp16=1979 / 2 * _TERA,
        int8=3958 / 2 * _TERA,
        link=_LANES * _PCIE_5,
        cpu=DESKTOP,
        source="NVIDIA, H200 Tensor Core GPU data sheet",
    ),
)
