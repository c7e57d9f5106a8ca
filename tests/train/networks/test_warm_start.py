"""A training that begins where an exported model is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from export.to_onnx import to_onnx
from tests.conftest import INPUTS, NETWORK_WH, save_checkpoint
from train.module import LeakModule
from train.networks.leaknet import LeakNet
from train.networks.mixing import LINE_INPUTS
from train.networks.registry import NETWORKS, build_network
from train.networks.warm_start import warm_start
from vader_rt.engines.load import load_engine
from vader_rt.errors import InputError
from vader_rt.features.planes import group_slices, plane_count
from vader_rt.models import DEFAULT_JUDGE, DEFAULT_MODEL, DEFAULT_RESTORATION


@pytest.mark.parametrize(
    ("name", "model"),
    [("leaknet", DEFAULT_MODEL), ("restorenet", DEFAULT_RESTORATION), ("judge", DEFAULT_JUDGE)],
)
def test_the_network_computes_what_the_model_does(name: str, model: Path) -> None:
    """The shipped models: untrained ones have no biases."""
    engine = load_engine(model, "onnx-cpu")
    torch.manual_seed(1)
    planes = torch.rand(2, *engine.contract.input_shape[1:])
    slices = group_slices(engine.contract.inputs) if name == "leaknet" else None
    network = build_network(name, planes.shape[1], slices)
    warm_start(network, engine.contract.inputs, model, planes)
    wanted = np.concatenate([np.atleast_3d(o.T).T for o in engine.run(planes[:1].numpy())])
    for training in (False, True):
        with torch.no_grad():
            found = network.train(training)(planes)[0].numpy()
        # sums in another order; in training, normalised by both items
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_new_inputs_change_nothing_at_first(untrained: dict[str, Path]) -> None:
    groups = ("mode", *INPUTS[::-1], "presence")
    engine = load_engine(untrained["frame"], "onnx-cpu")
    torch.manual_seed(1)
    planes = torch.rand(1, plane_count(groups), *NETWORK_WH[::-1])
    network = build_network("leaknet", planes.shape[1], group_slices(groups))
    warm_start(network, groups, untrained["frame"], planes)
    starts = np.cumsum([0, *(plane_count([g]) for g in groups)])
    where = [starts[groups.index(g)] + i for g in INPUTS for i in range(plane_count([g]))]
    with torch.no_grad():
        found = network.eval()(planes)[0, 0].numpy()
    wanted = engine.run(planes[:, where].numpy())[0]
    np.testing.assert_allclose(found, wanted, atol=1e-4)  # sums in another order


def test_planes_that_are_derived_from_new_inputs_change_nothing_at_first(tmp_path: Path) -> None:
    torch.manual_seed(1)
    checkpoint = save_checkpoint(LeakModule("leaknet", ["frame"], NETWORK_WH), tmp_path / "f.ckpt")
    model = to_onnx(checkpoint, tmp_path / "frame.onnx")
    groups = (*LINE_INPUTS[1:], "frame")
    planes = torch.rand(1, plane_count(groups), *NETWORK_WH[::-1])
    network = build_network("leaknet", planes.shape[1], group_slices(groups)).eval()
    warm_start(network, groups, model, planes)
    wanted = load_engine(model, "onnx-cpu").run(planes[:, -3:].numpy())
    with torch.no_grad():
        np.testing.assert_allclose(network(planes)[0].numpy(), wanted, atol=1e-4)
        network.stem[0].weight[:, -network.derived :] += 1
        assert np.abs(network(planes)[0].numpy() - wanted).max() > 0.01


class _Unrefined(LeakNet):
    """The frame network as it was before its levels were refined."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, depths=(0, 0, 0, 0))


def test_layers_that_refine_change_nothing_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    with monkeypatch.context() as before:
        before.setitem(NETWORKS, "leaknet", _Unrefined)
        module = LeakModule("leaknet", ["frame"], NETWORK_WH)
        model = to_onnx(save_checkpoint(module, tmp_path / "f.ckpt"), tmp_path / "frame.onnx")
    planes = torch.rand(1, 3, *NETWORK_WH[::-1])
    network = build_network("leaknet", 3)
    assert len(network.state_dict()) > len(module.model.state_dict())
    warm_start(network, ["frame"], model, planes)
    wanted = load_engine(model, "onnx-cpu").run(planes.numpy())
    for training in (False, True):
        with torch.no_grad():
            found = network.train(training)(planes)[0].numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_training_begins_there(untrained: dict[str, Path]) -> None:
    engine = load_engine(untrained["frame"], "onnx-cpu")
    torch.manual_seed(1)
    planes = torch.rand(1, *engine.contract.input_shape[1:])
    module = LeakModule("leaknet", INPUTS, NETWORK_WH, start=str(untrained["frame"]))
    module.on_train_batch_start((planes, planes), 1)  # only with the first batch
    with torch.no_grad():
        assert (
            np.abs(module.eval()(planes)[0, 0].numpy() - engine.run(planes.numpy())[0]).max() > 0.01
        )
        module.on_train_batch_start((planes, planes), 0)
        found = module.eval()(planes)[0, 0].numpy()
    np.testing.assert_allclose(found, engine.run(planes.numpy())[0], atol=1e-4)


def test_frames_of_a_call_come_together(untrained: dict[str, Path]) -> None:
    """The network begins as the model, and computes for several frames what it does for each."""
    engine = load_engine(untrained["frame"], "onnx-cpu")
    torch.manual_seed(1)
    planes = torch.rand(2, 3, *engine.contract.input_shape[1:])
    module = LeakModule("leaknet", INPUTS, NETWORK_WH, start=str(untrained["frame"]))
    module.on_train_batch_start((planes, planes), 0)
    with torch.no_grad():
        together = module.eval()(planes)
    assert together.shape == (2, 3, 2, *NETWORK_WH[::-1])
    for n, t in [(0, 1), (1, 2)]:
        wanted = engine.run(planes[n, t : t + 1].numpy())[0]
        np.testing.assert_allclose(together[n, t, 0], wanted, atol=1e-4)


def test_refusals(untrained: dict[str, Path]) -> None:
    planes = torch.rand(1, 3, 64, 64)
    with pytest.raises(InputError, match="has the inputs dog, edge"):
        warm_start(build_network("leaknet", 3), ("frame",), untrained["frame"], planes)
    with pytest.raises(InputError, match="convolutions"):
        warm_start(build_network("unet", 3), ("frame",), untrained["blind"], planes)
