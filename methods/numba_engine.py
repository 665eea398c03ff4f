"""The fast engine: the Numba kernels of `methods.engine`, for LeNet-5 on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from methods import engine as kernels
from methods.engines import Engine
from methods.labelled_images import LabelledImages
from methods.lenet5 import LeNet5
from methods.recipes import Recipe


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

    def trainer(self, network: LeNet5, recipe: Recipe, data: LabelledImages) -> NumbaTrainer:
        """Adam, batch by batch."""
        return NumbaTrainer(network, recipe, data)

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
    """A network trained by Adam on one thread."""

    def __init__(self, network: LeNet5, recipe: Recipe, data: LabelledImages) -> None:
        self._network = network
        self._recipe = recipe
        self._state = kernels.TrainingState.start(network_vector(network))
        self._images, self._labels = data.images.numpy(), data.labels.numpy()

    def epoch(self, order: Int64[Tensor, " images"], kept: Bool[Tensor, "images 22"]) -> float:
        """One pass over the images in this order, in batches; returns the mean loss."""
        loss = kernels.train_epoch(
            self._state,
            self._images,
            self._labels,
            order.numpy(),
            kept.numpy(),
            loss=self._recipe.loss,
            batch_size=self._recipe.batch_size,
            learning_rate=self._recipe.learning_rate,
            **network_numbers(self._network),
        )
        trained = torch.from_numpy(self._state.parameters.copy())
        vector_to_parameters(trained, self._network.parameters())
        return loss


def network_vector(network: LeNet5) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The network's parameters as the kernels read them: one flat vector, in torch's order."""
    vector: np.ndarray[tuple[int], np.dtype[np.float32]] = (
        parameters_to_vector(network.parameters()).detach().cpu().numpy()
    )
    return vector


def network_numbers(network: LeNet5) -> dict[str, float]:
    """What the kernels must know of a network besides its parameters."""
    return {
        "mean": network.mean,
        "deviation": network.deviation,
        "dropout": network.dropout,
    }
