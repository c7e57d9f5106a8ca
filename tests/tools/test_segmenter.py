"""The converted segmenter equals MediaPipe's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from tools.segmenter import convert, main
from train.calls import Call
from train.compose.clients import TfliteSegmenter
from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.video import open_video
from vader_rt.models import SELFIE_MODEL

FILES = ("selfie_segmentation.tflite", "selfie_segmentation_landscape.tflite")


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


@pytest.mark.shared
def test_unknown_operators_are_named(shared: Path) -> None:
    with pytest.raises(InputError, match="RELU6 is unknown"):
        convert(shared / "calls" / "material" / "segmenters" / "segm_lite_v681.tflite")


def test_what_is_no_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.tflite").write_bytes(b"nonsense" * 9)
    for name, words in (("none.tflite", "does not exist"), ("bad.tflite", "is not a TFLite model")):
        assert main([str(tmp_path / name), "-o", str(tmp_path / "out.onnx")]) == 3
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()
