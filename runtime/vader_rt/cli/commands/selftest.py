"""`vader-rt selftest`: for makers of clients, what theirs truly leaks."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vader_rt.cli.exit_codes import EXIT_NOTHING_RECOVERED
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give, note, printable, tell
from vader_rt.cli.values import add_machine_options, frames
from vader_rt.errors import UsageError

if TYPE_CHECKING:
    from vader_rt.pipeline.result import Reconstruction
    from vader_rt.selftest.job import Recover, SelfTest

HELP = "for makers of clients: measure what a client truly leaks, with the camera's picture at hand"
INTERRUPTED = "interrupted; nothing was written"
EPILOG = """\
examples:
  vader-rt selftest --pair camera.mp4 call.mp4        the same moment before and after the client
  vader-rt selftest --pair camera.mp4 call.mp4 --virtual-background beach.jpg     more exact
  vader-rt selftest --client-masks masks/ --camera camera.mp4     masks/0000.png, 0001.png, …

exit codes: 0 done; 1 a mistake of ours; 2 usage, or OUT cannot be written; 3 input that cannot be
read, or recordings that do not belong together or cannot tell what leaks, as where nothing is
masked; 4 engine, device or system; 5 done, and nothing was recovered from the call; 130
interrupted, nothing is written.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True).add_argument
    what(
        "--pair",
        type=Path,
        nargs=2,
        metavar=("CAMERA", "CALL"),
        help="the same moment, recorded before and after the client, in the same framing",
    )
    what(
        "--client-masks",
        type=Path,
        metavar="MASKS",
        help="the client's own masks of CAMERA's frames, white = the person: a grey video, or a "
        "folder of pictures named by frame; the call is composed of them",
    )
    add("--camera", type=Path, metavar="CAMERA", help="the recording that MASKS belong to")
    add(
        "--virtual-background",
        type=Path,
        metavar="IMG",
        help="the virtual image: of CALL if it is known, or to compose one with (default: drawn)",
    )
    add(
        "--person-masks",
        type=Path,
        metavar="MASKS",
        help="where the person really is in CAMERA's frames; else a person segmenter says it",
    )
    add("-o", "--output", type=Path, metavar="OUT", help="folder (default: <stem>.selftest)")
    add(
        "--overwrite",
        action="store_true",
        help="replace the result in OUT even if it is of another call",
    )
    add("--frames", type=frames, default="auto", metavar="N", help="see `vader-rt run`")
    add_machine_options(parser)
    add("--json", action="store_true", help="print what was found to stdout as JSON")
    add("--quiet", action="store_true", help="print no progress")


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Test the client, and return the exit code."""
    _check_usage(args)
    with interrupts.held():
        from vader_rt.cli.console import ProgressPrinter
        from vader_rt.pipeline.save import check_output, write_result

    camera, call = args.pair or (args.camera, None)
    folder = args.output or Path(f"{(call or camera).stem}.selftest")
    inputs = [*(args.pair or ()), args.client_masks, args.camera, args.virtual_background]
    given = [path for path in (*inputs, args.person_masks) if path is not None]
    check_output(folder, video=call, inputs=given, overwrite=args.overwrite)
    with ProgressPrinter(quiet=args.quiet) as printer:
        tested = _tested(args, folder, _recover_with(printer.update, interrupts))
    interrupts.hold()
    tested = _with_command_line(tested, args)
    write_result(folder, tested.files(), tested.result.recording, overwrite=args.overwrite)
    _print(tested, folder, args)
    return EXIT_NOTHING_RECOVERED if tested.result.is_empty else 0


def _check_usage(args: argparse.Namespace) -> None:
    if args.pair is not None and args.camera is not None:
        raise UsageError("--camera goes with --client-masks; --pair names the camera's recording")
    if args.client_masks is not None and args.camera is None:
        raise UsageError("--client-masks needs --camera CAMERA, the recording that they belong to")


def _tested(args: argparse.Namespace, folder: Path, recover: Recover) -> SelfTest:
    from vader_rt.pipeline.save import check_output
    from vader_rt.selftest.job import client_masks, pair

    options: dict[str, Any] = {
        "person_masks": args.person_masks,
        "virtual_background": args.virtual_background,
        "frames": args.frames,
        "threads": args.threads,
        "device_memory": args.device_memory,
    }
    if args.pair is not None:
        return pair(*args.pair, recover=recover, **options)

    def recover_here(call: Path, **options: Any) -> Reconstruction:
        """Before that takes its time: the composed call is known by now, and so if it fits OUT."""
        check_output(folder, video=call, overwrite=args.overwrite)
        return recover(call, **options)

    with _temporary() as place:
        call = place / "call.mp4"
        return client_masks(args.client_masks, args.camera, call, recover=recover_here, **options)


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vader-rt-") as place:
        yield Path(place)


def _recover_with(update: Any, interrupts: Interrupts) -> Recover:
    """Recovers a call and shows its progress."""
    from vader_rt.pipeline.api import reconstruct_stream

    def recover(call: Path, **options: Any) -> Reconstruction:
        result = None
        for progress in reconstruct_stream(call, **options):
            update(progress)
            interrupts.check()
            result = progress.result
        assert result is not None
        return result

    return recover


def _with_command_line(tested: SelfTest, args: argparse.Namespace) -> SelfTest:
    from dataclasses import replace

    from vader_rt.pipeline.options import without_folders

    words = ["vader-rt", *map(without_folders, args.words)]
    return replace(tested, result=tested.result.with_report(command_line=words))


def _print(tested: SelfTest, folder: Path, args: argparse.Namespace) -> None:
    report = tested.result.report
    found = report["selftest"]
    try:
        if args.json:
            give(json.dumps(found))
        if not args.quiet:
            (note if args.json else give)("\n".join(map(printable, summary(report, folder))))
    except UsageError as error:
        tell(f"vader-rt: {error}; the result is in {folder}")
        raise


def summary(report: dict[str, Any], folder: Path) -> Iterator[str]:
    """What was found, in a few lines. report: as in result.json. folder: where it lies."""
    found = report["selftest"]
    leak, scores = found["leak"], found["scores"]
    yield (
        f"leak      {leak['mean']:.2%} of the picture in a frame on average, "
        f"95th percentile {leak['p95']:.2%}, worst {leak['max']:.2%}"
    )
    yield (
        f"ever      {leak['ever']:.1%} of the picture leaked at some time by a tenth or more, "
        f"{leak['ever_half']:.1%} by half"
    )
    if found["lag_frames"] is not None:
        yield f"lag       {_counted(found['lag_frames'])} of the mask behind the person"
    if scores is not None:
        yield f"score     {scores['challenge']:.3f} of what leaked was recovered in its colour"
    for word in ("shown", "claimed"):
        yield f"{word:9} {_said(found[word])}"
    yield f"camera    {found['camera']['name']}"
    composed = found["kind"] == "client_masks"
    yield f"call      {'composed of it and the masks' if composed else report['input']['name']}"
    yield f"measured  in {found['frames']} frames; {_sources(found)}"
    warnings = report["warnings"]
    yield from (f"warning   {sentence}" for sentence in warnings)
    yield from (f"note      {sentence}" for sentence in found["notes"] if sentence not in warnings)
    yield f"pictures  {folder / 'true_leak.png'}, {folder / 'true_room.png'}"
    yield f"recovered {folder / 'background.png'}"


def _counted(frames: int) -> str:
    return f"{frames or 'no'} frame{'' if frames == 1 else 's'}"


def _said(judged: dict[str, Any]) -> str:
    share = f"{judged['share']:.2%} of the picture as room"
    if judged["right"] is None:
        return share
    return f"{share}, of which {judged['right']:.0%} is right"


def _sources(found: dict[str, Any]) -> str:
    """Where the figures come from."""
    who = {"given": "the given person masks", "segmenter": "person segmenters and the room"}
    behind = {"given": "given", "estimated": "estimated"}[found["virtual"]]
    mask = "the client's masks" if found["kind"] == "client_masks" else "masks from the pair"
    return f"{mask}, {who[found['persons']]}, virtual background {behind}"
