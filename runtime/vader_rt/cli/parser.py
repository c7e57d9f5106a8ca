"""The words that `vader-rt` understands: a command, and the options of each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from vader_rt.cli.commands import (
    batch,
    compare,
    completion,
    doctor,
    gate,
    report,
    run,
    selftest,
)
from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give, note, tell
from vader_rt.errors import InputError, UsageError

_EPILOG = """\
examples:
  vader-rt call.mp4            recover the room from a recording, into call.vader/
  vader-rt report call.vader   one HTML file of that, to look at
  vader-rt batch calls/ -o out all recordings in a folder
  vader-rt run --help          everything that this can be told
  vader-rt gate call.vader --assert 'unmasked.frames==0'
  vader-rt doctor              check the installation

A recording that is called like a command is ./doctor.
"""


class Command(Protocol):
    """A module of `vader_rt.cli.commands`.

    HELP: what it does. INTERRUPTED: what Ctrl-C means. EPILOG: examples and exit codes.
    """

    HELP: str
    INTERRUPTED: str
    EPILOG: str

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """What the command understands."""

    def job(self, args: argparse.Namespace, interrupts: Interrupts) -> int:
        """Run it, and return the exit code."""


COMMANDS: dict[str, Command] = {
    "run": run,
    "report": report,
    "gate": gate,
    "compare": compare,
    "selftest": selftest,
    "batch": batch,
    "doctor": doctor,
    "completion": completion,
}
_ABOUT_ALL = ("-h", "--help", "--version")
_CLOSE = 0.7  # `gaet` to `gate` is 0.75


class _Parser(argparse.ArgumentParser):
    """Prints as everything else is printed: what is wrong, on one line."""

    def error(self, message: str) -> NoReturn:
        tell(f"vader-rt: {message}; see `{self.prog} --help`")
        sys.exit(UsageError.exit_code)

    def _print_message(self, message: str, file: Any = None) -> None:
        (give if file is sys.stdout else note)(message.rstrip("\n"))


class _Version(argparse.Action):
    """Prints the versions of the package and of its engines, which takes a moment to find out."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from vader_rt.provenance import version_line

        give(version_line())
        parser.exit()


def with_command(words: Sequence[str]) -> list[str]:
    """The words of a command line with the command that may be left out: `run`."""
    said = words and words[0] in (*COMMANDS, *_ABOUT_ALL)
    return list(words) if said else ["run", *words]


def check_command(words: Sequence[str]) -> None:
    """Refuse a first word that is neither a command nor a recording, but nearly a command.

    Raises:
        InputError: it says which.
    """
    first = words[0] if words else ""
    is_word = first.replace("-", "").isalpha() and first[0] != "-"  # no pattern, address, option
    if not is_word or first in COMMANDS or Path(first).exists():
        return
    import difflib

    if meant := difflib.get_close_matches(first, COMMANDS, n=1, cutoff=_CLOSE):
        raise InputError(f"{first}: does not exist; did you mean `vader-rt {meant[0]}`?")


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The options of the command that the first word names.

    command: its name. words: as they were given. parser: the one of all commands.
    """
    parser, commands = parsers()
    args, unknown = parser.parse_known_args(words)
    if unknown:
        commands[args.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    args.words, args.parser = list(words), parser
    return args


def parsers() -> tuple[_Parser, dict[str, _Parser]]:
    """The parser of all commands, and that of each."""
    parser = _Parser(
        prog="vader-rt",
        usage="vader-rt VIDEO [option ...]\n       vader-rt COMMAND ...",
        description="Recover the real background from video calls with a virtual one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="print the versions of this and its engines"
    )
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, prog="vader-rt"
    )
    for name, command in COMMANDS.items():
        of_command = commands.add_parser(
            name,
            help=command.HELP,
            description=f"{command.HELP[0].upper()}{command.HELP[1:]}.".replace("%%", "%"),
            epilog=command.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_options(of_command)
        of_command.add_argument(
            "--debug", action="store_true", help="print where in the program an error came up"
        )
    return parser, commands.choices
