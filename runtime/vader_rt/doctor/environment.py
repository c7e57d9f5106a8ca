"""What is installed here, as far as VADER-RT is concerned, for `vader_rt.doctor.checks`.

Imports and OpenCV's CUDA are tried in processes of their own, for some failures end the process.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vader_rt import __version__
from vader_rt.errors import EngineError
from vader_rt.fresh import run_script
from vader_rt.installed import clash, packages

PROBE_SECONDS = 60.0
REQUIRED = ("numpy", "cv2", "av", "google.protobuf", "onnxruntime")
OPTIONAL = ("openvino", "tensorrt", "tensorrt_rtx", "cuda.bindings.driver", "pycuda.driver")
SHARED_FOLDERS = ("cv2", "onnxruntime")
CUDA_IN_NAME = re.compile(r"-cu(\d\d)(-|$)")
_IMPORT = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
print(json.dumps({"version": str(getattr(module, "__version__", ""))}))
"""
_OPENCV_CUDA = """
import json, cv2
from vader_rt.features import opencv_cuda as features_cuda
from vader_rt.doctor import golden
said = {"opencv": cv2.__version__, "hindrance": features_cuda.hindrance()}
if said["hindrance"] is None:
    distances, reason = features_cuda.trial(golden.read_golden().features.frame)
    said |= {"distances": distances, "difference": reason}
print(json.dumps(said))
"""
_PROVIDERS = "import onnxruntime; print(*onnxruntime.get_available_providers())"
Found = tuple[str, dict[str, Any]]
"""What a check has found, in a line and as data."""
Work = Callable[[], Found]


class FailedError(Exception):
    """A check has failed; the message says why."""


class SkippedError(Exception):
    """There is nothing to check; the message says why."""


def system() -> Found:
    """Versions, and what machine this is."""
    from vader_rt.provenance import versions

    data = {
        "vader_rt": __version__,
        "machine": platform.machine(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "jetson": _first_line(Path("/etc/nv_tegra_release")),
        "versions": versions(),
    }
    jetson = f", {data['jetson']}" if data["jetson"] else ""
    python = platform.python_version()
    return f"VADER-RT {__version__}, Python {python}, {data['system']}{jetson}", data


def try_import(name: str) -> Found:
    """Import a module in a process of its own.

    Raises:
        FailedError: it cannot be imported, in Python's words.
        SkippedError: it is not installed, and need not be.
    """
    run = _python(_IMPORT, name)
    if run.returncode == 0:
        version = _answer(run.stdout)["version"]
        return version or "imported", {"version": version}
    error = _last_line(run.stderr) or f"ended by signal {-run.returncode}"
    missing = re.match(r"ModuleNotFoundError: No module named '([\w.]+)'", error)
    if name in OPTIONAL and missing and f"{name}.".startswith(f"{missing[1]}."):
        raise SkippedError(error)
    raise FailedError(error)


def side_by_side(module: str) -> Found:
    """Whether one package alone owns the folder of a module.

    Raises:
        FailedError: several do, which is no harm only to an ONNX Runtime that has CUDA.
    """
    found = clash(module)
    if found is None:
        return "one package", {}
    said = f"{found}: which of them is there is chance"
    if module == "onnxruntime" and "CUDA" in _python(_PROVIDERS).stdout:
        return f"{found}: the one with CUDA is there", {"packages": dict(found.packages)}
    raise FailedError(f"{said}; keep one: {found.cure}")


def gpu() -> Found:
    """The GPU and its driver.

    Raises:
        FailedError: the driver is here and does not work. SkippedError: there is none.
    """
    from vader_rt.engines.trt.driver import driver_cuda_version, find_device, free_memory

    try:
        device = find_device()
    except EngineError as error:
        signs = [path for path in NVIDIA_SIGNS if path.exists()]
        if signs:
            raise FailedError(f"{signs[0]} shows NVIDIA's driver, but: {error}") from None
        raise SkippedError(f"no GPU: {error}") from None
    free, total = free_memory()
    major, minor = driver_cuda_version()
    data = {
        "name": device.name,
        "compute_capability": device.compute_capability,
        "driver_cuda": f"{major}.{minor}",
        "driver": _first_line(Path("/proc/driver/nvidia/version")),
        "free_bytes": free,
        "total_bytes": total,
    }
    memory = f"{free >> 20} of {total >> 20} MiB free"
    return (
        f"{device.name}, {device.compute_capability}, {memory}, driver for CUDA {major}.{minor}",
        data,
    )


NVIDIA_SIGNS = tuple(
    map(Path, ("/dev/nvidiactl", "/dev/nvhost-gpu", "/proc/driver/nvidia/version"))
)
"""What is there where NVIDIA's kernel driver is, even if its library is not."""


def cuda_versions() -> Found:
    """The driver knows the CUDA that each package was built for.

    Raises:
        FailedError: one was built for a newer major version. SkippedError: there is no GPU.
    """
    from vader_rt.engines.trt.driver import driver_cuda_version, hindrance

    built = cuda_packages()
    listed = ", ".join(f"{name} for {cuda}" for name, cuda in sorted(built.items())) or "none"
    if hindrance() is not None:
        raise SkippedError(f"no GPU to match; packages for CUDA: {listed}")
    major, minor = driver_cuda_version()
    for name, cuda in sorted(built.items()):
        if cuda > major:
            raise FailedError(
                f"{name} is built for CUDA {cuda}, the driver knows {major}.{minor}: update the "
                f"driver, or install the package for CUDA {major}"
            )
    return f"driver {major}.{minor}; {listed}", {"driver": [major, minor], "packages": built}


def cuda_packages() -> dict[str, int]:
    """Installed packages that are built for one major version of CUDA, with that."""
    found = {}
    for name, version in packages().items():
        match = CUDA_IN_NAME.search(name)
        if match and name.startswith("tensorrt"):
            found[name] = int(match[1])
        elif name == "cuda-bindings" and (major := re.match(r"\d+", version)):
            found[name] = int(major[0])
    return found | _cuda_of_libraries()


def _cuda_of_libraries() -> dict[str, int]:
    """The same for ONNX Runtime and OpenCV, which say so themselves; none that cannot be asked."""
    scripts = {
        "onnxruntime-gpu": "import onnxruntime.capi.build_and_package_info as info;"
        "print(getattr(info, 'cuda_version', ''))",
        "opencv": "import cv2, re; found = re.search(r'NVIDIA CUDA: +YES \\(ver ([0-9.]+)',"
        "cv2.getBuildInformation()); print(found[1] if found else '')",
    }
    said = {name: _last_line(_python(script).stdout) for name, script in scripts.items()}
    return {name: int(v.split(".")[0]) for name, v in said.items() if v[:1].isdigit()}


def opencv_cuda() -> Found:
    """OpenCV's CUDA, and whether its features are the CPU's.

    Raises:
        FailedError: it fails or disagrees. SkippedError: it is not here.
    """
    run = _python(_OPENCV_CUDA)
    if run.returncode:
        error = _last_line(run.stderr) or f"ended by signal {-run.returncode}"
        raise FailedError(f"{error}; take --cpu-features")
    data = _answer(run.stdout)
    if data["hindrance"] is not None:
        raise SkippedError(f"{data['hindrance']}; the features are made on the CPU")
    if data["difference"] is not None:
        raise FailedError(f"OpenCV's CUDA {data['difference']}; the features are made on the CPU")
    listed = ", ".join(f"{group} {off:.3g}" for group, off in data["distances"].items())
    return f"off the CPU's features by: {listed}", data


def _python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter that finds what this one finds."""
    try:
        run = run_script(script, *arguments, seconds=PROBE_SECONDS)
    except TimeoutError as error:
        raise FailedError(str(error)) from None
    said = (text.decode(errors="replace") for text in (run.stdout, run.stderr))
    return subprocess.CompletedProcess(run.args, run.returncode, *said)


def _answer(stdout: str) -> dict[str, Any]:
    """The line of JSON in what a script printed; modules print too when they are imported.

    Raises:
        FailedError: there is none.
    """
    for line in reversed(stdout.splitlines()):
        start = line.find('{"')
        try:
            answer = json.loads(line[start:]) if start >= 0 else None
        except ValueError:
            continue
        if isinstance(answer, dict):
            return answer
    raise FailedError(f"it gives no answer, but {one_line(stdout)[-100:]!r}")


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def one_line(text: str) -> str:
    return " ".join(text.split())
