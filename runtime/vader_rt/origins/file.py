"""What provenance.json holds: where the room at places spread over the picture comes from."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vader_rt.origins.grid import Origins
from vader_rt.origins.moments import worst_moments
from vader_rt.origins.pictures import FramePictures
from vader_rt.schemas import PROVENANCE_VERSION

PROVENANCE_FILE = "provenance.json"
MOST_THUMBNAILS = 24


@dataclass(frozen=True)
class Provenance:
    """Where a room comes from. pictures: of the frames."""

    origins: Origins
    pictures: FramePictures

    def content(
        self,
        room_bgr: np.ndarray,
        confidence: np.ndarray,
        voted_bgr: np.ndarray | None,
        leaks: Sequence[float],
        times: Sequence[float | None],
    ) -> bytes:
        """What provenance.json holds.

        room_bgr: (H, W, 3) uint8, as it was recovered, with its confidence, (H, W) float32.
        voted_bgr: the same by vote. leaks: of every frame. times: see `worst_moments`.
        """
        origins = self.origins
        held = self.pictures.thumbnails
        wanted = [*worst_moments(leaks, times), *origins.unmasked_frames, *_most_used(self.origins)]
        chosen = list(dict.fromkeys(index for index in wanted if index in held))[:MOST_THUMBNAILS]
        return to_json(
            {
                **_head(origins.grid_wh),
                "matte_confidence": origins.matte_confidence,
                "unmasked_frames": list(origins.unmasked_frames),
                "places": [*_places(origins, room_bgr, confidence, voted_bgr)],
                "thumbnails": {str(i): _text(held[i]) for i in sorted(chosen)},
                "leakiest": _picture(self.pictures.leakiest),
                "unmasked": _picture(self.pictures.unmasked),
            }
        )


def no_provenance() -> bytes:
    """What provenance.json holds of a room that nobody knows the origin of."""
    return to_json(
        {
            **_head((1, 1)),
            "matte_confidence": None,
            "unmasked_frames": [],
            "places": [],
            "thumbnails": {},
            "leakiest": None,
            "unmasked": None,
        }
    )


def to_json(content: dict[str, Any]) -> bytes:
    """JSON without spaces, a line's end at its end."""
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _head(grid_wh: tuple[int, int]) -> dict[str, Any]:
    return {"schema_version": PROVENANCE_VERSION, "grid_wh": list(grid_wh)}


def _most_used(origins: Origins) -> list[int]:
    """The frames that samples are from, those of most of their strength first."""
    used = np.bincount(origins.frame.ravel(), weights=origins.strength.ravel())
    return [int(index) for index in np.argsort(-used, kind="stable") if used[index] > 0]


def _places(
    origins: Origins, room_bgr: np.ndarray, confidence: np.ndarray, voted_bgr: np.ndarray | None
) -> Iterator[dict[str, Any]]:
    """The places of which anything was seen."""
    room, sure = origins.at(room_bgr), origins.at(confidence)
    voted = None if voted_bgr is None else origins.at(voted_bgr)
    for n in map(int, np.flatnonzero((origins.strength[0] > 0) | origins.unmasked)):
        yield {
            "cell": origins.cell[n].tolist(),
            "pixel": origins.pixel[n].tolist(),
            "room": _rgb(room[n]),
            "confidence": round(float(sure[n]), 3),
            "voted": None if voted is None else _rgb(voted[n]),
            "unmasked": bool(origins.unmasked[n]),
            "samples": [*_samples(origins, n)],
            "bins": [int(index) for index in origins.bins[:, n] if index >= 0],
        }


def _samples(origins: Origins, n: int) -> Iterator[list[Any]]:
    for k in np.flatnonzero(origins.strength[:, n] > 0):
        yield [
            int(origins.frame[k, n]),
            _rgb(origins.seen[k, n]),
            _rgb(origins.unmixed[k, n]),
            round(float(origins.matte[k, n]), 3),
            round(float(origins.strength[k, n]), 3),
        ]


def _rgb(color_bgr: np.ndarray) -> str:
    return color_bgr[::-1].tobytes().hex()


def _picture(picture: tuple[int, bytes] | None) -> dict[str, Any] | None:
    return picture and {"frame": picture[0], "jpeg": _text(picture[1])}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
