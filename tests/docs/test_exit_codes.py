"""The reference has every exit code that the program knows."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from vader_rt.cli import exit_codes
from vader_rt.errors import EngineError, InputError, UsageError, VaderError


def test_every_code_has_a_row() -> None:
    text = (ROOT / "docs" / "reference" / "exit_codes.md").read_text()
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    errors = {kind.exit_code for kind in (VaderError, UsageError, InputError, EngineError)}
    others = {value for name, value in vars(exit_codes).items() if name.startswith("EXIT_")}
    assert told == {0} | errors | others
