"""Blocks of layers."""

from __future__ import annotations

import torch

from train.networks.blocks import Refinement


def test_a_refinement_changes_nothing_at_first() -> None:
    refinement, level = Refinement(8), torch.rand(2, 8, 16, 16)
    for training in (True, False):
        torch.testing.assert_close(refinement.train(training)(level), level, rtol=0, atol=0)
    with torch.no_grad():
        refinement.second[1].weight += 1
        assert (refinement(level) - level).abs().mean() > 1e-3
