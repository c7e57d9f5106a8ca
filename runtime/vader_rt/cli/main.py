"""`vader-rt VIDEO`: recover the real background from a video call. `vader-rt doctor`: check it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vader_rt.cli.exit_codes import (
    EXIT_GATE_EXCEEDED,
    EXIT_GATE_UNDECIDED,
    EXIT_INTERRUPTED,
    EXIT_NOTHING_RECOVERED,
    exit_code,
)
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.parser import call_parser, doctor_parser
from vader_rt.cli.streams import give, note, printable, tell
from vader_rt.errors import EngineError, UsageError

if TYPE_CHECKING:
    from vader_rt.cli.console import ProgressPrinter
    from vader_rt.pipeline.api import Progress
    from vader_rt.pipeline.result import Reconstruction


def main(argv: Sequence[str] | None = None, *, interrupts: Interrupts | None = None) -> int:
    """Run the command line and return its exit code.

    interrupts: those of the process, if it is all ours.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    is_doctor = words[:1] == ["doctor"]
    with nullcontext(interrupts) if interrupts else Interrupts() as signals:

        def job() -> int:
            if is_doctor:
                return _doctor(doctor_parser().parse_args(words[1:]), signals)
            return _run(call_parser().parse_args(words), signals)

        so_far = "interrupted" if is_doctor else "interrupted before anything was recovered"
        return exit_code("vader-rt", job, interrupted=so_far, debug="--debug" in words)


def _doctor(args: argparse.Namespace, interrupts: Interrupts) -> int:
    with interrupts.held():
        from vader_rt.doctor.checks import Check, examine
        from vader_rt.io.cpus import threads_for

    if Path("doctor").exists():
        tell("vader-rt: doctor is a command; the recording of that name is ./doctor")
    checks: list[Check] = []
    for check in examine(
        models=args.model,
        frames=max(args.frames, 2),
        threads=args.threads and threads_for(args.threads),
        device_memory=args.device_memory,
    ):
        interrupts.check()  # a check takes any error for its result
        checks.append(check)
        line = printable(f"{check.state:8} {check.name:27} {check.detail}")
        (note if args.json else give)(line)
    failed = [check.name for check in checks if check.state == "failed"]
    if args.json:
        report = {"ok": not failed, "failed": failed, "checks": [asdict(c) for c in checks]}
        give(json.dumps(report))
    else:
        give(f"\nfailed: {', '.join(failed)}" if failed else "\nall is well")
    return EngineError.exit_code if failed else 0


def _run(args: argparse.Namespace, interrupts: Interrupts) -> int:
    with interrupts.held():
        from vader_rt.cli.console import ProgressPrinter
        from vader_rt.pipeline.save import check_output

    folder = args.output or Path(f"{args.video.stem}.vader")
    check_output(folder, video=args.video, inputs=_inputs(args), overwrite=args.overwrite)
    with ProgressPrinter(quiet=args.quiet) as printer:
        result = _recover(args, printer, interrupts)
    if result is None:
        raise KeyboardInterrupt
    _save(result, folder, overwrite=args.overwrite)
    unheard = _print(result, folder, args)
    if interrupts.seen:
        how = "is complete" if result.report["complete"] else "is what was recovered by then"
        tell(f"vader-rt: interrupted; the result in {folder} {how}")
        return EXIT_INTERRUPTED
    return _exit_code(result, args.fail_above) or unheard


def _inputs(args: argparse.Namespace) -> list[Path]:
    """The files and folders that the command line names, but for the output."""
    given = {name: value for name, value in vars(args).items() if name != "output"}
    return [value for value in given.values() if isinstance(value, Path)]


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The `Options`, which are called as on the command line."""
    from vader_rt.pipeline.options import Options

    return {option.name: getattr(args, option.name) for option in fields(Options)}


def _recover(
    args: argparse.Namespace, printer: ProgressPrinter, interrupts: Interrupts
) -> Reconstruction | None:
    """Run to the end, or until the user wants it to end: then with what there is by then."""
    from vader_rt.pipeline.api import reconstruct_stream

    progress: Progress | None = None
    try:
        for progress in reconstruct_stream(args.video, **_options(args)):
            printer.update(progress)
            interrupts.check()
        interrupts.hold()
    except (KeyboardInterrupt, Exception):
        if not interrupts.seen:
            raise
    return progress.snapshot() if progress else None


def _save(result: Reconstruction, folder: Path, *, overwrite: bool) -> None:
    """Write the result to its folder or, where that fails, to another place.

    Raises:
        UsageError: it could not be written to its folder.
    """
    from vader_rt.pipeline.save import write_elsewhere, write_result

    files = result.files()
    try:
        write_result(folder, files, result.recording, overwrite=overwrite)
    except UsageError as error:
        kept = write_elsewhere(folder, files)
        where = f"is kept in {kept}" if kept else "is lost: no other place could be written either"
        raise UsageError(f"{error}; the result {where}") from None


def _print(result: Reconstruction, folder: Path, args: argparse.Namespace) -> int:
    """Print what was asked for; the exit code if that fails, as the result is safe already."""
    from vader_rt.cli.console import summary

    try:
        if args.json:
            give(json.dumps(result.report))
        if not args.quiet:
            (note if args.json else give)(summary(result, folder))
    except UsageError as error:
        tell(f"vader-rt: {error}; the result is in {folder}")
        return error.exit_code
    return 0


def _exit_code(result: Reconstruction, fail_above: float | None) -> int:
    if fail_above is not None and result.coverage > fail_above:
        tell(
            f"vader-rt: {result.coverage:.4f} of the picture was recovered, "
            f"more than --fail-above {fail_above}"
        )
        return EXIT_GATE_EXCEEDED
    if fail_above is not None and not result.report["complete"]:
        lost = f"the input is damaged ({next(iter(result.report['warnings']), None)})"
        why = lost if result.is_damaged else "the time limit ended the work"
        tell(f"vader-rt: --fail-above is not decided: {why}")
        return EXIT_GATE_UNDECIDED
    if result.is_empty:
        found = "what could be read of this call" if result.is_damaged else "this call"
        tell(f"vader-rt: nothing was recovered: no leak was found in {found}")
        return EXIT_NOTHING_RECOVERED
    return 0
