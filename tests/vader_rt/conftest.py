"""What a real job says, once whole, and once of a damaged file."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import vader_rt
from tests.vader_rt.io.made import overwrite, packet_place

Report = dict[str, Any]


@pytest.fixture(scope="session")
def saved(clip: Path, untrained: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a result."""
    result = vader_rt.reconstruct(clip, model=untrained["frame"], restore=False, frames=8)
    return result.save(tmp_path_factory.mktemp("gate") / "call.vader")


@pytest.fixture(scope="session")
def saved_damaged(
    clip: Path, untrained: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a result of the same call, with a hole in its file."""
    folder = tmp_path_factory.mktemp("damaged")
    damaged = folder / "clip.mp4"
    damaged.write_bytes(clip.read_bytes())
    overwrite(damaged, packet_place(damaged, 9)[0] + 8, bytes(40))
    result = vader_rt.reconstruct(damaged, model=untrained["frame"], restore=False, frames=8)
    return result.save(folder / "call.vader")


@pytest.fixture
def report(saved: Path) -> Report:
    """What the result says; a copy, to be changed."""
    from vader_rt.gate.results import read_report

    return copy.deepcopy(dict(read_report(saved)))
