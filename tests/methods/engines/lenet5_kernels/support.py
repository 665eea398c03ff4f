"""What the engine's tests compare with: networks in PyTorch, their parameters as one vector."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate
from torch.nn.utils import parameters_to_vector

from methods.engines.lenet5_kernels import Network
from methods.networks.lenet5 import KERNEL_NETWORKS, LeNet5

# On tensors this small, more threads would only wait for each other.
torch.set_num_threads(1)

NORMALISATION = {"mean": 0.1307, "std": 0.3081}


def random_network(seed: int = 0, *, dropout: float = 0.5, kind: type[LeNet5] = LeNet5) -> LeNet5:
    """Random weights and, unlike those of a fresh network, random biases."""
    generator = torch.Generator().manual_seed(seed)
    network = kind(**NORMALISATION, dropout=dropout, generator=generator)
    with torch.no_grad():
        for layer in network.children():
            layer.bias.uniform_(-0.3, 0.3, generator=generator)
    return network


def vector(network: LeNet5) -> np.ndarray:
    return parameters_to_vector(network.parameters()).detach().numpy()


def prepared(network: LeNet5) -> Network:
    return of_vector(vector(network), type(network), network.dropout)


def of_vector(vector: np.ndarray, kind: type[LeNet5], dropout: float = 0.5) -> Network:
    return Network.of(vector, dropout=dropout, relu=KERNEL_NETWORKS[kind], **NORMALISATION)


def random_images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 28, 28), dtype=np.float32)


def random_masks(rows: int, dropout: float = 0.5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, 22)) >= dropout


def torch_logits(
    network: LeNet5, images: np.ndarray, keep_mask: np.ndarray | None = None
) -> Tensor:
    mask = None if keep_mask is None else torch.from_numpy(keep_mask)
    return network(torch.from_numpy(images)[:, None], mask)


def torch_loss(logits: Tensor, labels: np.ndarray, loss: str) -> Tensor:
    if loss == "softmax":
        logits = logits.softmax(dim=1)
    return cross_entropy(logits, torch.from_numpy(labels))


@torch.no_grad()
def distance_to_a_kink(network: LeNet5, images: np.ndarray, keep_mask: np.ndarray | None) -> float:
    """How far any ReLU is from zero, or the largest value of any square from the second.

    In double precision, and of what dropout keeps. Values that are equal there are left out: they
    see the same, so it does not matter which of them is the largest.
    """
    kept = torch.from_numpy(random_masks(len(images), 0) if keep_mask is None else keep_mask)
    scales = network.scales(kept)[:, :, None, None]
    network.double()
    resized = interpolate(torch.from_numpy(images)[:, None].double(), size=32, mode="bilinear")
    first = network.conv1(network.normalised(resized))
    pooled = network.pool(network.activate(first)) * scales[:, :6]
    second = network.conv2(pooled)
    features = network.pool(network.activate(second)) * scales[:, 6:]
    hidden1 = network.linear1(features.flatten(start_dim=1))
    hidden2 = network.linear2(network.activate(hidden1))
    network.float()
    squares = _distances(first)[kept[:, :6]], _distances(second)[kept[:, 6:]]
    every = torch.cat([each.flatten() for each in (*squares, hidden1, hidden2)])
    return every.abs().min().item()


def _distances(maps: Tensor) -> Tensor:
    squares = maps.unfold(2, 2, 2).unfold(3, 2, 2).flatten(start_dim=4)
    largest, second = squares.topk(2).values.unbind(dim=-1)
    distances = torch.where(largest > 0, largest - second.relu(), largest)
    return distances.where(distances != 0, torch.inf)
