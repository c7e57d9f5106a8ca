"""Small videos and pictures of every kind, whole and damaged."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def gradient(size_wh: tuple[int, int], shift: int = 0) -> np.ndarray:
    """A smooth picture, brighter to the right and to the bottom, moved by `shift` levels."""
    width, height = size_wh
    x = np.linspace(40, 160, width)[None, :] + np.linspace(0, 40, height)[:, None] + shift
    return np.repeat(x[..., None], 3, axis=2).astype(np.uint8)


def write(
    path: Path,
    frames: list[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    container_format: str | None = None,
    pts: list[int] | None = None,
    tick: Fraction = Fraction(1, 1000),
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Write BGR or BGRA frames with any codec and pixel format."""
    given = "bgra" if frames[0].shape[2] == 4 else "bgr24"
    with av.open(str(path), "w", format=container_format, options=options or {}) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = frames[0].shape[1::-1]
        stream.pix_fmt, stream.options = pix_fmt, codec_options or {}
        if pts is not None:
            stream.codec_context.time_base = tick
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format=given).reformat(format=pix_fmt)
            if pts is not None:
                frame.pts, frame.time_base = pts[index], tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def noise(size_wh: tuple[int, int], count: int) -> list[np.ndarray]:
    """Pictures of noise, in which no frame is like another."""
    width, height = size_wh
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(count)]


def packet_place(path: Path, index: int) -> tuple[int, int]:
    """Where a packet of a video begins in its file, and where it ends."""
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][index]
        return packet.pos, packet.pos + packet.size


def overwrite(path: Path, start: int, data: bytes) -> Path:
    """Write some bytes into a file."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)
    return path


def png_of(size_wh: tuple[int, int]) -> bytes:
    """A PNG that says that it is so large, and holds next to nothing."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", *size_wh, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
