"""The models that come with the package; `README.md` beside them is their model card."""

from __future__ import annotations

from functools import cache
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
SUMS = _FOLDER / "SHA256SUMS"
"""Digests of the models as `sha256sum` writes them; `python -m export.golden` writes it."""


@cache
def shipped_sums() -> dict[str, str]:
    """SHA-256 of every model that comes with the package, by the name of its file."""
    lines = SUMS.read_text(encoding="ascii").splitlines() if SUMS.is_file() else []
    return {name: digest for digest, name in map(str.split, lines)}


def shipped_sha256(path: Path) -> str | None:
    """The SHA-256 that a file must have because it is one of the package; None for any other."""
    return shipped_sums().get(path.name) if path.resolve().parent == _FOLDER.resolve() else None
