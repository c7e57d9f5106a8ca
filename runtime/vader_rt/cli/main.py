"""`vader-rt VIDEO`: recover the real background from a video call. `vader-rt doctor`: check it."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vader_rt import __version__
from vader_rt.cli.exit_codes import EXIT_GATE_EXCEEDED, EXIT_INTERRUPTED, EXIT_NOTHING_RECOVERED
from vader_rt.errors import EngineError, UsageError, VaderError

if TYPE_CHECKING:
    from vader_rt.cli.console import ProgressPrinter
    from vader_rt.pipeline.api import Progress
    from vader_rt.pipeline.result import Reconstruction

_EPILOG = """\
exit codes: 0 done; 2 usage; 3 input that cannot be read; 4 engine or device; 5 nothing recovered;
6 more recovered than --fail-above allows; 130 interrupted, what was recovered so far is written.

`vader-rt doctor` checks this installation; a recording of that name is `./doctor`.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    is_doctor = words[:1] == ["doctor"]
    try:
        if is_doctor:
            return _doctor(_doctor_parser().parse_args(words[1:]))
        return _run(_parser().parse_args(words))
    except VaderError as error:
        print(f"vader-rt: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        before = "" if is_doctor else " before anything was recovered"
        print(f"vader-rt: interrupted{before}", file=sys.stderr)
        return EXIT_INTERRUPTED


def _doctor_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vader-rt doctor",
        description="Check this installation: what is here, what runs, whether it is right.",
        epilog="exit codes: 0 all is well, or was skipped for a reason; 4 a check failed.",
    )
    add = parser.add_argument
    add("--json", action="store_true", help="print the report as JSON to stdout")
    add(
        "--model",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="copies of the package's models in another precision, or engines of them",
    )
    add("--frames", type=_count, default=100, metavar="N", help="per round (default: %(default)s)")
    _add_machine_options(parser)
    return parser


def _doctor(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from vader_rt.doctor.checks import Check, examine

    if Path("doctor").exists():
        print(
            "vader-rt: doctor is a command; the recording of that name is ./doctor", file=sys.stderr
        )
    checks: list[Check] = []
    for check in examine(
        models=args.model,
        frames=max(args.frames, 2),
        threads=args.threads,
        device_memory=args.device_memory,
    ):
        checks.append(check)
        stream = sys.stderr if args.json else sys.stdout
        print(f"{check.state:8} {check.name:27} {check.detail}", file=stream, flush=True)
    failed = [check.name for check in checks if check.state == "failed"]
    if args.json:
        report = {"ok": not failed, "failed": failed, "checks": [asdict(c) for c in checks]}
        print(json.dumps(report, ensure_ascii=False))
    elif failed:
        print(f"\nfailed: {', '.join(failed)}")
    else:
        print("\nall is well")
    return EngineError.exit_code if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vader-rt",
        description="Recover the real background from a video call with a virtual one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("video", type=Path, metavar="VIDEO", help="recording of the call")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="folder for the result (default: <video stem>.vader)",
    )
    _add_virtual_options(parser)
    _add_model_options(parser)
    _add_machine_options(parser)
    _add_work_options(parser)
    _add_gate_options(parser)
    add("--json", action="store_true", help="print result.json to stdout")
    add("--quiet", action="store_true", help="print no progress")
    add("--version", action="version", version=f"vader-rt {__version__}")
    return parser


def _add_virtual_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    virtual = parser.add_mutually_exclusive_group().add_argument
    virtual("--virtual-background", type=Path, metavar="IMG", help="the virtual image, if known")
    virtual(
        "--virtual-library",
        type=Path,
        metavar="DIR",
        help="pictures among which the virtual image may be; it is used if it is found",
    )
    add(
        "--fill",
        action="store_true",
        help="continue the room into what was never seen, instead of the virtual background; "
        "alpha and confidence stay 0 there",
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, metavar="FILE", help="frame model (.onnx, .engine) of your own")
    add(
        "--restore",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether the restoration network corrects the room by vote (default: it does)",
    )
    add(
        "--restoration",
        type=Path,
        metavar="FILE",
        help="correct the room by a restoration model of your own",
    )
    add(
        "--judge",
        type=Path,
        metavar="FILE",
        help="take the confidence from a judge of your own; with --restoration there is no other",
    )
    add(
        "--person-model",
        type=Path,
        metavar="FILE",
        help="tell the judge where the caller is by a person segmenter of your own (.onnx)",
    )
    add(
        "--engine",
        choices=("auto", "tensorrt", "onnx-cuda", "openvino", "onnx-cpu"),
        default="auto",
        help="default: %(default)s",
    )


def _add_work_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cpu-features", action="store_true", help="never make the features with OpenCV's CUDA")
    add(
        "--frames",
        type=_frames,
        default="auto",
        metavar="N",
        help="how many frames go through the network, chosen all over the call: a number, `all`, "
        "or `auto` (default), 80 to 400 by its length",
    )
    add(
        "--time-limit",
        type=_seconds,
        metavar="SECONDS",
        help="finish with what there is after so many seconds",
    )


def _add_gate_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--truth", type=Path, metavar="ROOM", help="picture of the real room, for a score")
    add("--mask", type=Path, metavar="MASK", help="the true leak's maximum over time, for a score")
    add(
        "--fail-above",
        type=_share,
        metavar="SHARE",
        help="exit with 6 if a larger share of the picture is recovered",
    )


def _add_machine_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--device-memory",
        choices=("cuda-python", "pycuda"),
        help="package for the GPU's memory with TensorRT (default: the one that is installed)",
    )
    add("--threads", type=_count, default=0, metavar="N", help="CPU threads (default: all cores)")


def _run(args: argparse.Namespace) -> int:
    from vader_rt.cli.console import ProgressPrinter
    from vader_rt.pipeline.result import check_output

    if (args.truth is None) != (args.mask is None):
        raise UsageError("--truth and --mask belong together: the room, and where it leaks")
    folder = args.output or Path(f"{args.video.stem}.vader")
    check_output(folder)
    with ProgressPrinter(quiet=args.quiet) as printer:
        result, interrupted = _recover(args, printer)
    if result is None:
        raise KeyboardInterrupt
    result.save(folder)
    _print(result, folder, args)
    return _exit_code(result, interrupted, args.fail_above)


def _recover(
    args: argparse.Namespace, printer: ProgressPrinter
) -> tuple[Reconstruction | None, bool]:
    """Run to the end, or to the user's Ctrl-C: then with what there is by then."""
    from vader_rt.pipeline.api import reconstruct_stream

    progress: Progress | None = None
    try:
        for progress in reconstruct_stream(
            args.video,
            model=args.model,
            restoration=args.restoration,
            restore=args.restore,
            judge=args.judge,
            person_model=args.person_model,
            engine=args.engine,
            virtual_background=args.virtual_background,
            virtual_library=args.virtual_library,
            fill=args.fill,
            truth=args.truth,
            mask=args.mask,
            threads=args.threads,
            device_memory=args.device_memory,
            cpu_features=args.cpu_features,
            frames=args.frames,
            time_limit=args.time_limit,
        ):
            printer.update(progress)
    except KeyboardInterrupt:
        return (progress.snapshot() if progress else None), True
    assert progress is not None
    return progress.result, False


def _print(result: Reconstruction, folder: Path, args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps(result.report, ensure_ascii=False))
    if not args.quiet:
        from vader_rt.cli.console import summary

        print(summary(result, folder), file=sys.stderr if args.json else sys.stdout)


def _exit_code(result: Reconstruction, interrupted: bool, fail_above: float | None) -> int:
    if interrupted:
        return EXIT_INTERRUPTED
    if result.is_empty:
        print("vader-rt: nothing was recovered: no leak was found in this call", file=sys.stderr)
        return EXIT_NOTHING_RECOVERED
    if fail_above is not None and result.coverage > fail_above:
        print(
            f"vader-rt: {result.coverage:.4f} of the picture was recovered, "
            f"more than --fail-above {fail_above}",
            file=sys.stderr,
        )
        return EXIT_GATE_EXCEEDED
    return 0


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return value


def _frames(text: str) -> int | Literal["auto", "all"]:
    if text == "auto":
        return "auto"
    if text == "all":
        return "all"
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not `auto`, `all` or a number of frames")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of threads, 0 or more")
    return int(text)
