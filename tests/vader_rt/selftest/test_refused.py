"""Pairs of recordings from which nothing could be measured are refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.vader_rt.selftest.conftest import Maker, write
from vader_rt.errors import InputError
from vader_rt.io.video import open_video
from vader_rt.selftest.compose import mixed
from vader_rt.selftest.job import pair


def test_a_call_that_is_not_masked(maker: Maker, cheap: dict[str, object], tmp_path: Path) -> None:
    """The camera's recording itself; and as a client sends it: smaller, darker, compressed."""
    frames = (cv2.resize(f, (240, 136)) for f in open_video(maker.camera).frames())
    sent = write(tmp_path / "sent.mp4", [cv2.convertScaleAbs(f, alpha=0.9) for f in frames])
    for call in (maker.camera, sent):
        with pytest.raises(InputError, match=f"^{call.name}: shows the camera's picture beside"):
            pair(maker.camera, call, person_masks=maker.persons, **cheap)


def test_recordings_in_the_wrong_order(maker: Maker, cheap: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"^call.mp4: shows waves.png where nobody is, so it is a"):
        pair(
            maker.call,
            maker.camera,
            virtual_background=maker.virtual,
            person_masks=maker.persons,
            **cheap,
        )


def test_a_virtual_background_like_the_room(
    maker: Maker, cheap: dict[str, object], tmp_path: Path
) -> None:
    """In seven tenths of the picture, too near to the room to tell what leaks."""
    virtual = cv2.imread(str(maker.virtual))
    alike = slice(0, virtual.shape[1] * 7 // 10)
    virtual[:, alike] = cv2.add(maker.room, (0.0, 14.0, 0.0, 0.0))[:, alike]
    videos = (open_video(path).frames() for path in (maker.camera, maker.masks))
    mixtures = [mixed(k, m[..., 0], virtual) for k, m in zip(*videos, strict=True)]
    call, image = write(tmp_path / "alike.mp4", mixtures), tmp_path / "alike.png"
    cv2.imwrite(str(image), virtual)
    with pytest.raises(
        InputError, match=r"^alike.mp4: what leaks cannot be told in [567]\d% of the"
    ):
        pair(
            maker.camera,
            call,
            virtual_background=image,
            person_masks=maker.persons,
            **cheap,
        )
