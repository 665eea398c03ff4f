"""The fast engine: the Numba kernels of `methods.engines.lenet5_kernels`, for LeNet-5 on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from methods.engines import lenet5_kernels as kernels
from methods.engines.base import Engine
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.recipes import Recipe


@dataclass(frozen=True)
class NumbaEngine(Engine):
    """Kernels that never compute a dropped channel; one thread a network, side by side in threads.

    Results do not depend on how many threads work beside one another.
    """

    device: str = "cpu"

    @property
    def name(self) -> str:
        """For example ``kernels-1-numba-0.62.0``."""
        return f"kernels-{kernels.VERSION}-numba-{numba.__version__}"

    def trainer(self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages) -> NumbaTrainer:
        """Adam, network after network."""
        return NumbaTrainer(networks, recipe, data)

    def logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        kept: Bool[Tensor, "images 22"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """The network's logits; ``kept``: the channels that dropout keeps of each image."""
        masks = None if kept is None else kept.numpy()
        return torch.from_numpy(
            kernels.logits(
                network_vector(network), images.numpy(), masks, **network_numbers(network)
            )
        )

    def pass_logits(
        self,
        network: LeNet5,
        images: Float[Tensor, "images 1 28 28"],
        masks: Bool[Tensor, "passes 22"],
    ) -> Float[Tensor, "passes images 10"]:
        """Logits of one pass a mask; a pass only adds up what all passes share."""
        return torch.from_numpy(
            kernels.sample_logits(
                network_vector(network), images.numpy(), masks.numpy(), **network_numbers(network)
            )
        )


class NumbaTrainer:
    """Networks trained by Adam on one thread."""

    def __init__(self, networks: list[LeNet5], recipe: Recipe, data: LabelledImages) -> None:
        self._networks = networks
        self._states = [kernels.TrainingState.start(network_vector(n)) for n in networks]
        self._recipe = recipe
        self._images, self._labels = data.images.numpy(), data.labels.numpy()

    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        kept: Bool[Tensor, "networks images 22"],
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        units = zip(self._networks, self._states, orders.numpy(), kept.numpy(), strict=True)
        return [self._train(*unit) for unit in units]

    def _train(
        self,
        network: LeNet5,
        state: kernels.TrainingState,
        order: npt.NDArray[np.int64],
        kept: npt.NDArray[np.bool_],
    ) -> float:
        loss = kernels.train_epoch(
            state,
            self._images,
            self._labels,
            order,
            kept,
            loss=self._recipe.loss,
            batch_size=self._recipe.batch_size,
            learning_rate=self._recipe.learning_rate,
            **network_numbers(network),
        )
        vector_to_parameters(torch.from_numpy(state.parameters.copy()), network.parameters())
        return loss


def network_vector(network: LeNet5) -> npt.NDArray[np.float32]:
    """The network's parameters as the kernels read them: one flat vector, in torch's order."""
    vector: npt.NDArray[np.float32] = (
        parameters_to_vector(network.parameters()).detach().cpu().numpy()
    )
    return vector


def network_numbers(network: LeNet5) -> dict[str, float]:
    """What the kernels must know of a network besides its parameters."""
    return {
        "mean": network.mean,
        "std": network.std,
        "dropout": network.dropout,
    }
