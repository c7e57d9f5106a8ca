"""What is written after a shipped model was exchanged."""

from __future__ import annotations

from pathlib import Path

from export.golden import write_sums
from vader_rt.models import SUMS


def test_the_digests_are_those_of_the_package(tmp_path: Path) -> None:
    write_sums(tmp_path / "sums")
    assert (tmp_path / "sums").read_text() == SUMS.read_text()
