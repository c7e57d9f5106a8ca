"""What a network costs, counted from its ONNX file: operations, and bytes to and from memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx
import onnxruntime

from vader_rt.errors import InputError

FLOAT32 = 4
"""Bytes of an element of a network's inputs and outputs, which are float32 in any precision."""
Shapes = dict[str, tuple[int, ...]]
"""Shapes of tensors by name."""

_VIEWS = frozenset({"Constant", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Nodes that move nothing."""
_PARTS = frozenset({"Gather", "Slice", "Split"})
"""Nodes that read no more of their input than they write."""
_ERRORS_ONLY = 3


@dataclass(frozen=True)
class NetworkCost:
    """Counts of one run of a network.

    macs: multiply-adds of convolutions and products of matrices; what is done pixel by pixel
    besides is not counted. weights: elements. ends: elements of the inputs and outputs. moved_ends,
    moved_between: elements that are read and written of these and of all other tensors, if each of
    the `nodes` ran by itself.
    """

    macs: int
    weights: int
    ends: int
    moved_ends: int
    moved_between: int
    nodes: int

    @property
    def operations(self) -> int:
        """A multiply-add is two."""
        return 2 * self.macs

    def bytes_least(self, element_bytes: int) -> int:
        """Weights, inputs and outputs once: everything is fused, or fits into the cache."""
        return element_bytes * self.weights + FLOAT32 * self.ends

    def bytes_most(self, element_bytes: int) -> int:
        """Weights once, and each node reads its inputs and writes its outputs: nothing is fused."""
        between = element_bytes * (self.weights + self.moved_between)
        return between + FLOAT32 * self.moved_ends


def network_cost(model: Path) -> NetworkCost:
    """Count a network whose shapes are all fixed.

    Raises:
        InputError: it cannot be read, or a shape depends on the input.
    """
    graph = _folded(model)
    weights = {w.name: tuple(w.dims) for w in graph.initializer}
    shapes = {**_shapes(graph, model), **weights}
    nodes = [node for node in graph.node if node.op_type not in _VIEWS]
    ends = {value.name for value in (*graph.input, *graph.output)} - weights.keys()
    moved = [item for node in nodes for item in _moved(node, shapes, weights)]
    floats = (w for w in graph.initializer if w.data_type != onnx.TensorProto.INT64)
    return NetworkCost(
        macs=sum(_macs(node, shapes) for node in nodes),
        weights=sum(prod(w.dims) for w in floats),
        ends=sum(prod(shapes[name]) for name in ends),
        moved_ends=sum(count for name, count in moved if name in ends),
        moved_between=sum(count for name, count in moved if name not in ends),
        nodes=len(nodes),
    )


def _folded(model: Path) -> onnx.GraphProto:
    """The graph without what is constant in it, as every engine runs it, with shapes."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = _ERRORS_ONLY
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        try:
            onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has no common base for what a bad file can raise
            reason = str(error).splitlines()[0]
            raise InputError(f"{model}: ONNX Runtime cannot load it ({reason})") from None
        folded = onnx.load(options.optimized_model_filepath)
    return onnx.shape_inference.infer_shapes(folded, data_prop=True).graph


def _shapes(graph: onnx.GraphProto, model: Path) -> Shapes:
    values = (*graph.value_info, *graph.input, *graph.output)
    dims = {v.name: v.type.tensor_type.shape.dim for v in values}
    for name in (name for node in graph.node for name in node.output if name):
        if name not in dims or not all(d.HasField("dim_value") for d in dims[name]):
            raise InputError(
                f"{model}: the shape of {name!r} is not fixed; export it with one size"
            )
    return {name: tuple(d.dim_value for d in dim) for name, dim in dims.items()}


def _macs(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Multiply-adds of a node, padding included."""
    if node.op_type == "Conv":  # weight: (out, in / groups, kernel…)
        return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":  # weight: (in, out / groups, kernel…)
        return prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    if node.op_type == "Gemm":
        turned = any(a.name == "transA" and a.i for a in node.attribute)
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if turned else -1]
    return 0


def _moved(node: onnx.NodeProto, shapes: Shapes, weights: Shapes) -> Iterator[tuple[str, int]]:
    """Elements of each tensor that a node by itself reads and writes, weights apart."""
    written = {name: prod(shapes[name]) for name in node.output if name}
    yield from written.items()
    most = sum(written.values()) if node.op_type in _PARTS else None
    for name in node.input:
        if name and name not in weights:
            count = prod(shapes[name])
            yield name, count if most is None else min(count, most)
