"""Make the pictures of the tutorial from the sample call.

`python -m tools.docs.pictures --browser chromium`
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from train.calls import Call, read_calls
from vader_rt.cli.exit_codes import exit_code
from vader_rt.errors import InputError, UsageError
from vader_rt.io.images import read_image
from vader_rt.io.video import open_video
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.result import Reconstruction, heat
from vader_rt.report import compose
from vader_rt.report.saved import Saved
from vader_rt.score import TOLERANCE, ciede2000

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "tests" / "data" / "sample"
MOMENTS = (0, 64)
"""Frames of the sample: one as it begins, and the one that leaks most."""
_TILE_WH = (640, 360)
_PAGE_WH, _REPORT_WH = (900, 2250), (700, 1750)
_QUALITY = 82
_NOTHING = 128
RIGHT_BGR, WRONG_BGR = (90, 200, 60), (60, 60, 230)


def pictures(call: Call, result: Reconstruction) -> dict[str, np.ndarray]:
    """The pictures by name, (H, W, 3) uint8 BGR, of what was recovered from a call."""
    room, moments = read_image(call.room), _moments(call.video)
    return {
        "tutorial_call": _row(*moments),
        "tutorial_found": _row(_on_grey(result.background_bgra), _on_grey(result.guess_bgra)),
        "tutorial_leak": _row(moments[-1], heat(result.strongest.leak)),
        "tutorial_truth": _row(room, checked(result.background, room, result.shown)),
    }


def checked(found_bgr: np.ndarray, room_bgr: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """The real room in grey; of what is shown, green has its colour, and red has not.

    Arguments and what is returned are (H, W, 3) uint8 BGR; shown is (H, W) bool.
    """
    grey = cv2.cvtColor(cv2.cvtColor(room_bgr, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    picture = grey // 2 + 96
    right = ciede2000(found_bgr, room_bgr) < TOLERANCE
    picture[shown & right] = RIGHT_BGR
    picture[shown & ~right] = WRONG_BGR
    return picture


def _moments(video: Path) -> list[np.ndarray]:
    frames = islice(open_video(video).frames(), MOMENTS[-1] + 1)
    return [frame for index, frame in enumerate(frames) if index in MOMENTS]


def _on_grey(picture_bgra: np.ndarray) -> np.ndarray:
    """A picture with alpha as it looks on grey; all that is shown at all is shown in full."""
    nothing = picture_bgra[..., 3:] == 0
    return np.where(nothing, np.uint8(_NOTHING), picture_bgra[..., :3])


def _row(*pictures_bgr: np.ndarray) -> np.ndarray:
    return np.hstack([cv2.resize(p, _TILE_WH, interpolation=cv2.INTER_AREA) for p in pictures_bgr])


def report_picture(call: Call, result: Reconstruction, browser: str) -> np.ndarray:
    """The top of the report as a browser shows it, (H, W, 3) uint8 BGR.

    Raises:
        UsageError: the browser does not run, or makes no picture.
    """
    page = compose.page(Saved.of(result.files()), video=call.video, truth_bgr=read_image(call.room))
    with TemporaryDirectory() as folder:
        html, png = Path(folder) / "report.html", Path(folder) / "report.png"
        html.write_bytes(page)
        size = f"--window-size={_PAGE_WH[0]},{_PAGE_WH[1]}"
        options = ["--headless=new", "--no-sandbox", "--hide-scrollbars", size]
        try:
            subprocess.run(
                [browser, *options, f"--screenshot={png}", html.as_uri()],
                check=True, capture_output=True, timeout=120,
            )  # fmt: skip
            return cv2.resize(read_image(png), _REPORT_WH, interpolation=cv2.INTER_AREA)
        except (OSError, subprocess.SubprocessError, InputError) as error:
            raise UsageError(f"--browser: {browser} makes no picture of a page ({error})") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tools.docs.pictures")
    add = parser.add_argument
    add("-o", "--output", type=Path, default=ROOT / "docs", help="default: docs of this project")
    add("--browser", metavar="PROGRAM", help="Chromium, for a picture of the report, too")
    args = parser.parse_args(argv)
    return exit_code("tools.docs.pictures", lambda: _write(args.output, args.browser))


def _write(folder: Path, browser: str | None) -> int:
    (call,) = read_calls(SAMPLE)
    result = reconstruct(call.video, engine="onnx-cpu", truth=call.room, mask=call.mask)
    made = {f"figures/{name}": picture for name, picture in pictures(call, result).items()}
    if browser is not None:
        made["report"] = report_picture(call, result, browser)
    for name, picture in made.items():
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        path = folder / f"{name}.jpg"
        path.write_bytes(encoded.tobytes())
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
