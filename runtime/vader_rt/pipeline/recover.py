"""The second pass over a call: frames go through the network into the accumulator."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from vader_rt.client import Fingerprint
from vader_rt.features.extractor import extractor_for
from vader_rt.features.planes import InputPlanes
from vader_rt.io.images import shrunk
from vader_rt.io.memory import give_back
from vader_rt.io.prefetch import prefetch
from vader_rt.io.timer import StageTimer
from vader_rt.origins.file import Provenance
from vader_rt.origins.grid import OriginGrid
from vader_rt.origins.pictures import FramePictures
from vader_rt.pipeline.options import Models
from vader_rt.room.accumulate import Recovered, accumulator_for
from vader_rt.room.observation import Observation, observe
from vader_rt.room.time_bins import time_bin
from vader_rt.stateful import Stateful
from vader_rt.virtual.bare_room import BareRoom
from vader_rt.virtual.scenes import Scene, find_scene
from vader_rt.virtual.unmasked import Unmasked

Indexed = tuple[int, np.ndarray]
"""A frame, (H, W, 3) uint8 BGR, with its index in the recording."""


class Recovery(Stateful):
    """Recovers the room frame by frame; `recovered` may be asked while `run` goes on.

    scenes: of `vader_rt.pipeline.scan.Scan`, the main one first. total: frames in the recording.
    leaks: the share of leaking pixels of every frame so far, by its index. unmasked: frames that
    show the camera's picture have no leak to be un-mixed; bare: the room in them. pictures: of
    frames, which this adds to. client: its fingerprint; None where pixels are copied, without
    mattes. cpu_features: see `Options`.
    is_whole: whether every frame was taken in wholly or not at all, as a state has to be.
    """

    STATE = ("leaks", "_accumulator", "_origins", "client", "_pictures")

    def __init__(
        self,
        models: Models,
        scenes: Sequence[Scene],
        total: int,
        timer: StageTimer,
        *,
        unmasked: Unmasked,
        bare: BareRoom | None,
        pictures: FramePictures,
        cpu_features: bool = False,
    ) -> None:
        self._models, self._timer, self._total = models, timer, total
        self.unmasked, self.bare, self._pictures = unmasked, bare, pictures
        self.scenes, self.leaks = scenes, dict[int, float]()
        contract = models.frame.contract
        self._size_wh = contract.size_wh
        self._planes = [InputPlanes(contract.inputs, self._size_wh, s.planes) for s in scenes]
        self._extractor = extractor_for(models.frame, cpu=cpu_features)
        virtual = scenes[0].virtual.image
        self._accumulator = accumulator_for(contract, virtual)
        self._origins = OriginGrid(virtual, contract)
        self.client = None if contract.copies else Fingerprint(virtual.shape[1::-1])
        self._last: Recovered | None = None
        self.is_whole = True

    @property
    def features(self) -> str:
        """What makes the features, see `FeatureExtractor.name`."""
        return self._extractor.name

    def run(self, frames: Iterable[Indexed]) -> Generator[int, None, None]:
        """Take in frames; yield how many so far, after each.

        Decoding, the network and un-mixing each have a thread, so an interrupt, which comes to the
        main thread, leaves no frame taken in by half.
        """
        observations = prefetch(self._observations(prefetch(iter(frames), depth=2)), depth=1)
        with ThreadPoolExecutor(1, "vader-rt-unmix") as unmixing:
            for index, observation in observations:
                taken_in = unmixing.submit(self._take_in, index, observation)
                del observation  # large, and the next one is not made yet
                taken_in.result()
                yield len(self.leaks)

    def recovered(self, *, last: bool = False) -> Recovered:
        """What the frames so far tell of the room.

        last: no frame will follow, so what it is made of is given up.
        """
        if self._last is not None:
            return self._last
        give_back()
        with self._timer.measure("vote"):
            recovered = self._accumulator.recovered()
        if last:
            self._last = recovered
            del self._accumulator
        return recovered

    def provenance(self, recovered: Recovered) -> Provenance:
        """Where the room comes from. recovered: what the frames so far tell of it."""
        origins = self._origins.origins(recovered.voted)
        if self.bare is not None:
            origins = origins.with_unmasked(self.bare.confidence > 0, self.bare.frames)
        return Provenance(origins, self._pictures)

    def _take_in(self, index: int, observation: Observation | None) -> None:
        self.is_whole = False
        self.leaks[index] = 0.0 if observation is None else self._leak_of(index, observation)
        self.is_whole = True

    def _leak_of(self, index: int, observation: Observation) -> float:
        if self._models.person is not None:
            with self._timer.measure("person"):
                person = self._models.person.mask(observation.frame, self._size_wh)
            observation = replace(observation, small_person=person)
        if self.client is not None:
            with self._timer.measure("client"):
                self.client.add(index, observation)
        with self._timer.measure("unmix"):
            leak = self._accumulator.add(observation)
        with self._timer.measure("origins"):
            self._origins.add(index, observation)
            self._pictures.add(index, observation.frame, leak)
        return leak

    def _observations(self, frames: Iterator[Indexed]) -> Iterator[tuple[int, Observation | None]]:
        """What the network says of each frame; None of one that shows no scene's background."""
        for index, frame in frames:
            scene = self._scene(index, frame)
            yield index, None if scene is None else self._observe(frame, index, scene)

    def _scene(self, index: int, frame: np.ndarray) -> int | None:
        if index in self.unmasked.frames:
            return None
        return find_scene(self.scenes, frame, doubtful=self.unmasked.is_suspected(index))

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
        detail = self.scenes[scene].detail
        return observe(frame, small, outputs, behind, detail, time_bin(index, self._total))
