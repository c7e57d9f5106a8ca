"""Where a result comes from: versions of what is installed."""

from __future__ import annotations

import platform

from vader_rt.installed import packages

_ENGINES = ("onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt", "tensorrt-rtx-cu13")
_PACKAGES = (
    "vader-rt",
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "av",
    *_ENGINES,
    "protobuf",
    "cuda-python",
    "pycuda",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that shape a result."""
    installed = packages()
    found = {name: installed[name] for name in _PACKAGES if name in installed}
    return {"python": platform.python_version(), **found}


def version_line() -> str:
    """The package's version, and those of the engines that are installed."""
    found = versions()
    engines = [f"{name} {found[name]}" for name in _ENGINES if name in found]
    return f"vader-rt {found.get('vader-rt', '0+unknown')} ({', '.join(engines)})"
