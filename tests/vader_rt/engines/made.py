"""Small models that are made for a test: one sigmoid over the mean of their planes, or worse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vader_rt.contract import METADATA_KEY, Contract

CONTRACT = Contract("frame", ("frame", "edge"), (32, 16), ("similarity",))


def model(
    *end: onnx.NodeProto,
    contract: str | None = CONTRACT.to_json(),
    constants: dict[str, np.ndarray] | None = None,
    output: str = "similarity",
    shape: Sequence[int] | None = (1, 1, 16, 32),
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model with a contract of any kind.

    end: what makes the output of `mean`, (1, 1, 16, 32); a sigmoid by default. constants: what
    these may use. shape, kind: of the output, as they are declared.
    """
    info = helper.make_tensor_value_info
    mean = helper.make_node("ReduceMean", ["planes"], ["mean"], axes=[1], keepdims=1)
    graph = helper.make_graph(
        [mean, *(end or [helper.make_node("Sigmoid", ["mean"], [output])])],
        "test",
        [info("planes", TensorProto.FLOAT, [1, 4, 16, 32])],
        [info(output, kind, shape)],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if contract is not None:
        helper.set_model_props(made, {METADATA_KEY: contract})
    return made


def written(made: onnx.ModelProto, path: Path) -> Path:
    """The model as a file."""
    path.write_bytes(made.SerializeToString())
    return path
