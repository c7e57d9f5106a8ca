"""The result of a reconstruction, and the files that it is written to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vader_rt.origins.file import PROVENANCE_FILE, Provenance, no_provenance
from vader_rt.pipeline.save import REPORT_FILE, Recording, check_output, write_result
from vader_rt.room.strongest import Strongest
from vader_rt.room.vote import VotedRoom
from vader_rt.score import Scores
from vader_rt.virtual.estimate import VirtualBackground

CLAIMED, SHOWN = 0.5, 0.25
"""Confidence from which a pixel is claimed, and from which `background.png` shows it. What is less
likely right is more likely the caller, an overlay or the virtual image."""


@dataclass(frozen=True)
class Reconstruction:
    """What was recovered from a call.

    Attributes:
        background: (H, W, 3) uint8 BGR, the best guess at the room; where nothing was seen, the
            virtual background.
        confidence: (H, W) float32 in [0, 1]; 0 where nothing was seen.
        strongest: the strongest samples, with the largest leak over time.
        virtual_background: the estimated or given virtual background, with its statistics.
        timeline: share of leaking pixels in every frame.
        report: figures and provenance, as in result.json.
        scores: how much of the leak is right, if the truth was given.
        voted: the room by vote, before restoration; None where a model copies.
        provenance: where the room comes from; None if nobody knows.
        whole: whether all the work was done; False where a limit or an interrupt ended it.
    """

    background: np.ndarray
    confidence: np.ndarray
    strongest: Strongest
    virtual_background: VirtualBackground
    timeline: list[float]
    report: dict[str, Any] = field(default_factory=dict)
    scores: Scores | None = None
    voted: VotedRoom | None = None
    provenance: Provenance | None = None
    whole: bool = True

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
    def is_damaged(self) -> bool:
        """Whether a part of the input could not be read."""
        return bool(self.report.get("input", {}).get("damaged"))

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

    @property
    def virtual_bgra(self) -> np.ndarray:
        """(H, W, 4) uint8: the virtual background. Alpha is 0 where it never shows clearly."""
        clear = np.where(self.virtual_background.clear, 255, 0).astype(np.uint8)
        return np.dstack([self.virtual, clear])

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write `RESULT_FILES` into a folder, in place of those of an earlier run.

        overwrite: even where that was a run on another recording.

        Raises:
            UsageError: the folder cannot be written, or is in use for something else.
        """
        folder = Path(folder)
        check_output(folder, overwrite=overwrite)
        write_result(folder, self.files(), self.recording, overwrite=overwrite)
        return folder

    @property
    def recording(self) -> Recording | None:
        """What it was recovered from; None if the report does not say."""
        return Recording.of_report(self.report)

    def with_report(self, **entries: Any) -> Reconstruction:
        """The same, with some entries of its report set."""
        return replace(self, report={**self.report, **entries})

    @property
    def signed_report(self) -> dict[str, Any]:
        """The report as in result.json: with the digests of the files beside it."""
        digests = {n: hashlib.sha256(data).hexdigest() for n, data in self._signed.items()}
        return {**self.report, "outputs": digests}

    def files(self) -> dict[str, bytes]:
        """The content of each of the `RESULT_FILES`."""
        text = json.dumps(self.signed_report, indent=2, ensure_ascii=False) + "\n"
        # a name that is not UTF-8 has characters that UTF-8 has not; JSON writes them as \udcXX
        return {**self._signed, REPORT_FILE: text.encode("utf-8", "backslashreplace")}

    @cached_property
    def _signed(self) -> dict[str, bytes]:
        """The files whose digests the report has."""
        images = {
            "background.png": self.background_bgra,
            "guess.png": self.guess_bgra,
            "confidence.png": np.rint(self.confidence * 255).astype(np.uint8),
            "leak.png": heat(self.strongest.leak),
            "virtual.png": self.virtual_bgra,
        }
        files = {n: cv2.imencode(".png", image)[1].tobytes() for n, image in images.items()}
        return {**files, PROVENANCE_FILE: self._provenance_content()}

    def _provenance_content(self) -> bytes:
        if self.provenance is None:
            return no_provenance()
        return self.provenance.content(
            self.background,
            self.confidence,
            self.voted.room if self.voted else None,
            self.timeline,
            self.report.get("frame_times", []),
        )


def heat(plane: np.ndarray) -> np.ndarray:
    """Heat colours for a plane in [0, 1]: (H, W) float32 → (H, W, 3) uint8 BGR."""
    levels = np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
