"""`vader-rt report RESULT`: one HTML file for people, of a result that is there already."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give, printable, tell
from vader_rt.errors import InputError

if TYPE_CHECKING:
    from vader_rt.report.saved import Saved

HELP = "make one HTML file of a result, to look at and to hand on"
INTERRUPTED = "interrupted; nothing was written"
EPILOG = """\
examples:
  vader-rt report call.vader                     → call.vader/report.html
  vader-rt report call.vader --video call.mp4    with pictures of all the frames that it names
  vader-rt report call.vader -o call.html        elsewhere

exit codes: 0 done; 2 usage, or FILE cannot be written; 3 RESULT is no result, or an input cannot be
read.
"""
_START = b"<!doctype html>\n"


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    add = parser.add_argument
    add("result", type=Path, metavar="RESULT", help="folder of a result")
    add("--video", type=Path, metavar="VIDEO", help="its recording, for pictures of its frames")
    add("--truth", type=Path, metavar="ROOM", help="picture of the real room, to compare with")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write it (default: report.html in RESULT)",
    )


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Make the report, and return the exit code."""
    with interrupts.held():
        from vader_rt.io.files import check_place, write_bytes
        from vader_rt.io.images import read_image
        from vader_rt.pipeline.save import PAGE_FILE, write_page
        from vader_rt.report.compose import page
        from vader_rt.report.frames import check_recording
        from vader_rt.report.saved import Saved

    if args.output is not None:
        check_place(args.output, "report", _START)
    saved = Saved.in_folder(args.result)
    with _of_ours(args.result):
        if args.video is not None:
            check_recording(saved, args.video)
        truth = None if args.truth is None else read_image(args.truth)
        html = page(saved, video=args.video, truth_bgr=truth)
    interrupts.hold()
    if args.output is None:
        write_page(args.result, html, _report(saved))
    else:
        write_bytes(args.output, html)
    for name in saved.altered:
        tell(f"vader-rt: {args.result / name}: was changed later on; the report says so")
    give(printable(f"report    {args.output or args.result / PAGE_FILE}"))
    return 0


def _report(saved: Saved) -> bytes:
    from vader_rt.pipeline.save import REPORT_FILE

    return saved.files[REPORT_FILE]


@contextmanager
def _of_ours(folder: Path) -> Iterator[None]:
    """Others may have written a result: what cannot be made sense of is their mistake.

    Raises:
        InputError: instead of what entries that are missing, or of another type, lead to.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"{folder}: is not what vader-rt writes ({what})") from error
