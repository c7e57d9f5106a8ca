"""One result that all these tests make reports of."""

from __future__ import annotations

from pathlib import Path

import pytest

import vader_rt
from vader_rt.pipeline.result import Reconstruction


@pytest.fixture(scope="session")
def recovered(clip: Path, untrained: dict[str, Path]) -> Reconstruction:
    """What untrained networks make of the clip: they see something everywhere."""
    return vader_rt.reconstruct(
        clip, engine="onnx-cpu", model=untrained["frame"], restoration=untrained["restore"]
    )


@pytest.fixture(scope="session")
def files(recovered: Reconstruction) -> dict[str, bytes]:
    return recovered.files()
