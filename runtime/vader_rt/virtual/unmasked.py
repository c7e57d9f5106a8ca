"""Frames that show the camera's picture: the client had not begun to hide it, or failed to.

All around the caller becomes something else from one frame to the next, while the caller goes on.
That is the room, or another virtual background. It is taken for the room where it comes and goes
within two seconds, and before and after it is the same, for nobody chooses a picture for so short
a time; and, however long it lasts, where the frames beside it say so: what is half-transparent at
the edges of the caller there is a mixture of the virtual background and of what comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np

from vader_rt.io.images import most_off, shrunk
from vader_rt.virtual.estimate import CLEAR_MASK
from vader_rt.virtual.kept_frames import KeptFrames, clearest_mean, person_planes
from vader_rt.virtual.shots import Cut

PersonMask = Callable[[np.ndarray], np.ndarray]
"""Person mask of a frame (H, W, 3) uint8 BGR: (h, w) uint8, 255 = person."""
NOBODY, _SOMEBODY = 20, 200
"""Person masks, of 255, below and above which it is sure where the caller is not, and is."""
CHANGED_LEVELS = 14
_SAME_SHARE, _OTHER_SHARE = 0.25, 0.75
"""Two frames have the same background if no larger share of it has changed, and another one if a
larger one has."""
_LEAST_FREE, _LEAST_CALLER = 0.02, 0.01
"""Shares of the picture that have to be seen of a background, and of a caller, to compare them."""
_CALLER_LEVELS, _CALLER_BLUR = 24, (21, 21)
"""A caller goes on if what is surely the caller changes by no more, in the median; blurred by so
many pixels, for callers move."""
_SHORT_SECONDS, _SHORT_SHARE = 2.0, 0.25
"""What comes and goes takes no longer, and no larger share of the recording."""
_CONTRARY, _CONVINCING = 0.75, 1.7
"""How much better a mixture explains the edges than by chance: too little to be believed of a short
time, and enough for any."""
_LEAST_EDGE, _LEAST_MIXED = 100, 0.6
"""Pixels of edges that are needed to say anything, and the share of them that has to be mixed."""
_MOST_BACKGROUNDS = 5
"""Where more are told apart, parts of the room flicker, and no frame is sure to show all of it."""
_LEAST_KEPT = 3
"""Frames from which a virtual background is estimated, at least."""


@dataclass(frozen=True)
class Interval:
    """Frames `start` to `stop`, this one not included."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Unmasked:
    """Where a recording shows the camera's picture.

    shown: where it surely does. suspected: where it does, or shows another virtual background.
    """

    shown: Sequence[Interval] = ()
    suspected: Sequence[Interval] = ()

    @cached_property
    def frames(self) -> frozenset[int]:
        """Indices of the frames that surely show it."""
        return frozenset(i for interval in self.shown for i in range(interval.start, interval.stop))

    def is_suspected(self, index: int) -> bool:
        """Whether a frame shows it, or another virtual background."""
        return any(interval.start <= index < interval.stop for interval in self.suspected)


@dataclass(frozen=True)
class _Look:
    """A frame, small, with its person mask of the same size."""

    frame: np.ndarray
    mask: np.ndarray

    def changed(self, other: _Look) -> float | None:
        """The share of the background that differs; None if too little of it is seen."""
        free = (self.mask < NOBODY) & (other.mask < NOBODY)
        if free.mean() < _LEAST_FREE:
            return None
        return float((most_off(self.frame, other.frame)[free] > CHANGED_LEVELS).mean())

    def is_same(self, other: _Look) -> bool:
        """Whether the background is surely the same."""
        changed = self.changed(other)
        return changed is not None and changed <= _SAME_SHARE

    def has_same_caller(self, other: _Look) -> bool:
        """Whether somebody is in both, and goes on."""
        core = (self.mask > _SOMEBODY) & (other.mask > _SOMEBODY)
        if core.mean() < _LEAST_CALLER:
            return False
        blurred = (cv2.blur(look.frame, _CALLER_BLUR) for look in (self, other))
        return float(np.median(most_off(*blurred)[core])) <= _CALLER_LEVELS


@dataclass(frozen=True)
class _Break:
    """A cut, with the frames on both sides looked at: the nearest first."""

    index: int
    before: Sequence[_Look]
    after: Sequence[_Look]

    @classmethod
    def of(cls, cut: Cut, person_mask: PersonMask) -> _Break:
        def look(frame: np.ndarray) -> _Look:
            return _Look(frame, shrunk(person_mask(frame), frame.shape[1::-1]))

        return cls(cut.index, [look(f) for f in cut.before], [look(f) for f in cut.after])

    @property
    def is_one(self) -> bool:
        """Whether the background is not simply the same: else somebody moved fast."""
        return not self.before[0].is_same(self.after[0])

    @property
    def is_of_background(self) -> bool:
        """Whether all of the background changed, and nothing else."""
        changed = self.before[0].changed(self.after[0])
        is_other = changed is not None and changed >= _OTHER_SHARE
        return is_other and self.before[0].has_same_caller(self.after[0])


@dataclass(eq=False)
class _Shot:
    """Frames between two breaks; None at an end of the recording."""

    interval: Interval
    start: _Break | None
    end: _Break | None

    @property
    def looks(self) -> list[_Look]:
        at_start = self.start.after[:1] if self.start else []
        return [*at_start, *(self.end.before[:1] if self.end else [])]

    @property
    def changes(self) -> Iterator[tuple[Sequence[_Look], Sequence[_Look]]]:
        """The frames of its neighbours and its own at either end, where the background changed."""
        if self.start and self.start.is_of_background:
            yield self.start.before, self.start.after
        if self.end and self.end.is_of_background:
            yield self.end.after, self.end.before


@dataclass(eq=False)
class _Background:
    """What stood behind the caller in some shots."""

    shots: list[_Shot] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many frames show it."""
        return sum(len(shot.interval) for shot in self.shots)

    def has(self, shot: _Shot) -> bool:
        """Whether another shot has it, too."""
        own = [look for mine in self.shots for look in mine.looks]
        return any(look.is_same(other) for look in own for other in shot.looks)

    def virtual(self, kept: KeptFrames) -> tuple[np.ndarray, np.ndarray] | None:
        """It as a virtual background: (h, w, 3) uint8 BGR, and where that is seen, (h, w) bool."""
        spans = [shot.interval for shot in self.shots]
        chosen = [
            place
            for place, index in enumerate(kept.indices)
            if any(span.start <= index < span.stop for span in spans)
        ]
        if len(chosen) < _LEAST_KEPT:
            return None
        part, size_wh = kept.subset(chosen), self.shots[0].looks[0].frame.shape[1::-1]
        masks = part.masks(size_wh)
        _, hidden = person_planes(masks)
        frames = [shrunk(frame, size_wh) for frame in part.frames]
        return clearest_mean(frames, masks, hidden), hidden <= CLEAR_MASK


def find_unmasked(
    cuts: Sequence[Cut],
    count: int,
    kept: KeptFrames,
    person_mask: PersonMask,
    seconds: Callable[[int], float],
) -> Unmasked:
    """Find the frames of a recording that show the camera's picture.

    count: frames in it. seconds: when the frame of an index is shown, or would be.
    """
    breaks = [_Break.of(cut, person_mask) for cut in cuts]
    shots = _shots([one for one in breaks if one.is_one], count)
    backgrounds = _backgrounds(shots)
    if len(backgrounds) < 2:
        return Unmasked()
    backgrounds.sort(key=lambda background: -background.count)
    main, *others = backgrounds
    found: dict[bool, list[Interval]] = {True: [], False: []}
    for other in others:
        verdicts = _Verdicts(other, main, kept, shots, seconds)
        for shot in other.shots:
            verdict = verdicts.of(shot)
            if verdict is not None:
                found[verdict].append(shot.interval)
    if len(backgrounds) > _MOST_BACKGROUNDS:
        found = {True: [], False: found[True] + found[False]}
    return Unmasked(*(_in_order(found[sure]) for sure in (True, False)))


def _shots(breaks: Sequence[_Break], count: int) -> list[_Shot]:
    bounds = [0, *(one.index for one in breaks), count]
    ends: list[_Break | None] = [None, *breaks, None]
    return [
        _Shot(Interval(*span), *sides)
        for span, sides in zip(pairwise(bounds), pairwise(ends), strict=True)
    ]


def _backgrounds(shots: Sequence[_Shot]) -> list[_Background]:
    """The shots by what stands behind the caller."""
    backgrounds: list[_Background] = []
    for shot in shots:
        background = next((b for b in backgrounds if b.has(shot)), None)
        if background is None:
            background = _Background()
            backgrounds.append(background)
        background.shots.append(shot)
    return backgrounds


def _in_order(intervals: Iterable[Interval]) -> list[Interval]:
    return sorted(set(intervals), key=lambda interval: interval.start)


class _Verdicts:
    """What is to be said of the shots of a background that is not the main one."""

    def __init__(
        self,
        background: _Background,
        main: _Background,
        kept: KeptFrames,
        shots: Sequence[_Shot],
        seconds: Callable[[int], float],
    ) -> None:
        self._shots, self._seconds, self._of_main = shots, seconds, set(map(id, main.shots))
        self._count = sum(len(shot.interval) for shot in shots)
        changes = [change for shot in background.shots for change in shot.changes]
        self._edges = _Edges.between(main.virtual(kept), changes)
        reverse = [change[::-1] for change in changes]
        self._reverse = _Edges.between(background.virtual(kept), reverse)

    def of(self, shot: _Shot) -> bool | None:
        """Whether it surely shows the room; None if it shows something else altogether."""
        if not any(True for _ in shot.changes):
            return None
        if self._is_short(shot) and not self._edges.contradict:
            return True
        return self._edges.convince and self._edges.ratio > self._reverse.ratio

    def _is_short(self, shot: _Shot) -> bool:
        """Whether it comes and goes, with the main background wherever something is beside it."""
        place = self._shots.index(shot)
        beside = [*self._shots[max(place - 1, 0) : place], *self._shots[place + 1 : place + 2]]
        lasts = self._seconds(shot.interval.stop) - self._seconds(shot.interval.start)
        is_short = lasts <= _SHORT_SECONDS and len(shot.interval) <= _SHORT_SHARE * self._count
        return is_short and all(id(one) in self._of_main for one in beside)


@dataclass(frozen=True)
class _Edges:
    """How well mixtures explain the edges of the caller. pixels: how many there are. mixed: the
    share of them that is one; ratio: of that to what it would be by chance.
    """

    pixels: int = 0
    mixed: float = 0.0
    ratio: float = 1.0

    @classmethod
    def between(
        cls,
        virtual: tuple[np.ndarray, np.ndarray] | None,
        changes: Sequence[tuple[Sequence[_Look], Sequence[_Look]]],
    ) -> _Edges:
        """changes: frames before a virtual background, and those that may show the room."""
        if virtual is None:
            return cls()
        real, chance = np.zeros((2, 2))
        for masked, bare in changes:
            real += _mixed(virtual, masked, bare[0].frame)
            for other in _with_other_backgrounds(bare[0]):
                chance += _mixed(virtual, masked, other)
        shares = [good / max(pixels, 1) + 0.02 for pixels, good in (real, chance)]
        return cls(int(real[0]), shares[0], shares[0] / shares[1])

    @property
    def convince(self) -> bool:
        """Whether there is enough of a mixture."""
        seen = self.pixels >= _LEAST_EDGE and self.mixed >= _LEAST_MIXED
        return seen and self.ratio >= _CONVINCING

    @property
    def contradict(self) -> bool:
        """Whether there is too little."""
        return self.pixels >= _LEAST_EDGE and self.ratio < _CONTRARY


def _mixed(
    virtual: tuple[np.ndarray, np.ndarray], masked: Sequence[_Look], room: np.ndarray
) -> np.ndarray:
    """Edge pixels of a masked frame, and those of them that mix virtual background and room.

    That is where frame = V + m (R − V) with 0 < m < 1, and nothing moves.
    """
    image, clear = virtual
    frame = masked[0].frame.astype(np.float32)
    off, room_off = frame - image, room.astype(np.float32) - image
    sizes = [np.abs(plane).max(axis=2) for plane in (off, room_off, frame - room)]
    edge = clear & (sizes[0] > 16) & (sizes[1] > 24) & (sizes[2] > 16)
    if len(masked) > 1:
        moved = most_off(masked[0].frame, masked[1].frame)
        edge &= cv2.blur(moved.astype(np.float32), (3, 3)) < 6
    matte = (off * room_off).sum(axis=2) / ((room_off * room_off).sum(axis=2) + 1e-3)
    rest = np.abs(off - matte[..., None] * room_off).max(axis=2)
    good = edge & (matte > 0) & (matte < 1) & (rest < 0.2 * np.minimum(sizes[0], sizes[2]) + 4)
    return np.array([edge.sum(), good.sum()])


def _with_other_backgrounds(look: _Look) -> Iterator[np.ndarray]:
    """The caller of a frame before something that it is not: what is seen by chance."""
    frame, person = look.frame, look.mask[..., None].astype(np.float32) / 255
    for other in (frame[:, ::-1], frame[::-1], np.roll(frame, frame.shape[1] // 3, axis=1)):
        yield np.rint(person * frame + (1 - person) * other).astype(np.uint8)
