"""Recordings of which something is lost: it is said which, and no gate is passed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import assert_one_line
from tests.vader_rt.io.made import overwrite, packet_place
from tests.vader_rt.selftest.conftest import Maker
from vader_rt.cli.commands.selftest import summary
from vader_rt.io.video import open_video
from vader_rt.schemas import result_schema
from vader_rt.selftest.job import SelfTest, client_masks, pair


def damaged(path: Path, folder: Path) -> Path:
    """A copy with a hole in one of its packets."""
    copy = Path(shutil.copy(path, folder / f"z{path.name}"))
    overwrite(copy, packet_place(copy, 9)[0] + 8, bytes(40))
    video = open_video(copy)
    assert sum(1 for _ in video.frames()) == sum(1 for _ in open_video(path).frames())
    assert video.losses() == ["1 frame decoded with errors"]
    return copy


def assert_told(tested: SelfTest, names: list[str]) -> None:
    report = json.loads(tested.files()["result.json"])
    jsonschema.validate(report, result_schema())
    said = [f"{name}: 1 frame decoded with errors" for name in names]
    assert report["warnings"] == said
    assert report["selftest"]["notes"][: len(said)] == said
    assert (report["complete"], report["input"]["damaged"]) == (False, True)
    lines = list(summary(report, Path("out")))
    assert [line for line in lines if "with errors" in line] == [f"warning   {s}" for s in said]


def test_camera_and_call_of_a_pair(maker: Maker, cheap: dict[str, object], tmp_path: Path) -> None:
    camera, call = (damaged(path, tmp_path) for path in (maker.camera, maker.call))
    tested = pair(camera, call, person_masks=maker.persons, **cheap)
    assert_told(tested, ["the camera's recording, zcamera.mp4", "the call, zcall.mp4"])


def test_masks_of_the_client_and_of_the_person(
    maker: Maker, cheap: dict[str, object], tmp_path: Path
) -> None:
    masks, persons = (damaged(path, tmp_path) for path in (maker.masks, maker.persons))
    call = tmp_path / "call.mp4"
    tested = client_masks(masks, maker.camera, call, person_masks=persons, **cheap)
    assert_told(tested, ["the client's masks, zmasks.mp4", "the person masks, zpersons.mp4"])
    folder = tested.result.save(tmp_path / "z.selftest")
    words = [sys.executable, "-m", "vader_rt", "gate", folder, "--assert", "true_leak.mean<=1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert_one_line(done, "vader-rt", 7)
    assert "zmasks.mp4: 1 frame decoded with errors" in done.stderr


@pytest.mark.parametrize("kind", ["paired", "composed"])
def test_whole_recordings_have_nothing_to_warn_of(
    kind: str, request: pytest.FixtureRequest
) -> None:
    report = request.getfixturevalue(kind).result.report
    assert (report["warnings"], report["complete"]) == ([], True)
    lines = list(summary(report, Path("out")))
    call = "call.mp4" if kind == "paired" else "composed of it and the masks"
    assert {"camera    camera.mp4", f"call      {call}"} <= set(lines)
    assert "; 95th percentile " in lines[0].replace(",", ";")
