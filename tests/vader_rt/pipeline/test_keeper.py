"""What there is of a second pass is kept, whatever comes in between."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import vader_rt
from tests.vader_rt.sources.made import write_video

FRAMES = 12


@pytest.mark.parametrize(
    ("every", "write", "done"),
    [(1e-9, 2, 0), (1e-9, 6, 4), (1000.0, 3, FRAMES)],
    ids=["after the first pass", "in the midst", "at the end"],
)
def test_an_interrupt_while_it_is_saved_loses_nothing(
    every: float,
    write: int,
    done: int,
    tiny_models: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = write_video(tmp_path / "call.mp4", range(FRAMES))
    options: dict[str, Any] = {
        "model": tiny_models["frame"],
        "restore": False,
        "engine": "onnx-cpu",
        "checkpoint": tmp_path / "call.ckpt",
    }
    flush, times = os.fsync, iter(range(1, 1000))

    def flush_or_be_interrupted(number: int) -> None:
        if next(times) == write:
            raise KeyboardInterrupt
        flush(number)

    monkeypatch.setattr(os, "fsync", flush_or_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        vader_rt.reconstruct(call, **options, every=every)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["call.ckpt", "call.mp4"]
    stream = vader_rt.reconstruct_stream(call, **options)
    begun = next(stream)
    assert (begun.stage, begun.frame) == ("recover", max(done, 1))
    result = list(stream)[-1].result
    assert result is not None
    assert len(result.report["inferred_frames"]) == FRAMES
