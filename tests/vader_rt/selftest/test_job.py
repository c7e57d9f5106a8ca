"""The whole self-test, on a call whose truth is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest

from tests.conftest import assert_one_line
from tests.vader_rt.selftest.conftest import Maker, write
from vader_rt.errors import InputError
from vader_rt.io.video import open_video
from vader_rt.pipeline.save import RESULT_FILES
from vader_rt.schemas import result_schema
from vader_rt.selftest.job import SelfTest, pair


@pytest.mark.parametrize("kind", ["paired", "composed"])
def test_the_leak_is_the_true_one(kind: str, maker: Maker, request: pytest.FixtureRequest) -> None:
    tested: SelfTest = request.getfixturevalue(kind)
    found, true = tested.result.report["selftest"], maker.leak.mean(axis=(1, 2))
    assert found["frames"] == len(maker.leak)
    # compression of masks and call at this small size, and the faintest leaks, which are left out
    assert found["leak"]["mean"] == pytest.approx(true.mean(), rel=0.15)
    assert found["leak"]["max"] == pytest.approx(true.max(), rel=0.15)
    ever = (maker.leak.max(axis=0) >= 0.1).mean()
    assert found["leak"]["ever"] == pytest.approx(ever, rel=0.15)
    assert np.corrcoef(found["leak_timeline"], true)[0, 1] > 0.98
    assert 0 <= found["scores"]["challenge"] <= 1
    assert found["lag_frames"] == 0


def test_the_room_is_the_true_one(paired: SelfTest, maker: Maker) -> None:
    room = cv2.imdecode(np.frombuffer(paired.more["true_room.png"], np.uint8), -1)
    known = room[..., 3] == 255
    assert known.mean() == pytest.approx(paired.result.report["selftest"]["room_seen"], abs=1e-3)
    assert known.mean() > 0.5
    # a median of few samples with the camera's noise
    assert np.abs(room[..., :3].astype(int) - maker.room)[known].mean() < 4


def test_a_report_keeps_to_its_schema(paired: SelfTest, composed: SelfTest) -> None:
    for tested in (paired, composed):
        report = json.loads(tested.files()["result.json"])
        jsonschema.validate(report, result_schema())
    assert set(composed.more) == {"true_leak.png", "true_room.png", "composed_call.mp4"}


def test_a_segmenter_finds_the_person_too(maker: Maker, cheap: dict[str, object]) -> None:
    tested = pair(maker.camera, maker.call, virtual_background=maker.virtual, **cheap)
    found = tested.result.report["selftest"]
    assert found["persons"] == "segmenter"
    # the helmet that she holds is nobody to the segmenter: where it shows, that counts as leak
    assert maker.leak.mean() * 0.8 < found["leak"]["mean"] < maker.leak.mean() * 2.2


@pytest.mark.parametrize("what", ["cut", "mirrored", "smaller"])
def test_a_call_may_begin_later_be_mirrored_or_smaller(
    what: str, maker: Maker, cheap: dict[str, object], tmp_path: Path
) -> None:
    frames = list(open_video(maker.call).frames())
    if what == "cut":  # two frames at the beginning, and one that the client dropped
        frames = [*frames[2:14], *frames[15:]]
    elif what == "mirrored":
        frames = [cv2.flip(frame, 1) for frame in frames]
    else:
        frames = [cv2.resize(f, (240, 136), interpolation=cv2.INTER_AREA) for f in frames]
    call = write(tmp_path / "call.mp4", frames)
    found = pair(maker.camera, call, person_masks=maker.persons, **cheap).result.report["selftest"]
    alignment = found["alignment"]
    assert alignment["mirrored"] == (what == "mirrored")
    assert alignment["offset_seconds"] == pytest.approx(2 / 30 if what == "cut" else 0, abs=0.035)
    # the virtual background is estimated here, and what leaks all the time is part of it
    assert found["leak"]["mean"] == pytest.approx(maker.leak.mean(), rel=0.5)


def test_recordings_that_do_not_belong_together_are_refused(
    maker: Maker, cheap: dict[str, object], tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (10, 180, 320, 3), np.uint8)
    other = write(tmp_path / "other.mp4", list(noise))
    with pytest.raises(InputError, match="do not show the same moment"):
        pair(maker.camera, other, **cheap)


def test_as_a_maker_uses_it(maker: Maker, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "vader_rt", "selftest", "--frames", "8"]
    options = ["--client-masks", maker.masks, "--camera", maker.camera, "--json"]
    done = subprocess.run(
        [*words, *options], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (0, 5), done.stderr
    names = {path.name for path in (tmp_path / "camera.selftest").iterdir()}
    assert names == {*RESULT_FILES, "true_leak.png", "true_room.png", "composed_call.mp4"}
    assert json.loads(done.stdout)["kind"] == "client_masks"
    assert "leak  " in done.stderr


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 2),
        (("--client-masks", "m.mp4"), 2),
        (("--pair", "a.mp4", "b.mp4", "--camera", "c.mp4"), 2),
        (("--pair", "a.mp4", "b.mp4"), 3),
    ],
)
def test_bad_usage_is_one_line(options: tuple[str, ...], code: int, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "vader_rt", "selftest", *options]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert_one_line(done, "vader-rt", code)
    assert not list(tmp_path.iterdir())
