"""Installed packages, whatever state their metadata is in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

_OWNERS = {
    "cv2": re.compile(r"opencv(-contrib)?-python(-headless)?(-rolling)?"),
    "onnxruntime": re.compile(
        r"(onnxruntime|ort)(-(gpu|openvino|directml|training|rocm|migraphx|qnn|cann|azure))?"
        r"(-nightly(-gpu)?)?"
    ),
}
"""Packages of one name are kept apart by pip; these are not, and write into the same folder."""
_UNKNOWN = "of unknown version"


@dataclass(frozen=True)
class Clash:
    """Packages that own the same folder, of which the one that was installed last is there.

    module: the folder. packages: versions by name. keep: the one of them that can do most.
    """

    module: str
    packages: Mapping[str, str]
    keep: str

    def __str__(self) -> str:
        listed = " and ".join(f"{name} {version}" for name, version in self.packages.items())
        return f"{listed} own the same folder, {self.module}"

    @property
    def cure(self) -> str:
        """The command that leaves one of them, as it was installed."""
        wanted = _pinned(self.keep, self.packages[self.keep])
        return f"pip uninstall -y {' '.join(self.packages)} && pip install --no-deps '{wanted}'"


def packages() -> dict[str, str]:
    """Versions of what is installed, by normalised name; without what has no name."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        try:
            name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        except Exception:  # what an installation left behind can be anything
            continue
        if isinstance(name, str):
            name = re.sub(r"[-_.]+", "-", name).lower()
            found.setdefault(name, version or _UNKNOWN)  # the first on the path is imported
    return found


def clash(module: str) -> Clash | None:
    """Packages that own the folder of a module together; None where it is one or none."""
    names = sorted(filter(_OWNERS[module].fullmatch, (installed := packages())))
    if len(names) < 2:
        return None
    return Clash(module, {name: installed[name] for name in names}, max(names, key=_ability))


def repair(names: Sequence[str], extra: str) -> str:
    """What to do where a module cannot be imported.

    names: beginnings of the names of packages that bring it. extra: the one of ours that does.
    """
    for name, version in packages().items():
        if name.startswith(tuple(names)):
            return (
                f"{name} {version} is installed, so repair it: "
                f"pip install --force-reinstall '{_pinned(name, version)}'"
            )
    return f"pip install 'vader-rt[{extra}]'"


def _pinned(name: str, version: str) -> str:
    return name if version == _UNKNOWN else f"{name}=={version}"


def _ability(name: str) -> tuple[bool, bool, int]:
    """Whether a package has the other's modules as well, and windows; by its name."""
    return "contrib" in name, not name.endswith("headless"), len(name)
