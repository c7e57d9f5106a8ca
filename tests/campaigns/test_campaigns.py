"""A bounded part of the campaigns; `python -m tests.campaigns --help` says how to go on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.campaigns.cases import KINDS
from tests.campaigns.damage import damaged
from tests.campaigns.run import Outcome, faults_of
from tests.conftest import ROOT

CASES = dict.fromkeys(KINDS, 4) | {"video": 8, "contract": 6, "assertions": 8, "result": 8}


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_fault_breaks_a_rule(kind: str) -> None:
    command = [sys.executable, "-m", "tests.campaigns", "--kinds", kind]
    process = subprocess.run(
        [*command, "--cases", str(CASES[kind])], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.endswith("0 broke a rule\n")


def test_faults_are_drawn_from_the_seed() -> None:
    data = bytes(range(256)) * 40
    first, again, other = (damaged(data, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert len({first, other, data}) == 3


@pytest.mark.parametrize(
    ("code", "stderr", "files", "fault"),
    [
        (None, "", [], "hangs"),
        (1, "vader-rt: x\n", [], "ends with 1"),
        (2, "vader-rt: x\n", [], "ends with 2"),
        (3, "vader-rt: x\nTraceback\n", [], "traceback"),
        (3, "vader-rt: x\nand more\n", [], "not one line on stderr"),
        (3, "", [], "not one line on stderr"),
        (0, "", [], "no result"),
        (130, "", ["out/background.png"], "half a result"),
        (3, "vader-rt: x\n", ["call.part"], "leaves ['call.part']"),
    ],
)
def test_what_breaks_a_rule_is_seen(
    code: int | None, stderr: str, files: list[str], fault: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    outcome = Outcome(code, "", stderr, tmp_path / "out")
    found = faults_of(outcome, files_before=set())
    assert any(fault in one for one in found), found


def test_one_line_and_no_result_is_no_fault(tmp_path: Path) -> None:
    outcome = Outcome(3, "", "vader-rt: x.mp4: does not exist\n", tmp_path / "out")
    assert faults_of(outcome, files_before=set()) == []
