"""Drawn calls: an index repeats them, and their shares are drawn apart."""

from __future__ import annotations

from pathlib import Path

from train.compose.material import read_material
from train.compose.random_call import Composer


def test_a_seed_and_index_make_the_same_call(material: Path) -> None:
    composers = [Composer(read_material(material), seed=3) for _ in range(2)]
    (name, scene, client, crf), (name2, scene2, client2, crf2) = (c.draw(5) for c in composers)
    assert (name, crf, client.style) == (name2, crf2, client2.style)
    assert (scene.room == scene2.room).all()
    assert (scene.height, scene.x, scene.pace) == (scene2.height, scene2.x, scene2.pace)
    other = composers[0].draw(6)[1]
    assert (other.room != scene.room).any()


def test_resting_people_and_generous_clients_change_nothing_else(material: Path) -> None:
    plain = Composer(read_material(material), seed=3)
    other = Composer(read_material(material), seed=3, resting=1.0, generous=1.0)
    name, scene, client, crf = plain.draw(5)
    name2, scene2, client2, crf2 = other.draw(5)
    assert (scene2.room == scene.room).all()
    assert (scene2.height, scene2.x, scene2.noise) == (scene.height, scene.x, scene.noise)
    assert crf2 == crf
    assert scene.rest == 1.0 < scene2.rest
    assert scene2.pace <= 0.1
    assert name2.tool == f"{name.tool}-generous"
    assert client2.style.grow_px >= 7 > client.style.grow_px
    assert client2.style.threshold == client.style.threshold


def test_rest_and_margin_are_drawn_apart(material: Path) -> None:
    composer = Composer(read_material(material), seed=3, resting=0.5, generous=0.5)
    drawn = [composer.draw(index)[:2] for index in range(16)]
    found = {(scene.rest > 1, "generous" in name.tool) for name, scene in drawn}
    assert len(found) == 4
