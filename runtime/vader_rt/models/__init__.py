"""The models that come with the package; `README.md` beside them is their model card."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
DEFAULT_MODEL = _FOLDER / "leaknet.onnx"
"""The frame network."""
DEFAULT_RESTORATION = _FOLDER / "restorenet.onnx"
"""The restoration network."""
SELFIE_MODEL = _FOLDER / "selfie_segmentation.onnx"
"""MediaPipe selfie segmentation, general model, Apache-2.0, converted by `tools.segmenter`."""
GOLDEN = _FOLDER / "golden.npz"
"""Golden vectors, see `vader_rt.doctor.golden`."""
