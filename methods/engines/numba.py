"""The fast engine: the Numba kernels of `lenet5_kernels`, for LeNet-5 on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from methods.engines import lenet5_kernels as kernels
from methods.engines.base import Engine, NetworkOutputs
from methods.networks.architectures import KERNEL_NETWORKS
from methods.networks.network import Network
from methods.networks.recipes import LabelledImages, Recipe
from methods.shapes import Images, KeepMask


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
    return kernels.KernelNetwork.from_vector(
        parameters_to_vector(network.parameters()).detach().cpu().numpy(),
        mean=_number(network.mean),
        std=_number(network.std),
        dropout=network.dropout,
        **KERNEL_NETWORKS[type(network)],
    )


def _number(value: float | tuple[float, ...]) -> float:
    """The normalisation of LeNet-5's only channel."""
    (number,) = value if isinstance(value, tuple) else (value,)
    return number
