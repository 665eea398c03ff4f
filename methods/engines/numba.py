"""The fast engine: the Numba kernels of `lenet5_kernels`, for LeNet-5 on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import numba
import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from methods.engines import lenet5_kernels as kernels
from methods.engines.base import Adopted, Engine, NetworkOutputs
from methods.networks.architectures import KERNEL_NETWORKS
from methods.networks.network import Network
from methods.networks.recipes import LabelledImages, Recipe
from methods.shapes import Features, Images, KeepMask


@dataclass(frozen=True)
class NumbaEngine(Engine):
    """Kernels that compute sixteen images side by side; networks run in parallel, a thread each.

    Results do not depend on the number of threads.
    """

    device: str = "cpu"

    @property
    def name(self) -> str:
        """For example ``kernels-2-numba-0.62.0``."""
        return f"kernels-{kernels.VERSION}-numba-{numba.__version__}"

    def trainer(
        self, networks: list[Network], recipe: Recipe, data: LabelledImages
    ) -> NumbaTrainer:
        """Network after network.

        Raises:
            ValueError: a network is not a LeNet-5.
        """
        return NumbaTrainer(networks, recipe, data)

    def prepare(self, networks: Sequence[Network]) -> NumbaNetworks:
        """Copy the parameters of each into one flat vector.

        Raises:
            ValueError: a network is not a LeNet-5.
        """
        return NumbaNetworks([kernel_network(network) for network in networks])

    def adopted(self, module: Adopted) -> Adopted:
        """A copy of the module in which the kernels compute the features of each LeNet-5.

        Networks of which a hidden layer is replaced compute theirs themselves.
        """
        copied = deepcopy(module)
        for part in copied.modules():
            if _has_usual_hidden_layers(part):
                cast(Network, part).engine_features = kernel_features
        return copied


@dataclass(frozen=True)
class NumbaNetworks:
    """Networks as the kernels read them; see `PreparedNetworks`."""

    networks: list[kernels.KernelNetwork]

    def logits(
        self, images: Images, keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "networks images 10"]:
        """Logits of each network; ``keep_mask``: the channels that dropout keeps of each image."""
        mask = None if keep_mask is None else keep_mask.numpy()
        pixels = images.numpy()
        each = [kernels.logits_and_features(n, pixels, mask)[0] for n in self.networks]
        return torch.from_numpy(np.stack(each))

    def pass_logits(
        self, images: Images, passes: Bool[Tensor, "passes channels"]
    ) -> Float[Tensor, "passes images 10"]:
        """Logits of the only network; a pass only adds up what all passes share."""
        (network,) = self.networks
        return torch.from_numpy(kernels.sample_logits(network, images.numpy(), passes.numpy()))

    def outputs(self, images: Images) -> NetworkOutputs:
        """Logits and features of each network, which the kernels give together."""
        each = [kernels.logits_and_features(n, images.numpy()) for n in self.networks]
        logits, features = map(np.stack, zip(*each, strict=True))
        return NetworkOutputs(torch.from_numpy(logits), torch.from_numpy(features))


class NumbaTrainer:
    """Networks trained on one thread."""

    def __init__(self, networks: list[Network], recipe: Recipe, data: LabelledImages) -> None:
        self._networks = networks
        self._states = [
            kernels.TrainingState.start(kernel_network(network)) for network in networks
        ]
        self._recipe = recipe
        self._images, self._labels = data.images.numpy(), data.labels.numpy()

    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images channels"],
        rates: Sequence[float] | None = None,
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        recipe, images = self._recipe, len(self._labels)
        each = zip(self._networks, self._states, orders.numpy(), keep_mask.numpy(), strict=True)
        losses = []
        for network, state, order, mask in each:
            if (own := rates) is None:
                first, steps = int(state.steps[0]), -(-len(order) // recipe.batch_size)
                own = [recipe.rate(first + step, images) for step in range(steps)]
            losses.append(
                kernels.train_epoch(
                    state,
                    *(self._images, self._labels, order, mask),
                    loss=recipe.loss,
                    batch_size=recipe.batch_size,
                    learning_rate=np.array(own),
                    optimiser=recipe.optimiser,
                    momentum=recipe.momentum,
                    weight_decay=recipe.weight_decay,
                    l2_penalty=recipe.l2_penalty,
                )
            )
            trained = torch.from_numpy(state.parameters.copy())
            vector_to_parameters(trained, network.parameters())
        return losses


def kernel_network(network: Network) -> kernels.KernelNetwork:
    """The network as the kernels read it; a copy.

    Raises:
        ValueError: it is not a LeNet-5.
    """
    if type(network) not in KERNEL_NETWORKS:
        raise ValueError(f"the kernels compute LeNet-5, not {type(network).__name__}; use torch")
    return _with_parameters(network, parameters_to_vector(network.parameters()).detach().cpu())


def _with_parameters(network: Network, vector: Float[Tensor, " 61706"]) -> kernels.KernelNetwork:
    return kernels.KernelNetwork.from_vector(
        vector.numpy(),
        mean=_number(network.mean),
        std=_number(network.std),
        dropout=network.dropout,
        **KERNEL_NETWORKS[type(network)],
    )


def kernel_features(network: Network, images: Images) -> Features:
    """LeNet-5's features, dropout off; the last layer may be any."""
    named = network.named_parameters()
    hidden = [weight for name, weight in named if not name.startswith("head.")]
    given: Tensor = _KernelFeatures.apply(network, images, *hidden)  # type: ignore[no-untyped-call]
    return given


def _has_usual_hidden_layers(module: nn.Module) -> bool:
    """Whether the kernels compute its features."""
    if type(module) not in KERNEL_NETWORKS:
        return False
    return _hidden_layers(type(module)(generator=torch.Generator())) == _hidden_layers(module)


def _hidden_layers(network: nn.Module) -> list[tuple[object, ...]]:
    """What each layer but the last computes, as far as it shows."""
    return [
        (name, type(layer), repr(layer), *layer._forward_pre_hooks, *layer._forward_hooks)
        for name, layer in network.named_children()
        if name != "head"
    ]


class _KernelFeatures(torch.autograd.Function):
    """LeNet-5's features, and their gradient by the hidden layers' parameters, not by images."""

    @staticmethod
    def forward(ctx: Any, network: Network, images: Images, *hidden: Tensor) -> Features:
        """The penultimate layer, dropout off; the last layer's parameters do not matter."""
        vector = torch.zeros(kernels.PARAMETERS)
        ctx.shapes, ctx.images = [weight.shape for weight in hidden], images.numpy()
        for part, weight in zip(_parts(vector, ctx.shapes), hidden, strict=True):
            part.copy_(weight)
        ctx.network = _with_parameters(network, vector)
        return torch.from_numpy(kernels.logits_and_features(ctx.network, ctx.images)[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, errors: Features) -> tuple[Tensor | None, ...]:
        """The gradient of Σ errors · features."""
        gradient = kernels.features_gradient(ctx.network, ctx.images, errors.numpy())
        return None, None, *_parts(torch.from_numpy(gradient), ctx.shapes)


def _parts(vector: Float[Tensor, " 61706"], shapes: Sequence[torch.Size]) -> list[Tensor]:
    """The first tensors of a vector, as views."""
    sizes = [shape.numel() for shape in shapes]
    parts = torch.split(vector[: sum(sizes)], sizes)
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def _number(value: float | tuple[float, ...]) -> float:
    """The normalisation of LeNet-5's only channel."""
    (number,) = value if isinstance(value, tuple) else (value,)
    return number
