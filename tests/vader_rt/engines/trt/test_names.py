"""Every name of TensorRT's that is used exists in its real bindings, from 10.3 to 11.4.

The bindings import without TensorRT over empty libraries; `make test-gpu-build` fetches them.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

WHEELS = ROOT / ".cache" / "tensorrt-bindings"
PACKAGES = (
    "tensorrt-cu12-bindings==10.3.*",
    "tensorrt-cu12-bindings==10.16.*",
    "tensorrt-cu13-bindings==11.4.*",
)
SOURCES = [
    ROOT / "runtime" / "vader_rt" / "engines" / "trt" / name
    for name in ("builder.py", "bindings.py", "engine.py")
]
RTX_ONLY = {"ComputeCapability"}
STAND_INS = {
    "_TimingCache": "ITimingCache",
    "_Config": "IBuilderConfig",
    "Builder": "Builder",
    "OnnxParser": "OnnxParser",
    "Runtime": "Runtime",
    "_Engine": "ICudaEngine",
    "_Context": "IExecutionContext",
}
"""Classes of `tests/standins/tensorrt.py`: they have all that the runtime uses of the real ones."""
ONLY_IN_THE_STAND_IN = {"Runtime.logger", "ICudaEngine.logger", "ICudaEngine.session"}
BY_HAND = {
    "IBuilderConfig.progress_monitor",
    "ILogger.log",
    "IProgressMonitor.phase_finish",
    "IProgressMonitor.phase_start",
    "IProgressMonitor.step_complete",
    "OnnxParser.get_error",
    "ParserError.desc",
    "ParserError.node_name",
    "ParserError.node_operator",
}
"""What TensorRT calls or gives, and the stand-in does not."""


def dotted(node: ast.expr) -> list[str]:
    """`a.b.c` as a list; empty for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return [*head, node.attr] if head else []
    return []


def names_in_sources() -> set[str]:
    """What follows `trt.` in the sources, also in `self._trt.` and `library.trt.`."""
    found = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            parts = dotted(node) if isinstance(node, ast.Attribute) else []
            for index, part in enumerate(parts[:-1]):
                if part in ("trt", "_trt"):
                    found.add(".".join(parts[index + 1 :]))
    return {name for name in found if name.split(".")[0] not in RTX_ONLY}


def names_in_the_stand_in() -> set[str]:
    """The public methods and attributes of the stand-in's classes, by their real names."""
    tree = ast.parse((ROOT / "tests" / "standins" / "tensorrt.py").read_text())
    found = set()
    for kind in tree.body:
        if isinstance(kind, ast.ClassDef) and kind.name in STAND_INS:
            methods = (f.name for f in kind.body if isinstance(f, ast.FunctionDef))
            found |= {f"{STAND_INS[kind.name]}.{m}" for m in methods if not m.startswith("_")}
    return found - ONLY_IN_THE_STAND_IN


def test_the_names_are_found() -> None:
    names = names_in_sources()
    assert {"Builder", "DataType.FLOAT", "ILogger.WARNING", "Runtime", "__version__"} <= names
    assert "NetworkDefinitionCreationFlag.STRONGLY_TYPED" in names
    assert "IExecutionContext.execute_async_v3" in names_in_the_stand_in()


def empty_libraries(folder: Path, bindings: Path, major: str) -> None:
    """Libraries with the functions that the bindings link against, which do nothing."""
    symbols = subprocess.run(
        ["nm", "-D", "--undefined-only", str(bindings)], capture_output=True, text=True, check=True
    ).stdout.split()
    wanted = [s for s in symbols if s.startswith(("createInfer", "createNv", "get", "initLib"))]
    source = "".join(f"int {s}(void) {{ return 0; }}\n" for s in wanted if "@" not in s)
    for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
        library = f"lib{name}.so.{major}"
        command = ["cc", "-shared", "-fPIC", "-xc", "-", f"-Wl,-soname,{library}"]
        command += ["-o", str(folder / library)]
        subprocess.run(command, input=source, text=True, check=True)


@pytest.mark.gpu_build
@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_exists(package: str, tmp_path: Path) -> None:
    name, version = package.replace("-", "_").split("==")
    wheels = sorted(WHEELS.glob(f"{name}-{version}.whl"))
    if not wheels:
        pytest.skip(f"needs pip download --no-deps -d {WHEELS.relative_to(ROOT)} '{package}'")
    if shutil.which("cc") is None or shutil.which("nm") is None:
        pytest.skip("needs a C compiler (cc) and nm")
    zipfile.ZipFile(wheels[-1]).extractall(tmp_path)
    bindings = tmp_path / "tensorrt_bindings" / "tensorrt.so"
    empty_libraries(tmp_path, bindings, version.split(".")[0])
    script = """
import json, operator, sys, tensorrt_bindings as trt
missing = []
for name in json.loads(sys.stdin.read()):
    try:
        operator.attrgetter(name)(trt)
    except AttributeError:
        missing.append(name)
print(json.dumps([trt.__version__, missing]))
"""
    names = sorted(names_in_sources() | names_in_the_stand_in() | BY_HAND)
    run = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps([*names, "BuilderFlag.THAT_NEVER_WAS"]),
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    found, missing = json.loads(run.stdout)
    assert found.startswith(version.removesuffix("*"))
    assert missing == ["BuilderFlag.THAT_NEVER_WAS"]
