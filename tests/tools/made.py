"""Tiny TFLite models, made operator by operator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {"float32": 0, "float16": 1, "int32": 2, "int8": 9}


class TinyTflite:
    """A model that grows; tensors are indices. input: `TinyTflite.input`, float32 NHWC."""

    input = 0

    def __init__(self, input_shape: Sequence[int]) -> None:
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators, self._graph.inputs = [], [], [self.input]
        self._model = schema.ModelT()
        self._model.version, self._model.operatorCodes = 3, []
        self._model.subgraphs, self._model.buffers = [self._graph], [schema.BufferT()]
        self._tensor(input_shape)

    def _tensor(self, shape: Sequence[int], dtype: str = "float32", buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), TYPES[dtype], buffer
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, value: np.ndarray) -> int:
        """A constant tensor of the value's own type."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._tensor(value.shape, value.dtype.name, len(self._model.buffers) - 1)

    def weight(self, value: np.ndarray) -> int:
        """A constant as MediaPipe stores weights: an operator makes it float32."""
        return self.operator("DEQUANTIZE", [self.constant(value)], value.shape)

    def operator(
        self, name: str, inputs: Sequence[int], shape: Sequence[int], options: Any = None
    ) -> int:
        """What an operator makes, a float32 tensor of that shape."""
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        operator.opcodeIndex = len(self._model.operatorCodes)
        operator.inputs, operator.outputs = list(inputs), [self._tensor(shape)]
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self._model.operatorCodes.append(code)
        self._graph.operators.append(operator)
        return operator.outputs[0]

    def save(self, path: Path, outputs: Sequence[int]) -> Path:
        self._graph.outputs = list(outputs)
        builder = flatbuffers.Builder()
        builder.Finish(self._model.Pack(builder), b"TFL3")
        path.write_bytes(builder.Output())
        return path
