"""Sessions of ONNX Runtime: how all networks are run here, and what it says when it fails."""

from __future__ import annotations

from collections.abc import Sequence

import onnxruntime

from vader_rt.engines.onnx_file import Declared, OnnxFile
from vader_rt.errors import InputError

CPU = ("CPUExecutionProvider",)
WARNINGS, ERRORS_ONLY, NOTHING = 2, 3, 4
"""Severities of ONNX Runtime's logs; the first is its default."""


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """How all networks are run here. threads: 0 = all cores.

    Threads that have nothing to do sleep: other stages need the cores. And no memory is set aside
    in a pattern of the whole network, which is no faster and takes the restoration 155 MB more.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False
    return options


def run_options() -> onnxruntime.RunOptions:
    """How they run: an error is raised, and not logged as well."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = NOTHING
    return options


def session(data: bytes, providers: Sequence[str], threads: int) -> onnxruntime.InferenceSession:
    """A session of a model's bytes, with no more in its log than errors."""
    options = session_options(threads)
    options.log_severity_level = ERRORS_ONLY
    return onnxruntime.InferenceSession(data, options, providers=providers)


def session_of(
    file: OnnxFile, providers: Sequence[str], threads: int
) -> onnxruntime.InferenceSession:
    """A session of a model.

    Raises:
        InputError: ONNX Runtime cannot load it.
    """
    try:
        return session(file.data, providers, threads)
    except Exception as error:  # ONNX Runtime has no common base for what a bad file can raise
        raise InputError(f"{file.path}: ONNX Runtime cannot load it ({reason_of(error)})") from None


def declared_by(session: onnxruntime.InferenceSession) -> tuple[Declared, Declared]:
    """The inputs and the outputs of a session, as `onnx_file.declared` gives them."""
    inputs, outputs = (
        {
            tensor.name: tuple(n if isinstance(n, int) else 0 for n in tensor.shape)
            if tensor.type == "tensor(float)"
            else None
            for tensor in tensors
        }
        for tensors in (session.get_inputs(), session.get_outputs())
    )
    return inputs, outputs


def reason_of(error: Exception) -> str:
    """What an exception of ONNX Runtime says, in one line; it quotes names in the model."""
    lines = str(error).splitlines() or [type(error).__name__]
    said = lines[0].split(" : ")[-1]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in said)
