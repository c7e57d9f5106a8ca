"""`vader-rt completion`: what a shell needs to complete our commands and options."""

from __future__ import annotations

import argparse

from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give

HELP = "print a script that lets a shell complete the commands and options"
INTERRUPTED = "interrupted"
EPILOG = """\
examples:
  vader-rt completion bash > ~/.local/share/bash-completion/completions/vader-rt
  vader-rt completion zsh > "${fpath[1]}/_vader-rt"
"""
_SHELLS = ("bash", "zsh", "tcsh")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    parser.add_argument("shell", choices=_SHELLS)


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Print the script."""
    with interrupts.held():
        import shtab
    give(shtab.complete(args.parser, shell=args.shell).rstrip("\n"))
    return 0
