"""Where a result comes from: versions of what is installed, and the machine."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import av

from vader_rt.errors import EngineError
from vader_rt.installed import packages
from vader_rt.io.cpus import usable_cpus

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


def ffmpeg_versions() -> dict[str, str]:
    """Versions of FFmpeg's libraries, which decode."""
    return {n: ".".join(map(str, numbers)) for n, numbers in sorted(av.library_versions.items())}


def host(*, gpu: bool) -> dict[str, Any]:
    """The machine that this runs on; gpu: name the GPU, too."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpu": cpu_name(),
        "cpus": usable_cpus(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpu": _gpu_name() if gpu else None,
    }


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor as the system calls it."""
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _gpu_name() -> str | None:
    from vader_rt.engines.trt.driver import find_device

    try:
        return find_device().name
    except EngineError:
        return None
