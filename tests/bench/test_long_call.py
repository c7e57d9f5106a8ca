"""Calls of any length for the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import long_call
from bench.long_call import make_call
from vader_rt.io.video import open_video


def test_parts_differ_and_repeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_call, "PART_FRAMES", 4)
    monkeypatch.setattr(long_call, "MOST_PARTS", 2)
    path = make_call(tmp_path / "calls" / "call.mp4", (160, 96), 20)
    video = open_video(path)
    assert (video.size_wh, video.fps) == ((160, 96), 30)
    frames = np.stack(list(video.frames())).astype(int)
    assert len(frames) == 20
    assert (frames[8:16] == frames[:8]).all()
    # another place of the caller changes much of the picture, a frame's sway little
    assert np.abs(frames[4] - frames[3]).mean() > 3 * np.abs(frames[3] - frames[2]).mean()
    assert sorted(p.name for p in path.parent.iterdir()) == ["call.mp4", "distinct-96-8.mp4"]
