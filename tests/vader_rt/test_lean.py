"""The runtime stays lean: what is imported, and when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "onnx", "lightning", "openvino", "scipy", "skimage"}
HEAVY |= {"tensorrt", "tensorrt_rtx", "pycuda", "cuda", "onnxconverter_common"}
FRUGAL = HEAVY | {"cv2", "av", "onnxruntime", "numpy"}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after some code."""
    script = (
        f"import sys\n{code}\nprint(*{{m.split('.')[0] for m in sys.modules}}, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stderr.split())


def test_import_is_nearly_free() -> None:
    assert not modules_after("import vader_rt") & FRUGAL


def test_help_is_nearly_free() -> None:
    code = "from vader_rt.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not modules_after(code) & FRUGAL


def test_the_job_needs_no_training_or_gpu_library(untrained: dict[str, Path]) -> None:
    code = f"""
import numpy as np, vader_rt
frames = [np.full((90, 160, 3), 90, np.uint8)] * 2
vader_rt.reconstruct(
    frames,
    engine="onnx-cpu",
    model={str(untrained["frame"])!r},
    restoration={str(untrained["restore"])!r},
)
"""
    loaded = modules_after(code)
    assert "onnxruntime" in loaded
    assert not loaded & HEAVY


def test_public_names_resolve() -> None:
    import vader_rt

    for name in vader_rt.__all__:
        assert getattr(vader_rt, name) is not None
    with pytest.raises(AttributeError, match="restitute"):
        vader_rt.restitute  # noqa: B018
