"""A job that was ended goes on from its checkpoint, and nobody can tell the result from another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import vader_rt
from tests.conftest import SAMPLE, TINY_WH
from tests.vader_rt.io.made import overwrite, packet_place
from tests.vader_rt.sources.made import write_video
from vader_rt.engines.load import load_engine
from vader_rt.errors import InputError, UsageError
from vader_rt.io.state_file import StateFile, write_state
from vader_rt.io.video import VideoWriter
from vader_rt.pipeline.api import Progress
from vader_rt.pipeline.checkpoint import remove_checkpoint
from vader_rt.pipeline.result import Reconstruction
from vader_rt.sources.grammar import Source

ALWAYS = 1e-9
Made = tuple[Source, dict[str, Any]]


def files(result: Reconstruction) -> dict[str, Any]:
    """All that a result is written as, but for when and how fast it was made."""
    found: dict[str, Any] = dict(result.files())
    report = json.loads(found.pop("result.json"))
    for name in ("timings", "started", "finished"):
        del report[name]
    return found | {"result.json": report}


def ended_after(source: Source, stage: str, frame: int, **options: Any) -> Progress:
    """Begin a job, and end it after a frame of a stage."""
    with closing(vader_rt.reconstruct_stream(source, **options)) as stream:
        for progress in stream:
            if progress.stage == stage and progress.frame == frame:
                return progress
    raise AssertionError("it was done before")


@pytest.fixture(scope="module")
def tiny(frames: list[np.ndarray]) -> list[np.ndarray]:
    """The frames of `frames`, smaller."""
    return [cv2.resize(f, TINY_WH, interpolation=cv2.INTER_AREA) for f in frames]


@pytest.fixture(scope="module")
def call(tiny: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first of them, as a video."""
    return write(tmp_path_factory.mktemp("call") / "call.mp4", tiny[:12])


@pytest.fixture(scope="module")
def plain(tiny_models: dict[str, Path]) -> dict[str, Any]:
    """Options that take little time."""
    return {"model": tiny_models["frame"], "restore": False, "engine": "onnx-cpu"}


def write(path: Path, frames: Iterable[np.ndarray]) -> Path:
    with VideoWriter(path, size_wh=TINY_WH, fps=10, crf=12) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def all_frames(folder: Path, tiny: list[np.ndarray]) -> Made:
    return write(folder / "call.mp4", tiny[:12]), {"frames": "all"}


def some_decoded_again(folder: Path, tiny: list[np.ndarray]) -> Made:
    return write(folder / "call.mp4", tiny[:12]), {"frames": 9}


def parts_of_which_a_part_is_taken(folder: Path, tiny: list[np.ndarray]) -> Made:
    parts = [write(folder / f"{i}.mp4", tiny[i : i + 8]) for i in (0, 8)]
    return parts, {"start": 0.25, "roi": (20, 10, 100, 72)}


def pictures(folder: Path, tiny: list[np.ndarray]) -> Made:
    for index, frame in enumerate([*tiny[:10], tiny[0][:, :100]]):
        cv2.imwrite(str(folder / f"{index}.png"), frame)
    return folder, {}


def given(folder: Path, tiny: list[np.ndarray]) -> Made:
    virtual = cv2.imread(str(SAMPLE / "truth" / "waves.jpg"))
    small = cv2.resize(virtual, TINY_WH, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "virtual.png"), small)
    return write(folder / "call.mp4", tiny[:12]), {"virtual_background": folder / "virtual.png"}


def damaged(folder: Path, tiny: list[np.ndarray]) -> Made:
    path = write(folder / "call.mp4", tiny[:14])
    overwrite(path, packet_place(path, 9)[0] + 8, bytes(40))
    return path, {"frames": "all"}


def looping(folder: Path, tiny: list[np.ndarray]) -> Made:
    blurred = [cv2.GaussianBlur(frame, (0, 0), 3) for frame in tiny]
    turned = [np.roll(blurred[0], 12 * (i % 10), axis=1) for i in range(44)]
    return write(folder / "call.mp4", turned), {"frames": 8}


KINDS = (all_frames, some_decoded_again, parts_of_which_a_part_is_taken, pictures, given, damaged)


@pytest.mark.parametrize("kind", [*KINDS, looping])
def test_every_kind_of_job_goes_on_to_the_same_bytes(
    kind: Callable[[Path, list[np.ndarray]], Made],
    tiny: list[np.ndarray],
    plain: dict[str, Any],
    tmp_path: Path,
) -> None:
    (tmp_path / "in").mkdir()
    source, own = kind(tmp_path / "in", tiny)
    options = plain | own
    whole = files(vader_rt.reconstruct(source, **options))
    options |= {"checkpoint": tmp_path / "call.ckpt"}
    ended_after(source, "recover", 5, **options)
    stream = vader_rt.reconstruct_stream(source, **options)
    begun = next(stream)
    assert (begun.stage, begun.frame) == ("recover", 5)
    result = list(stream)[-1].result
    assert result is not None
    assert files(result) == whole
    assert result.report["timings"]["runs"] == 2
    shown = result.report["virtual_background"]["kind"]
    assert (shown == "loop") == (kind is looping)
    assert bool(result.report["warnings"]) == (kind in (damaged, pictures))


def test_it_goes_on_from_anywhere(call: Path, tiny_models: dict[str, Path], tmp_path: Path) -> None:
    names = {"model": "frame", "restoration": "restore", "judge": "judge"}
    options: dict[str, Any] = {option: tiny_models[name] for option, name in names.items()}
    path, kept = tmp_path / "call.ckpt", dict[int, Path]()
    always = {"checkpoint": path, "every": ALWAYS}
    for progress in vader_rt.reconstruct_stream(call, **options, **always):
        if progress.stage == "recover" and progress.frame in (1, 7, 12):
            if progress.result is not None:
                break
            kept[progress.frame - 1] = tmp_path / f"{progress.frame}.ckpt"  # of the frame before
            shutil.copy(path, kept[progress.frame - 1])
    assert progress.result is not None
    whole = files(progress.result)
    assert whole == files(vader_rt.reconstruct(call, **options))
    kept[12] = path
    for frame, other in kept.items():
        stream = vader_rt.reconstruct_stream(call, **options, checkpoint=other)
        last = [progress for progress in stream if progress.stage == "recover"]
        assert last[0].frame == max(frame, 1)
        assert last[-1].result is not None
        assert files(last[-1].result) == whole


def test_frames_copied_as_the_seed_does(
    call: Path, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"model": tiny_models["copies"]}
    whole = files(vader_rt.reconstruct(call, **options))
    options |= {"checkpoint": tmp_path / "call.ckpt"}
    ended_after(call, "recover", 5, **options)
    assert files(vader_rt.reconstruct(call, **options)) == whole


def test_it_may_be_ended_time_and_again(call: Path, plain: dict[str, Any], tmp_path: Path) -> None:
    options = dict(plain)
    whole = files(vader_rt.reconstruct(call, **options))
    (tmp_path / "deeper").mkdir()
    options |= {"checkpoint": tmp_path / "deeper" / "call.ckpt"}
    ended_after(call, "scan", 3, **options)
    for frame in (2, 7, 8):
        progress = ended_after(call, "recover", frame, **options)
        early = progress.snapshot()
        assert early is not None
        assert (early.whole, len(early.report["inferred_frames"])) == (False, frame)
    result = vader_rt.reconstruct(call, **options)
    assert result.whole
    assert files(result) == whole
    assert result.report["timings"]["runs"] == 4  # what was ended in the first pass is forgotten
    assert (tmp_path / "deeper" / "call.ckpt").exists()  # who has the result says when it is safe
    remove_checkpoint(tmp_path / "deeper" / "call.ckpt")
    assert not list((tmp_path / "deeper").iterdir())


def test_a_time_limit_leaves_what_can_be_gone_on_with(
    call: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    options = dict(plain)
    whole = files(vader_rt.reconstruct(call, **options))
    options |= {"checkpoint": tmp_path / "call.ckpt"}
    ended_after(call, "recover", 8, **options)
    hurried = vader_rt.reconstruct(call, **options, time_limit=1e-6)
    assert (hurried.whole, len(hurried.report["inferred_frames"])) == (False, 9)
    assert files(vader_rt.reconstruct(call, **options)) == whole


def test_a_time_limit_that_ends_the_first_pass_keeps_nothing_of_it(
    call: Path, plain: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = dict(plain)
    kept: dict[str, Any] = {"checkpoint": tmp_path / "call.ckpt"}
    assert not vader_rt.reconstruct(call, **options, **kept, time_limit=1e-6).whole
    assert "of which no checkpoint is kept" in caplog.text
    assert files(vader_rt.reconstruct(call, **options, **kept)) == files(
        vader_rt.reconstruct(call, **options)
    )


def _other_recording(made: dict[str, Any], folder: Path) -> None:
    made["source"] = write_video(folder / "other.mp4", range(12))


def _other_model(made: dict[str, Any], folder: Path) -> None:
    made["model"] = made["another"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_recording, "the recording is another one"),
        (_other_model, "model is another file"),
        (lambda made, folder: made.update(frames=9), "frames was auto and is 9"),
        (
            lambda made, folder: made.update(virtual_background=made["source"]),
            "virtual_background was not given then",
        ),
    ],
)
def test_another_job_is_refused_and_its_checkpoint_stays(
    change: Callable[[dict[str, Any], Path], None],
    said: str,
    call: Path,
    plain: dict[str, Any],
    tiny_models: dict[str, Path],
    tmp_path: Path,
) -> None:
    path = tmp_path / "call.ckpt"
    made = plain | {"checkpoint": path}
    ended_after(call, "recover", 2, **made)
    before = path.read_bytes()
    made |= {"source": call, "another": tiny_models["copies"]}
    change(made, tmp_path)
    del made["another"]
    with pytest.raises(UsageError, match=rf"call\.ckpt: is of another job: {said}; give"):
        vader_rt.reconstruct(**made)
    assert path.read_bytes() == before


def test_other_versions_are_refused(call: Path, plain: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "call.ckpt"
    options = plain | {"checkpoint": path}
    ended_after(call, "scan", 2, **options)
    head = StateFile(path, "checkpoint").head
    here, head["job"]["versions"]["numpy"] = head["job"]["versions"]["numpy"], "0.1"
    write_state(path, head, None)
    with pytest.raises(UsageError, match=f"another job: numpy was 0.1 and is {here}; give"):
        vader_rt.reconstruct(call, **options)


def test_other_files_of_states_are_refused(
    call: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "call.ckpt"
    options = plain | {"checkpoint": path}
    ended_after(call, "scan", 2, **options)
    head = StateFile(path, "checkpoint").head
    for change, kind, said in (
        ({"kind": "of another"}, InputError, "is no checkpoint of vader-rt; give another"),
        ({"format": 0}, UsageError, "is of another version; delete it to start anew"),
        ({"job": {}}, UsageError, "is of another job: model was not given then"),
    ):
        write_state(path, head | change, None)
        with pytest.raises(kind, match=said):
            vader_rt.reconstruct(call, **options)
    write_state(path, head, {"recovery": 1})
    with pytest.raises(InputError, match=r"call.ckpt: is damaged \(.*\); delete it"):
        vader_rt.reconstruct(call, **options)


def test_what_says_nothing_of_the_result_may_differ(
    call: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    options = dict(plain)
    options |= {"checkpoint": tmp_path / "call.ckpt"}
    ended_after(call, "recover", 4, **options, case="7")
    moved = shutil.copy(call, tmp_path / "moved.mp4")
    stream = vader_rt.reconstruct_stream(moved, **options, threads=1, every=2.0)
    assert next(stream).frame == 4
    stream.close()


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8, 0.99])
def test_a_damaged_one_is_told(
    place: float, call: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "call.ckpt"
    options = plain | {"checkpoint": path}
    ended_after(call, "recover", 4, **options)
    whole = path.read_bytes()
    at = int(len(whole) * place)
    for damaged in (whole[:at], whole[:at] + bytes(byte ^ 255 for byte in whole[at : at + 64])):
        content = damaged + whole[at + 64 :] if len(damaged) > at else damaged
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"call\.ckpt: is (damaged \(|no checkpoint of vader)"):
            vader_rt.reconstruct(call, **options)
        assert path.read_bytes() == content


def test_what_cannot_be_read_again_is_refused(
    tiny: list[np.ndarray], call: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "call.ckpt"
    options = plain | {"checkpoint": path}
    for source in (tiny[:8], iter(tiny[:8])):
        with pytest.raises(UsageError, match="frames in memory are gone with it; give a file"):
            vader_rt.reconstruct(source, **options)
    engine = load_engine(plain["model"], "onnx-cpu")
    with pytest.raises(UsageError, match="checkpoint: model has to be a file to be known again"):
        vader_rt.reconstruct(call, **options | {"model": engine})
    assert not path.exists()
