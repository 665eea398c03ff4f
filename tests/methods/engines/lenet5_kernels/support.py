"""What the engine's tests compare with: networks in PyTorch, their parameters as one vector."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from methods.engines.lenet5_kernels import KernelNetwork, logits_and_features
from methods.networks.architectures import LeNet5

# On tensors this small, more threads would only wait for each other.
torch.set_num_threads(1)


def random_network(seed: int = 0, *, dropout: float = 0.5, kind: type[LeNet5] = LeNet5) -> LeNet5:
    """Random weights and, unlike those of a fresh network, random biases."""
    generator = torch.Generator().manual_seed(seed)
    network = kind(mean=0.1307, std=0.3081, dropout=dropout, generator=generator)
    with torch.no_grad():
        for layer in network.children():
            layer.bias.uniform_(-0.3, 0.3, generator=generator)
    return network


def vector(network: LeNet5) -> np.ndarray:
    return parameters_to_vector(network.parameters()).detach().numpy()


def logits(
    network: KernelNetwork, images: np.ndarray, keep_mask: np.ndarray | None = None
) -> np.ndarray:
    return logits_and_features(network, images, keep_mask)[0]


def random_images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 28, 28), dtype=np.float32)


def random_masks(rows: int, dropout: float = 0.5, kind: type[LeNet5] = LeNet5) -> np.ndarray:
    return np.random.default_rng(0).random((rows, sum(kind.channels))) >= dropout


def torch_logits(
    network: LeNet5, images: np.ndarray, keep_mask: np.ndarray | None = None
) -> Tensor:
    mask = None if keep_mask is None else torch.from_numpy(keep_mask)
    return network(torch.from_numpy(images)[:, None], mask)


def torch_loss(logits: Tensor, labels: np.ndarray, loss: str) -> Tensor:
    if loss == "softmax":
        logits = logits.softmax(dim=1)
    return cross_entropy(logits, torch.from_numpy(labels))
