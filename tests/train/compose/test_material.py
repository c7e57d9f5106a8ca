"""Material for composing: what is read, chosen and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.compose.material import PersonClip, read_material
from vader_rt.errors import InputError


def test_clips_run_back_and_forth() -> None:
    color = np.arange(4, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    clip = PersonClip(color, color[..., 0])
    assert [int(clip.at(i)[1][0, 0]) for i in range(8)] == [0, 1, 2, 3, 2, 1, 0, 1]
    assert int(PersonClip(color[:1], color[:1, ..., 0]).at(5.0)[1][0, 0]) == 0


def test_material_refusals(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "a_color.mp4").touch()
    with pytest.raises(InputError, match=r"a_alpha\.mp4: missing"):
        read_material(tmp_path)


def test_only_and_without_are_complements(material: Path) -> None:
    whole = read_material(material)
    part = whole.only({"study"})
    assert list(part.rooms) == ["study"]
    assert list(whole.without(part).rooms) == ["mirrored"]
    assert whole.without(part).people == whole.people
