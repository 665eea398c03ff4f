"""A recipe: stochastic gradient descent with momentum and a falling learning rate."""

from methods.networks.recipes import Recipe

MOMENTUM = Recipe(
    "momentum",
    split="training",
    optimiser="sgd",
    schedule="cosine",
    weight_decay=1e-3,
    learning_rate=0.05,
)
