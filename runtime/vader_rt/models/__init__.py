"""The models that come with the package; `README.md` beside them is their model card."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
DEFAULT_MODEL = _FOLDER / "leaknet.onnx"
"""The frame network."""
DEFAULT_RESTORATION = _FOLDER / "restorenet.onnx"
"""The restoration network."""
DEFAULT_JUDGE = _FOLDER / "judge.onnx"
"""The judge of what the restoration network makes of a call."""
SHIPPED = (DEFAULT_MODEL, DEFAULT_RESTORATION, DEFAULT_JUDGE)
SELFIE_MODEL = _FOLDER / "selfie_segmentation.onnx"
"""MediaPipe selfie segmentation, general model, Apache-2.0, converted by `tools.segmenter`."""
PERSON_MODEL = _FOLDER / "pose_segmentation.onnx"
"""Person mask of MediaPipe's pose landmarker, full model, Apache-2.0, converted by it too."""
GOLDEN = _FOLDER / "golden.npz"
"""Golden vectors, see `vader_rt.doctor.golden`."""
