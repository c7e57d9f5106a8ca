"""What the second pass over a call begins with: all that the first one found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vader_rt.engines.engine import Engine
from vader_rt.features.detail import VirtualDetail
from vader_rt.features.planes import StaticPlanes
from vader_rt.io.images import shrunk
from vader_rt.io.reading import Reading
from vader_rt.origins.pictures import FramePictures
from vader_rt.pipeline.chosen import Chosen
from vader_rt.pipeline.options import Models
from vader_rt.pipeline.seen import Seen
from vader_rt.stateful import State
from vader_rt.virtual.appearance import Appearance
from vader_rt.virtual.bare_room import BareRoom
from vader_rt.virtual.estimate import VirtualBackground
from vader_rt.virtual.given import Given
from vader_rt.virtual.looping import LoopingVideo
from vader_rt.virtual.placement import Placement
from vader_rt.virtual.register import Fit, Registered
from vader_rt.virtual.scenes import Scene
from vader_rt.virtual.unmasked import Interval, Unmasked

KINDS = (
    *(Appearance, BareRoom, Fit, Given, Interval, Placement, Reading, Registered),
    *(StaticPlanes, Unmasked, VirtualBackground),
)
"""The dataclasses that may be in a state."""


@dataclass(frozen=True)
class Prepared:
    """What the second pass begins with.

    scenes: the main one first. pictures: of frames, so far of unmasked ones; see `Recovery` for the
    others. tiles: how many the recording shows, if it looks like a gallery. to_the_end: whether the
    first pass was not ended before.
    """

    scenes: Sequence[Scene]
    chosen: Chosen
    unmasked: Unmasked
    bare: BareRoom | None
    pictures: FramePictures
    tiles: int
    to_the_end: bool

    @classmethod
    def of(
        cls, seen: Seen, scenes: Sequence[Scene], models: Models, *, to_the_end: bool
    ) -> Prepared:
        """From what a scan has seen, and the scenes that it makes."""
        pictures = FramePictures()
        bare = seen.bare_room(scenes[0].virtual.image, models.person, pictures)
        found = (seen.unmasked, bare, pictures, seen.tiles)
        return cls(scenes, seen.chosen, *found, to_the_end)

    def state(self) -> State:
        """This without the pictures, to which the second pass adds."""
        return {
            "scenes": [_scene_state(scene) for scene in self.scenes],
            "chosen": self.chosen.state(),
            "unmasked": self.unmasked,
            "bare": self.bare,
            "tiles": self.tiles,
        }

    @classmethod
    def restored(cls, state: State, chosen: Chosen, engine: Engine) -> Prepared:
        """The same in another process, for which the frames are chosen already."""
        scenes = [_restored_scene(of_scene, engine) for of_scene in state["scenes"]]
        found = (state["unmasked"], state["bare"], FramePictures(), state["tiles"])
        return cls(scenes, chosen, *found, to_the_end=True)


def _scene_state(scene: Scene) -> State:
    looping = scene.looping
    return {
        "virtual": scene.virtual,
        "planes": scene.planes,
        "given": scene.given,
        "period": looping and looping.period,
        "looping": looping and looping.state(),
    }


def _restored_scene(state: State, engine: Engine) -> Scene:
    virtual, given = state["virtual"], state["given"]
    detail, looping = None, None
    if given is not None:
        detail = VirtualDetail(shrunk(virtual.image, engine.contract.size_wh))
    if state["looping"] is not None:
        looping = LoopingVideo(virtual.image.shape[1::-1], state["period"])
        looping.restore(state["looping"])
    return Scene(virtual, state["planes"], given, detail, looping)
