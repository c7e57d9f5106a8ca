"""Where the caller was likely, all over a call: what tells clothes from a room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vader_rt.room.observation import Observation
from vader_rt.stateful import Stateful


@dataclass(frozen=True)
class PersonPrior:
    """How likely a pixel shows the caller, by a person segmenter that need not be the client's.

    mean: (h, w) uint8, over the frames, 255 = always. seen: (h, w) uint8, the same over what was
    seen of the room, each frame as much as its sample is strong; 0 where nothing was seen.
    """

    mean: np.ndarray
    seen: np.ndarray


class PersonSum(Stateful):
    """Adds up the person prior of the frames, at the network's size.

    size_wh: that size.
    """

    STATE = ("_total", "_seen", "_strength", "_frames")

    def __init__(self, size_wh: tuple[int, int]) -> None:
        shape = (size_wh[1], size_wh[0])
        self._total, self._seen, self._strength = np.zeros((3, *shape), np.float32)
        self._frames = 0

    def add(self, observation: Observation) -> None:
        """Take in a frame; one where nobody was looked for tells nothing."""
        if observation.small_person is None:
            return
        self._frames += 1
        self._total += observation.small_person
        self._seen += observation.small_strength * observation.small_person
        self._strength += observation.small_strength

    def prior(self) -> PersonPrior:
        """What is known so far."""
        seen = np.divide(
            self._seen, self._strength, out=np.zeros_like(self._seen), where=self._strength > 0
        )
        mean = self._total / max(self._frames, 1)
        return PersonPrior(*(np.rint(plane).astype(np.uint8) for plane in (mean, seen)))
