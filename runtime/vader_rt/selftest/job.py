"""The self-test: look at the camera → align → recover the room from the call → measure → report."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from vader_rt.errors import InputError
from vader_rt.features.segmenter import Segmenter
from vader_rt.io.images import shrunk
from vader_rt.io.prefetch import prefetch
from vader_rt.io.video import open_video
from vader_rt.models import PERSON_MODEL
from vader_rt.pipeline.api import reconstruct
from vader_rt.pipeline.result import Reconstruction, heat
from vader_rt.selftest.align import Alignment, aligned, as_recorded, check_order
from vader_rt.selftest.camera import CameraLook, look_at
from vader_rt.selftest.compose import compose, virtual_image
from vader_rt.selftest.figures import figures
from vader_rt.selftest.lag import Lag
from vader_rt.selftest.leak import LeakSum, Told, matte_of, noise_of
from vader_rt.selftest.masks import Masks, open_masks
from vader_rt.selftest.person import Person, PersonOf, person_mask
from vader_rt.selftest.room import IS_PERSON, Room
from vader_rt.sources.source import FrameSource

log = logging.getLogger(__name__)

Recover = Callable[..., Reconstruction]
"""Recovers a call, a path, with `Options` by name: `reconstruct`, or one that tells more."""
_MANY = 3.0
"""Noise in levels that is taken while none could be measured yet."""
_LEAST_TOLD = 0.5
"""Where the leak cannot be told it counts as none. Where that is most of the picture beside the
caller, the figures would say that hardly anything leaks, whatever does."""


@dataclass(frozen=True)
class SelfTest:
    """result: what was recovered from the call; its report has the figures, as `selftest`.

    more: `SELFTEST_FILES` by name: the true leak in heat colours, the room, transparent where the
    camera never showed it, and the composed call, if there is one.
    """

    result: Reconstruction
    more: dict[str, bytes]

    def files(self) -> dict[str, bytes]:
        """The content of all files, by name."""
        return {**self.result.files(), **self.more}


@dataclass(frozen=True)
class _Test:
    """What is measured with.

    persons: the masks that are given, None where segmenters make them. client: the client's own,
    None where the call tells them.
    """

    camera: FrameSource
    look: CameraLook
    alignment: Alignment
    persons: Masks | None
    client: Masks | None = None

    def losses(self, call: FrameSource) -> dict[str, list[str]]:
        """What of each recording could not be read, by what the recording is and its name."""
        read = {
            "the camera's recording": self.camera,
            "the client's masks": self.client,
            "the person masks": self.persons,
            "the call": call,
        }
        return {f"{what}, {r.name}": r.losses() for what, r in read.items() if r is not None}


def pair(
    camera: Path,
    call: Path,
    *,
    person_masks: Path | None = None,
    virtual_background: Path | None = None,
    recover: Recover = reconstruct,
    **options: Any,
) -> SelfTest:
    """Test a client by the same moment before and after it.

    camera: the recording of what the camera showed. call: of what the client showed. person_masks:
    of the camera's frames, if they are known. virtual_background: the picture before which the
    client puts the caller, if it is known. options: see `Options`.

    Raises:
        InputError: one cannot be read, they cannot be brought together, or what leaks cannot be
        told from them. EngineError, UsageError: see `reconstruct`.
    """
    before, after, persons = open_video(camera), open_video(call), _opened(person_masks)
    look = _looked(before, persons, after.size_wh, options)
    check_order(look, before.name, virtual_background)
    alignment = aligned(look, after)
    test = _Test(before, look, alignment, persons)
    _tell(alignment)
    return _tested(test, after, recover(call, virtual_background=virtual_background, **options))


def client_masks(
    masks: Path,
    camera: Path,
    call: Path,
    *,
    person_masks: Path | None = None,
    virtual_background: Path | None = None,
    recover: Recover = reconstruct,
    **options: Any,
) -> SelfTest:
    """Test a client by its own masks: the call is composed of them.

    call: where the composed call is written. The rest is as for `pair`.

    Raises:
        InputError: something cannot be read. EngineError, UsageError: see `reconstruct`.
    """
    source, own, persons = open_video(camera), open_masks(masks), _opened(person_masks)
    picture = virtual_image(virtual_background, source.size_wh)
    compose(source, own, picture, call)
    look = _looked(source, persons, source.size_wh, options)
    test = _Test(source, look, as_recorded(source.size_wh), persons, own)
    result = recover(call, virtual_background=virtual_background, **options)
    tested = _tested(test, open_video(call), result)
    return replace(tested, more={**tested.more, "composed_call.mp4": call.read_bytes()})


def _opened(masks: Path | None) -> Masks | None:
    return None if masks is None else open_masks(masks)


def _looked(
    camera: FrameSource, masks: Masks | None, call_wh: tuple[int, int], options: dict[str, Any]
) -> CameraLook:
    look = look_at(camera, _person_of(masks, options.get("threads", 0)), call_wh)
    known = float(look.room.known.mean())
    log.info("camera: %d frames, %.0f %% of the room is seen", len(look.masks), 100 * known)
    return look


def _person_of(masks: Masks | None, threads: int) -> PersonOf:
    if masks is not None:
        planes = masks.planes()
        return lambda frame: (masks.next_of(planes),) * 2
    pose = Segmenter(PERSON_MODEL, letterbox=True, threads=threads)
    selfie = Segmenter(threads=threads)

    def masks_of(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sure = pose.mask(frame)
        return person_mask(sure, selfie.mask(frame)), sure

    return masks_of


def _tell(alignment: Alignment) -> None:
    timing = alignment.timing
    assert timing is not None
    log.info(
        "aligned: the camera is %.2f s later, correlation %.3f%s, %.1f levels between them",
        *(timing.offset_seconds, timing.alike),
        ", mirrored" if timing.mirrored else "",
        alignment.left_levels,
    )


def _tested(test: _Test, call: FrameSource, result: Reconstruction) -> SelfTest:
    kind = result.report["virtual_background"]["kind"]
    if test.client is None and kind not in ("still", "plain"):
        raise InputError(
            f"{call.name}: its virtual background is {kind}; a pair is measured before one that "
            "stays the same, so let the client show a picture"
        )
    leak, lag, room = LeakSum(call.size_wh), Lag(), _room(test)
    for told, person in _measured(test, call, result, room):
        if told is None or person is None:
            leak.skip()
            lag.skip()
        else:
            leak.add(told, person)
            lag.add(told, person)
    if not leak.compared:
        raise InputError(f"{call.name}: no frame of it is in {test.camera.name}")
    if leak.told_beside < _LEAST_TOLD:
        raise InputError(
            f"{call.name}: what leaks cannot be told in {1 - leak.told_beside:.0%} of the picture "
            "beside the caller, as room and virtual background are too much alike there, or it is "
            "not known; let the client show another picture, and give it as --virtual-background"
        )
    sources = _sources(test, result)
    known = test.client is not None or sources["virtual"] == "given"
    said = {
        "kind": "pair" if test.client is None else "client_masks",
        **sources,
        "lag_frames": lag.frames(),
        **figures(result, leak, room, behind_known=known),
    }
    lost = test.losses(call)
    said["notes"][:0] = _named(lost)
    alpha = np.where(room.known, 255, 0).astype(np.uint8)
    shown = np.dstack([room.image, alpha])
    pictures = {"true_leak.png": heat(leak.strongest), "true_room.png": shown}
    encoded = {name: cv2.imencode(".png", p)[1].tobytes() for name, p in pictures.items()}
    said["outputs"] = {name: hashlib.sha256(data).hexdigest() for name, data in encoded.items()}
    marked = _marked(result, lost, own=call.losses())
    return SelfTest(marked.with_report(selftest=said), encoded)


def _named(lost: dict[str, list[str]]) -> list[str]:
    return [f"{name}: {sentence}" for name, sentences in lost.items() for sentence in sentences]


def _marked(result: Reconstruction, lost: dict[str, list[str]], own: list[str]) -> Reconstruction:
    """The result of a damaged input, if any of the recordings is. own: what the call's lost."""
    named = _named(lost)
    if not named:
        return result
    # what was recovered tells of the call's losses too, without its name
    warnings = [*named, *(w for w in result.report["warnings"] if w not in own)]
    damaged = {**result.report["input"], "damaged": True}
    return result.with_report(warnings=warnings, input=damaged, complete=False)


def _sources(test: _Test, result: Reconstruction) -> dict[str, Any]:
    camera = test.camera
    virtual: Literal["given", "estimated"] = (
        "given" if result.report["virtual_background"]["given"] else "estimated"
    )
    return {
        "camera": {
            "name": camera.name,
            "sha256": camera.sha256(),
            "frames": len(test.look.masks),
            "size_wh": list(camera.size_wh),
        },
        "persons": "given" if test.persons is not None else "segmenter",
        "virtual": virtual,
        "alignment": test.alignment.report(),
    }


def _room(test: _Test) -> Room:
    """The room as the call would show it."""
    room = test.look.room
    planes = (np.where(plane, 255, 0).astype(np.uint8) for plane in (room.known, room.taken))
    known, taken = (test.alignment.placed(plane) for plane in planes)
    image = np.where(known[..., None] == 255, test.alignment.shown(room.image), np.uint8(0))
    return Room(image, known == 255, taken > IS_PERSON)


def _measured(
    test: _Test, call: FrameSource, result: Reconstruction, room: Room
) -> Iterator[tuple[Told | None, np.ndarray | None]]:
    """The client's mask and the person of each frame of the call; None without the camera's."""
    person, size_wh = Person(room, test.persons is not None), call.size_wh
    client = None if test.client is None else test.client.planes()
    camera = enumerate(prefetch(test.camera.frames()))
    timing, index, noise = test.alignment.timing, -1, _MANY
    for place, frame in enumerate(prefetch(call.frames())):
        wanted = place if timing is None else int(timing.frames[place])
        while index < wanted:
            following = next(camera, None)
            if following is None:
                changed = "has fewer frames than before; did it change?"
                raise InputError(f"{test.camera.name}: {changed}")
            index, picture = following
            shown = test.alignment.shown(picture)
        if wanted < 0:
            yield None, None
            continue
        mask = test.alignment.placed(shrunk(test.look.mask(index), test.camera.size_wh))
        where = person.of(shown, mask)
        if test.client is not None and client is not None:
            matte = shrunk(test.client.next_of(client), size_wh) / np.float32(255)
            yield Told(matte, np.ones_like(where)), where
            continue
        noise = noise_of(frame, result.virtual, where) or noise
        told = matte_of(frame, shown, result.virtual, noise)
        yield Told(*(plane * result.virtual_background.clear for plane in told)), where
