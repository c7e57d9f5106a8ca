"""Losses against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede94, rgb2lab

from train.losses import (
    delta_e94,
    expected_score,
    find_loss,
    judge_loss,
    leak_loss,
    restore_loss,
    vote_loss,
)
from vader_rt.errors import InputError


def pair(seed: int = 0, planes: int = 1, size: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, 1, planes, size, size, generator=rng)
    return a, b


def test_delta_e94_is_that_of_scikit_image() -> None:
    a, b = pair(planes=3)
    lab_a, lab_b = (rgb2lab(x[0].permute(1, 2, 0).numpy()) for x in (a, b))
    expected = deltaE_ciede94(lab_b, lab_a)  # skimage scales by its first argument
    # float32 cube roots, and 1e-6 under the root that keeps the gradient finite
    np.testing.assert_allclose(delta_e94(a, b)[0, 0].numpy(), expected, atol=0.02)


def test_leak_loss_is_least_at_the_target() -> None:
    a, b = (x.repeat(1, 2, 1, 1) for x in pair())
    target = (b > 0.5).float()
    assert float(leak_loss(target, target)) == pytest.approx(0, abs=1e-5)
    assert float(leak_loss(a, target)) > 0.01


def test_leak_loss_counts_leaking_pixels_most() -> None:
    target = torch.zeros(1, 2, 4, 4)
    target[:, :, 0, 0] = 1.0
    wrong_leak, wrong_rest = target.clone(), target.clone()
    wrong_leak[:, 0, 0, 0] = 0.5
    wrong_rest[:, 0, 3, 3] = 0.5
    assert float(leak_loss(wrong_leak, target)) > 5 * float(leak_loss(wrong_rest, target))


def test_judge_loss_is_least_at_the_share_that_is_right_of_what_was_seen() -> None:
    right, seen = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    seen[..., :4], right[..., :4] = 0.5, 0.2
    truth = torch.cat([right, seen], dim=1)
    said = [torch.full((1, 1, 8, 8), value) for value in (0.3, 0.4, 0.5)]
    losses = [float(judge_loss(each, truth)) for each in said]
    assert losses[1] < min(losses[0], losses[2])
    entropy = -(0.4 * np.log(0.4) + 0.6 * np.log(0.6))
    assert losses[1] == pytest.approx(entropy, rel=1e-4)
    said[1][..., 4:] = 0.9  # nothing was seen there
    assert float(judge_loss(said[1], truth)) == pytest.approx(losses[1])


def test_restore_loss_ignores_what_was_not_seen() -> None:
    room = torch.rand(1, 3, 8, 8)
    leak, seen = torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    seen[..., :4] = 0
    truth = torch.cat([room, leak, seen], dim=1)
    right = torch.cat([room, torch.ones(1, 1, 8, 8)], dim=1)
    garbled = right.clone()
    garbled[..., :4] = 0.5
    assert float(restore_loss(garbled, truth)) == pytest.approx(float(restore_loss(right, truth)))
    garbled[..., 4:] = 0.5
    assert float(restore_loss(garbled, truth)) > float(restore_loss(right, truth)) + 0.1


def two_samples() -> tuple[torch.Tensor, torch.Tensor]:
    """A prediction and a truth of two frames: the first shows the room, the other a person."""
    room = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(2)) * 0.5
    virtual, person = room + 0.05, 1 - room
    calls = [virtual + 0.8 * (room - virtual), person]
    masks = [torch.full((2, 8, 8), 0.8), torch.stack([torch.ones(8, 8), torch.zeros(8, 8)])]
    truth = [torch.cat([m, room, c, virtual]) for m, c in zip(masks, calls, strict=True)]
    prediction = torch.full((1, 2, 2, 8, 8), 0.5)
    prediction[:, :, 0] = 0.8
    return prediction, torch.stack(truth)[None]


def test_expected_score_is_the_share_of_the_right_sample() -> None:
    prediction, truth = two_samples()
    undecided = float(expected_score(prediction, truth))
    prediction[:, 1, 1] = 0.1
    decided = float(expected_score(prediction, truth))
    prediction[:, :, 1] *= 0.3  # as strong one by the other
    assert float(expected_score(prediction, truth)) == pytest.approx(decided, abs=0.01)
    assert decided == pytest.approx(2 * undecided, rel=0.05)
    prediction[:, 0, 1], prediction[:, 1, 1] = 0.1, 0.5
    assert float(expected_score(prediction, truth)) < 0.01


def test_expected_score_ranks_by_leak_times_matte() -> None:
    prediction, truth = two_samples()
    prediction[:, :, 1] = 0.5  # as much leak in both
    prediction[:, 1, 0] = 0.8
    undecided = float(expected_score(prediction, truth))
    prediction[:, 1, 0] = 0.2
    assert float(expected_score(prediction, truth)) == pytest.approx(2 * undecided, rel=0.05)


def test_expected_score_unmixes_by_the_matte() -> None:
    prediction, truth = two_samples()
    room = truth[:, 0, 2:5]
    truth[:, :, 8:] = room[:, None] + 0.5
    truth[:, 0, 5:8] = room + 0.05  # a true matte of 0.9: 0.8, half believed
    prediction[:, 1, 1] = 0.05
    unmixed = float(expected_score(prediction, truth))
    prediction[:, :, 0] = 1.0
    copied = float(expected_score(prediction, truth))
    assert unmixed == pytest.approx(0.5 + copied / 2, abs=0.05)
    assert copied < 0.5


def test_expected_score_counts_where_the_room_leaks() -> None:
    prediction, truth = two_samples()
    whole = float(expected_score(prediction, truth))
    truth[..., 2:5, :, :4] += 0.3  # half of the room is another one
    assert float(expected_score(prediction, truth)) == pytest.approx(whole / 2, rel=0.2)
    truth[:, :, 1, :, :4] = 0  # and leaks nowhere
    assert float(expected_score(prediction, truth)) == pytest.approx(whole, rel=0.2)


def test_vote_loss_ranks_the_leak() -> None:
    prediction, truth = two_samples()
    prediction.requires_grad_()
    vote_loss(prediction, truth).backward()
    assert prediction.grad is not None
    assert (prediction.grad[:, 0, 1] < 0).all()  # more leak where the room is
    assert (prediction.grad[:, 1, 1] > 0).all()
    prediction = prediction.detach()
    each = leak_loss(prediction[0], truth[0, :, :2])
    missed = 1 - expected_score(prediction, truth)
    assert float(vote_loss(prediction, truth)) == pytest.approx(float(each + missed))


def test_unknown_loss_names_the_known() -> None:
    with pytest.raises(InputError, match="soft_jaccard"):
        find_loss("hinge")
