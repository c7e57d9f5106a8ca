"""Golden vectors: what the features and the shipped models give on a stored frame and call.

They come with the package, so that an installation can be checked without anything else. The
outputs are written by `python -m export.golden`, which is to be run when a shipped model changes;
the features' are kept, for they pin the one definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vader_rt.errors import InputError
from vader_rt.features.planes import dog_plane, edge_plane, gray_plane
from vader_rt.io.files import whole_file
from vader_rt.models import GOLDEN

PLANES_STRIDE, OUTPUTS_STRIDE = 4, 8
"""Of the inputs every 4th pixel is kept in both directions, of the outputs every 8th."""
EDGE_SHARE, DOG_LEVELS = 0.005, 2
"""How much of `edge` and how many levels of `dog` another OpenCV may round differently."""


@dataclass(frozen=True)
class GoldenFeatures:
    """A frame, (H, W, 3) uint8 BGR, and its `edge` and `dog` planes, (H, W) uint8."""

    frame: np.ndarray
    edge: np.ndarray
    dog: np.ndarray

    def difference(self) -> tuple[float, int]:
        """What differs here: the share of edge pixels, and the most levels of DoG."""
        gray = gray_plane(self.frame)
        edge = float((edge_plane(gray) != self.edge).mean())
        dog = np.abs(dog_plane(gray).astype(int) - self.dog).max()
        return edge, int(dog)


@dataclass(frozen=True)
class GoldenModel:
    """A model's outputs on a stored input.

    sha256: of the fp32 model. planes: (C, h, w) uint8, the input at a quarter of its size.
    outputs: float32 by name, see `kept`.
    """

    sha256: str
    planes: np.ndarray
    outputs: dict[str, np.ndarray]

    def tensor(self, shape: tuple[int, int, int, int]) -> np.ndarray:
        """The input, (1, C, H, W) float32 in [0, 1]; every stored pixel fills a rectangle.

        It is made by indexing alone, so that it is the same everywhere.

        Raises:
            InputError: it is of another model.
        """
        channels, height, width = self.planes.shape
        if shape[1] != channels:
            raise InputError(f"the golden input has {channels} planes, the model wants {shape[1]}")
        rows = np.arange(shape[2]) * height // shape[2]
        columns = np.arange(shape[3]) * width // shape[3]
        return self.planes[None, :, rows][..., columns] * np.float32(1 / 255)

    def difference(
        self, names: Sequence[str], outputs: Sequence[np.ndarray]
    ) -> tuple[float, float]:
        """Largest and mean difference of an engine's outputs, in the order of `names`.

        Of the output that is furthest off; NaN counts.
        """
        found = dict(zip(names, outputs, strict=True))
        pairs = [(kept(found[name]), golden) for name, golden in self.outputs.items()]
        if any(a.shape != b.shape for a, b in pairs):
            raise InputError("the golden outputs have another size; run python -m export.golden")
        off = [np.abs(a - b) for a, b in pairs]
        return float(np.max([o.max() for o in off])), float(np.max([o.mean() for o in off]))


def kept(output: np.ndarray) -> np.ndarray:
    """What is stored of an output: (H, W) or (K, H, W) → every 8th pixel."""
    return np.ascontiguousarray(output[..., ::OUTPUTS_STRIDE, ::OUTPUTS_STRIDE], np.float32)


@dataclass(frozen=True)
class Golden:
    """All golden vectors; `models` by the name of the model's file without `.onnx`."""

    features: GoldenFeatures
    models: dict[str, GoldenModel]

    def of(self, sha256: str) -> GoldenModel | None:
        """The vectors of the fp32 model with this digest."""
        return next((m for m in self.models.values() if m.sha256 == sha256), None)

    def write(self, path: Path) -> None:
        """Write them, whole or not at all."""
        arrays = {name: getattr(self.features, name) for name in ("frame", "edge", "dog")}
        for name, model in self.models.items():
            arrays[f"{name}/sha256"] = np.array(model.sha256)
            arrays[f"{name}/planes"] = model.planes
            arrays |= {f"{name}/output/{key}": value for key, value in model.outputs.items()}
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)


def read_golden(path: Path | None = None) -> Golden:
    """Read the golden vectors, by default those of the package.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = GOLDEN if path is None else path
    try:
        # numpy leaves a damaged file open if it opens it by itself
        with path.open("rb") as file, np.load(file, allow_pickle=False) as entries:
            arrays = dict(entries)
        features = GoldenFeatures(arrays["frame"], arrays["edge"], arrays["dog"])
        names = sorted({key.split("/")[0] for key in arrays if "/" in key})
        return Golden(features, {name: _model(arrays, name) for name in names})
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; install the package again") from None
    except Exception as error:  # a damaged file can raise anything from zipfile, zlib and numpy
        raise InputError(f"{path}: is damaged ({error}); install the package again") from None


def _model(arrays: dict[str, np.ndarray], name: str) -> GoldenModel:
    prefix = f"{name}/output/"
    outputs = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    return GoldenModel(str(arrays[f"{name}/sha256"]), arrays[f"{name}/planes"], outputs)
