"""The reference of the command line, from its own parsers."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from functools import partial
from html import escape

from vader_rt.cli.parser import parsers

_COLUMNS = 88


def commands() -> str:
    """What every command understands, as Markdown."""
    return "\n\n".join(_command(name, parser) for name, parser in parsers()[1].items())


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=_COLUMNS)
    vars(parser)["color"] = False  # which Python knows from 3.14 on
    parts = [f"## vader-rt {name}", parser.description or "", _text(parser.format_usage())]
    parts.append("\n".join(_rows(name, parser)))
    return "\n\n".join([*parts, _text(parser.epilog or "")])


def _text(text: str) -> str:
    return f"```text\n{text.strip()}\n```"


def _rows(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """The table of what a command understands; every option can be linked to: `#run-frames`."""
    yield "| option | what it does |"
    yield "|---|---|"
    for action in parser._actions:
        names = [f"`{' '.join([word, *_value(action)])}`" for word in action.option_strings]
        if not names:
            names = [f"`{'`, `'.join(_value(action))}`"]
        long = [word[2:] for word in action.option_strings if word.startswith("--")]
        anchor = f"{name}-{[*long, action.dest][0]}"
        choices = ", ".join(f"`{choice}`" for choice in action.choices or ())
        said = (action.help or "") % {**vars(action), "prog": parser.prog}
        told = "; ".join(filter(None, (choices, as_markdown(said))))
        yield f"| {', '.join(names)}{{ #{anchor} }} | {told} |"


def _value(action: argparse.Action) -> list[str]:
    """What stands after an option, if anything does."""
    if action.nargs == 0:
        return []
    metavar = action.metavar or action.dest.upper()
    return [metavar] if isinstance(metavar, str) else list(metavar)


def as_markdown(text: str) -> str:
    """Plain text with code in backticks, such that Markdown shows all of it in a table."""
    return re.sub(r"([|*\[\]])", r"\\\1", escape(text, quote=False))
