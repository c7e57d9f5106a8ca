"""What frames look like: upright, and in the colours that were recorded."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.vader_rt.io.made import gradient, write
from vader_rt.io.frames import same_shape
from vader_rt.io.video import open_video

SIZE_WH = (160, 96)
COMPRESSED = 5  # mean levels; YUV in 8 bit and the codec's default rate move this picture by 3


def with_matrix(path: Path, *matrix: int) -> Path:
    """Patch the display matrix of the track header: right, down, left and up, each −1, 0 or 1."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    for offset, value in zip((0, 4, 12, 16), matrix, strict=True):
        data[start + offset : start + offset + 4] = (value << 16).to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path


UPRIGHT = {
    "as stored": ((1, 0, 0, 1), lambda image: image),
    "a quarter clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, 3)),
    "upside down": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "a quarter back": ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "mirrored upside down": ((1, 0, 0, -1), np.flipud),
    "axes swapped": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "axes swapped, then half a turn": (
        (0, -1, -1, 0), lambda image: np.rot90(image.transpose(1, 0, 2), 2)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UPRIGHT)
def test_the_display_matrix_is_applied(name: str, tmp_path: Path) -> None:
    matrix, shown = UPRIGHT[name]
    video = open_video(with_matrix(write(tmp_path / "phone.mp4", [gradient(SIZE_WH)]), *matrix))
    (found,) = video.frames()
    expected = shown(gradient(SIZE_WH))
    assert found.shape == expected.shape
    assert found.flags.c_contiguous
    assert np.abs(found.astype(int) - expected).mean() < COMPRESSED
    assert (video.losses(), video.notes()) == ([], [])


WEIGHTS = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}
"""What red and blue weigh in the brightness (ITU-T H.273)."""
PATCHES = [
    (0.2, 0.0, 0.0),
    (0.6, 0.1, -0.2),
    (0.5, -0.25, 0.1),
    (0.4, -0.1, -0.15),
    (0.8, 0.05, 0.1),
]


def bgr(patch: tuple[float, float, float], matrix: str) -> np.ndarray:
    """A colour of brightness in [0, 1] and blue and red differences in [−½, ½], in levels."""
    luma, blue_off, red_off = patch
    red_weight, blue_weight = WEIGHTS[matrix]
    red, blue = luma + 2 * (1 - red_weight) * red_off, luma + 2 * (1 - blue_weight) * blue_off
    green = (luma - red_weight * red - blue_weight * blue) / (1 - red_weight - blue_weight)
    return np.clip(np.array([blue, green, red]), 0, 1) * 255


def coded(patch: tuple[float, float, float], bits: int, *, full: bool) -> list[int]:
    """The same as a video of so many bits has it, in its full range or the usual one."""
    unit = 1 << (bits - 8)
    offset, luma_span, chroma_span = (0, 255, 255) if full else (16, 219, 224)
    if full:
        return [
            round(patch[0] * (256 * unit - 1)),
            *(128 * unit + round(part * (256 * unit - 1)) for part in patch[1:]),
        ]
    return [
        round((offset + luma_span * patch[0]) * unit),
        *(round((128 + chroma_span * part) * unit) for part in patch[1:]),
    ]


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
def test_colours_are_those_of_the_matrix_range_and_depth(
    matrix: str, full: bool, bits: int, tmp_path: Path
) -> None:
    """Against the definition, not against FFmpeg: by another matrix some are off by 20 levels."""
    pix_fmt = "yuv444p" if bits == 8 else "yuv444p10le"
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = pix_fmt
        stream.options = {"colorspace": matrix, "color_range": "pc" if full else "tv"}
        for patch in PATCHES:
            frame = av.VideoFrame(*SIZE_WH, pix_fmt)
            for plane, value in zip(frame.planes, coded(patch, bits, full=full), strict=True):
                dtype = np.uint8 if bits == 8 else np.dtype("<u2")
                plane.update(np.full(plane.buffer_size // np.dtype(dtype).itemsize, value, dtype))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for frame, patch in zip(open_video(tmp_path / "a.mkv").frames(), PATCHES, strict=True):
        # rounding in the video and of the conversion
        assert np.abs(frame.mean(axis=(0, 1)) - bgr(patch, matrix)).max() < 2


@pytest.mark.parametrize(
    ("size_wh", "other_wh", "same"),
    [
        ((1280, 720), (640, 360), True),
        ((1280, 720), (160, 90), True),
        ((1280, 720), (160, 88), True),
        ((1280, 720), (720, 1280), False),
        ((1280, 720), (640, 480), False),
    ],
)
def test_same_shape(size_wh: tuple[int, int], other_wh: tuple[int, int], same: bool) -> None:
    assert same_shape(size_wh, other_wh) == same
