"""What the page says, in words and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vader_rt.origins.file import MOST_THUMBNAILS
from vader_rt.origins.moments import worst_moments
from vader_rt.report.saved import Saved

MOST_ROWS = 40
"""Of a table: of a call with thousands of entries, result.json has the rest."""
KINDS = {
    "still": "one picture",
    "changing": "several pictures, one after the other; each was un-mixed by itself",
    "loop": "a video that runs in a loop; each of its pictures was estimated",
    "plain": "a picture without detail, or the room itself, blurred; un-mixing does not suit it",
    "moving": "a video of which no loop was found; believe the room less",
}


def warnings(saved: Saved) -> list[str]:
    """What a reader has to know before all else, a sentence each."""
    said = saved.said
    found = [
        f"{name} is not the file that result.json has the digest of: it was changed later."
        for name in saved.altered
    ]
    if saved.provenance is None:
        found.append("There is no provenance.json: where the room comes from is not known.")
    if said["input"]["damaged"]:
        found.append("The recording is damaged; what could be read of it was used.")
    elif not said["complete"]:
        found.append("Not all of the recording was taken in: the work was ended before.")
    if said["virtual_background"]["kind"] in ("moving", "plain"):
        found.append(f"The virtual background is {KINDS[said['virtual_background']['kind']]}.")
    return found + [_sentence(warning) for warning in said["warnings"]]


def moments(saved: Saved) -> list[dict[str, Any]]:
    """The ten worst moments, the worst first."""
    said = saved.said
    times, leaks, inferred = (
        said["frame_times"],
        said["leak_timeline"],
        set(said["inferred_frames"]),
    )
    bare = {i for one in said["unmasked"]["intervals"] for i in range(one["start"], one["stop"])}
    return [
        {
            "frame": frame,
            "time": time_of(frame, times),
            "leak": leaks[frame],
            "how": "shows the room itself"
            if frame in bare
            else "un-mixed"
            if frame in inferred
            else "estimated from a small picture",
        }
        for frame in worst_moments(leaks, times)
    ]


def unmasked_middles(saved: Saved) -> list[int]:
    """One frame of each of the first times that show the room itself."""
    return [(one["start"] + one["stop"]) // 2 for one in saved.said["unmasked"]["intervals"][:4]]


def used_frames(saved: Saved) -> list[dict[str, Any]]:
    """The frames that samples are from, those of most places first."""
    places = saved.provenance["places"] if saved.provenance else []
    used = Counter(sample[0] for place in places for sample in place["samples"])
    times = saved.said["frame_times"]
    return [
        {"frame": frame, "time": time_of(frame, times), "places": count}
        for frame, count in used.most_common(MOST_THUMBNAILS)
    ]


def scores(said: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Of each score its name, itself, and what it means; none without a truth."""
    found = said["scores"] or {}
    meanings = {
        "challenge": "share of all that leaked which is recovered in the right colour",
        "artifact": "the same, of what the virtual background does not score by itself",
        "precision": "share of the claimed pixels that have the right colour",
    }
    return [(name, found[name], text) for name, text in meanings.items() if found.get(name)]


def client(said: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """How the client cuts: a name, a value and how far it holds; none where no matte tells."""
    found = said["client"] or {}
    width, flicker, away = (found.get(name) for name in ("edge_width", "flicker", "leak_away"))
    rows = [
        (
            "Cut",
            "soft" if found.get("cut") == "soft" else None,
            "a wide edge; a hard cut is not told",
        ),
        (
            "Width of the edge",
            width and f"{width:g} pixels",
            "over which the person fades in; mostly right within a factor of two",
        ),
        (
            "Flicker",
            percent(flicker) if flicker is not None else None,
            "how much of the cut-out changes from frame to frame besides its motion; within a "
            "factor of 1.5 or so",
        ),
        (
            "Leak away from the caller",
            percent(away) if away is not None else None,
            "share of the leak that is no edge of the caller: furniture, say; mostly right within "
            "17 percentage points, and arbitrary where hardly anything leaks",
        ),
    ]
    return [(name, value, text) for name, value, text in rows if value]


def record(saved: Saved) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Tables of where the result comes from: their titles, and rows of a name and a value."""
    said = saved.said
    given, file = said["input"], said["input"]["file"] or {}
    return [
        (
            "Recording",
            [
                ("name", given["name"]),
                ("SHA-256", given["sha256"]),
                ("size", " × ".join(map(str, given["size_wh"])) + " pixels"),
                ("frames", given["frames"]),
                ("frames a second, as the file says", given["fps"]),
                ("duration", _seconds(given["duration_seconds"])),
                ("format", file.get("format")),
                ("bytes", file.get("bytes")),
                *((f"tag {name}", value) for name, value in file.get("metadata", {}).items()),
                *_streams(file),
                *((f"count of {name}", n) for name, n in file.get("counts", {}).items() if n),
            ],
        ),
        (
            "Work",
            [
                ("case", said["case"]),
                ("examiner", said["examiner"]),
                ("started", said["started"]),
                ("finished", said["finished"]),
                ("took", _seconds(said["timings"]["total_seconds"])),
                ("command line", " ".join(said["command_line"] or []) or None),
                ("engine", said["engine"]),
                ("features", said["features"]),
                ("frames that went through the networks", len(said["inferred_frames"])),
                ("how far mattes were believed", said["matte_trust"]),
            ],
        ),
        ("Options", [(name, value) for name, value in said["options"].items()]),
        ("Models", [*_models(said["models"])]),
        ("Files of the result, SHA-256", [*said["outputs"].items()]),
        ("Versions", [*_flat(said["versions"])]),
        ("Machine", [*said["host"].items()]),
    ]


def time_of(frame: int, times: Sequence[float | None]) -> str:
    """When a frame is shown, as people read it; a dash where nobody knows."""
    seconds = times[frame] if frame < len(times) else None
    return "–" if seconds is None else clock(seconds)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03.45, or 2:03.45."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{rest // 100:02}.{rest % 100:02}"


def percent(share: float) -> str:
    """A share as people read it: 12 %, 1.2 %, 0.12 %; and never 0 % if it is not 0."""
    of_100 = share * 100
    if of_100 == 0 or of_100 >= 9.95:
        return f"{of_100:.0f} %"
    digits = 1 if of_100 >= 0.995 else 2
    return f"{of_100:.{digits}f} %" if of_100 >= 0.005 else "less than 0.01 %"


def _streams(file: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for stream in file.get("streams", []):
        is_read = stream["index"] == file["stream"]
        name = f"stream {stream['index']}, {'read' if is_read else 'not read'}"
        parts = [stream["type"], stream.get("codec"), stream.get("profile")]
        parts += [stream.get("pixel_format"), *(f"{k}: {v}" for k, v in stream["metadata"].items())]
        yield name, ", ".join(part for part in parts if part)


def _models(models: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for model in models:
        name = model["name"] or "an engine that was handed over"
        yield f"{name}, SHA-256", model["sha256"]
        yield f"{name}, its checkpoint's SHA-256", model["checkpoint_sha256"]


def _flat(entries: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in entries.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {part}", version) for part, version in value.items())
        else:
            yield name, value


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:g} s"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
