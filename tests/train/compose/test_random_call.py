"""Drawn calls: an index repeats them, and their shares are drawn apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from train.compose.material import read_material
from train.compose.random_call import Composer


def test_a_seed_and_index_make_the_same_call(material: Path) -> None:
    composers = [Composer(read_material(material), seed=3) for _ in range(2)]
    (name, recipe, client, crf), (name2, recipe2, client2, crf2) = (c.draw(5) for c in composers)
    assert (name, crf, client.style) == (name2, crf2, client2.style)
    assert (recipe.room == recipe2.room).all()
    assert (recipe.height, recipe.x, recipe.pace) == (recipe2.height, recipe2.x, recipe2.pace)
    other = composers[0].draw(6)[1]
    assert (other.room != recipe.room).any()


def test_resting_people_and_generous_clients_change_nothing_else(material: Path) -> None:
    plain = Composer(read_material(material), seed=3)
    other = Composer(read_material(material), seed=3, resting=1.0, generous=1.0)
    name, recipe, client, crf = plain.draw(5)
    name2, recipe2, client2, crf2 = other.draw(5)
    assert (recipe2.room == recipe.room).all()
    assert (recipe2.height, recipe2.x, recipe2.noise) == (recipe.height, recipe.x, recipe.noise)
    assert crf2 == crf
    assert recipe.rest == 1.0 < recipe2.rest
    assert recipe2.pace <= 0.1
    assert name2.tool == f"{name.tool}-generous"
    assert client2.style.grow_px >= 7 > client.style.grow_px
    assert client2.style.threshold == client.style.threshold


def test_clean_clients_change_nothing_else(material: Path) -> None:
    plain, clean = (Composer(read_material(material), seed=3, clean=share) for share in (0.0, 1.0))
    name, recipe, client, crf = plain.draw(5)
    name2, recipe2, client2, crf2 = clean.draw(5)
    assert (recipe2.room == recipe.room).all()
    assert (recipe2.height, recipe2.x, recipe2.noise, crf2) == (
        recipe.height, recipe.x, recipe.noise, crf
    )  # fmt: skip
    assert name2.tool == f"{name.tool}-clean"
    assert client.style.margin_px is None
    assert replace(client2.style, margin_px=None) == client.style
    assert {clean.draw(i)[2].style.margin_px == 0 for i in range(8)} == {True, False}


def test_rest_and_margin_are_drawn_apart(material: Path) -> None:
    composer = Composer(read_material(material), seed=3, resting=0.5, generous=0.5)
    drawn = [composer.draw(index)[:2] for index in range(16)]
    found = {(recipe.rest > 1, "generous" in name.tool) for name, recipe in drawn}
    assert len(found) == 4


def test_overlays_change_nothing_else(material: Path) -> None:
    plain, drawn = (
        Composer(read_material(material), seed=3, overlaid=share) for share in (0.0, 1.0)
    )
    name, recipe, client, crf = plain.draw(5)
    name2, recipe2, client2, crf2 = drawn.draw(5)
    assert (name2, client2.style, crf2) == (name, client.style, crf)
    assert (recipe2.room == recipe.room).all()
    assert recipe.overlay is None
    assert recipe2.overlay is not None
