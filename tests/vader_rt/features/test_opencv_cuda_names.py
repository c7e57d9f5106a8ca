"""Every call of `cv2.cuda` fits a signature of OpenCV's own headers.

The signatures in `tests/data/opencv_cuda.json` are what OpenCV's own parser, from which its Python
binding is made, reads in its headers; `make test-gpu-build` fetches these and compares. To write
the file again: `python -m tests.vader_rt.features.test_opencv_cuda_names`.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import tarfile
from pathlib import Path
from typing import Any

import cv2
import pytest

import tests.standins.cv2_cuda
from tests.conftest import ROOT

SOURCE = ROOT / "runtime" / "vader_rt" / "features" / "opencv_cuda.py"
SIGNATURES = ROOT / "tests" / "data" / "opencv_cuda.json"
SOURCES = ROOT / ".cache" / "opencv-contrib"
HEADERS = (
    "opencv/modules/core/include/opencv2/core/cuda.hpp",
    *(
        f"opencv_contrib/modules/{name}/include/opencv2/{name}.hpp"
        for name in ("cudaarithm", "cudafilters", "cudaimgproc")
    ),
)
PARSER = "opencv/modules/python/src2/hdr_parser.py"
CLASSES = {
    "upload": "GpuMat", "download": "GpuMat", "convertTo": "GpuMat", "cudaPtr": "GpuMat",
    "apply": "Filter", "detect": "CannyEdgeDetector", "waitForCompletion": "Stream",
}  # fmt: skip
"""Methods that the source calls, with their class; what else it calls of OpenCV is a function."""
IN_EVERY_WHEEL = {
    "GpuMat", "GpuMat.upload", "GpuMat.download", "GpuMat.convertTo", "GpuMat.cudaPtr", "Stream",
    "Stream.waitForCompletion", "createGpuMatFromCudaMemory", "createContinuous",
    "getCudaEnabledDeviceCount",
}  # fmt: skip

Call = tuple[str, int, tuple[str, ...]]
"""Name, number of positional arguments, names of the others."""
Signature = list[tuple[str, bool]]
"""Arguments in order: name, and whether a caller must give it."""


def calls() -> set[Call]:
    """The source's calls of `cv2.cuda`: its functions, its classes and their methods."""
    found = set()
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, owner = node.func.attr, ast.unparse(node.func.value)
        keywords = tuple(sorted(str(k.arg) for k in node.keywords))
        if owner in ("cuda", "self._cuda", "cv2.cuda"):
            found.add((name, len(node.args), keywords))
        elif name in CLASSES and owner not in ("self", "gpu"):
            found.add((f"{CLASSES[name]}.{name}", len(node.args), keywords))
    return found


def fits(call: Call, signature: Signature) -> bool:
    """Whether a call gives what must be given, by place or by name, and nothing that is unknown.

    By place only what must be given: where optional arguments come in the binding is its own.
    """
    _, count, keywords = call
    needed = [name for name, must in signature if must]
    by_place, known = needed[:count], {name for name, _ in signature}
    given = {*by_place, *keywords}
    return count <= len(needed) and given <= known and set(needed) <= given


def test_the_calls_are_found() -> None:
    found = {name for name, _, _ in calls()}
    assert {"createCannyEdgeDetector", "normalize", "split", "GpuMat.convertTo", "Stream"} <= found
    assert {"Filter.apply", "CannyEdgeDetector.detect", "createGpuMatFromCudaMemory"} <= found


@pytest.mark.parametrize("call", sorted(calls()), ids=lambda call: call[0])
def test_every_call_fits_the_headers(call: Call) -> None:
    overloads = json.loads(SIGNATURES.read_text())[call[0]]
    assert any(fits(call, signature) for signature in overloads), (call, overloads)


def test_what_does_not_fit_is_seen() -> None:
    resize = [("src", True), ("dst", False), ("dsize", True), ("stream", False)]
    assert fits(("resize", 2, ("dst", "stream")), resize)
    assert fits(("resize", 1, ("dsize",)), resize)
    assert not fits(("resize", 1, ("dst",)), resize)
    assert not fits(("resize", 3, ()), resize)
    assert not fits(("resize", 2, ("size",)), resize)


@pytest.mark.parametrize("name", sorted(IN_EVERY_WHEEL))
def test_names_in_wheels_without_cuda(name: str) -> None:
    owner: Any = cv2.cuda
    for part in name.split("."):
        owner = getattr(owner, part)


def test_the_stand_in_takes_what_the_headers_name() -> None:
    fake = tests.standins.cv2_cuda
    for name, overloads in json.loads(SIGNATURES.read_text()).items():
        owner: Any = fake
        for part in name.split("."):
            owner = getattr(owner, part)
        names = set(inspect.signature(owner).parameters) - {"self"}
        assert any(names <= {n for n, _ in signature} for signature in overloads), name


def read_signatures(folder: Path) -> dict[str, list[Signature]]:
    """The signatures of all that the source calls, in the headers of an unpacked OpenCV."""
    spec = importlib.util.spec_from_file_location("hdr_parser", folder / PARSER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parser = module.CppHeaderParser(generate_umat_decls=True, generate_gpumat_decls=True)
    wanted, found = {name for name, _, _ in calls()}, {}
    for header in HEADERS:
        for declaration in parser.parse(str(folder / header)):
            name = declaration[0].removeprefix("cv.cuda.")
            name = ".".join(dict.fromkeys(name.split(".")))  # a constructor is Class.Class
            arguments = declaration[3]
            kinds = {kind for kind, *_ in arguments}
            if (name in wanted and not kinds & {"Mat", "UMat"}) or (
                name == "GpuMat.upload" and "Mat" in kinds
            ):
                found.setdefault(name, []).append(_signature(arguments))
    return found


def _signature(arguments: list[tuple[str, str, str, list[str]]]) -> Signature:
    return [(name, default == "" and "/O" not in flags) for _, name, default, flags in arguments]


def unpacked(archive: Path, folder: Path) -> Path:
    """The headers and the parser of a source distribution of opencv-contrib-python."""
    with tarfile.open(archive) as tar:
        for member in tar:
            inner = member.name.partition("/")[2]
            if inner in (*HEADERS, PARSER):
                member.name = inner
                tar.extract(member, folder, filter="data")
    return folder


@pytest.mark.gpu_build
def test_the_signatures_are_those_of_the_headers(tmp_path: Path) -> None:
    archives = sorted(SOURCES.glob("opencv_contrib_python-*.tar.gz"))
    if not archives:
        pytest.skip("needs OpenCV's sources; make test-gpu-build fetches them")
    found = read_signatures(unpacked(archives[-1], tmp_path))
    assert json.loads(json.dumps(found)) == json.loads(SIGNATURES.read_text())


def main() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        archive = sorted(SOURCES.glob("opencv_contrib_python-*.tar.gz"))[-1]
        found = read_signatures(unpacked(archive, Path(folder)))
    lines = (f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
    SIGNATURES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
