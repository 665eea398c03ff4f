"""SNGP, beside its formulas written out in NumPy."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.networks.training import initial_network
from methods.trained.sngp import SNGP, GaussianProcess, SNGPNetwork
from tests.methods.trained.conftest import SHORT, begun, random, retuned


def process() -> GaussianProcess:
    """Of three classes and inputs of five numbers, with weights that are not small."""
    made = GaussianProcess(5, 3, random())
    nn.init.normal_(made.weights, generator=random())
    return made


def waves(made: GaussianProcess, inputs: np.ndarray) -> np.ndarray:
    """Random features, in double precision."""
    frequencies, phases = made.frequencies.double().numpy(), made.phases.double().numpy()
    return np.cos(inputs @ frequencies.T + phases)


def test_random_features_have_the_kernel_of_a_gaussian() -> None:
    inputs = 20 * torch.randn(6, 5, generator=random())
    features = [GaussianProcess(5, 3, random(seed)).features(inputs) for seed in range(300)]
    kernel = torch.stack([own @ own.T for own in features]).mean(dim=0)
    expected = 256 / 2 * (-(torch.cdist(inputs, inputs) / 20).square() / 2).exp()
    torch.testing.assert_close(kernel, expected, atol=0.02 * 128, rtol=0)


def test_covariances_and_mean_field_logits_are_as_the_paper_has_them() -> None:
    made, inputs = process(), torch.randn(1100, 5, generator=random())
    with torch.no_grad():
        made.condition(inputs)
        logits = made(inputs).numpy()
    features = waves(made, inputs.double().numpy())
    means = features @ made.weights.detach().double().numpy().T
    p = np.exp(means) / np.exp(means).sum(axis=1, keepdims=True)
    for k in range(3):
        terms = [q * (1 - q) * np.outer(phi, phi) for q, phi in zip(p[:, k], features, strict=True)]
        covariance = np.linalg.inv(np.eye(len(features[0])) + sum(terms))
        np.testing.assert_allclose(made.covariances[k].numpy(), covariance, atol=1e-5)
        variances = np.array([phi @ covariance @ phi for phi in features])
        expected = means[:, k] / np.sqrt(1 + np.pi / 8 * variances)
        np.testing.assert_allclose(logits[:, k], expected, atol=1e-4)


def test_weights_are_scaled_to_the_bound_but_not_up_to_it() -> None:
    network = SNGPNetwork(initial_network(SHORT, 0), 1.5, random())
    before = [layer.weight.detach().clone().flatten(1) for layer in network.hidden]
    norms = [torch.linalg.svdvals(weights)[0].item() for weights in before]
    assert len(norms) == 4
    assert min(norms) < 1.4 < 1.6 < max(norms)
    for _ in range(300):
        network.after_step(0.5)
    for layer, weights, norm in zip(network.hidden, before, norms, strict=True):
        scaled = weights * min(1.0, 1.5 / norm)
        torch.testing.assert_close(layer.weight.flatten(1), scaled, atol=1e-3, rtol=1e-3)


def test_penalty_is_not_of_the_weights_of_the_process() -> None:
    network = begun(SNGP)
    optimiser = SNGP().optimiser(network, SHORT, 8)
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    for each in network.parameters():
        each.grad = torch.zeros_like(each)
    for group in optimiser.param_groups:
        group["lr"] = 0.5
    optimiser.step()
    for name, each in network.named_parameters():
        kept = 1 if name == "process.weights" else 1 - 0.5 * SHORT.l2_penalty
        torch.testing.assert_close(each, kept * before[name], atol=0, rtol=1e-6)


def test_the_process_is_conditioned_on_the_training_images(shades: LabelledImages) -> None:
    tuned = retuned(SNGP, {"learning_rate": 0.03, "bound": 0.95})  # for a short training
    (network,) = tuned(pool=NetworkPool(SHORT)).fit(shades.images, shades.labels).fitted
    stored = network.process.covariances.clone()
    assert (stored.diagonal(dim1=1, dim2=2).sum(dim=1) < len(stored[0]) - 0.5).all()
    with torch.no_grad():
        network.process.condition(network.network(shades.images))
    torch.testing.assert_close(stored, network.process.covariances, atol=1e-4, rtol=0)
