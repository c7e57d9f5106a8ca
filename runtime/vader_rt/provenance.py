"""Where a result comes from: versions and digests."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vader_rt.contract import Contract
    from vader_rt.engines.engine import Engine

_PACKAGES = (
    "vader-rt",
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "av",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "tensorrt-rtx-cu13",
    "cuda-python",
    "pycuda",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that shape a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def model(source: str | Path | Engine, contract: Contract) -> dict[str, Any]:
    """Name, digest (None for an engine that was handed over) and origin of a model."""
    from vader_rt.io.files import file_sha256

    name, digest = getattr(source, "name", None), None
    if isinstance(source, str | Path):
        name, digest = Path(source).name, file_sha256(Path(source))
    return {
        "name": name,
        "sha256": digest,
        "checkpoint_sha256": contract.checkpoint_sha256,
        "training": contract.training,
        "inputs": list(contract.inputs),
        "outputs": list(contract.outputs),
    }
