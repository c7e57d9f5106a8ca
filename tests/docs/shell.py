"""Runs the blocks of a page as a reader would, one after the other in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.docs.pages import Block

TOLERANCE = 0.3
"""How far a figure may be from the page's: engines, decoders and processors differ a little."""
_ECHO = "echo $?"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def programs(folder: Path) -> Path:
    """A folder with `vader-rt` and `python`, as an installation has them."""
    path = os.pathsep.join([str(ROOT / "runtime"), str(ROOT)])
    for name, words in (("vader-rt", "-m vader_rt"), ("python", "")):
        program = folder / name
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH="{path}:$PYTHONPATH" exec "{sys.executable}" {words} "$@"\n'
        )
        program.chmod(0o755)
    return folder


def run(block: Block, folder: Path, programs: Path) -> None:
    """Run a block and hold what it prints, and its exit codes, against what stands there."""
    is_python = block.language == "python"
    command = ["python", block.text] if is_python else ["bash", _script(block)]
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    process = subprocess.run(
        ["env", command[0], "-c", command[1]],
        cwd=folder, env={**os.environ, "PATH": path}, text=True, timeout=600,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.returncode == 0, f"{block}: exit code {process.returncode}\n{process.stdout}"
    if block.language == "console":
        assert alike(process.stdout, block.printed), f"{block} prints:\n{process.stdout}"


def _script(block: Block) -> str:
    """The commands; one that fails ends the script, unless the page shows its exit code."""
    commands = block.commands
    lines = []
    for command, following in zip(commands, [*commands[1:], ""], strict=True):
        lines.append(command)
        if following != _ECHO:
            lines.append("code=$?; [ $code = 0 ] || exit $code")
    return "\n".join(lines)


def alike(printed: str, page: str) -> bool:
    """Whether a text is what the page shows, but for spaces, and for figures that differ little."""
    texts = [" ".join(_NUMBER.sub("#", text).split()) for text in (printed, page)]
    figures = [list(map(float, _NUMBER.findall(text))) for text in (printed, page)]
    return texts[0] == texts[1] and all(
        abs(found - said) <= TOLERANCE * abs(said) for found, said in zip(*figures, strict=True)
    )
