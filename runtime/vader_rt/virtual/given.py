"""A virtual image that the user has: fitted to the call, and checked against it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vader_rt.errors import InputError, reading
from vader_rt.io.images import IMAGE_SUFFIXES, most_off, read_image
from vader_rt.virtual.estimate import CLEAR_MASK, SAME_LEVELS, still_pixels
from vader_rt.virtual.inpaint import continued
from vader_rt.virtual.kept_frames import KeptFrames, clearest_mean, person_planes
from vader_rt.virtual.placement import Shown, plain_placements
from vader_rt.virtual.register import Registered, plainly, registered

log = logging.getLogger(__name__)

_MARGIN = 1 / 60
"""So near to where the person is, in widths of the call, nothing is sure: the halo."""
_LEAST_DETAIL, _ALIKE = 1.5, 0.5
"""Detail, in levels, that tells whether a picture is the one; it is if its correlation with that of
the call is no less than the other."""
_SAME_SHARE = 0.75
"""A picture with less detail could be fitted to many. It is the one if the call shows it as it is:
if no smaller share of the pixels agrees."""
_WORTH_LEVELS, _WORTH_DETAIL = 2.5, 0.5
"""A picture is taken as clients show it, unless one that is registered differs by so many levels
less, or leaves no more than this share of the detail unexplained."""
_OVERLAY_LEVELS, _OVERLAY_SIDE = 40, 1 / 60
"""Overlays differ from the picture by more levels, and are larger, in widths of the call: they are
to be read."""


@dataclass(frozen=True)
class Given:
    """name: of the file. picture: as the call shows it. overlays: share of the call with some."""

    name: str
    picture: Registered
    overlays: float = 0.0

    def report(self) -> dict[str, Any]:
        """How it fits, as result.json says it."""
        return {**self.picture.report(), "overlays": round(self.overlays, 5)}


def given_virtual(path: str | Path, kept: KeptFrames) -> Given:
    """Read the user's virtual image, fit it to the call and check that it is the one in the call.

    Raises:
        InputError: it cannot be read, or is not what the call shows.
    """
    view = _View.of(kept)
    picture = view.fitted(read_image(path))
    if _is_it(picture):
        return view.completed(Given(Path(path).name, picture), kept)
    fit = picture.fit
    soft = "; it has too little detail to be looked for at another scale or in another tone"
    raise InputError(
        f"{path}: is not the virtual background of this call (median difference {fit.residual:.0f} "
        f"of 255 levels{soft if fit.detail < _LEAST_DETAIL else ''}); "
        "leave --virtual-background out to estimate it"
    )


def shows(shown: Shown, path: str | Path) -> bool:
    """Whether a recording shows the user's virtual image, just as most clients do.

    Raises:
        InputError: it cannot be read.
    """
    return _is_as_it_is(_View(shown, shown.sure).plain(read_image(path)))


def library_virtual(folder: str | Path, kept: KeptFrames) -> Given | None:
    """Find the picture in a folder that the call shows, the one that fits best; None if none does.

    A picture that cannot be read is told of and passed over: the others may be the one.

    Raises:
        InputError: there is no such folder, or it has no pictures that can be read.
    """
    paths = [path for path in _pictures(Path(folder)) if _is_readable(path)]
    if not paths:
        raise InputError(f"{folder}: has no picture that can be read")
    view = _View.of(kept)
    best = _best(paths, view.plain, _is_as_it_is) or _best(paths, view.fitted, _is_it)
    return best and view.completed(best, kept)


def _pictures(folder: Path) -> list[Path]:
    with reading(folder):
        if not folder.is_dir():
            raise InputError(f"{folder}: is not a folder; give one with pictures")
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: has no pictures ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return paths


def _is_readable(path: Path) -> bool:
    try:
        read_image(path)
    except InputError as error:
        log.warning("%s; it is passed over", error)
        return False
    return True


def cover(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Scale an image to cover `size_wh` and cut the middle, as clients show a virtual image."""
    width, height = size_wh
    scale = max(width / image.shape[1], height / image.shape[0])
    scaled_wh = (
        max(width, round(image.shape[1] * scale)),
        max(height, round(image.shape[0] * scale)),
    )
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(image, scaled_wh, interpolation=mode)
    x, y = (scaled_wh[0] - width) // 2, (scaled_wh[1] - height) // 2
    return np.ascontiguousarray(scaled[y : y + height, x : x + width])


@dataclass(frozen=True)
class _View:
    """The virtual background as a call shows it.

    clear: (H, W) bool, where the re-run segmenter saw no person; shown.sure keeps a margin to it.
    """

    shown: Shown
    clear: np.ndarray

    @classmethod
    def of(cls, kept: KeptFrames) -> _View:
        masks = kept.masks(kept.frames[0].shape[1::-1])
        _, hidden = person_planes(masks)
        image = clearest_mean(kept.frames, masks, hidden)
        clear = hidden <= CLEAR_MASK
        clear = clear if clear.any() else np.ones_like(clear)
        margin = np.ones((max(3, round(image.shape[1] * _MARGIN)),) * 2, np.uint8)
        sure = cv2.erode(clear.astype(np.uint8), margin) > 0
        return cls(Shown(image, sure if sure.any() else clear), clear)

    def fitted(self, image: np.ndarray) -> Registered:
        """A picture as most clients would show it, or registered where that is much nearer."""
        plain = self.plain(image)
        found = registered(image, self.shown)
        if found is None or not _is_worth_it(found, plain):
            return plain
        return found if _is_it(found) or not _is_it(plain) else plain

    def completed(self, given: Given, kept: KeptFrames) -> Given:
        """With what the call shows around the picture and, as overlays, before it."""
        image, covered = given.picture.image, given.picture.covered
        if not covered.all():
            around = continued(self.shown.image, self.clear)
            image = np.where(covered[..., None], image, around)
        overlays = self._overlays(image, still_pixels(kept.frames))
        image = np.where(overlays[..., None], self.shown.image, image)
        return replace(given, picture=replace(given.picture, image=image), overlays=overlays.mean())

    def _overlays(self, image: np.ndarray, still: np.ndarray) -> np.ndarray:
        """Name tags and icons: what never changes, nobody stands there, and it is another picture.

        Of the room, noise would come through.
        """
        off = most_off(image, self.shown.image)
        surely = (self.clear & still & (off > _OVERLAY_LEVELS)).astype(np.uint8)
        size = np.ones((2 * round(image.shape[1] * _OVERLAY_SIDE / 2) + 1,) * 2, np.uint8)
        surely = cv2.morphologyEx(surely, cv2.MORPH_CLOSE, size)  # letters like the picture
        surely = cv2.morphologyEx(surely, cv2.MORPH_OPEN, size)
        near = cv2.dilate(surely, size) > 0
        return near & self.clear & (off > SAME_LEVELS)

    def plain(self, image: np.ndarray) -> Registered:
        """A picture as most clients would show it."""
        size_wh = self.shown.size_wh
        fits = [*_placements(image, size_wh)]
        off = [float(np.median(most_off(fit, self.shown.image)[self.clear])) for fit in fits]
        best = int(np.argmin(off))
        placement = plain_placements(image.shape[1::-1], size_wh)[best]
        return plainly(fits[best], self.shown, placement)


def _placements(image: np.ndarray, size_wh: tuple[int, int]) -> Iterator[np.ndarray]:
    """The ways in which clients fit a picture, in the order of `plain_placements`."""
    for fit in (cover(image, size_wh), cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)):
        yield fit
        yield cv2.flip(fit, 1)


def _is_worth_it(found: Registered, plain: Registered) -> bool:
    return (
        found.fit.left < plain.fit.left - _WORTH_LEVELS
        or 1 - found.fit.alike < _WORTH_DETAIL * (1 - plain.fit.alike)
    )


def _is_it(picture: Registered) -> bool:
    """Whether a picture is what the call shows, and not like it by chance."""
    if picture.fit.detail < _LEAST_DETAIL:
        return _is_as_it_is(picture)
    return picture.fit.alike >= _ALIKE


def _is_as_it_is(picture: Registered) -> bool:
    """Whether a picture needs no fit of its own."""
    fit = picture.fit
    told = fit.detail < _LEAST_DETAIL or fit.alike >= _ALIKE
    return picture.plain and told and fit.agreeing >= _SAME_SHARE


def _best(
    paths: Sequence[Path],
    fitted: Callable[[np.ndarray], Registered],
    wanted: Callable[[Registered], bool],
) -> Given | None:
    """Of the pictures that are wanted the one that fits best."""
    best = None
    for path in paths:
        picture = fitted(read_image(path))
        if wanted(picture) and (best is None or picture.fit.left < best.picture.fit.left):
            best = Given(path.name, picture)
    return best
