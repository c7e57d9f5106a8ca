"""The result of a reconstruction and how it is written: all of it, or nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vader_rt.errors import UsageError
from vader_rt.room.strongest import Strongest
from vader_rt.room.vote import VotedRoom
from vader_rt.score import Scores
from vader_rt.virtual.estimate import VirtualBackground

RESULT_FILES = (
    *("background.png", "guess.png", "confidence.png", "leak.png", "virtual.png"),
    "result.json",
)
CLAIMED, SHOWN = 0.5, 0.25
"""Confidence from which a pixel is claimed, and from which `background.png` shows it. What is less
likely right is more likely the caller, an overlay or the virtual image."""


@dataclass(frozen=True)
class Reconstruction:
    """What was recovered from a call.

    background: (H, W, 3) uint8 BGR, the best guess at the room; where nothing was seen, the virtual
    background.
    confidence: (H, W) float32 in [0, 1]; 0 where nothing was seen.
    strongest: the strongest samples, with the largest leak over time.
    virtual_background: the estimated or given virtual background, with its statistics.
    voted: the room by vote, before restoration; None where a model copies.
    timeline: share of leaking pixels in every frame.
    report: figures and provenance, as in result.json.
    """

    background: np.ndarray
    confidence: np.ndarray
    strongest: Strongest
    virtual_background: VirtualBackground
    timeline: list[float]
    report: dict[str, Any] = field(default_factory=dict)
    scores: Scores | None = None
    voted: VotedRoom | None = None

    @property
    def virtual(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR: the virtual background."""
        return self.virtual_background.image

    @property
    def claimed(self) -> np.ndarray:
        """(H, W) bool: the pixels that are claimed to show the room."""
        return self.confidence >= CLAIMED

    @property
    def shown(self) -> np.ndarray:
        """(H, W) bool: the pixels that `background.png` shows."""
        return self.confidence >= SHOWN

    @property
    def coverage(self) -> float:
        """Share of the picture that is claimed."""
        return float(self.claimed.mean())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was recovered at all."""
        return not self.confidence.any()

    @property
    def background_bgra(self) -> np.ndarray:
        """(H, W, 4) uint8: what can be trusted. Alpha is the confidence, 255 = certain.

        What is not `shown` has no colour either: many programs show a picture without its alpha.
        """
        alpha = np.rint(self.confidence * 255).astype(np.uint8)
        picture = np.dstack([self.background, alpha])
        picture[~self.shown] = 0
        return picture

    @property
    def guess_bgra(self) -> np.ndarray:
        """(H, W, 4) uint8: the best guess. Alpha is 255 wherever anything was seen, else 0."""
        seen = np.where(self.confidence > 0, 255, 0).astype(np.uint8)
        return np.dstack([self.background, seen])

    def save(self, folder: str | Path) -> Path:
        """Write `RESULT_FILES` into a folder, replacing those of an earlier run as a whole.

        Raises:
            UsageError: the folder cannot be written, or is in use for something else.
        """
        folder = Path(folder)
        check_output(folder)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
            partial.chmod(0o755)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written ({error.strerror})") from None
        try:
            self._write_files(partial)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written ({error.strerror})") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder

    def _write_files(self, folder: Path) -> None:
        images = {
            "background.png": self.background_bgra,
            "guess.png": self.guess_bgra,
            "confidence.png": np.rint(self.confidence * 255).astype(np.uint8),
            "leak.png": heat(self.strongest.leak),
            "virtual.png": self.virtual,
        }
        for name, image in images.items():
            (folder / name).write_bytes(cv2.imencode(".png", image)[1].tobytes())
        text = json.dumps(self.report, indent=2, ensure_ascii=False)
        (folder / "result.json").write_text(text + "\n", encoding="utf-8")


def check_output(folder: Path) -> None:
    """Refuse an output folder that holds anything but an earlier result.

    Raises:
        UsageError: it is a file, or holds other files.
    """
    if folder.is_file():
        raise UsageError(f"{folder}: is a file; -o wants a folder")
    nearest = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise UsageError(f"{folder}: cannot be written in {nearest}; give another folder with -o")
    if folder.is_dir():
        foreign = sorted(p.name for p in folder.iterdir() if p.name not in RESULT_FILES)
        if foreign:
            raise UsageError(
                f"{folder}: holds files that are not of an earlier result ({foreign[0]}); "
                "give another folder with -o"
            )


def heat(plane: np.ndarray) -> np.ndarray:
    """Heat colours for a plane in [0, 1]: (H, W) float32 → (H, W, 3) uint8 BGR."""
    levels = np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
