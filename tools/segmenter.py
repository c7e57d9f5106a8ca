"""TFLite person segmenter → ONNX: `python -m tools.segmenter MODEL.tflite -o MODEL.onnx`.

The runtime re-runs the kind of segmenter that a client would have run. MediaPipe publishes its
selfie models (Apache-2.0) as TFLite with one custom operator, which no general converter knows, and
its pose landmarker with a person mask beside other outputs. What leads to their masks uses thirteen
operators; this file maps exactly those and refuses any other.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

from vader_rt.cli.exit_codes import exit_code
from vader_rt.errors import InputError
from vader_rt.io.files import whole_file

OPSET = 17
_TRANSPOSE_BIAS = "Convolution2DTransposeBias"
_ACTIVATIONS = {0: "", 1: "Relu", 3: "Relu6"}
_DTYPES = {0: np.float32, 1: np.float16, 2: np.int32}
_OP_NAMES = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}


@dataclass
class _Graph:
    """The TFLite subgraph that is read and the ONNX nodes that grow from it.

    initializers: by the name that nodes read; float16 ones are read through a Cast.
    """

    model: tflite.Model
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: dict[str, onnx.TensorProto] = field(default_factory=dict)
    constants: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def tf(self) -> tflite.SubGraph:
        return self.model.Subgraphs(0)

    def shape(self, index: int) -> list[int]:
        tensor = self.tf.Tensors(index)
        return [tensor.Shape(i) for i in range(tensor.ShapeLength())]

    def constant(self, index: int) -> np.ndarray | None:
        """The value of a constant tensor as it is stored, None for one that is computed."""
        if index in self.constants:
            return self.constants[index]
        tensor = self.tf.Tensors(index)
        raw = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(raw, int):
            return None
        if tensor.Type() not in _DTYPES:
            raise InputError(f"tensor {index} is not float32, float16 or int32, as weights must be")
        return np.frombuffer(raw.tobytes(), _DTYPES[tensor.Type()]).reshape(self.shape(index))

    def required(self, index: int) -> np.ndarray:
        """The value of a tensor that must be constant: a kernel or a bias."""
        value = self.constant(index)
        if value is None:
            raise InputError(f"tensor {index} is computed; weights must be constant")
        return value

    def emit(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))

    def weight(self, name: str, value: np.ndarray) -> str:
        """Store a constant; float16 stays float16, which engines cast once, when they load it."""
        stored = name
        if value.dtype == np.float16:
            stored = f"{name}_half"
            self.emit("Cast", [stored], name, to=TensorProto.FLOAT)
        elif value.dtype.kind == "i":
            value = value.astype(np.int64)
        self.initializers[name] = numpy_helper.from_array(value, stored)
        return name

    def value(self, index: int) -> str:
        """The ONNX name of a TFLite tensor; constants become NCHW initialisers."""
        name = f"t{index}"
        constant = self.constant(index)
        if constant is not None and name not in self.initializers:
            self.weight(name, constant.transpose(0, 3, 1, 2) if constant.ndim == 4 else constant)
        return name


def _options(op: tflite.Operator, kind: type) -> tflite.Conv2DOptions:
    options = kind()
    options.Init(op.BuiltinOptions().Bytes, op.BuiltinOptions().Pos)
    return options


def _same_pads(size: list[int], kernel: tuple[int, int], stride: tuple[int, int]) -> list[int]:
    """TensorFlow's SAME padding, [top, left, bottom, right]; the odd pixel goes to the end."""
    before, after = [], []
    for length, k, s in zip(size, kernel, stride, strict=True):
        total = max((math.ceil(length / s) - 1) * s + k - length, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return before + after


def _convolution(graph: _Graph, op: tflite.Operator, options_type: type) -> None:
    options = _options(op, options_type)
    if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
        raise InputError("dilated convolutions are unknown to this converter")
    source, weights, bias = op.InputsAsNumpy().tolist()
    kernel = graph.required(weights)
    depthwise = options_type is tflite.DepthwiseConv2DOptions
    # (O, kh, kw, I) → (O, I, kh, kw); depthwise (1, kh, kw, C) → (C, 1, kh, kw)
    kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
    stride = (options.StrideH(), options.StrideW())
    pads = [0] * 4
    if options.Padding() == tflite.Padding.SAME:
        pads = _same_pads(graph.shape(source)[1:3], kernel.shape[2:], stride)
    output = op.Outputs(0)
    inputs = [
        graph.value(source),
        graph.weight(f"w{output}", kernel),
        graph.weight(f"b{output}", graph.required(bias)),
    ]
    group = kernel.shape[0] if depthwise else 1
    _with_activation(graph, "Conv", inputs, output, options, strides=stride, pads=pads, group=group)


def _with_activation(
    graph: _Graph, name: str, inputs: list[str], output: int, options: Any, **attributes: Any
) -> None:
    if options.FusedActivationFunction() not in _ACTIVATIONS:
        raise InputError(f"{name}: of activations, only Relu and Relu6 are known to this converter")
    activation = _ACTIVATIONS[options.FusedActivationFunction()]
    target = f"t{output}"
    graph.emit(name, inputs, f"{target}_linear" if activation else target, **attributes)
    if activation == "Relu6":
        low, high = (
            graph.weight(f"lo{output}", np.zeros((), np.float32)),
            graph.weight(f"hi{output}", np.full((), 6, np.float32)),
        )
        graph.emit("Clip", [f"{target}_linear", low, high], target)
    elif activation:
        graph.emit(activation, [f"{target}_linear"], target)


def _binary(name: str, options_type: type) -> Callable[[_Graph, tflite.Operator], None]:
    def convert(graph: _Graph, op: tflite.Operator) -> None:
        inputs = [graph.value(i) for i in op.InputsAsNumpy().tolist()]
        _with_activation(graph, name, inputs, op.Outputs(0), _options(op, options_type))

    return convert


def _unary(name: str) -> Callable[[_Graph, tflite.Operator], None]:
    def convert(graph: _Graph, op: tflite.Operator) -> None:
        graph.emit(name, [graph.value(op.Inputs(0))], f"t{op.Outputs(0)}")

    return convert


def _global_pool(graph: _Graph, op: tflite.Operator) -> None:
    if graph.shape(op.Outputs(0))[1:3] != [1, 1]:
        raise InputError("only global average pooling is known to this converter")
    graph.emit("GlobalAveragePool", [graph.value(op.Inputs(0))], f"t{op.Outputs(0)}")


def _resize(graph: _Graph, op: tflite.Operator) -> None:
    options = _options(op, tflite.ResizeBilinearOptions)
    mode = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
    mode = "align_corners" if options.AlignCorners() else mode
    output = op.Outputs(0)
    n, h, w, c = graph.shape(output)
    sizes = graph.weight(f"s{output}", np.array([n, c, h, w]))
    graph.emit(
        "Resize",
        [graph.value(op.Inputs(0)), "", "", sizes],
        f"t{output}",
        mode="linear",
        coordinate_transformation_mode=mode,
    )


def _transpose_bias(graph: _Graph, op: tflite.Operator) -> None:
    """MediaPipe's transposed convolution; its kernel equals its stride, so no pixel overlaps."""
    source, weights, bias = op.InputsAsNumpy().tolist()
    kernel = graph.required(weights)
    output = op.Outputs(0)
    stride = graph.shape(output)[1] // graph.shape(source)[1]
    if kernel.shape[1:3] != (stride, stride):
        raise InputError(f"{_TRANSPOSE_BIAS}: kernel {kernel.shape} is not its stride {stride}")
    inputs = [
        graph.value(source),
        graph.weight(f"w{output}", kernel.transpose(3, 0, 1, 2)),
        graph.weight(f"b{output}", graph.required(bias)),
    ]
    graph.emit("ConvTranspose", inputs, f"t{output}", strides=[stride, stride])


def _pad(graph: _Graph, op: tflite.Operator) -> None:
    """Zeros around a tensor: (4, 2) before and after each NHWC axis → all before, all after."""
    source, amounts = op.InputsAsNumpy().tolist()
    output = op.Outputs(0)
    pads = graph.weight(f"p{output}", graph.required(amounts)[[0, 3, 1, 2]].T.ravel())
    graph.emit("Pad", [graph.value(source), pads], f"t{output}")


def _dequantize(graph: _Graph, op: tflite.Operator) -> None:
    graph.constants[op.Outputs(0)] = graph.required(op.Inputs(0))


_CONVERTERS: dict[str, Callable[[_Graph, tflite.Operator], None]] = {
    "DEQUANTIZE": _dequantize,
    "CONV_2D": lambda g, op: _convolution(g, op, tflite.Conv2DOptions),
    "DEPTHWISE_CONV_2D": lambda g, op: _convolution(g, op, tflite.DepthwiseConv2DOptions),
    "ADD": _binary("Add", tflite.AddOptions),
    "MUL": _binary("Mul", tflite.MulOptions),
    "RELU": _unary("Relu"),
    "HARD_SWISH": _unary("HardSwish"),
    "LOGISTIC": _unary("Sigmoid"),
    "AVERAGE_POOL_2D": _global_pool,
    "MEAN": _global_pool,
    "RESIZE_BILINEAR": _resize,
    "PAD": _pad,
    _TRANSPOSE_BIAS: _transpose_bias,
}


def _operator_name(model: tflite.Model, op: tflite.Operator) -> str:
    code = model.OperatorCodes(op.OpcodeIndex())
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    return code.CustomCode().decode() if builtin == 32 else _OP_NAMES[builtin]


def _read(path: Path) -> tflite.Model:
    if not path.is_file():
        raise InputError(f"{path}: does not exist; give a .tflite file")
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise InputError(f"{path}: is not a TFLite model")
    return tflite.Model.GetRootAs(data, 0)


def _mask_output(graph: _Graph) -> int:
    """The output that is a person mask: one plane of the input's size."""
    wanted = [*graph.shape(graph.tf.Inputs(0))[:3], 1]
    shapes = {i: graph.shape(i) for i in graph.tf.OutputsAsNumpy().tolist()}
    masks = [i for i, shape in shapes.items() if shape == wanted]
    if len(masks) != 1:
        raise InputError(
            f"{len(masks)} outputs are a person mask of shape {wanted}, one is needed; "
            f"the outputs' shapes: {list(shapes.values())}"
        )
    return masks[0]


def _operators_for(graph: _Graph, target: int) -> list[tflite.Operator]:
    """What leads to a tensor, in the order of the file, which is that of running it."""
    needed, operators = {target}, []
    for i in reversed(range(graph.tf.OperatorsLength())):
        op = graph.tf.Operators(i)
        if needed & set(op.OutputsAsNumpy().tolist()):
            needed |= set(op.InputsAsNumpy().tolist())
            operators.append(op)
    return operators[::-1]


def convert(tflite_path: str | Path) -> onnx.ModelProto:
    """Read a TFLite segmenter and return what leads to its person mask as ONNX.

    Input `rgb`: (1, 3, H, W) float32 in [0, 1]; output `mask`: (1, 1, H, W) float32 in [0, 1]. A
    mask that does not end with LOGISTIC is taken for logits.

    Raises:
        InputError: no output, or more than one, has the mask's shape, or an operator that leads to
            the mask is not in MediaPipe's segmenters.
    """
    model = _read(Path(tflite_path))
    graph = _Graph(model)
    target = _mask_output(graph)
    for op in _operators_for(graph, target):
        name = _operator_name(model, op)
        if name not in _CONVERTERS:
            raise InputError(
                f"{tflite_path}: operator {name} is unknown; known: {sorted(_CONVERTERS)}"
            )
        _CONVERTERS[name](graph, op)
    return _finish(graph, target)


def _finish(graph: _Graph, target: int) -> onnx.ModelProto:
    source = graph.tf.Inputs(0)
    rename = {f"t{source}": "rgb", f"t{target}": "mask"}
    if graph.nodes[-1].op_type != "Sigmoid":
        rename[f"t{target}"] = "logits"
        graph.emit("Sigmoid", [f"t{target}"], "mask")
    for node in graph.nodes:
        for names in (node.input, node.output):
            names[:] = [rename.get(n, n) for n in names]

    def info(name: str, index: int) -> onnx.ValueInfoProto:
        n, h, w, c = graph.shape(index)
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [n, c, h, w])

    onnx_graph = helper.make_graph(
        graph.nodes,
        "segmenter",
        [info("rgb", source)],
        [info("mask", target)],
        list(graph.initializers.values()),
    )
    model = helper.make_model(
        onnx_graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tools.segmenter")
    parser.add_argument("tflite", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)
    return exit_code("tools.segmenter", lambda: _convert(args))


def _convert(args: argparse.Namespace) -> int:
    model = convert(args.tflite)
    with whole_file(args.output) as partial:
        onnx.save(model, partial)
    return 0


if __name__ == "__main__":
    sys.exit(main())
