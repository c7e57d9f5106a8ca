"""Does an INT8 model say the same on every CPU?

x86 CPUs without VNNI multiply two inputs with their weights and add both products in 16 bits, which
saturate where the sum does not fit; with VNNI they add in 32 bits. Inputs are 0 to 255 there (ONNX
Runtime moves int8 ones), so weights of seven bits always fit, and weights of eight do not: see
`reduce_range` in https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import numpy_helper

from calib.quantize import LAYERS

LARGEST_SUM = int(np.iinfo(np.int16).max)
"""What fits into 16 bits."""
_INPUT = int(np.iinfo(np.uint8).max)


def largest_pair_sum(model: onnx.ModelProto) -> int:
    """The largest sum of two products, by size, that any int8 layer of a Q/DQ model can reach.

    Which weights meet is the kernel's choice: taken are the two largest of one sign in a channel.
    """
    return max((_pair_sum(weights) for weights in _int8_weights(model)), default=0)


def _pair_sum(weights: np.ndarray) -> int:
    """weights: (O, K) int64, those of one output channel in a row."""
    ordered = np.sort(weights, axis=1)
    positive, negative = ordered.clip(min=0)[:, -2:], ordered.clip(max=0)[:, :2]
    return _INPUT * int(max(positive.sum(axis=1).max(), -negative.sum(axis=1).min()))


def _int8_weights(model: onnx.ModelProto) -> Iterator[np.ndarray]:
    """The weights of every int8 layer, (O, K) int64 each: what their Q/DQ pair makes of them."""
    makers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for layer in (node for node in model.graph.node if node.op_type in LAYERS):
        if layer.input[1] in constants:  # a layer that was left in float
            continue
        dequantize = makers[layer.input[1]]
        quantize = makers[dequantize.input[0]]
        weights, scale = (numpy_helper.to_array(constants[name]) for name in quantize.input[:2])
        (axis,) = (a.i for a in quantize.attribute if a.name == "axis")
        rows = np.moveaxis(weights, axis, 0).reshape(len(scale), -1)
        yield np.rint(rows / scale[:, None]).clip(-128, 127).astype(np.int64)
