"""The converted segmenter equals MediaPipe's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from onnx import numpy_helper

from tests.tools.made import TinyTflite
from tools.segmenter import convert, main
from train.calls import Call
from train.compose.clients import TfliteSegmenter
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.video import open_video
from vader_rt.models import SELFIE_MODEL

FILES = ("selfie_segmentation.tflite", "selfie_segmentation_landscape.tflite")
Made = tuple[TinyTflite, int, int]
"""A model, and of its tensors one that is no mask and the mask."""


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_conversion_is_faithful(shared: Path, name: str, sample: Call, tmp_path: Path) -> None:
    tflite = shared / "calls" / "material" / "segmenters" / name
    onnx.save(convert(tflite), tmp_path / "model.onnx")
    original, converted = TfliteSegmenter(tflite), Segmenter(tmp_path / "model.onnx", threads=1)
    frame = next(open_video(sample.video).frames())
    width, height = converted.size_wh
    import cv2

    small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    # weights are float16 in both; sums differ in their order
    assert np.abs(original(small) - converted(small)).max() < 1e-3


@pytest.mark.shared
def test_the_package_holds_that_conversion(shared: Path) -> None:
    fresh = convert(shared / "calls" / "material" / "segmenters" / FILES[0])
    rgb = np.random.default_rng(0).random((1, 3, 256, 256), np.float32)
    masks = [
        onnxruntime.InferenceSession(model).run(None, {"rgb": rgb})[0]
        for model in (fresh.SerializeToString(), str(SELFIE_MODEL))
    ]
    assert (masks[0] == masks[1]).all()


def tiny_pose(*, kernel: np.ndarray, probability: bool = False, **options: int) -> Made:
    """A model as the pose landmarker: a mask, and an output by an operator that is unknown.

    Every axis is padded by another amount before the convolution. options: of the convolution.
    """
    made = TinyTflite((1, 5, 4, 3))
    other = made.operator("TANH", [made.input], (1, 5, 4, 3))
    amounts = made.constant(np.array([[0, 0], [2, 1], [0, 1], [0, 1]], np.int32))
    padded = made.operator("PAD", [made.input, amounts], (1, 8, 5, 4))
    weights = [made.weight(kernel), made.weight(np.array([0.5], np.float16))]
    convolution = schema.Conv2DOptionsT()
    for name, value in {"padding": 1, "strideH": 1, "strideW": 1, **options}.items():
        setattr(convolution, name, value)
    mask = made.operator("CONV_2D", [padded, *weights], (1, 5, 4, 1), convolution)
    if probability:
        mask = made.operator("LOGISTIC", [mask], (1, 5, 4, 1))
    return made, other, mask


@pytest.fixture
def kernel() -> np.ndarray:
    """For the convolution of `tiny_pose`."""
    return np.random.default_rng(0).normal(size=(1, 4, 2, 4)).astype(np.float16)


@pytest.mark.parametrize("activation", [0, 1, 3], ids=["none", "relu", "relu6"])
@pytest.mark.parametrize("probability", [False, True], ids=["logits", "probability"])
def test_what_leads_to_the_mask_is_converted(
    kernel: np.ndarray, probability: bool, activation: int, tmp_path: Path
) -> None:
    made, other, mask = tiny_pose(
        kernel=4 * kernel, probability=probability, fusedActivationFunction=activation
    )
    path = made.save(tmp_path / "pose.tflite", [other, mask])
    assert main([str(path), "-o", str(tmp_path / "pose.onnx")]) == 0
    rgb = np.random.default_rng(1).random((1, 5, 4, 3), np.float32)
    expected = outputs_of(path, rgb)[1]
    if not probability:
        expected = 1 / (1 + np.exp(-expected))
    session = onnxruntime.InferenceSession(str(tmp_path / "pose.onnx"))
    (found,) = session.run(["mask"], {"rgb": rgb.transpose(0, 3, 1, 2)})
    assert found.shape == (1, 1, 5, 4)
    # float32 sums of 33 products, in another order
    np.testing.assert_allclose(found[0, 0], expected[0, ..., 0], atol=1e-5)


def outputs_of(path: Path, inputs: np.ndarray) -> list[np.ndarray]:
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs)
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def test_weights_stay_as_small_as_they_were(kernel: np.ndarray, tmp_path: Path) -> None:
    made, other, mask = tiny_pose(kernel=kernel)
    stored = convert(made.save(tmp_path / "pose.tflite", [other, mask])).graph.initializer
    (found,) = (numpy_helper.to_array(i) for i in stored if len(i.dims) == 4)
    assert found.dtype == np.float16
    assert (found == kernel.transpose(0, 3, 1, 2)).all()


@pytest.mark.parametrize(
    ("options", "outputs", "words"),
    [
        ({}, ["other"], r"0 outputs are a person mask of shape \[1, 5, 4, 1\]"),
        ({}, ["mask", "mask_too"], "2 outputs are a person mask"),
        ({}, ["unknown"], "operator TANH is unknown; known:.*'PAD'"),
        ({"kernel": np.ones((1, 4, 2, 4), np.int8)}, ["mask"], "tensor 4 is not float32, float16"),
        ({"fusedActivationFunction": 4}, ["mask"], "Conv: of activations, only Relu and Relu6"),
        ({"dilationHFactor": 2}, ["mask"], "dilated convolutions are unknown"),
    ],
)
def test_what_is_unknown_is_refused(
    kernel: np.ndarray, options: dict[str, Any], outputs: list[str], words: str, tmp_path: Path
) -> None:
    made, other, mask = tiny_pose(**{"kernel": kernel, **options})
    tensors = {"other": other, "mask": mask}
    for name, operator in (("mask_too", "LOGISTIC"), ("unknown", "TANH")):
        tensors[name] = made.operator(operator, [mask], (1, 5, 4, 1))
    path = made.save(tmp_path / "pose.tflite", [tensors[name] for name in outputs])
    with pytest.raises(InputError, match=words):
        convert(path)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("segm_lite_v681.tflite", "1, 96, 160, 2"),
        ("body-pix-float-050-8.tflite", "1, 33, 33, 1"),
    ],
)
def test_other_kinds_of_mask_are_refused(shared: Path, name: str, shape: str) -> None:
    with pytest.raises(InputError, match=f"the outputs' shapes: .*{shape}"):
        convert(shared / "calls" / "material" / "segmenters" / name)


def test_what_is_no_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.tflite").write_bytes(b"nonsense" * 9)
    for name, words in (("none.tflite", "does not exist"), ("bad.tflite", "is not a TFLite model")):
        assert main([str(tmp_path / name), "-o", str(tmp_path / "out.onnx")]) == 3
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()
