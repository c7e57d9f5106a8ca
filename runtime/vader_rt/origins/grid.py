"""Which frames the room comes from, at places spread over the picture.

The vote keeps the strongest samples of every pixel but not their frames: that would take half as
much memory again. Of some thousand pixels it costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vader_rt.contract import TIME_BINS, Contract
from vader_rt.room.observation import LeakingPixels, Observation, colors
from vader_rt.room.top_samples import MOST_SAMPLES, SAMPLE, sample_words
from vader_rt.room.unmixing import LEAST_LEAK, before_other, unmixed
from vader_rt.room.vote import VotedRoom
from vader_rt.stateful import Stateful

LONG_SIDE = 64
"""Places along the longer side of the picture."""
_ORIGIN = np.dtype([("word", "<u8"), ("frame", "<u4"), ("seen", "u1", 3)])
"""A sample as one number, see `sample_words`; its frame; its colour there, BGR."""


@dataclass(frozen=True)
class Origins:
    """What the samples of N places are and which frames they are from, the strongest first.

    grid_wh: places along both sides. pixel: (N, 2) int, x and y. cell: (N, 2) int, the same on the
    grid. strength: (K, N) float32 in [0, 1], 0 = no sample. frame: (K, N) int, index in the
    recording. seen: (K, N, 3) uint8 BGR, the colour in that frame. unmixed: (K, N, 3) uint8 BGR,
    the room by that sample alone. matte: (K, N) float32 in [0, 1]. matte_confidence: see
    `vader_rt.room.unmixing`; None where samples are copied and not un-mixed.
    bins: (B, N) int, of each time bin the frame whose sample the restoration network might take
    instead; -1 = none. unmasked: (N,) bool, places that `unmasked_frames` show as they are.
    """

    grid_wh: tuple[int, int]
    pixel: np.ndarray
    cell: np.ndarray
    strength: np.ndarray
    frame: np.ndarray
    seen: np.ndarray
    unmixed: np.ndarray
    matte: np.ndarray
    matte_confidence: float | None
    bins: np.ndarray
    unmasked: np.ndarray
    unmasked_frames: tuple[int, ...] = ()

    def with_unmasked(self, shown: np.ndarray, frames: tuple[int, ...]) -> Origins:
        """The same where `shown`, (H, W) bool, is taken from unmasked frames."""
        return replace(self, unmasked=self.at(shown), unmasked_frames=frames)

    def at(self, plane: np.ndarray) -> np.ndarray:
        """What a plane of the picture, (H, W, …), has at the places: (N, …)."""
        return plane[self.pixel[:, 1], self.pixel[:, 0]]


class OriginGrid(Stateful):
    """Keeps the frames of the strongest samples at places spread over the picture.

    The samples are the very ones that vote there. It takes 15 bytes a sample: 0.3 MB in all.

    virtual_bgr: the main scene's virtual background, (H, W, 3) uint8. contract: of the frame model.
    """

    STATE = ("_origins", "_bin_strength", "_bin_frame")

    def __init__(self, virtual_bgr: np.ndarray, contract: Contract) -> None:
        size_wh = virtual_bgr.shape[1::-1]
        self._contract, self.grid_wh = contract, grid_size(size_wh)
        self._pixel, self._cell = _places(size_wh, self.grid_wh)
        self._where = _flat(self._pixel, size_wh)
        small = self._pixel * contract.size_wh // size_wh
        self._small_where = _flat(small, contract.size_wh)
        self._virtual = virtual_bgr.reshape(-1, 3)[self._where]
        most = 1 if contract.copies else MOST_SAMPLES
        self._origins = np.zeros((most, len(self._where)), _ORIGIN)
        self._bin_strength = np.zeros((TIME_BINS, len(self._where)), np.float32)
        self._bin_frame = np.full((TIME_BINS, len(self._where)), -1, np.int64)

    def add(self, index: int, observation: Observation) -> None:
        """Take in the frame of an index in the recording."""
        at = np.flatnonzero(observation.leak.ravel()[self._where] > LEAST_LEAK)
        if len(at):
            pixels, seen = self._pixels(observation, at)
            new = np.zeros(len(at), _ORIGIN)
            new["word"], new["frame"], new["seen"] = sample_words(pixels), index, seen
            self._insert(new, at)
        self._add_to_bin(index, observation)

    def origins(self, voted: VotedRoom | None) -> Origins:
        """What is known so far. voted: what the samples made of the room; None if one is copied."""
        sample = self._origins["word"].view(SAMPLE)
        seen, matte = self._origins["seen"], sample["matte"] / np.float32(255)
        rooms, confidence = seen.copy(), None
        if voted is not None:
            confidence = voted.matte_confidence
            levels = unmixed(sample["frame"], matte, self._virtual, confidence)
            rooms = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
        return Origins(
            *(self.grid_wh, self._pixel, self._cell),
            strength=sample["strength"].copy(),
            frame=self._origins["frame"].astype(np.int64),
            seen=seen.copy(),
            unmixed=rooms,
            matte=matte,
            matte_confidence=confidence,
            bins=self._bin_frame.copy(),
            unmasked=np.zeros(len(self._where), bool),
        )

    def _pixels(self, observation: Observation, at: np.ndarray) -> tuple[LeakingPixels, np.ndarray]:
        """What a frame shows at some of the places, before the main scene; its colours there."""
        where = self._where[at]
        leak, matte = observation.leak.ravel()[where], observation.matte.ravel()[where]
        seen = observation.frame.reshape(-1, 3)[where]
        behind, virtual = observation.behind.reshape(-1, 3)[where], self._virtual[at]
        frame = seen
        if not self._contract.copies and (behind != virtual).any():  # as `Observation.before` does
            believed = 1 - self._contract.matte_confidence * (1 - matte)
            frame = before_other(seen, believed, behind, virtual)
        strength = leak * np.maximum(matte, LEAST_LEAK)
        return LeakingPixels(where, colors(frame[None]), matte, leak, strength), seen

    def _insert(self, new: np.ndarray, at: np.ndarray) -> None:
        """Insert (M,) of `_ORIGIN` at M places, as `TopSamples` does."""
        kept = new["word"] > self._origins["word"][-1, at]
        new, at = new[kept], at[kept]
        for origins in self._origins:
            held = origins[at]
            stronger = new["word"] > held["word"]
            origins[at] = np.where(stronger, new, held)
            new = np.where(stronger, held, new)

    def _add_to_bin(self, index: int, observation: Observation) -> None:
        """Note where the frame is the strongest of its time bin, as `TimeBinSampler` does."""
        strength = observation.small_strength.ravel()[self._small_where]
        leak = observation.small_leak.ravel()[self._small_where]
        most = self._bin_strength[observation.time_bin]
        stronger = (strength > most) & (leak > LEAST_LEAK)
        most[stronger] = strength[stronger]
        self._bin_frame[observation.time_bin][stronger] = index


def grid_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Places along both sides of a picture, about as far apart in both directions."""
    step = max(size_wh) / LONG_SIDE
    return max(1, round(size_wh[0] / step)), max(1, round(size_wh[1] / step))


def _places(size_wh: tuple[int, int], grid_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The middles of all cells of a grid, row by row: (N, 2) int, x and y; and their cells."""
    rows, columns = np.indices(grid_wh[::-1])
    cell = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return (2 * cell + 1) * size_wh // (2 * np.array(grid_wh)), cell


def _flat(pixel: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    return pixel[:, 1] * size_wh[0] + pixel[:, 0]
