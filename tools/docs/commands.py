"""The reference of the command line, from its own parsers."""

from __future__ import annotations

import argparse
from functools import partial

from vader_rt.cli.parser import parsers

_COLUMNS = 88


def commands() -> str:
    """What every command understands, as Markdown: what `--help` prints, whatever the terminal."""
    everything, by_name = parsers()
    parts = [_printed(everything)]
    parts += [f"## vader-rt {name}\n\n{_printed(parser)}" for name, parser in by_name.items()]
    return "\n\n".join(parts)


def _printed(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=_COLUMNS)
    vars(parser)["color"] = False  # which Python knows from 3.14 on
    return f"```text\n{parser.format_help().rstrip()}\n```"
