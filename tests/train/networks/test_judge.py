"""The judge of what was restored."""

from __future__ import annotations

import pytest
import torch

from train.networks.judge import Judge
from vader_rt.contract import JUDGE_GROUPS, TIME_BINS, plane_slices

SLICES = plane_slices(JUDGE_GROUPS)
PLANES = sum(JUDGE_GROUPS.values())


@pytest.fixture
def judge() -> Judge:
    """One that was trained to something."""
    torch.manual_seed(0)
    network = Judge().eval()
    torch.nn.init.normal_(network.head.weight)
    return network


def test_before_training_it_repeats_the_restoration_network() -> None:
    planes = torch.rand(2, PLANES, 32, 48)
    with torch.inference_mode():
        said = Judge().eval()(planes)
    sure = planes[:, SLICES["sure"]].clamp(1e-3, 1 - 1e-3)
    torch.testing.assert_close(said, sure, atol=1e-5, rtol=0)


def test_it_does_not_mind_the_order_of_time(judge: Judge) -> None:
    planes = torch.rand(1, PLANES, 32, 64)
    turned = planes.clone()
    for group in ("samples", "sample_matte", "sample_leak", "sample_person"):
        part = planes[:, SLICES[group]].unflatten(1, (TIME_BINS, -1))
        turned[:, SLICES[group]] = part.flip(1).flatten(1, 2)
    with torch.inference_mode():
        torch.testing.assert_close(judge(planes), judge(turned), atol=1e-5, rtol=0)


def test_it_sees_offsets_and_no_colours(judge: Judge) -> None:
    """All colours a little lighter: its word is the same. One of them alone: it is not."""
    planes = 0.45 + 0.1 * torch.rand(1, PLANES, 32, 32)
    colors = ("room", "virtual", "samples", "restored")
    lighter, one = planes.clone(), planes.clone()
    for group in colors:
        lighter[:, SLICES[group]] += 0.1
    one[:, SLICES["restored"]] += 0.1
    with torch.inference_mode():
        torch.testing.assert_close(judge(lighter), judge(planes), atol=1e-4, rtol=0)
        assert (judge(one) - judge(planes)).abs().max() > 1e-3


@pytest.mark.parametrize("group", JUDGE_GROUPS)
def test_every_plane_tells_it_something(judge: Judge, group: str) -> None:
    planes = 0.3 + 0.4 * torch.rand(1, PLANES, 32, 32)
    changed = planes.clone()
    changed[:, SLICES[group]] += 0.2 * torch.rand_like(changed[:, SLICES[group]])
    with torch.inference_mode():
        assert (judge(changed) - judge(planes)).abs().max() > 1e-4
