"""The frames that were chosen: from memory, from a file, and in another process."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from vader_rt.io.frames import ArrayFrame
from vader_rt.pipeline.chosen import AllFrames, ChosenFrames, restored_choice
from vader_rt.pipeline.timeline import CheapLeak
from vader_rt.sources.memory import FrameArray

SIZE_WH = (64, 64)
INDICES = [0, 3, 9, 10, 22, 31, 40, 77, 99]


def pictures(count: int = 100) -> list[np.ndarray]:
    return [np.full((64, 64, 3), index, np.uint8) for index in range(count)]


def choice(*, is_held: bool) -> ChosenFrames:
    """A choice of frames that show their number."""
    views = {i: ArrayFrame(p) if is_held else None for i, p in enumerate(pictures())}
    chosen = {index: views[index] for index in INDICES}
    return ChosenFrames(FrameArray(pictures(), SIZE_WH), chosen, CheapLeak(), 100)


def numbers(chosen: ChosenFrames, done: tuple[int, ...] = ()) -> list[int]:
    found = [(index, int(frame[0, 0, 0])) for index, frame in chosen.frames(done)]
    assert all(index == shown for index, shown in found)
    return [index for index, _ in found]


def test_they_come_from_memory_spread_or_from_a_file_in_order() -> None:
    assert numbers(choice(is_held=False)) == INDICES
    held = numbers(choice(is_held=True))
    assert sorted(held) == INDICES
    assert held[:3] == [0, 99, 22]


def test_a_file_that_became_shorter_gives_what_there_is() -> None:
    source = FrameArray(pictures(20), SIZE_WH)
    chosen = ChosenFrames(source, {3: None, 30: None}, CheapLeak(), 40)
    assert numbers(chosen) == [3]


def test_all_frames_have_the_leaks_that_were_found() -> None:
    assert AllFrames(None, 3).timeline({0: 0.1, 1: 0.2}) == [0.1, 0.2]  # type: ignore[arg-type]


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize("count", [0, 1, 5, 9])
def test_in_another_process_the_others_follow_in_the_same_order(is_held: bool, count: int) -> None:
    order = numbers(choice(is_held=is_held))
    done = tuple(order[:count])
    again = restored_choice(FrameArray(pictures(), SIZE_WH), choice(is_held=is_held).state(), done)
    assert isinstance(again, ChosenFrames)
    assert (again.total, again.count) == (100, len(INDICES))
    assert set(again.held()) == (set(order[count:]) if is_held else set())
    assert numbers(again, done) == order[count:]


def test_of_all_frames_the_others_follow() -> None:
    source = FrameArray(pictures(6), SIZE_WH)
    again = restored_choice(source, AllFrames(source, 6).state(), ())
    assert [index for index, _ in again.frames(done={0, 1, 2})] == [3, 4, 5]
    assert again.count == 6


def test_frames_that_nobody_wants_any_more_are_not_held() -> None:
    views = {index: ArrayFrame(picture) for index, picture in enumerate(pictures(9))}
    held = weakref.ref(views[5].frame)
    source = FrameArray(pictures(1), SIZE_WH)
    chosen = ChosenFrames(source, views, CheapLeak(), 9)
    del views
    frames = chosen.frames()
    assert next(frames)[0] == 0
    assert held() is not None
    frames.close()
    gc.collect()
    assert held() is None
