"""Stored weights predict what they did, and the first 20 steps of training are PyTorch's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from methods.determinism import derive_seed
from methods.engines import choose_engine
from methods.networks.architectures import LeNet5, SmallCNN
from methods.networks.network import Network
from methods.networks.recipes import ARTICLE, LabelledImages, Recipe
from methods.networks.training import initial_network, orders_and_masks
from tests.training import RELU_DROPOUT, STANDARD

WEIGHTS = Path(__file__).parent / "weights.npz"
"""Of trained networks, rounded to half precision, with what they gave."""

PASSES = 5
"""How many passes of dropout are stored."""

STEPS = 20

ENGINES = ["numba", "torch"]

RECIPES = {
    "mnist-standard": STANDARD,
    "mnist-article": ARTICLE,
    "mnist-relu-dropout": RELU_DROPOUT,
    "digits-standard": Recipe(
        "standard",
        network=SmallCNN,
        split="training",
        mean=0.3053,
        std=0.376,
        dropout=0.25,
        epochs=8,
        batch_size=50,
        learning_rate=5e-3,
    ),
}
"""By the name of a task and their own."""


def stored_network(name: str, weights: dict[str, np.ndarray]) -> Network:
    """The network of a recipe with stored weights, by the names of its parameters."""
    network = initial_network(RECIPES[name], 0)
    network.load_state_dict(
        {key: torch.from_numpy(value).float() for key, value in weights.items()}
    )
    return network


def outputs(engine: str, network: Network, images: torch.Tensor) -> dict[str, np.ndarray]:
    """Logits [images, classes] with dropout off, and [passes, images, classes] with it on."""
    computed_by = choose_engine(engine, "cpu")
    passes = network.passes(0, 0, PASSES)
    return {
        "logits": computed_by.logits(network, images).numpy(),
        "pass_logits": computed_by.pass_logits(network, images, passes).numpy(),
    }


@pytest.mark.parametrize(
    ("name", "engine"),
    [("mnist-standard", "numba"), ("mnist-standard", "torch"), ("digits-standard", "torch")],
)
def test_stored_weights_predict_what_they_did(name: str, engine: str) -> None:
    with np.load(WEIGHTS) as arrays:
        stored = {key: arrays[key] for key in arrays.files if key.startswith(f"{name}/")}
    by_name = {key.removeprefix(f"{name}/"): values for key, values in stored.items()}
    images = torch.from_numpy(by_name.pop("images")).float() / 255
    golden = {key: by_name.pop(key) for key in ("logits", "pass_logits")}
    network = stored_network(name, by_name)
    for key, values in outputs(engine, network, images).items():
        np.testing.assert_allclose(values, golden[key], rtol=1e-5, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("name", ["mnist-standard", "mnist-article", "mnist-relu-dropout"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_steps_of_training_are_those_of_pytorch(
    engine: str, name: str, dropout: float, training_images: LabelledImages
) -> None:
    """A loop as anybody would write it; the engine may neither skip nor repeat anything."""
    recipe = replace(RECIPES[name], dropout=dropout)
    batch = recipe.batch_size
    data = LabelledImages(
        training_images.images[: STEPS * batch], training_images.labels[: STEPS * batch]
    )
    random = np.random.default_rng(derive_seed("training", 0, 0))
    orders, keep_mask = orders_and_masks(recipe, [np.arange(len(data.labels))], [random])
    network, plain = (initial_network(recipe, 0) for _ in range(2))
    optimiser = torch.optim.Adam(plain.parameters(), lr=recipe.learning_rate)
    losses = []
    for start in range(0, STEPS * batch, batch):
        positions = orders[0, start : start + batch]
        logits = plain(data.images[positions], keep_mask[0, start : start + batch])
        given = logits.softmax(dim=1) if recipe.loss == "softmax" else logits
        loss = cross_entropy(given, data.labels[positions])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    trainer = choose_engine(engine, "cpu").trainer([network], recipe, data)
    (mean_loss,) = trainer.epoch(orders, keep_mask)
    assert len(losses) == STEPS
    assert mean_loss == pytest.approx(np.mean(losses), rel=1e-5)
    difference = parameters_to_vector(network.parameters()) - parameters_to_vector(
        plain.parameters()
    )
    # Adam divides by the root of the squares: where a gradient is nearly zero, so is its certainty.
    assert difference.square().mean().sqrt() < 2e-5
    assert isinstance(network, LeNet5)
