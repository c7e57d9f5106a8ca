"""fp32 model → the same model in half precision, for strongly typed TensorRT networks.

The planes that go in and the planes that come out stay float32: what prepares and what reads them
is the same for every precision.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxconverter_common import float16

from vader_rt.contract import METADATA_KEY, Contract
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError
from vader_rt.video import file_sha256

TOLERANCE = 1e-2
"""Largest difference of an output in [0, 1]: half precision has 11 bits, 5e-4, and errors add up
through some 20 layers before a sigmoid. The shipped network differs by 2e-3 on the sample call."""
FLOAT = onnx.TensorProto.FLOAT
LARGEST = float(np.finfo(np.float16).max)


def to_half(model: Path, output: Path, planes: Sequence[np.ndarray]) -> Path:
    """Write a half-precision copy of an fp32 model, compared with it in ONNX Runtime.

    ONNX Runtime has no half precision on CPUs: it computes such a model in float32, with rounded
    weights alone. A second comparison is therefore with an fp32 model that rounds every tensor.

    planes: inputs to compare on, (1, C, H, W) float32.

    Raises:
        InputError: the copy's input or outputs are not float32, or it says something else.
    """
    contract = load_onnx(model, "onnx-cpu").contract
    contract = replace(contract, precision="fp16", source_sha256=file_sha256(model))
    half, rounded = (output.with_name(f"{output.name}.{name}.part") for name in ("half", "rounded"))
    try:
        onnx.save(_converted(model, contract), half)
        onnx.save(_rounding(model), rounded)
        worst = np.max([largest_difference(model, other, planes) for other in (half, rounded)])
        if not worst <= TOLERANCE:
            raise InputError(
                f"{model}: in half precision it differs by {worst:.2g} (> {TOLERANCE}); "
                "not exported; take --precision fp32"
            )
        half.replace(output)
    finally:
        for part in (half, rounded):
            part.unlink(missing_ok=True)
    return output


def largest_difference(model: Path, other: Path, planes: Sequence[np.ndarray]) -> float:
    """The largest difference of any output between two models in ONNX Runtime; NaN counts."""
    engines = [load_onnx(path, "onnx-cpu") for path in (model, other)]
    differences = [
        np.abs(a - b).max()
        for tensor in planes
        for a, b in zip(*(engine.run(tensor) for engine in engines), strict=True)
    ]
    return float(np.max(differences))


def _converted(path: Path, contract: Contract) -> onnx.ModelProto:
    full = onnx.load(path)
    _drop_empty_casts(full)
    with warnings.catch_warnings():
        # weights below half precision's smallest are rounded; what that does is measured above
        warnings.filterwarnings("ignore", message="the float32 number", category=UserWarning)
        model = float16.convert_float_to_float16(
            full,
            keep_io_types=True,
            max_finite_val=LARGEST,
            op_block_list=set(float16.DEFAULT_OP_BLOCK_LIST) - {"Resize"},
        )
    _restore_scales(model)
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.checker.check_model(model, full_check=True)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type != FLOAT:
            raise InputError(f"{path}: {value.name} is not float32 in half precision")
    return model


def _restore_scales(model: onnx.ModelProto) -> None:
    """Give Resize its scales in float32, as ONNX wants them.

    The converter by default casts to float32 and back around every Resize because of them.
    """
    scales = {node.input[2] for node in model.graph.node if node.op_type == "Resize"}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] in scales:
            values = numpy_helper.to_array(node.attribute[0].t).astype(np.float32)
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(values))
    del model.graph.value_info[:]  # it still says float16; whoever reads the model infers it


def _rounding(path: Path) -> onnx.ModelProto:
    """The fp32 model with rounded weights, in which every tensor is rounded once it is computed."""
    model = onnx.load(path)
    floats = _float_tensors(model)
    for weight in model.graph.initializer:
        if weight.data_type == FLOAT:
            values = np.clip(numpy_helper.to_array(weight), -LARGEST, LARGEST)
            values = values.astype(np.float16).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        for index, name in enumerate(node.output):
            if node.op_type != "Constant" and name in floats:
                node.output[index] = f"{name}/exact"
                nodes += _casts(f"{name}/exact", f"{name}/half", name)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    return model


def _casts(exact: str, half: str, rounded: str) -> list[onnx.NodeProto]:
    steps = ((exact, half, onnx.TensorProto.FLOAT16), (half, rounded, FLOAT))
    return [onnx.helper.make_node("Cast", [a], [b], to=kind) for a, b, kind in steps]


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    """The names of the float32 tensors that a model computes."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.output)
    return {v.name for v in values if v.type.tensor_type.elem_type == FLOAT}


def _drop_empty_casts(model: onnx.ModelProto) -> None:
    """Remove casts from float32 to float32, `.float()` in torch; the converter trips over them."""
    floats = _float_tensors(model)
    sources = {
        node.output[0]: node.input[0]
        for node in model.graph.node
        if node.op_type == "Cast" and floats.issuperset((node.input[0], node.output[0]))
    }
    kept = [node for node in model.graph.node if node.output[0] not in sources]
    for node in kept:
        node.input[:] = [sources.get(name, name) for name in node.input]
    del model.graph.node[:]
    model.graph.node.extend(kept)
