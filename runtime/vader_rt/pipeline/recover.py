"""The second pass over a call: every frame goes through the network into the accumulator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from vader_rt.features.extractor import extractor_for
from vader_rt.features.planes import InputPlanes
from vader_rt.io.images import shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.io.video import FrameSource
from vader_rt.pipeline.options import Models
from vader_rt.pipeline.timer import StageTimer
from vader_rt.room.accumulate import Recovered, accumulator_for
from vader_rt.room.observation import Observation, observe
from vader_rt.virtual.scenes import Scene, find_scene


class Recovery:
    """Recovers the room frame by frame; `recovered` may be asked while `run` goes on.

    scenes: of `vader_rt.pipeline.scan.Scan`, the main one first. frames: how many there will be.
    timeline: the share of leaking pixels of every frame so far. cpu_features: see `Options`.
    """

    def __init__(
        self,
        source: FrameSource,
        models: Models,
        scenes: Sequence[Scene],
        frames: int,
        timer: StageTimer,
        *,
        cpu_features: bool = False,
    ) -> None:
        self._source, self._models, self._timer = source, models, timer
        self.scenes, self.timeline = scenes, list[float]()
        contract = models.frame.contract
        self._size_wh = contract.size_wh
        self._planes = [InputPlanes(contract.inputs, self._size_wh, s.planes) for s in scenes]
        self._extractor = extractor_for(models.frame, cpu=cpu_features)
        self._accumulator = accumulator_for(contract, scenes[0].virtual.image, frames)

    @property
    def features(self) -> str:
        """What makes the features, see `FeatureExtractor.name`."""
        return self._extractor.name

    def run(self) -> Iterator[int]:
        """Yield the number of frames taken in, after each."""
        for index, frame in enumerate(prefetch(self._source.frames())):
            scene = find_scene(self.scenes, frame)
            self.timeline.append(0.0 if scene is None else self._take_in(frame, index, scene))
            yield index + 1

    def recovered(self) -> Recovered:
        """What the frames so far tell of the room."""
        with self._timer.measure("vote"):
            return self._accumulator.recovered()

    def _take_in(self, frame: np.ndarray, index: int, scene: int) -> float:
        """Add a frame of a scene to what is known; returns the share of leaking pixels."""
        observation = self._observe(frame, index, scene)
        with self._timer.measure("unmix"):
            return self._accumulator.add(observation)

    def _observe(self, frame: np.ndarray, index: int, scene: int) -> Observation:
        planes, behind = self._planes[scene], self.scenes[scene].behind(index)
        with self._timer.measure("features"):
            if self.scenes[scene].looping is not None:
                planes.put_virtual(behind)
            small = shrunk(frame, self._size_wh)
            person = partial(self._models.segmenter.mask, frame, self._size_wh)
            tensor = self._extractor.extract(planes, small, person)
        with self._timer.measure("network"):
            outputs = self._models.frame.run(tensor)
        return observe(frame, small, outputs, behind, self.scenes[scene].detail)
