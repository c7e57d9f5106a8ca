"""The command line of `vader-rt`: its words, then the job of their command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from vader_rt.cli.exit_codes import exit_code
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.parser import COMMANDS, check_command, parsed, with_command
from vader_rt.cli.streams import tell


def main(argv: Sequence[str] | None = None, *, interrupts: Interrupts | None = None) -> int:
    """Run the command line and return its exit code.

    interrupts: those of the process, if it is all ours.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS and Path(words[0]).exists():
        tell(f"vader-rt: {words[0]} is a command; the recording of that name is ./{words[0]}")
    given, words = words, with_command(words)
    with nullcontext(interrupts) if interrupts else Interrupts() as signals:

        def job() -> int:
            check_command(given)
            args = parsed(words)
            return COMMANDS[args.command].job(args, signals)

        command = COMMANDS.get(words[0])
        so_far = command.INTERRUPTED if command else "interrupted"
        return exit_code("vader-rt", job, interrupted=so_far, debug="--debug" in words)
