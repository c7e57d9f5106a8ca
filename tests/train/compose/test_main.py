"""Composing from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, assert_one_line
from train.calls import read_calls
from train.compose.__main__ import main


def test_calls_are_composed_from_the_material_that_is_left(material: Path, tmp_path: Path) -> None:
    argv = [str(material), "-o", str(tmp_path / "calls"), "--calls", "1", "--frames", "4"]
    assert main([*argv, "--without", "mirrored"]) == 0
    (call,) = read_calls(tmp_path / "calls")
    assert call.name.room.startswith("study")


def test_missing_material_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    """Through the real process."""
    argv = [sys.executable, "-m", "train.compose", str(tmp_path), "-o", str(tmp_path / "calls")]
    process = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert_one_line(process, "train.compose", 3)
