"""The training step."""

from __future__ import annotations

import pytest
import torch

from train.module import LeakModule
from vader_rt.errors import InputError


@pytest.mark.parametrize(("loss", "frames"), [("vote", ()), ("leak", (3,))])
def test_frames_together_are_for_the_loss_vote(loss: str, frames: tuple[int, ...]) -> None:
    module = LeakModule("leaknet", ["frame"], (32, 32), loss=loss)
    batch = torch.rand(2, *frames, 3, 32, 32), torch.rand(2, *frames, 11, 32, 32)
    with pytest.raises(InputError, match="together"):
        module.training_step(batch, 0)
