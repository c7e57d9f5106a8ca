"""The end of a job: the room as a whole picture, its confidence, and its score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vader_rt.io.memory import give_back
from vader_rt.io.timer import StageTimer
from vader_rt.pipeline.options import Models, Options, Truth
from vader_rt.pipeline.recover import Recovery
from vader_rt.pipeline.result import CLAIMED, Reconstruction
from vader_rt.room.strongest import Strongest
from vader_rt.score import Scores, score
from vader_rt.virtual.bare_room import BareRoom
from vader_rt.virtual.estimate import VirtualBackground
from vader_rt.virtual.inpaint import continued


def finish(
    recovery: Recovery,
    timeline: list[float],
    models: Models,
    options: Options,
    truth: Truth | None,
    timer: StageTimer,
    *,
    last: bool,
) -> Reconstruction:
    """What is recovered by now, without its report.

    timeline: the leak of every frame so far. last: see `Recovery.recovered`.
    """
    recovered, virtual = recovery.recovered(last=last), recovery.scenes[0].virtual
    give_back()
    with timer.measure("restore"):
        room, confidence = recovered.room(virtual.planes(), models.restoration, models.judge)
        strongest = recovered.strongest
        if recovery.bare is not None:
            room, confidence, strongest = _with_bare(room, confidence, strongest, recovery.bare)
        room = _completed(room, confidence > 0, virtual, fill=options.fill)
    return Reconstruction(
        background=room,
        confidence=confidence,
        strongest=strongest,
        voted=recovered.voted,
        virtual_background=virtual,
        timeline=timeline,
        provenance=recovery.provenance(recovered),
        scores=_scores(room, confidence, virtual, truth),
    )


def _with_bare(
    room: np.ndarray, confidence: np.ndarray, strongest: Strongest, bare: BareRoom
) -> tuple[np.ndarray, np.ndarray, Strongest]:
    """The same with what unmasked frames show of the room."""
    seen = bare.confidence > 0
    room, confidence, leak = room.copy(), confidence.copy(), strongest.leak.copy()
    room[seen], confidence[seen], leak[seen] = bare.image[seen], bare.confidence[seen], 1
    return room, confidence, replace(strongest, leak=leak)


def _completed(
    room: np.ndarray, seen: np.ndarray, virtual: VirtualBackground, *, fill: bool
) -> np.ndarray:
    """Where nothing was seen, the virtual background or, with `fill`, the room continued."""
    if fill:
        return continued(room, seen)
    return np.where(seen[..., None], room, virtual.image)


def _scores(
    room: np.ndarray, confidence: np.ndarray, virtual: VirtualBackground, truth: Truth | None
) -> Scores | None:
    if truth is None:
        return None
    claimed = confidence >= CLAIMED
    return score(room, truth.room, truth.leak, claimed=claimed, virtual_bgr=virtual.image)
