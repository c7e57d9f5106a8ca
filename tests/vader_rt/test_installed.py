"""What is installed, among packages that share a folder and others that are half gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from vader_rt.doctor.environment import FailedError, cuda_packages, side_by_side
from vader_rt.engines.onnx import cuda_hindrance, load_onnx
from vader_rt.errors import EngineError
from vader_rt.installed import clash, packages, repair
from vader_rt.models import DEFAULT_JUDGE
from vader_rt.provenance import versions


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, and none but these."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    return tmp_path


def install(site: Path, name: str, version: str | None) -> None:
    """Leave what pip leaves of a package."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    said = "" if version is None else f"Version: {version}\n"
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n{said}")


def test_odd_metadata_harms_nobody(site: Path) -> None:
    (site / "empty-1.0.dist-info").mkdir()
    for name, data in {
        "nameless": b"Metadata-Version: 2.1\n",
        "binary": b"\xff\xfe\x00Name: \x80",
        "nothing": b"",
    }.items():
        (site / f"{name}-1.0.dist-info").mkdir()
        (site / f"{name}-1.0.dist-info" / "METADATA").write_bytes(data)
    (site / "file-1.0.dist-info").write_text("")
    install(site, "Tensor_RT.CU12", None)
    install(site, "cuda-bindings", "unknown")
    install(site, "tensorrt-cu13", "10.16")
    install(site, "numpy", "2.4.6")
    assert packages()["numpy"] == versions()["numpy"] == "2.4.6"
    assert packages()["tensor-rt-cu12"] == "of unknown version"
    found = cuda_packages()
    assert found["tensorrt-cu13"] == 13
    assert "cuda-bindings" not in found


@pytest.mark.parametrize(
    ("module", "installed", "cure"),
    [
        ("cv2", {"opencv-python-headless": "4.9"}, None),
        ("onnxruntime", {"onnxruntime": "1.20", "onnxruntime-extensions": "0.9"}, None),
        (
            "cv2",
            {"opencv-python": "4.10", "opencv-python-headless": "4.9"},
            "pip uninstall -y opencv-python opencv-python-headless && "
            "pip install --no-deps 'opencv-python==4.10'",
        ),
        (
            "cv2",
            {"opencv_python": "4.10", "opencv-contrib-python-headless": "5.0"},
            "pip uninstall -y opencv-contrib-python-headless opencv-python && "
            "pip install --no-deps 'opencv-contrib-python-headless==5.0'",
        ),
        (
            "cv2",
            {"opencv-python": None, "opencv-python-headless": "4.9"},
            "pip uninstall -y opencv-python opencv-python-headless && "
            "pip install --no-deps 'opencv-python'",
        ),
        (
            "onnxruntime",
            {"onnxruntime": "1.27", "onnxruntime-gpu": "1.26"},
            "pip uninstall -y onnxruntime onnxruntime-gpu && "
            "pip install --no-deps 'onnxruntime-gpu==1.26'",
        ),
    ],
)
def test_packages_that_share_a_folder(
    site: Path, module: str, installed: dict[str, str | None], cure: str | None
) -> None:
    if module == "onnxruntime" and cuda_hindrance() is None:
        pytest.skip("this ONNX Runtime has CUDA, which is what matters")
    for name, version in installed.items():
        install(site, name, version)
    found = clash(module)
    assert (found and found.cure) == cure
    if found is not None:
        assert str(found).endswith(f" own the same folder, {module}")
        with pytest.raises(FailedError, match="which of them is there is chance; keep one: pip"):
            side_by_side(module)
    else:
        assert side_by_side(module) == ("one package", {})


def test_what_is_installed_is_not_to_be_installed_again(site: Path) -> None:
    assert repair(["openvino"], "openvino") == "pip install 'vader-rt[openvino]'"
    install(site, "openvino", "2026.4")
    assert repair(["openvino"], "openvino") == (
        "openvino 2026.4 is installed, so repair it: "
        "pip install --force-reinstall 'openvino==2026.4'"
    )


def test_an_onnx_runtime_without_cuda_says_how_to_get_one(site: Path) -> None:
    if cuda_hindrance() is None:
        pytest.skip("this ONNX Runtime has CUDA")
    install(site, "onnxruntime", "1.27")
    with pytest.raises(EngineError, match=r"pip install 'onnxruntime-gpu\[cuda,cudnn\]'"):
        load_onnx(DEFAULT_JUDGE, "onnx-cuda")
    install(site, "onnxruntime-gpu", "1.26")
    with pytest.raises(EngineError, match=r"--no-deps 'onnxruntime-gpu==1\.26'; or take") as caught:
        load_onnx(DEFAULT_JUDGE, "onnx-cuda")
    assert "\n" not in str(caught.value)
