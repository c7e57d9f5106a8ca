"""Begin a training with the weights of an exported model, instead of at random.

An exported model has its batch normalisations folded into its convolutions. They are put back so
that the network computes, in training too, what the model computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from train.networks.blocks import Refinement
from vader_rt.contract import KNOWN_INPUTS
from vader_rt.engines.onnx import read_contract
from vader_rt.errors import InputError

Layer = nn.Conv2d | nn.ConvTranspose2d
Plane = tuple[str, int]
"""An input plane: its group, and which of the group's planes."""


def warm_start(network: nn.Module, groups: Sequence[str], model: Path, planes: Tensor) -> None:
    """Give a network the weights of a model of the same layers.

    groups: the network's input groups; weights of those that the model lacks, and of the planes
    that it does not derive from them, begin at 0.
    planes: (N, C, H, W) float32, real inputs: what normalisations put back are fitted to.

    Raises:
        InputError: the model has other layers, or inputs that the network lacks.
    """
    has, wants = _input_planes(groups, model)
    found = _convolutions(onnx.load(model).graph)
    layers = _layers(network, planes, model, len(found))
    derived = [("derived", i) for i in range(getattr(network, "derived", 0))]
    for layer, (weight, bias) in zip(layers, found, strict=True):
        _fill(layer, _placed(weight, layer, has, wants, derived), bias, model)
    biases = {layer: bias for layer, (_, bias) in zip(layers, found, strict=True)}
    _fit_normalisations(network, biases, planes)


def _input_planes(groups: Sequence[str], model: Path) -> tuple[list[Plane], list[Plane]]:
    """The planes that a model has, and those that the network with these groups wants."""
    contract = read_contract(model)
    if missing := set(contract.inputs) - set(groups):
        raise InputError(f"{model}: has the inputs {', '.join(sorted(missing))}, the network not")
    sizes = KNOWN_INPUTS[contract.kind]
    has, wants = ([(g, i) for g in names for i in range(sizes[g])]
                  for names in (contract.inputs, groups))  # fmt: skip
    return has, wants


def _layers(network: nn.Module, planes: Tensor, model: Path, count: int) -> list[Layer]:
    """The network's convolutions in the order of their use: as many as the model has.

    Those of refinements are left out where the model has none of them.
    """
    layers = _in_order_of_use(network, planes)
    if count < len(layers):
        refining = set(_refining(network))
        layers = [layer for layer in layers if layer not in refining]
    if count != len(layers):
        raise InputError(f"{model}: has {count} convolutions, the network {len(layers)}")
    return layers


def _placed(
    weight: Tensor,
    layer: Layer,
    has: list[Plane],
    wants: list[Plane],
    derived: list[Plane],
) -> Tensor:
    """Weights where the layer wants them; derived planes follow the inputs in the first layer."""
    if derived and layer.weight.shape[1] == len(wants + derived):
        known = derived[: max(weight.shape[1] - len(has), 0)]
        return _spread(weight, has + known, wants + derived, layer)
    return _spread(weight, has, wants, layer)


def _fill(layer: Layer, weight: Tensor, bias: Tensor, model: Path) -> None:
    if weight.shape != layer.weight.shape:
        raise InputError(f"{model}: has a layer of {tuple(weight.shape)}, the network of "
                         f"{tuple(layer.weight.shape)}")  # fmt: skip
    layer.weight.data.copy_(weight)
    if layer.bias is not None:
        layer.bias.data.copy_(bias)


def _refining(network: nn.Module) -> list[nn.Module]:
    """Layers that change nothing before they are trained."""
    return [m for part in network.modules() if isinstance(part, Refinement) for m in part.modules()]


def _convolutions(graph: onnx.GraphProto) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of the convolutions, in the order of the graph."""
    arrays = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "Identity":  # equal arrays are stored once
            arrays[node.output[0]] = arrays[node.input[0]]
    nodes = [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose")]
    return [(arrays[node.input[1]], arrays[node.input[2]]) for node in nodes]


def _in_order_of_use(network: nn.Module, planes: Tensor) -> list[Layer]:
    used: list[Layer] = []
    layers = [m for m in network.modules() if isinstance(m, Layer)]
    hooks = [m.register_forward_pre_hook(lambda module, _: used.append(module)) for m in layers]
    _run(network, planes[:1])
    for hook in hooks:
        hook.remove()
    return used


def _spread(weight: Tensor, has: Sequence[Plane], wants: Sequence[Plane], layer: Layer) -> Tensor:
    """The weights of a first layer, with its input planes in the place where they are wanted.

    A first layer may take less than all planes, but takes the first ones.
    """
    old, new = weight.shape[1], layer.weight.shape[1]
    if old >= new or new - old != len(wants) - len(has):
        return weight
    spread = torch.zeros(len(weight), new, *weight.shape[2:])
    spread[:, [wants.index(plane) for plane in has[:old]]] = weight
    return spread


def _fit_normalisations(network: nn.Module, biases: dict[Layer, Tensor], planes: Tensor) -> None:
    """Let every normalisation undo itself on these planes, and add its convolution's bias."""
    hooks = []
    for module in network.modules():
        if isinstance(module, nn.Sequential) and len(module) > 1:
            convolution, normalisation = module[0], module[1]
            if convolution in biases and isinstance(normalisation, nn.BatchNorm2d):
                hook = _fitted_to(biases[convolution])
                hooks.append(normalisation.register_forward_pre_hook(hook))
    _run(network, planes)
    for handle in hooks:
        handle.remove()


def _fitted_to(bias: Tensor) -> Callable[[nn.Module, tuple[Tensor]], None]:
    """A hook that fits a normalisation to its input and gives its output the bias."""

    def fit(normalisation: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(normalisation, nn.BatchNorm2d)
        assert normalisation.running_mean is not None
        assert normalisation.running_var is not None
        mean = inputs[0].float().mean(dim=(0, 2, 3))
        variance = inputs[0].float().var(dim=(0, 2, 3), unbiased=False)
        normalisation.running_mean.copy_(mean)
        normalisation.running_var.copy_(variance)
        normalisation.weight.data.copy_(torch.sqrt(variance + normalisation.eps))
        normalisation.bias.data.copy_(bias + mean)

    return fit


def _run(network: nn.Module, planes: Tensor) -> None:
    training = network.training
    with torch.no_grad():
        network.eval()(planes)
    network.train(training)
