"""`vader-rt run VIDEO`, or `vader-rt VIDEO`: recover the real background from a video call."""

from __future__ import annotations

import argparse
import json
import re
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vader_rt.cli.exit_codes import EXIT_INTERRUPTED, EXIT_NOTHING_RECOVERED
from vader_rt.cli.gating import EXIT_CODES, Gate
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.options import (
    add_checkpoint_option,
    add_live_options,
    add_recovery_options,
    add_source_options,
    add_truth_options,
)
from vader_rt.cli.so_far import USUAL_SECONDS, SoFar, write_preview
from vader_rt.cli.streams import give, note, tell
from vader_rt.cli.written import check_written
from vader_rt.errors import UsageError

if TYPE_CHECKING:
    from vader_rt.cli.console import ProgressPrinter
    from vader_rt.pipeline.api import Progress
    from vader_rt.pipeline.result import Reconstruction

HELP = "recover the real room from a recording of a call; the word `run` may be left out"
INTERRUPTED = "interrupted before anything was recovered"
_PASSWORD = re.compile(r"://[^/@]*@")
_WRITTEN_BESIDE = ("metrics", "junit", "preview", "checkpoint")
EPILOG = f"""\
examples:
  vader-rt call.mp4                                   the room, into call.vader/
  vader-rt call.mp4 --virtual-background beach.jpg    better, where the picture is known
  vader-rt call.mp4 -o out --assert 'claimed<1%'      exit code 6 if more is claimed
  vader-rt call.mp4 --checkpoint call.ckpt            goes on if it was killed before

exit codes: 0 done, and all assertions passed; 1 a mistake of ours; 2 usage, or OUT cannot be
written; 3 input that cannot be read; 4 engine, device or system; 5 nothing recovered, where nothing
is asserted; {EXIT_CODES};
130 interrupted, what was recovered so far is written.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    add = parser.add_argument
    add(
        "video",
        nargs="+",
        metavar="VIDEO",
        help="recording of the call: a video, its parts one after the other, a list of them "
        "(parts.txt), a pattern ('part-*.mp4', 'frame-%%04d.png'), a folder of pictures; or a "
        "stream: rtsp://…, http://…, camera:0, or - for standard input",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="folder for the result (default: <video stem>.vader)",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace the result in OUT even if it is of another recording",
    )
    add_source_options(parser)
    add_live_options(parser)
    add_checkpoint_option(parser)
    add_recovery_options(parser)
    add_truth_options(parser)
    add(
        "--report",
        action="store_true",
        help="write report.html beside the result, to look at and to hand on",
    )
    add("--json", action="store_true", help="print result.json to stdout")
    add("--quiet", action="store_true", help="print no progress")


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Recover the room, and return the exit code."""
    with interrupts.held():
        from vader_rt.cli.console import ProgressPrinter
        from vader_rt.io.files import check_place
        from vader_rt.pipeline.save import check_output

    gate, folder = _gate(args), args.output or Path(f"{_stem(args.video[0])}.vader")
    video = Path(args.video[0]) if len(args.video) == 1 else None
    inputs = _inputs(args)
    written = {f"--{name}": getattr(args, name) for name in _WRITTEN_BESIDE}
    check_written(written, inputs=inputs, results=[folder])
    check_output(folder, video=video, inputs=inputs, overwrite=args.overwrite)
    gate.begin()
    if args.preview is not None:
        check_place(args.preview, "PNG picture", b"\x89PNG")
    with ProgressPrinter(quiet=args.quiet) as printer, _so_far(args, folder) as so_far:
        result = _recover(args, printer, so_far, interrupts)
    if result is None:
        raise KeyboardInterrupt
    result = _signed(result, args)
    files = result.files()
    failed = _add_page(files, args, interrupts) if args.report else None
    _save(result, files, folder, overwrite=args.overwrite)
    _end_checkpoint(args.checkpoint, result)
    if failed is not None:
        tell(f"vader-rt: the result is in {folder}; no report could be made of it")
        raise failed
    unheard = _print(result, folder, args)
    if interrupts.seen:
        how = "is complete" if result.report["complete"] else "is what was recovered by then"
        tell(f"vader-rt: interrupted; the result in {folder} {how}")
        return EXIT_INTERRUPTED
    return _exit_code(result, gate) or unheard


def _end_checkpoint(path: Path | None, result: Reconstruction) -> None:
    """Remove the checkpoint of a job that is done; say what it is for where it is not."""
    from vader_rt.pipeline.checkpoint import remove_checkpoint

    if path is None:
        return
    if result.whole:
        remove_checkpoint(path)
    elif path.exists():
        tell(f"vader-rt: not all is done; the same command goes on from {path}")


def _so_far(args: argparse.Namespace, folder: Path) -> SoFar:
    def write(result: Reconstruction) -> None:
        if args.preview is not None:
            write_preview(args.preview, result)
        if args.every is not None:
            signed = _signed(result, args)
            _save(signed, signed.files(), folder, overwrite=args.overwrite)

    usual = None if args.preview is None else USUAL_SECONDS
    return SoFar(args.every or usual, write)


def _signed(result: Reconstruction, args: argparse.Namespace) -> Reconstruction:
    return result.with_report(command_line=said_words(args))


def _stem(word: str) -> str:
    """The name of a recording without its ending, and without what makes it a pattern."""
    return re.sub(r"%0?\d*d|[*?\[\]]+", "", Path(word).absolute().stem).strip("-_. ") or "recording"


def _gate(args: argparse.Namespace) -> Gate:
    if args.fail_above is not None:
        tell(f"vader-rt: --fail-above is old; write --assert 'claimed<={args.fail_above}'")
        args.assertions = [*args.assertions, f"claimed<={args.fail_above}"]
    return Gate.of(args)


def _inputs(args: argparse.Namespace) -> list[Path]:
    """The files and folders that the command line names, but for what is written."""
    written = ("output", *_WRITTEN_BESIDE)
    given = {name: value for name, value in vars(args).items() if name not in written}
    paths = [*map(Path, given.pop("video")), *given.pop("assert_file"), *given.values()]
    return [path for path in paths if isinstance(path, Path)]


def said_words(args: argparse.Namespace) -> list[str]:
    """The command line, as result.json repeats it."""
    from vader_rt.pipeline.options import without_folders

    words = args.words if args.full_paths else map(without_folders, args.words)
    return ["vader-rt", *(_PASSWORD.sub("://***@", word) for word in words)]


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The `Options`, which are called as on the command line."""
    from vader_rt.pipeline.options import Options

    return {option.name: getattr(args, option.name) for option in fields(Options)}


def _recover(
    args: argparse.Namespace, printer: ProgressPrinter, so_far: SoFar, interrupts: Interrupts
) -> Reconstruction | None:
    """Run to the end, or until the user wants it to end: then with what there is by then."""
    from vader_rt.pipeline.api import reconstruct_stream

    progress: Progress | None = None
    source = args.video[0] if len(args.video) == 1 else args.video
    try:
        with closing(reconstruct_stream(source, **_options(args))) as stream:
            for progress in stream:
                printer.update(progress)
                so_far.update(progress)
                interrupts.check()
        interrupts.hold()
    except (KeyboardInterrupt, Exception):
        if not interrupts.seen:
            raise
    return progress.snapshot() if progress else None


def _whole_file(args: argparse.Namespace) -> Path | None:
    """The recording, if it is one file of which nothing was left out."""
    is_whole = args.start == 0 and args.end is None and args.roi is None and args.tile is None
    if len(args.video) > 1 or not is_whole or not Path(args.video[0]).is_file():
        return None
    return Path(args.video[0])


def _add_page(
    files: dict[str, bytes], args: argparse.Namespace, interrupts: Interrupts
) -> Exception | None:
    """Add the report to the files of a result; what went wrong with it, if anything did.

    Whoever wants an end gets it without another reading of the recording.
    """
    from vader_rt.io.images import read_image
    from vader_rt.pipeline.save import PAGE_FILE
    from vader_rt.report.compose import page
    from vader_rt.report.saved import Saved

    try:
        hurried = interrupts.seen or args.time_limit is not None
        truth = None if args.truth is None else read_image(args.truth)
        video = None if hurried else _whole_file(args)
        files[PAGE_FILE] = page(Saved.of(files), video=video, truth_bgr=truth)
    except Exception as error:  # the result is worth more than its report
        return error
    return None


def _save(
    result: Reconstruction, files: dict[str, bytes], folder: Path, *, overwrite: bool
) -> None:
    """Write the result to its folder or, where that fails, to another place.

    Raises:
        UsageError: it could not be written to its folder.
    """
    from vader_rt.pipeline.save import write_elsewhere, write_result

    try:
        write_result(folder, files, result.recording, overwrite=overwrite)
    except UsageError as error:
        kept = write_elsewhere(folder, files)
        where = f"is kept in {kept}" if kept else "is lost: no other place could be written either"
        raise UsageError(f"{error}; the result {where}") from None


def _print(result: Reconstruction, folder: Path, args: argparse.Namespace) -> int:
    """Print what was asked for; the exit code if that fails, as the result is safe already."""
    from vader_rt.cli.console import summary
    from vader_rt.pipeline.save import PAGE_FILE

    try:
        if args.json:
            give(json.dumps(result.signed_report))
        if not args.quiet:
            page = folder / PAGE_FILE if args.report else None
            (note if args.json else give)(summary(result, folder, page=page))
    except UsageError as error:
        tell(f"vader-rt: {error}; the result is in {folder}")
        return error.exit_code
    return 0


def _named(result: Reconstruction) -> dict[str, Any]:
    return {str(result.report["input"]["name"]): result.report}


def _exit_code(result: Reconstruction, gate: Gate) -> int:
    """Whether it passes the gate, if there is one; else, whether anything was recovered."""
    if gate.assertions:
        return gate.conclude(_named(result))
    gate.conclude(_named(result))
    if result.is_empty:
        found = "what could be read of this call" if result.is_damaged else "this call"
        tell(f"vader-rt: nothing was recovered: no leak was found in {found}")
        return EXIT_NOTHING_RECOVERED
    return 0
