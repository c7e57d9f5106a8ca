"""The pictures of a report, as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.io.images import decode_image, shrunk
from vader_rt.origins.pictures import PICTURE_WIDTH
from vader_rt.pipeline.result import SHOWN, heat
from vader_rt.report.saved import Saved

_QUALITY = 82
_UNSEEN = "checks where nothing was recovered"


@dataclass(frozen=True)
class Picture:
    """name: for scripts. title: for people. alt: what it shows. uri: itself, as a data URI."""

    name: str
    title: str
    alt: str
    uri: str


def main_pictures(
    saved: Saved, call: tuple[int, bytes] | None, truth_bgr: np.ndarray | None
) -> list[Picture]:
    """What a reader compares: the call, the room, the guess, the virtual background, the truth.

    call: a frame of it and its number, JPEG.

    Raises:
        InputError: a picture is not that of the result.
    """
    return [
        *_call(call),
        Picture(
            "room",
            "The room, as far as it is shown",
            f"The room where its confidence is 25 % or more; {_UNSEEN}.",
            _webp(_opaque(_png(saved, "background.png", 4))),
        ),
        Picture(
            "guess",
            "The best guess at the room",
            f"The best guess at the room, much of which may be wrong; {_UNSEEN}.",
            _webp(_png(saved, "guess.png", 4)),
        ),
        Picture(
            "virtual",
            "The virtual background",
            "The virtual background; checks where it never shows clearly.",
            _webp(_png(saved, "virtual.png", 4)),
        ),
        *_truth(truth_bgr),
    ]


def overlays(saved: Saved) -> list[Picture]:
    """What may be laid over them: where it leaked, and how sure the room is."""
    leak, confidence = _png(saved, "leak.png", 3), _png(saved, "confidence.png", 1)
    return [
        Picture(
            "leak",
            "Where it leaked (heat map)",
            "Heat map of the largest leak of each pixel: dark for little, bright yellow for most.",
            _webp(_leak_layer(leak)),
        ),
        Picture(
            "confidence",
            "How sure the room is (confidence)",
            "Confidence of each pixel: violet for unsure, green and yellow for claimed.",
            _webp(_confidence_layer(confidence)),
        ),
    ]


def jpeg_uri(data: bytes) -> str:
    """A JPEG picture as a data URI."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _call(call: tuple[int, bytes] | None) -> Iterator[Picture]:
    if call is not None:
        title = f"The call (frame {call[0]})"
        alt = "A frame of the call: the caller before the virtual background."
        yield Picture("call", title, alt, jpeg_uri(call[1]))


def _truth(truth_bgr: np.ndarray | None) -> Iterator[Picture]:
    if truth_bgr is not None:
        alt = "The real room, as it was given for comparison."
        yield Picture("truth", "The real room, as given", alt, _webp(truth_bgr))


def _png(saved: Saved, name: str, channels: int) -> np.ndarray:
    """A picture of the result: (H, W) or (H, W, channels) uint8, BGR or BGRA."""
    image = decode_image(saved.files[name], name, cv2.IMREAD_UNCHANGED)
    found = 1 if image.ndim == 2 else image.shape[2]
    size_wh = list(image.shape[1::-1])
    if found != channels or image.dtype != np.uint8 or size_wh != saved.said["input"]["size_wh"]:
        raise InputError(f"{name}: is not the picture of this result; recover the room anew")
    return image


def _opaque(picture_bgra: np.ndarray) -> np.ndarray:
    """What is shown at all, to be looked at: its confidence is a layer of its own."""
    picture = picture_bgra.copy()
    picture[..., 3] = np.where(picture[..., 3] >= round(SHOWN * 255), 255, 0)
    return picture


def _leak_layer(heat_bgr: np.ndarray) -> np.ndarray:
    """Heat colours, of which those for little are as transparent as they are dark."""
    return np.dstack([heat_bgr, _level_of(heat_bgr)])


def _level_of(heat_bgr: np.ndarray) -> np.ndarray:
    """The plane that `heat` made colours of, (H, W) uint8."""
    colors = heat(np.linspace(0, 1, 256, dtype=np.float32)[None])[0]
    table = np.zeros(1 << 24, np.uint8)
    table[_number(colors)] = np.arange(256, dtype=np.uint8)
    return table[_number(heat_bgr)]


def _number(color_bgr: np.ndarray) -> np.ndarray:
    return color_bgr.astype(np.int32) @ np.array([1, 1 << 8, 1 << 16])


def _confidence_layer(confidence: np.ndarray) -> np.ndarray:
    """Colours for a confidence, (H, W) uint8; transparent where nothing was seen."""
    colors = cv2.applyColorMap(confidence, cv2.COLORMAP_VIRIDIS)
    return np.dstack([colors, np.where(confidence > 0, 255, 0).astype(np.uint8)])


def _webp(picture: np.ndarray) -> str:
    """A picture as a data URI, at most `PICTURE_WIDTH` wide; what is transparent has no colour."""
    height, width = picture.shape[:2]
    if width > PICTURE_WIDTH:
        picture = shrunk(picture, (PICTURE_WIDTH, max(1, round(height * PICTURE_WIDTH / width))))
    data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1].tobytes()
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
