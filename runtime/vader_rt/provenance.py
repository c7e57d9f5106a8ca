"""Where a result comes from: versions of what is installed."""

from __future__ import annotations

import platform

from vader_rt.installed import packages

_PACKAGES = (
    "vader-rt",
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "av",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "protobuf",
    "tensorrt",
    "tensorrt-rtx-cu13",
    "cuda-python",
    "pycuda",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that shape a result."""
    installed = packages()
    found = {name: installed[name] for name in _PACKAGES if name in installed}
    return {"python": platform.python_version(), **found}
