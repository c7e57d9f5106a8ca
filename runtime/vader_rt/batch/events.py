"""What happens while many tasks are done, here or on a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from vader_rt.batch.work import Outcome


@dataclass(frozen=True)
class Started:
    """A task began. index: which."""

    index: int


@dataclass(frozen=True)
class Advanced:
    """Where a task stands: see `vader_rt.pipeline.api.Progress`."""

    index: int
    stage: str
    frame: int
    total: int


@dataclass(frozen=True)
class Finished:
    """A task came to its end."""

    index: int
    outcome: Outcome


@dataclass(frozen=True)
class Told:
    """A line for the user, on no task's end."""

    line: str


Event = Started | Advanced | Finished | Told
