"""The peaks of GPUs do not mix dense operations with sparse ones."""

from __future__ import annotations

import pytest

from bench.devices import DEVICES, Device


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_half_as_many_bits_are_twice_as_fast(device: Device) -> None:
    # data sheets round, 17 and 33; where one figure is sparse and the other dense, it is 4 or 1
    assert device.int8 / device.fp16 == pytest.approx(2, rel=0.05)
    # a GeForce is half as fast with sums in fp32, which tf32 has
    geforce = device.name.startswith("RTX")
    assert device.fp16 / device.tf32 == pytest.approx(4 if geforce else 2, rel=0.05)


@pytest.mark.parametrize(
    ("name", "link"), [("Jetson AGX Orin 64GB", 102.4), ("L4", 31.5), ("H200 SXM", 63.0)]
)
def test_the_link(name: str, link: float) -> None:
    device = next(device for device in DEVICES if device.name == name)
    assert device.bandwidth("link") == pytest.approx(link * 1e9, rel=0.001)
