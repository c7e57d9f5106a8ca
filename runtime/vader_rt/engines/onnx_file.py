"""ONNX files before any engine sees them: what is in one, and what is refused.

An engine trusts its models: it reads the files that they name, and computes as long and as large as
they say. So a model is read here first, as data. Those that come with the package are known by
their digests, and need no more than that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vader_rt.contract import Contract
from vader_rt.errors import InputError
from vader_rt.io.files import read_bytes
from vader_rt.models import shipped_sha256, shipped_sums

Shapes = Mapping[str, Sequence[int]]
"""Shapes of tensors by name."""
Declared = Mapping[str, tuple[int, ...] | None]
"""What a file says of float32 tensors: 0 where it gives a length a name, () where it gives no
shape. None for tensors of other types."""
_FLOAT, _EXTERNAL = 1, 1
"""`TensorProto.FLOAT` and `TensorProto.EXTERNAL`."""
_WITHOUT_END = frozenset({"Loop", "Scan"})
"""Operators whose time depends on what they compute; no network of ours has one."""
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph"), "metadata_props": (14, "*Entry"),
              "training_info": (20, "*Training"), "functions": (25, "*Function")},
    "Training": {"initialization": (1, "Graph"), "algorithm": (2, "Graph")},
    "Function": {"node": (7, "*Node"), "attribute_proto": (11, "*Attribute")},
    "Graph": {"node": (1, "*Node"), "initializer": (5, "*Tensor"), "input": (11, "*Value"),
              "output": (12, "*Value"), "sparse_initializer": (15, "*Sparse")},
    "Node": {"op_type": (4, "bytes"), "attribute": (5, "*Attribute")},
    "Attribute": {"t": (5, "Tensor"), "g": (6, "Graph"), "tensors": (10, "*Tensor"),
                  "graphs": (11, "*Graph"), "sparse_tensor": (22, "Sparse"),
                  "sparse_tensors": (23, "*Sparse")},
    "Sparse": {"values": (1, "Tensor"), "indices": (2, "Tensor")},
    "Tensor": {"name": (8, "bytes"), "external_data": (13, "*Entry"),
               "data_location": (14, "int32")},
    "Entry": {"key": (1, "bytes"), "value": (2, "bytes")},
    "Value": {"name": (1, "bytes"), "type": (2, "Type")},
    "Type": {"tensor_type": (1, "TensorType")},
    "TensorType": {"elem_type": (1, "int32"), "shape": (2, "Shape")},
    "Shape": {"dim": (1, "*Dim")},
    "Dim": {"dim_value": (1, "int64")},
}  # fmt: skip
"""What we read of onnx.proto: number and type of the fields of each message, `*` = repeated. Text
may be damaged, so it is read as bytes."""


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file that was read once, so that what was checked is what runs.

    sha256: of `data`. shipped: whether it came with the package.
    """

    path: Path
    data: bytes
    sha256: str
    shipped: bool


def read_onnx(path: Path) -> OnnxFile:
    """Read a model.

    Raises:
        InputError: it cannot be read, or is in the package and not the file that came with it.
    """
    data = read_bytes(path, "a model file (.onnx)")
    found, expected = hashlib.sha256(data).hexdigest(), shipped_sha256(path)
    if expected not in (None, found):
        raise InputError(
            f"{path}: is not the file that came with this version; the installation is damaged, "
            "install the package again"
        )
    return OnnxFile(path, data, found, found in shipped_sums().values())


def contract_of(file: OnnxFile) -> Contract:
    """Read the contract in a model, and check that model and contract fit.

    Raises:
        InputError: there is none, they do not, or the file is no ONNX model that we would run.
    """
    model = parsed_model(file)
    metadata = {_text(entry.key): _text(entry.value) for entry in model.metadata_props}
    contract = Contract.from_metadata(metadata, str(file.path))
    wanted = {"planes": contract.input_shape}, contract.output_shapes
    if not all(
        [*ours] == [*theirs] and all(fits(theirs[name], shape) for name, shape in ours.items())
        for ours, theirs in zip(wanted, declared(model), strict=True)
    ):
        raise InputError(
            f"{file.path}: its inputs and outputs are not those of its contract; export it again"
        )
    return contract


def parsed_model(file: OnnxFile) -> Any:
    """The file as far as `_MESSAGES` goes.

    Raises:
        InputError: it is no ONNX model, keeps weights in other files, or has a loop.
    """
    from google.protobuf.message import DecodeError

    try:
        model = _model_class().FromString(file.data)
    except DecodeError:
        raise InputError(f"{file.path}: is no ONNX model, or is damaged; export it again") from None
    if not model.HasField("graph"):
        raise InputError(f"{file.path}: is no ONNX model; export it again")
    for message in _within(model):
        if message.DESCRIPTOR.name == "Node" and _text(message.op_type) in _WITHOUT_END:
            raise InputError(
                f"{file.path}: has the operator {_text(message.op_type)}, which may never end; "
                "a network of VADER-RT has none"
            )
        if message.DESCRIPTOR.name == "Tensor" and (
            message.data_location == _EXTERNAL or message.external_data
        ):
            raise InputError(
                f"{file.path}: keeps its weights in another file, which is not read; export it as "
                "one file"
            )
    return model


def declared(model: Any) -> tuple[Declared, Declared]:
    """The inputs and the outputs of a model of `parsed_model`."""
    weights = {
        _text(tensor.name) for tensor in model.graph.initializer
    }  # older files list these too
    inputs, outputs = (
        {_text(value.name): _shape(value.type.tensor_type) for value in values}
        for values in (model.graph.input, model.graph.output)
    )
    return {name: shape for name, shape in inputs.items() if name not in weights}, outputs


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _shape(tensor: Any) -> tuple[int, ...] | None:
    if tensor.elem_type != _FLOAT:
        return None
    return tuple(dim.dim_value for dim in tensor.shape.dim)


def fits(declared_shape: Sequence[int] | None, shape: Sequence[int]) -> bool:
    """Whether a declared shape may turn out as the one that is wanted."""
    if declared_shape is None:
        return False
    return not declared_shape or (
        len(declared_shape) == len(shape)
        and all(a in (0, b) for a, b in zip(declared_shape, shape, strict=True))
    )


def _within(message: Any) -> Iterator[Any]:
    """A message and all that are in it; protobuf reads no more than 100 levels."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in [value] if hasattr(value, "ListFields") else value:
                yield from _within(inner)


@cache
def _model_class() -> Any:
    """The class that reads a model. The package `onnx` has one, but brings 100 MB with it."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    types = {kind: getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}")
             for kind in ("bytes", "int32", "int64")}  # fmt: skip
    file = FileDescriptorProto(name="vader_rt.proto", package="vader_rt", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = "LABEL_REPEATED" if kind.startswith("*") else "LABEL_OPTIONAL"
            kind = kind.removeprefix("*")
            message.field.add(
                name=field,
                number=number,
                label=getattr(FieldDescriptorProto, label),
                type=types.get(kind, FieldDescriptorProto.TYPE_MESSAGE),
                type_name=None if kind in types else f".vader_rt.{kind}",
            )
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("vader_rt.Model"))
