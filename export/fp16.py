"""fp32 model → the same model in fp16 (half precision), for strongly typed TensorRT networks.

The planes that go in and the planes that come out stay float32: what prepares and what reads them
is the same for every precision. What the conversion does to the outputs, `export.parity` measures.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxconverter_common import float16

from vader_rt.contract import METADATA_KEY, Contract, Precision
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError
from vader_rt.io.files import file_sha256, whole_file

FLOAT, FP16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
QDQ_OPSET = 19
"""The first in which Q/DQ take fp16; TensorRT knows it from 10.0 on."""
LARGEST = float(np.finfo(np.float16).max)


def to_fp16(model: Path, output: Path) -> Path:
    """Write a fp16 copy of an fp32 model, or of an int8 one: what is float in it.

    Raises:
        InputError: the copy's input or outputs are not float32.
    """
    contract = load_onnx(model, "onnx-cpu").contract
    precision: Precision = "int8" if contract.precision == "int8" else "fp16"
    contract = replace(contract, precision=precision, source_sha256=file_sha256(model))
    return _written(_converted(model, contract), output)


def to_rounded(model: Path, output: Path) -> Path:
    """Write what a fp16 model says on a GPU, for ONNX Runtime on a CPU.

    It has no fp16 there: it computes such a model in float32, with rounded weights alone,
    and up to 1.29 its QuantizeLinear cuts fp16 off instead of rounding it. This is the
    same model in float32, in which every tensor that is fp16 is rounded to it.
    """
    return _written(_rounding(model), output)


def _written(model: onnx.ModelProto, output: Path) -> Path:
    with whole_file(output) as partial:
        onnx.save(model, partial)
    return output


def _converted(path: Path, contract: Contract) -> onnx.ModelProto:
    full = onnx.load(path)
    if any(node.op_type == "QuantizeLinear" for node in full.graph.node):
        full = onnx.version_converter.convert_version(full, QDQ_OPSET)
    _drop_empty_casts(full)
    with warnings.catch_warnings():
        # weights below fp16's smallest are rounded; what that does is measured above
        warnings.filterwarnings("ignore", message="the float32 number", category=UserWarning)
        model = float16.convert_float_to_float16(
            full,
            keep_io_types=True,
            max_finite_val=LARGEST,
            op_block_list=set(float16.DEFAULT_OP_BLOCK_LIST) - {"Resize"},
            node_block_list=_derivations(full) if contract.kind == "frame" else [],
        )
    _merge_casts(model)
    _restore_scales(model)
    onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.checker.check_model(model, full_check=True)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type != FLOAT:
            raise InputError(f"{path}: {value.name} is not float32 in fp16")
    return model


def _derivations(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that derive planes from a frame model's planes, for its convolutions.

    They subtract what is nearly equal, and magnify the rest: that needs float32.
    """
    graph = model.graph
    if all(node.op_type != "Conv" for node in graph.node):
        return []
    constants = {node.output[0]: node.name for node in graph.node if node.op_type == "Constant"}
    derived = {value.name for value in graph.input}
    known = {*constants, *(i.name for i in graph.initializer), ""}
    found: list[onnx.NodeProto] = []
    for node in graph.node:
        convolves = node.op_type in ("Conv", "ConvTranspose", "QuantizeLinear")
        inputs = set(node.input)
        if inputs & derived and inputs <= derived | known and not convolves:
            derived.update(node.output)
            found.append(node)
    used = {name for node in found for name in node.input}
    return [node.name for node in found] + [n for out, n in constants.items() if out in used]


def _merge_casts(model: onnx.ModelProto) -> None:
    """Between nodes that stay float32, take the casts to fp16 and back away.

    The converter puts them around every such node. Equal casts of one tensor become one.
    """
    graph = model.graph
    kinds = {node.output[0]: _kind(node) for node in graph.node if node.op_type == "Cast"}
    sources = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    same: dict[str, str] = {}
    first: dict[tuple[str, int], str] = {}
    for name, kind in kinds.items():
        source = same.get(sources[name], sources[name])
        if kind == FLOAT and kinds.get(source) == FP16:
            same[name] = same.get(sources[source], sources[source])
        else:
            same[name] = first.setdefault((source, kind), name)
    used, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        node.input[:] = [same.get(name, name) for name in node.input]
        if node.op_type != "Cast" or used.intersection(node.output):
            used.update(node.input)
            kept.append(node)
    kept = kept[::-1]
    del graph.node[:]
    graph.node.extend(kept)


def _kind(cast: onnx.NodeProto) -> int:
    return next(attribute.i for attribute in cast.attribute if attribute.name == "to")


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
    """The model with its weights widened, in which what was fp16 is rounded to it."""
    model = onnx.load(path)
    fp16_tensors = _tensors(model, FP16)
    for weight in model.graph.initializer:
        weight.CopyFrom(_widened(weight))
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == FP16:
                attribute.i = FLOAT
            elif node.op_type == "Constant":
                attribute.t.CopyFrom(_widened(attribute.t))
        for index, name in enumerate(node.output):
            if node.op_type != "Constant" and name in fp16_tensors:
                node.output[index] = f"{name}/exact"
                nodes += _casts(f"{name}/exact", f"{name}/half", name)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    return model


def _widened(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """fp16 as float32; others as they are."""
    if tensor.data_type != FP16:
        return tensor
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name)


def _casts(exact: str, narrow: str, rounded: str) -> list[onnx.NodeProto]:
    steps = ((exact, narrow, FP16), (narrow, rounded, FLOAT))
    return [onnx.helper.make_node("Cast", [a], [b], to=kind) for a, b, kind in steps]


def _tensors(model: onnx.ModelProto, kind: int) -> set[str]:
    """The names of the tensors of a type that a model computes."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.output)
    return {v.name for v in values if v.type.tensor_type.elem_type == kind}


def _drop_empty_casts(model: onnx.ModelProto) -> None:
    """Remove casts from float32 to float32, `.float()` in torch; the converter trips over them."""
    floats = _tensors(model, FLOAT)
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
