"""INT8 models say the same on CPUs that add in 16 bits: no sum that a layer can reach is beyond."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from calib.collect import collect
from calib.quantize import LAYERS, layer_names, measured_ranges, with_qdq
from calib.saturation import LARGEST_SUM, largest_pair_sum
from vader_rt.models import DEFAULT_MODEL


def one_layer(kind: str, weights: np.ndarray, scales: list[float], axis: int) -> onnx.ModelProto:
    """A layer whose weights go through a Q/DQ pair."""
    pair = {"Q": ["weights", "scales", "zero"], "DQ": ["Q", "scales", "zero"]}
    nodes = [
        helper.make_node("QuantizeLinear", pair["Q"], ["Q"], axis=axis),
        helper.make_node("DequantizeLinear", pair["DQ"], ["DQ"], axis=axis),
        helper.make_node(kind, ["planes", "DQ"], ["leak"]),
    ]
    constants = {"weights": weights, "scales": np.array(scales, np.float32)}
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    return helper.make_model(helper.make_graph(nodes, "layer", [], [], tensors))


@pytest.mark.parametrize(
    ("channels", "scales", "expected"),
    [
        ([[100, -50, 90, 1]], [1], 255 * 190),
        ([[100, -120, 1, -110]], [1], 255 * 230),
        ([[1, 2, 3, 4], [-10, 8, 5, -1]], [0.1, 1], 255 * 70),  # in the first channel: 30 + 40
        ([[1000, 1000, 0, 0]], [1], 255 * 254),
        ([[127]], [1], 255 * 127),
    ],
)
@pytest.mark.parametrize(("kind", "axis"), [("Conv", 0), ("ConvTranspose", 1)])
def test_the_largest_sum(
    channels: list[list[int]], scales: list[float], expected: int, kind: str, axis: int
) -> None:
    rows = np.array(channels, np.float32)[:, :, None, None]
    weights = np.ascontiguousarray(np.moveaxis(rows, 0, axis))
    assert largest_pair_sum(one_layer(kind, weights, scales, axis)) == expected


@pytest.fixture(scope="module")
def inputs(clip: Path) -> list[np.ndarray]:
    return [frame[None] for frame in collect(DEFAULT_MODEL, [clip], count=2)]


def test_the_shipped_network_cannot_saturate(
    inputs: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights of eight bits it could."""
    ranges = measured_ranges(DEFAULT_MODEL, inputs, "minmax")
    made = with_qdq(onnx.load(DEFAULT_MODEL), ranges)
    assert sum(n.op_type in LAYERS for n in made.graph.node) > 10
    assert 255 * 64 < largest_pair_sum(made) <= LARGEST_SUM
    monkeypatch.setattr(
        "calib.quantize.QDQQuantizer",
        lambda model, channels, _, *rest: QDQQuantizer(model, channels, False, *rest),
    )
    assert largest_pair_sum(with_qdq(onnx.load(DEFAULT_MODEL), ranges)) > LARGEST_SUM


def test_layers_in_float_do_not_count(inputs: list[np.ndarray]) -> None:
    model = onnx.load(DEFAULT_MODEL)
    ranges = measured_ranges(DEFAULT_MODEL, inputs[:1], "minmax")
    assert largest_pair_sum(with_qdq(model, ranges, layer_names(model))) == 0
