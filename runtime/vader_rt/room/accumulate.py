"""What the frames of a call tell of the room: un-mixed, voted on, and by spans of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vader_rt.contract import Contract
from vader_rt.features.planes import shrunk
from vader_rt.room.time_bins import Samples, SpanSampler
from vader_rt.room.unmixing import RoomEstimate, Unmixer, before_other
from vader_rt.room.vote import Ballot, VotedRoom, consistent_trust
from vader_rt.virtual.scenes import Scene


@dataclass(frozen=True)
class Recovered:
    """estimate: by the strongest samples alone. voted: the room. samples: of spans of the call."""

    estimate: RoomEstimate
    voted: VotedRoom
    samples: Samples


class Recovery:
    """Takes in frames with their matte and leak, all before the main scene's virtual background.

    virtual_bgr: that background, (H, W, 3) uint8. contract: of the frame model. frames: how many
    there will be.
    """

    def __init__(self, virtual_bgr: np.ndarray, contract: Contract, frames: int) -> None:
        self._virtual, self._contract = virtual_bgr, contract
        self._unmixer = Unmixer(virtual_bgr, contract.unmix_power, contract.matte_trust)
        self._ballot = Ballot(virtual_bgr.shape[1::-1])
        self._sampler = SpanSampler(contract.size_wh, frames)

    def add(
        self,
        frame_bgr: np.ndarray,
        matte: np.ndarray,
        leak: np.ndarray,
        scene: Scene,
        behind_bgr: np.ndarray,
    ) -> float:
        """Take in a frame (H, W, 3) uint8 of a scene, with what is behind the caller in it.

        matte, leak: (h, w) float32 in [0, 1]. Returns the share of leaking pixels.
        """
        size_wh = self._contract.size_wh
        if scene.detail is not None:
            matte = scene.detail.corrected(matte, shrunk(frame_bgr, size_wh))
        if behind_bgr is not self._virtual:
            frame_bgr = self._before_main(frame_bgr, matte, behind_bgr)
        self._sampler.add(shrunk(frame_bgr, size_wh), matte, leak)
        self._ballot.add(frame_bgr, matte, leak)
        return self._unmixer.add(frame_bgr, matte, leak)

    def result(self) -> Recovered:
        samples = self._sampler.samples()
        trust, scatter = consistent_trust(samples, shrunk(self._virtual, self._contract.size_wh))
        voted = self._ballot.count(self._virtual, trust, scatter)
        return Recovered(self._unmixer.estimate(), voted, samples)

    def _before_main(self, frame: np.ndarray, matte: np.ndarray, behind: np.ndarray) -> np.ndarray:
        """Trust the matte no more than un-mixing does, that the two agree."""
        matte = 1 - self._contract.matte_trust * (1 - matte)
        return before_other(frame, matte, behind, self._virtual)
