"""Planes of the mixing equation."""

from __future__ import annotations

import torch

from train.networks.mixing import LINE_PLANES, least_matte, line_planes


def test_planes_of_the_line_tell_the_matte() -> None:
    """Of the mixing equation, with a look at another matte; half of the picture is no mixture."""
    rng = torch.Generator().manual_seed(0)
    virtual, room, person = torch.rand(3, 1, 3, 32, 64, generator=rng)
    virtual = 0.4 + 0.2 * virtual
    room = virtual + (room - 0.5).sign() * 0.4
    matte, look_matte = 0.1 + 0.4 * torch.rand(1, 1, 32, 64, generator=rng), torch.tensor(0.6)
    look_matte = look_matte.expand(1, 1, 32, 64)
    frame = virtual + matte * (room - virtual)
    frame[..., 32:] = person[..., 32:]
    look = virtual + look_matte * (room - virtual)
    planes = line_planes(frame, virtual, look, look_matte)[0]
    off, far, beside, share, product, _, least = planes
    left = (slice(None), slice(0, 32))
    torch.testing.assert_close(product[left], matte[0, 0][left], atol=0.02, rtol=0)
    torch.testing.assert_close(
        share[left] * 1.75 - 0.25, (matte / 0.6)[0, 0][left], atol=0.03, rtol=0
    )
    length = torch.linalg.vector_norm(frame - virtual, dim=1)[0]
    torch.testing.assert_close(2 ** (9 * off), 1 + 255 * length, rtol=0.01, atol=0.1)
    # quotients are differences
    quotient = 2 ** (9 * (off - far)[left])
    torch.testing.assert_close(quotient, (matte / 0.6)[0, 0][left], atol=0.05, rtol=0)
    assert beside[left].mean() < 0.25 * beside[:, 32:].mean()
    assert (least[left] <= matte[0, 0][left]).all()
    assert planes.shape[0] == LINE_PLANES
    assert planes.min() >= 0
    assert planes.max() <= 1


def test_the_matte_is_told_relative_to_what_is_around() -> None:
    """A halo that falls from left to right, before a bright and before a dim room, looks alike."""
    matte = torch.linspace(1, 0, 64).expand(1, 1, 64, 64)
    black = torch.zeros(1, 3, 64, 64)
    planes = [
        line_planes(matte * bright * torch.ones(1, 3, 1, 1), black, black, matte)[0]
        for bright in (0.9, 0.5)
    ]
    assert (planes[0][0] - planes[1][0]).abs().mean() > 0.07
    assert (planes[0][5] - planes[1][5]).abs().mean() < 0.02
    assert planes[0][5, 32].diff().mean() < -0.01


def test_the_least_matte_is_that_of_a_room_with_a_channel_at_its_end() -> None:
    rng = torch.Generator().manual_seed(0)
    room = torch.rand(1, 3, 32, 32, generator=rng)
    virtual = 0.2 + 0.6 * torch.rand(1, 3, 32, 32, generator=rng)
    matte = torch.rand(1, 1, 32, 32, generator=rng)
    least = least_matte(virtual + matte * (room - virtual), virtual)
    assert least.shape == matte.shape
    assert (least <= matte).all()
    for end in (0, 1):
        room[:, end] = end  # one channel is enough
        least = least_matte(virtual + matte * (room - virtual), virtual)
        assert (least <= matte).all()
        torch.testing.assert_close(least, matte, atol=0.08, rtol=0)  # 4 levels, of 0.2 at least
