"""Operations and bytes of a network, against counts by hand and by PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.utils.flop_counter import FlopCounterMode

from bench.onnx_costs import network_cost
from train.networks.registry import build_network
from vader_rt.contract import group_slices
from vader_rt.engines.onnx import read_contract
from vader_rt.errors import InputError
from vader_rt.models import DEFAULT_MODEL, DEFAULT_RESTORATION

Shape = tuple[int | str, ...]


def _model(
    path: Path,
    nodes: list[onnx.NodeProto],
    shapes: dict[str, Shape],
    weights: dict[str, tuple[int, ...]],
) -> Path:
    """A model with the input x and the output y."""
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    tensors = [numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in weights.items()]
    graph = helper.make_graph(nodes, "tiny", ends[:1], ends[1:], tensors)
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("kind", "attributes", "x", "w", "y", "macs"),
    [
        ("Conv", {"pads": [1] * 4}, (1, 3, 8, 8), (4, 3, 3, 3), (1, 4, 8, 8), 8 * 8 * 4 * 27),
        ("Conv", {"strides": [2, 2]}, (1, 3, 8, 8), (4, 3, 2, 2), (1, 4, 4, 4), 4 * 4 * 4 * 12),
        ("Conv", {"group": 3}, (1, 3, 8, 8), (3, 1, 3, 3), (1, 3, 6, 6), 6 * 6 * 3 * 9),
        ("Conv", {}, (5, 3, 4, 4), (2, 3, 1, 1), (5, 2, 4, 4), 5 * 4 * 4 * 2 * 3),
        (
            *("ConvTranspose", {"strides": [2, 2]}),
            *((1, 6, 4, 5), (6, 2, 2, 2), (1, 2, 8, 10), 4 * 5 * 6 * 2 * 4),
        ),
        ("MatMul", {}, (2, 5, 7), (7, 3), (2, 5, 3), 2 * 5 * 3 * 7),
        ("Gemm", {"transA": 1}, (7, 5), (7, 3), (5, 3), 5 * 3 * 7),
    ],
)
def test_multiply_adds(
    kind: str, attributes: dict, x: Shape, w: tuple, y: Shape, macs: int, tmp_path: Path
) -> None:
    node = helper.make_node(kind, ["x", "w"], ["y"], **attributes)
    cost = network_cost(_model(tmp_path / "m.onnx", [node], {"x": x, "y": y}, {"w": w}))
    assert cost.macs == macs
    assert cost.operations == 2 * macs


def _convolved_and_cut(path: Path) -> Path:
    """x (192) → convolution (256) → ReLU (256) → of its two halves, one (128)."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Split", ["b"], ["y", "other"], axis=1),
    ]
    return _model(path, nodes, {"x": (1, 3, 8, 8), "y": (1, 2, 8, 8)}, {"w": (4, 3, 3, 3)})


def test_bytes(tmp_path: Path) -> None:
    cost = network_cost(_convolved_and_cut(tmp_path / "m.onnx"))
    assert (cost.weights, cost.ends, cost.nodes) == (108, 192 + 128, 3)
    # the ends stay float32; all between is written and read in two bytes
    assert cost.bytes_least(2) == 2 * 108 + 4 * (192 + 128)
    between = (256 + 256) + (256 + 256 + 128)  # a and b written and read, and the other half
    assert cost.bytes_most(2) == 2 * (108 + between) + 4 * (192 + 128)
    assert cost.bytes_most(1) == (108 + between) + 4 * (192 + 128)


def test_of_a_part_no_more_is_read_than_of_it_is_taken(tmp_path: Path) -> None:
    bounds = {name: np.array([value]) for name, value in (("0", 0), ("2", 2), ("axis", 1))}
    path = _model(
        tmp_path / "m.onnx",
        [helper.make_node("Slice", ["x", "0", "2", "axis"], ["y"])],
        {"x": (1, 30, 8, 8), "y": (1, 2, 8, 8)},
        {},
    )
    model = onnx.load(path)
    model.graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in bounds.items())
    onnx.save(model, path)
    assert network_cost(path).bytes_most(4) == 4 * 2 * (2 * 8 * 8)


@pytest.mark.parametrize(
    ("name", "model"), [("leaknet", DEFAULT_MODEL), ("restorenet", DEFAULT_RESTORATION)]
)
def test_the_shipped_networks_are_counted_as_pytorch_counts_them(name: str, model: Path) -> None:
    contract = read_contract(model)
    slices = group_slices(contract.inputs) if name == "leaknet" else None
    network = build_network(name, contract.input_shape[1], slices).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(contract.input_shape))
    assert network_cost(model).operations == counter.get_total_flops()


def test_a_shape_that_is_not_fixed_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    path = _model(tmp_path / "m.onnx", [node], {"x": ("n", 3), "y": ("n", 3)}, {})
    with pytest.raises(InputError, match=r"m\.onnx: the shape of 'y' is not fixed"):
        network_cost(path)


def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match=r"m\.onnx: ONNX Runtime cannot load it") as error:
        network_cost(tmp_path / "m.onnx")
    assert "\n" not in str(error.value)
