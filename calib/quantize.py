"""fp32 model → INT8 Q/DQ model: `python -m calib.quantize MODEL.onnx --calib CALLS… [-o OUT]`.

Ranges are measured by min-max, entropy and percentile calibration; the one whose model errs least
on inputs that were not calibrated on is taken. Then every layer is left out of int8 in turn; those
whose absence lowers the error most stay out. What is written is explicit quantization as NVIDIA's
parser takes it: symmetric int8, weights per channel, biases in float, a Q/DQ pair of its own for
every tensor. ONNX Runtime computes the same file in int8 on CPUs; weights have seven bits, so that
it says the same on all of them (`calib.saturation`). Only then is it made fp16 (`export.fp16`).
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData, create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from calib.collect import add_options, inputs_from
from vader_rt.cli.exit_codes import exit_code
from vader_rt.contract import METADATA_KEY
from vader_rt.engines.onnx import load_onnx
from vader_rt.errors import InputError, ParityError
from vader_rt.io.files import file_sha256, whole_file, write_text

log = logging.getLogger(__name__)

Method = Literal["minmax", "entropy", "percentile"]
SUFFIX = ".int8.onnx"
METHODS: tuple[Method, ...] = ("minmax", "entropy", "percentile")
LAYERS = ("Conv", "ConvTranspose")
"""Operators that are faster in int8."""
BETWEEN = ("Add", "Concat", "MaxPool", "Resize")
"""Operators between two layers. They are no faster in int8, but left in float their input would be
dequantized and their output quantized again. Sums are quantized only behind a layer."""
OPTIONS = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "QuantizeBias": False,  # NVIDIA's parser takes no int32 biases
    "DedicatedQDQPair": True,
    "AddQDQPairToWeight": True,
    # ONNX Runtime has no int8 transposed convolution; its output keeps its resolution
    "OpTypesToExcludeOutputQuantization": ["ConvTranspose"],
}
"""For ONNX Runtime's quantizer; its own defaults make models that TensorRT refuses."""
HURTS = 0.2
"""A layer hurts if the error falls by this share of itself when that layer alone stays in float."""
ENOUGH = 0.02
"""The largest error that is accepted (RMS, of outputs in [0, 1]): five levels of 255."""
_JUDGED = 4
_MOST_JUDGED = 4
_CALIBRATION: dict[Method, tuple[CalibrationMethod, dict[str, Any]]] = {
    "minmax": (CalibrationMethod.MinMax, {"symmetric": True}),
    "entropy": (CalibrationMethod.Entropy, {"symmetric": True}),
    "percentile": (CalibrationMethod.Percentile, {"symmetric": True, "percentile": 99.99}),
}


@dataclass(frozen=True)
class Quantized:
    """How a Q/DQ model came about. Errors are root mean squares of the worst output.

    methods: the error by calibration method, all layers in int8. method: the one that was taken.
    gains: by layer, how much the error falls when it alone stays out of int8.
    kept: the layers that stay out. error: that of the model that was written.
    """

    model: Path
    methods: dict[Method, float]
    method: Method
    gains: dict[str, float]
    kept: tuple[str, ...]
    error: float

    def lines(self) -> Iterator[str]:
        """What a person wants to know."""
        yield "calibration: " + ", ".join(f"{m} {e:.5f}" for m, e in self.methods.items())
        worst = sorted(self.gains.items(), key=lambda item: -item[1])[:5]
        yield "most sensitive: " + ", ".join(f"{name} {gain:.5f}" for name, gain in worst)
        kept = ", ".join(self.kept) or "none"
        yield f"{self.model.name}: {self.method}; out of int8: {kept}; error (RMS) {self.error:.5f}"


def quantize(
    model: str | Path, output: str | Path, planes: np.ndarray, *, method: Method | None = None
) -> Quantized:
    """Write the INT8 Q/DQ model of an fp32 model, calibrated on inputs (N, C, H, W) float32.

    method: None takes the one that errs least. Every fourth input is not calibrated on; the errors
    are measured there (on the same input where there is but one).

    Raises:
        InputError: the model is not an fp32 model with a contract, or has no layer for int8.
        ParityError: it errs too much, whatever stays out of int8.
    """
    model, output = Path(model), Path(output)
    with tempfile.TemporaryDirectory() as folder:
        job = _Quantization(model, planes, Path(folder))
        result = job.run(METHODS if method is None else (method,))
        with whole_file(output) as partial:
            onnx.save(job.best(result), partial)
    return replace(result, model=output)


class _Quantization:
    """One quantization: the model, its calibration, and what its variants give."""

    def __init__(self, model: Path, planes: np.ndarray, folder: Path) -> None:
        self._model, self._folder = model, folder
        engine = load_onnx(model, "onnx-cpu")
        self._contract = engine.contract
        if self._contract.precision != "fp32":
            raise InputError(f"{model}: is {self._contract.precision}; give the fp32 model")
        self._layers = layer_names(onnx.load(model))
        if not self._layers:
            raise InputError(f"{model}: has no convolution, so nothing for int8")
        self._calibrated, self._judged = _split(planes)
        self._expected = [engine.run(item) for item in self._judged]
        self._ranges: dict[Method, TensorsData] = {}

    def run(self, methods: Sequence[Method]) -> Quantized:
        errors = {method: self._error(method, ()) for method in methods}
        method = min(errors, key=lambda name: errors[name])
        gains = {name: errors[method] - self._error(method, (name,)) for name in self._layers}
        kept, error = self._kept(method, errors[method], gains)
        return Quantized(self._model, errors, method, gains, kept, error)

    def best(self, result: Quantized) -> onnx.ModelProto:
        """The model of a result, checked, with its contract."""
        model = self._quantized(result.method, result.kept)
        contract = replace(self._contract, precision="int8", source_sha256=file_sha256(self._model))
        onnx.helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
        onnx.checker.check_model(model, full_check=True)
        return model

    def _kept(
        self, method: Method, error: float, gains: dict[str, float]
    ) -> tuple[tuple[str, ...], float]:
        """The layers that stay out of int8: those that hurt, and more until the rest will do."""
        ranked = sorted(gains, key=lambda name: -gains[name])
        hurting = [name for name in ranked if gains[name] > HURTS * error]
        kept: tuple[str, ...] = ()
        if hurting:
            without = self._error(method, tuple(hurting))
            if without < error:
                kept, error = tuple(hurting), without
        while error > ENOUGH:
            rest = [name for name in ranked if name not in kept]
            if len(rest) <= 1:
                raise ParityError(
                    f"{self._model.name}: errs by {error:.2g} in int8 (RMS, > {ENOUGH}), whatever "
                    "layer stays out; collect other calls, or take --precision fp16"
                )
            kept = (*kept, rest[0])
            error = self._error(method, kept)
        return kept, error

    def _error(self, method: Method, kept: tuple[str, ...]) -> float:
        """RMS difference of the worst output from the fp32 model; infinite if it is no number.

        It is infinite too where ONNX Runtime cannot measure by this method: it divides the range of
        all inputs into bins as wide as those of the first, which may be nearly 0.
        """
        path = self._folder / "candidate.onnx"
        try:
            onnx.save(self._quantized(method, kept), path)
        except (MemoryError, ValueError) as reason:
            log.warning("%s calibration is left out: %s", method, reason)
            return np.inf
        engine = load_onnx(path, "onnx-cpu")
        squares = [
            [np.square(a - b, dtype=np.float64).mean() for a, b in zip(run, expected, strict=True)]
            for run, expected in zip(map(engine.run, self._judged), self._expected, strict=True)
        ]
        error = float(np.sqrt(np.mean(squares, axis=0).max()))
        return error if np.isfinite(error) else np.inf

    def _quantized(self, method: Method, kept: tuple[str, ...]) -> onnx.ModelProto:
        if method not in self._ranges:
            self._ranges[method] = measured_ranges(self._model, self._calibrated, method)
        return with_qdq(onnx.load(self._model), self._ranges[method], kept)


def with_qdq(
    model: onnx.ModelProto, ranges: TensorsData, kept: Sequence[str] = ()
) -> onnx.ModelProto:
    """The model with Q/DQ pairs, but for the layers that are `kept` out of int8."""
    _unshare_weights(model)
    quantizer = QDQQuantizer(
        model,
        True,  # weights per channel
        True,  # weights of seven bits: products of eight saturate on CPUs without VNNI
        QuantType.QInt8,
        QuantType.QInt8,
        ranges,
        [],
        [*kept, *_other_sums(model)],
        [*LAYERS, *BETWEEN],
        OPTIONS,
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()  # the quantizer appends its nodes at the end
    _part_pairs(quantizer.model.model)
    return quantizer.model.model


def _other_sums(model: onnx.ModelProto) -> list[str]:
    """The names of sums that no layer's output goes into as it is."""
    layers = {n.output[0] for n in model.graph.node if n.op_type in LAYERS}
    sums = (node for node in model.graph.node if node.op_type == "Add")
    return [node.name for node in sums if not layers & set(node.input)]


def _unshare_weights(model: onnx.ModelProto) -> None:
    """Give weights that torch's exporter found equal, and shares by Identity, a copy each.

    The quantizer looks for initializers.
    """
    weights = {weight.name: weight for weight in model.graph.initializer}
    shared = [n for n in model.graph.node if n.op_type == "Identity" and n.input[0] in weights]
    for node in shared:
        copy = model.graph.initializer.add()
        copy.CopyFrom(weights[node.input[0]])
        copy.name = node.output[0]
        model.graph.node.remove(node)


def _part_pairs(model: onnx.ModelProto) -> None:
    """Let the scales of a tensor's Q/DQ pairs differ in their last bit.

    ONNX Runtime merges pairs that are equal, and on x86 then leaves the layers that share one in
    float: measured, the shipped networks are a third slower. fp16 does away with it.
    """
    scales = {tensor.name: tensor for tensor in model.graph.initializer}
    partners = {n.input[0]: n for n in model.graph.node if n.op_type == "DequantizeLinear"}
    seen: dict[str, np.ndarray] = {}
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] in scales:
            continue
        tensor, name = node.input[:2]
        if tensor in seen:
            own = np.nextafter(seen[tensor], np.float32(np.inf))
            name = f"{node.output[0]}/scale"
            model.graph.initializer.append(numpy_helper.from_array(own, name))
            node.input[1] = partners[node.output[0]].input[1] = name
            seen[tensor] = own
        else:
            seen[tensor] = numpy_helper.to_array(scales[name])


def measured_ranges(model: Path, planes: Sequence[np.ndarray], method: Method) -> TensorsData:
    """The range of every tensor over inputs, (1, C, H, W) float32 each."""
    kind, options = _CALIBRATION[method]
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        calibrator = create_calibrator(
            model, None, str(Path(folder) / "augmented.onnx"), kind, extra_options=options
        )
        for item in planes:  # one at a time: the calibrator keeps all tensors of what it is given
            calibrator.collect_data(_Reader(item))
        return calibrator.compute_data()


def layer_names(model: onnx.ModelProto) -> list[str]:
    """The names of the layers that int8 pays for, from input to output."""
    return [node.name for node in model.graph.node if node.op_type in LAYERS]


class _Reader:
    """Hands one input to a calibrator."""

    def __init__(self, planes: np.ndarray) -> None:
        self._items = iter([{"planes": planes}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._items, None)


def _split(planes: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs to calibrate on and inputs to judge by, (1, C, H, W) each."""
    items = [item[None] for item in planes]
    judged = items[_JUDGED - 1 :: _JUDGED] or items[-1:]
    calibrated = [item for i, item in enumerate(items) if i % _JUDGED != _JUDGED - 1]
    return calibrated, judged[:_MOST_JUDGED]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m calib.quantize")
    add = parser.add_argument
    add("model", type=Path, help="an fp32 model (.onnx) of `export.to_onnx`")
    add(
        "--calib",
        type=Path,
        nargs="+",
        required=True,
        metavar="CALLS",
        help="videos, folders of them, or one file of `calib.collect`",
    )
    add("-o", "--output", type=Path, metavar="FILE", help="default: NAME.int8.onnx")
    add("--method", choices=METHODS, help="default: the one that errs least")
    add("--json", type=Path, metavar="FILE", help="write the errors and sensitivities here too")
    add_options(parser)
    args = parser.parse_args(argv)
    return exit_code("calib.quantize", lambda: _quantize(args))


def _quantize(args: argparse.Namespace) -> int:
    output = args.output or args.model.with_name(args.model.name.removesuffix(".onnx") + SUFFIX)
    options = {"count": args.count, "seed": args.seed, "frame_model": args.frame_model}
    planes = inputs_from(args.model, args.calib, **options)
    result = quantize(args.model, output, planes, method=args.method)
    print(*result.lines(), sep="\n")
    if args.json:
        entries = {**asdict(result), "model": result.model.name}
        write_text(args.json, json.dumps(entries, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
