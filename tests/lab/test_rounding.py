"""Networks in few bytes: what is kept of each number, read from the bytes by NumPy alone."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch

from benchmarks.lab.contents import LARGE, rounded
from methods.networks.architectures import LeNet5

LAYERS = {
    "conv1": (6, 25),
    "conv2": (16, 150),
    "linear1": (120, 400),
    "linear2": (84, 120),
    "head": (10, 84),
}


def network() -> LeNet5:
    trained = LeNet5(generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        for layer in LAYERS:
            getattr(trained, layer).bias.normal_(generator=torch.Generator().manual_seed(4))
        trained.linear1.weight[7] = 0.0
        trained.linear2.weight[5] *= 100
    return trained


def read(content: bytes, eight_bits: tuple[str, ...]) -> dict[str, np.ndarray]:
    numbers, at = {}, 0

    def take(kind: str, count: int) -> np.ndarray:
        nonlocal at
        found = np.frombuffer(content, kind, count, at)
        at += found.nbytes
        return found.astype(np.float64)

    for name, (outputs, inputs) in LAYERS.items():
        if name in eight_bits:
            scales = take("<f4", outputs)
            whole = take("i1", outputs * inputs).reshape(outputs, inputs)
            numbers[f"{name}.weight"] = scales[:, None] * whole
        else:
            numbers[f"{name}.weight"] = take("<f2", outputs * inputs).reshape(outputs, inputs)
        numbers[f"{name}.bias"] = take("<f2", outputs)
    assert at == len(content)
    return numbers


def test_bytes_hold_the_rounded_network() -> None:
    for eight_bits in ((), LARGE):
        small = rounded(network(), eight_bits)
        numbers = read(small.content, eight_bits)
        for name, parameter in small.network.named_parameters():
            expected = parameter.detach().numpy().reshape(numbers[name].shape)
            np.testing.assert_allclose(numbers[name], expected, rtol=1e-6)


def test_rounding_is_to_half_a_step() -> None:
    trained = network()
    kept = deepcopy(trained.state_dict())
    numbers = read(rounded(trained).content, LARGE)
    for name, weights in kept.items():
        exact = weights.numpy().reshape(numbers[name].shape)
        error = np.abs(numbers[name] - exact)
        if name in ("linear1.weight", "linear2.weight"):
            steps = np.abs(exact).max(axis=1, keepdims=True) / 127
            assert (error <= 0.5001 * steps).all()
        else:
            assert (error <= np.abs(exact) * 2**-11 + 2**-25).all()
        assert torch.equal(trained.state_dict()[name], weights), "the network itself stays"
    assert (numbers["linear1.weight"][7] == 0).all()
