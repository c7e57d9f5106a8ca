"""Pictures of the frames that a report names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vader_rt.errors import InputError, reading
from vader_rt.io.files import file_sha256
from vader_rt.io.images import MAX_PIXELS
from vader_rt.io.video import open_video
from vader_rt.origins.file import MOST_THUMBNAILS
from vader_rt.origins.pictures import PICTURE_WIDTH, jpeg
from vader_rt.report.saved import Saved
from vader_rt.report.view import moments, unmasked_middles, used_frames


@dataclass(frozen=True)
class Frames:
    """Pictures of frames, JPEG each. thumbnails: by the frame's number. call, unmasked: the number
    and the picture of a frame to look at, before a virtual background and before none.
    """

    thumbnails: dict[int, bytes]
    call: tuple[int, bytes] | None
    unmasked: tuple[int, bytes] | None

    @classmethod
    def of(cls, saved: Saved) -> Frames:
        """Those that provenance.json has."""
        return cls(saved.thumbnails, saved.picture("leakiest"), saved.picture("unmasked"))

    def read(self, saved: Saved, video: Path) -> Frames:
        """The same, with those that a report names, out of the recording; it is read once.

        Raises:
            InputError: it cannot be read.
        """
        worst, bare = [one["frame"] for one in moments(saved)], unmasked_middles(saved)
        wanted = [*worst, *bare, *(row["frame"] for row in used_frames(saved))]
        chosen = list(dict.fromkeys(wanted))[:MOST_THUMBNAILS]
        thumbnails, large = _read(saved, video, chosen, {*worst[:1], *bare[:1]})
        return replace(
            self,
            thumbnails=thumbnails,
            call=self.call or _first(worst, large),
            unmasked=self.unmasked or _first(bare, large),
        )


def check_recording(saved: Saved, video: Path) -> None:
    """Make sure that a video is the one that a result is of.

    Raises:
        InputError: it is another one, or cannot be read.
    """
    with reading(video):
        if not video.is_file():
            raise InputError(f"{video}: does not exist; give the recording of the result")
        if file_sha256(video) != saved.said["input"]["sha256"]:
            raise InputError(f"{video}: is not the recording of the result, by its SHA-256")


def _read(
    saved: Saved, video: Path, chosen: Collection[int], large: Collection[int]
) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Thumbnails of the chosen frames, and pictures of those among them that are to be large."""
    thumbnails: dict[int, bytes] = {}
    pictures: dict[int, bytes] = {}
    most = saved.said["options"].get("max_pixels") or MAX_PIXELS
    for index, view in enumerate(open_video(video, max_pixels=most).views()):
        if index in chosen:
            frame = view.bgr()
            thumbnails[index] = jpeg(frame)
            if index in large:
                pictures[index] = jpeg(frame, PICTURE_WIDTH)
        if len(thumbnails) == len(chosen):
            break
    return thumbnails, pictures


def _first(frames: Sequence[int], pictures: Mapping[int, bytes]) -> tuple[int, bytes] | None:
    return next(((index, pictures[index]) for index in frames if index in pictures), None)
