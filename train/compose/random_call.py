"""Calls drawn at random from material: what is in them, and the client that makes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from train.calls import CallName
from train.compose.camera import SIZE_WH, CallRecipe
from train.compose.clients import (
    STYLES,
    Client,
    MaskFunction,
    MaskStyle,
    load_segmenter,
    segmenter_names,
)
from train.compose.material import Material, PersonClip, read_person
from train.compose.overlay import random_overlay
from vader_rt.io.images import read_image
from vader_rt.virtual.given import cover


@dataclass(frozen=True)
class Composer:
    """Draws calls at random from material; the same index always gives the same call.

    recolored, resting, generous, clean, overlaid: shares of the calls whose person wears other
    colours, whose person sits still but for a change of place now and then, whose client leaves a
    wide margin, whose client hardly leaks, or not at all, and whose program draws over the call.
    """

    material: Material
    segmenters: str | Path | None = None
    seed: int = 0
    recolored: float = 0.5
    resting: float = 0.0
    generous: float = 0.0
    clean: float = 0.0
    overlaid: float = 0.0

    def draw(self, index: int) -> tuple[CallName, CallRecipe, Client, int]:
        """The call with this index: its name, recipe, client and constant rate factor."""
        rng = np.random.default_rng([self.seed, index])
        person, room, virtual = (
            str(rng.choice(np.array(names)))
            for names in (
                list(self.material.people),
                list(self.material.rooms),
                list(self.material.virtuals),
            )
        )
        tool, client = self._client(rng)
        tool, client = self._clean(*self._with_margin(tool, client, index), index)
        recipe = CallRecipe(
            self._person(person, index),
            _varied(read_image(self.material.rooms[room]), rng),
            _varied(read_image(self.material.virtuals[virtual]), rng),
            height=float(rng.uniform(0.65, 1.1)),
            x=float(rng.uniform(0.3, 0.7)),
            pace=float(rng.choice([0.25, 0.5, 1.0, 1.0, 1.5, 2.0])),
            sway_px=float(rng.choice([0, 0, 1]) * rng.uniform(5, 80)),
            sway_period=float(rng.uniform(40, 150)),
            noise=float(rng.uniform(1, 3)),
            light=float(rng.choice([0, 0, 0, 1]) * rng.uniform(0, 0.05)),
        )
        tag = f"n{self.seed}x{index}"
        name = CallName(person, tag, f"{room}-{tag}", f"{virtual}-{tag}", tool)
        crf = int(rng.choice([20, 23, 23, 23, 26, 29]))
        return name, self._overlaid(self._at_rest(recipe, index), index), client, crf

    def _person(self, name: str, index: int) -> PersonClip:
        clip = _read_person_cached(*self.material.people[name])
        rng = self._own_rng(index, 1)
        return replace(clip, tone=_tone(rng, cast=0.3)) if rng.random() < self.recolored else clip

    def _at_rest(self, recipe: CallRecipe, index: int) -> CallRecipe:
        rng = self._own_rng(index, 2)
        if rng.random() >= self.resting:
            return recipe
        return replace(
            recipe,
            pace=float(rng.choice([0.0, 0.0, 0.1])),
            sway_px=float(rng.uniform(40, 160)),
            sway_period=float(rng.uniform(60, 200)),
            rest=float(rng.uniform(1, 5)),
        )

    def _with_margin(self, tool: str, client: Client, index: int) -> tuple[str, Client]:
        rng = self._own_rng(index, 3)
        if rng.random() >= self.generous:
            return tool, client
        style = replace(
            client.style,
            smoothing=float(rng.uniform(0.2, 0.7)),
            grow_px=int(rng.integers(7, 19)),
            feather_px=int(rng.choice([9, 15, 21, 31])),
        )
        return f"{tool}-generous", replace(client, style=style)

    def _clean(self, tool: str, client: Client, index: int) -> tuple[str, Client]:
        rng = self._own_rng(index, 4)
        if rng.random() >= self.clean:
            return tool, client
        style = replace(client.style, margin_px=int(rng.choice([0, 0, 2, 5, 10])))
        return f"{tool}-clean", replace(client, style=style)

    def _overlaid(self, recipe: CallRecipe, index: int) -> CallRecipe:
        rng = self._own_rng(index, 5)
        if rng.random() >= self.overlaid:
            return recipe
        return replace(recipe, overlay=random_overlay(recipe.size_wh, rng))

    def _own_rng(self, index: int, what: int) -> np.random.Generator:
        """For one thing alone: what else is drawn for a call stays as it is without it."""
        return np.random.default_rng([self.seed, index, what])

    def _client(self, rng: np.random.Generator) -> tuple[str, Client]:
        names = segmenter_names(self.segmenters)
        weights = np.array([2.0 if n.startswith("mp") else 1.0 for n in names])
        segmenter = str(rng.choice(np.array(names), p=weights / weights.sum()))
        if segmenter == "mp" and rng.random() < 0.6:
            return "mp", Client(_load_cached("mp", self.segmenters), STYLES["mp"])
        style = _random_style(rng)
        label = f"{segmenter}-{'hard' if style.threshold else 'soft'}"
        return label, Client(_load_cached(segmenter, self.segmenters), style)


def _random_style(rng: np.random.Generator) -> MaskStyle:
    return MaskStyle(
        smoothing=float(rng.choice([0.0, 0.3, 0.3, rng.uniform(0, 0.7)])),
        threshold=float(rng.uniform(0.3, 0.7)) if rng.random() < 0.25 else None,
        contrast=float(rng.choice([1.0, 1.0, rng.uniform(0.8, 3.0)])),
        grow_px=int(rng.choice([0, 0, int(rng.integers(-4, 7))])),
        bilateral=bool(rng.random() < 0.3),
        feather_px=int(rng.choice([3, 5, 5, 9, 15, 25])),
    )


def _varied(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random crop, mirror, exposure and colour cast of an image, at the call's size."""
    height, width = image.shape[:2]
    share = rng.uniform(0.55, 1.0)
    h, w = int(height * share), int(width * share)
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    part = image[y : y + h, x : x + w]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return cv2.LUT(cover(np.ascontiguousarray(part), SIZE_WH), _tone(rng))


def _tone(rng: np.random.Generator, cast: float = 0.07) -> np.ndarray:
    """A look-up table, (1, 256, 3) uint8, of a random exposure, gamma and colour cast."""
    gains = rng.uniform(0.7, 1.2) * rng.uniform(1 - cast, 1 + cast, 3)
    gamma = rng.uniform(0.8, 1.3)
    levels = np.arange(256)[:, None] / 255
    return np.clip(levels**gamma * gains * 255, 0, 255).astype(np.uint8)[None]


@lru_cache(maxsize=32)
def _read_person_cached(color: Path, alpha: Path) -> PersonClip:
    return read_person(color, alpha)


@lru_cache(maxsize=8)
def _load_cached(name: str, folder: str | Path | None) -> MaskFunction:
    return load_segmenter(name, folder)
