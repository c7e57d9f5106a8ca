"""The whole way of a frame, from Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vader_rt
from train.calls import Call
from vader_rt.score import score
from vader_rt.video import VideoWriter, open_video, read_image


def test_path_and_frames_give_the_same(clip: Path) -> None:
    decoded = list(open_video(clip).frames())
    results = [
        vader_rt.reconstruct(source, engine="onnx-cpu") for source in (clip, decoded, iter(decoded))
    ]
    for other in results[1:]:
        assert (other.background == results[0].background).all()
        assert (other.confidence == results[0].confidence).all()
        assert other.timeline == results[0].timeline


def test_progress_is_complete_and_a_snapshot_is_there_early(frames: list[np.ndarray]) -> None:
    seen, early = [], None
    for progress in vader_rt.reconstruct_stream(frames, restoration=False):
        seen.append((progress.stage, progress.frame))
        if progress.stage == "scan":
            assert progress.snapshot() is None
        elif progress.frame == 10 and progress.result is None:
            early = progress.snapshot()
    count = len(frames)
    expected = [("scan", i + 1) for i in range(count)] + [("recover", i + 1) for i in range(count)]
    assert seen == [*expected, ("recover", count)]
    assert progress.result is not None
    assert early is not None
    assert len(early.timeline) == 10
    assert 0 < (early.confidence > 0).sum() < (progress.result.confidence > 0).sum()


def test_it_recovers_the_room(sample: Call) -> None:
    """The room, not the virtual background, comes out of the sample."""
    frames = list(open_video(sample.video).frames())[::3]
    result = vader_rt.reconstruct(frames)
    truth, mask = sample.read_room(), sample.read_mask()
    ours = score(result.background, truth, mask).challenge
    virtual = score(result.virtual, truth, mask).challenge
    assert ours > 3 * virtual
    assert ours > 0.1


def test_a_given_virtual_background_is_used(sample: Call) -> None:
    frames = list(open_video(sample.video).frames())[::12]
    result = vader_rt.reconstruct(frames, virtual_background=sample.virtual)
    assert (result.virtual == read_image(sample.virtual)).all()
    assert result.report["virtual_background"]["given"]


PEAK = """
import resource, sys, vader_rt
vader_rt.reconstruct(sys.argv[1], engine="onnx-cpu", threads=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_length(frames: list[np.ndarray], tmp_path: Path) -> None:
    peaks = []
    for name, count in (("short", 96), ("long", 20 * 96)):
        path = tmp_path / f"{name}.mp4"
        with VideoWriter(path, size_wh=(320, 180)) as writer:
            for i in range(count):
                writer.write(frames[i % len(frames)])
        run = subprocess.run(
            [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True
        )
        peaks.append(int(run.stdout))
    assert peaks[1] < 1.1 * peaks[0]
