"""Probes of data and networks, before anything is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256

import torch
from jaxtyping import Bool, Float
from scipy.stats import binom
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parameters_to_vector

from benchmarks.predictions import RunUnit
from benchmarks.run.integrity.check import Check
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods.engines.base import Engine
from methods.mc_dropout import MCDropout
from methods.networks.labelled_images import LabelledImages
from methods.networks.masks import pass_masks
from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.networks.training import TrainedNetwork, train_network
from methods.threads import one_torch_thread

FEW_IMAGES = 512
"""Training images of the network that is trained twice, for one epoch."""

PREDICTED = 100
"""Test images that networks predict."""

CHANCE = 1e-6
"""A share of kept channels less probable than this, both tails together, fails."""

LEAST_DIFFERENCE = 0.01
"""Relative to the norm: networks trained apart differ by about their norm, copies by rounding."""


@one_torch_thread()
def probe_networks(
    plan: Plan, workspace: Workspace, groups: Sequence[tuple[RunUnit, ...]]
) -> list[Check]:
    """Every check of the data and of each recipe's networks, of those that could be trained.

    These are the networks that groups of run units need, and those that are stored: a run that goes
    on may need few, and its others be on other machines.
    """
    test = workspace.images(plan.task, "test")
    images = test.images[:PREDICTED]
    whole = workspace.images(plan.task, "all")
    checks = [disjoint_images(plan.task.label, whole, test)]
    wanted, needed = plan.networks(), plan.networks_of(groups)
    for name in dict.fromkeys(recipe for recipe, _ in wanted):
        pool, training = plan.pool(name, workspace.store), workspace.training_images(plan, name)
        numbers = [number for recipe, number in wanted if recipe == name]
        absent = pool.missing([n for n in numbers if (name, n) not in needed], training)
        outcomes = pool.train([n for n in numbers if n not in absent], training)
        networks = [one.network for one in outcomes if isinstance(one, TrainedNetwork)]
        if not networks:
            continue
        recipe = plan.configuration.recipe(name)
        checks += [
            different_weights(name, networks),
            different_predictions(name, plan.engine, networks, images),
            same_bits(recipe, plan.configuration.seed, plan.engine, training, images),
        ]
        masks = _mc_dropout_masks(plan, name)
        if len(masks):
            checks += [
                firing_dropout(name, plan.engine, networks[0], masks[0], images),
                kept_share(name, torch.cat(masks), recipe.network.channels, recipe.dropout),
            ]
    return checks


def disjoint_images(task: str, training: LabelledImages, test: LabelledImages) -> Check:
    """No test image is a training image, by the SHA-256 of its pixels; duplicates are counted."""
    trained_on, tested_on = _digests(training.images), _digests(test.images)
    shared = len(set(trained_on) & set(tested_on))
    return Check(
        probe="disjoint images",
        claim="no test image is also a training image",
        subject=task,
        found={
            "training images": len(trained_on),
            "test images": len(tested_on),
            "images in both": shared,
            "exact duplicates within training": len(trained_on) - len(set(trained_on)),
            "exact duplicates within test": len(tested_on) - len(set(tested_on)),
        },
        passed=shared == 0,
    )


def different_weights(recipe: str, networks: list[Network]) -> Check:
    """Every two networks of a recipe differ in their weights."""
    weights = [parameters_to_vector(network.parameters()).detach() for network in networks]
    return _different("weights", recipe, torch.stack(weights))


def different_predictions(
    recipe: str, engine: Engine, networks: list[Network], images: Float[Tensor, "images ..."]
) -> Check:
    """Every two networks of a recipe differ in their logits."""
    logits = [engine.logits(network, images).flatten() for network in networks]
    return _different("predictions", recipe, torch.stack(logits))


def same_bits(
    recipe: Recipe,
    seed: int,
    engine: Engine,
    training: LabelledImages,
    images: Float[Tensor, "images ..."],
) -> Check:
    """The same network trained twice predicts the same bits, and the next network other ones.

    On the CPU all bits must be equal. Elsewhere sums may be added up in another order, so the
    distance must be below that of different networks.
    """
    few = LabelledImages(training.images[:FEW_IMAGES], training.labels[:FEW_IMAGES])

    def logits(index: int) -> Float[Tensor, "images classes"]:
        trained = train_network(replace(recipe, epochs=1), index, few, seed=seed, engine=engine)
        return engine.logits(trained.network, images)

    first, again, other = logits(0), logits(0), logits(1)
    exact = engine.device == "cpu"
    distance = ((first - again).norm() / first.norm()).item()
    return Check(
        probe="same bits" if exact else "same predictions",
        claim="the same seed gives the same "
        + ("bits, and another network other ones" if exact else "predictions, but for rounding"),
        subject=recipe.name,
        found={
            "training images": len(few.labels),
            "logits compared": first.numel(),
            "logits that differ when repeated": int((first != again).sum()),
            "relative distance when repeated": distance,
            "logits that differ of another network": int((first != other).sum()),
        },
        passed=distance <= (0 if exact else LEAST_DIFFERENCE) and not torch.equal(first, other),
    )


def firing_dropout(
    recipe: str,
    engine: Engine,
    network: Network,
    masks: Bool[Tensor, "passes channels"],
    images: Float[Tensor, "images ..."],
) -> Check:
    """Dropping any channel changes the logits; masks differ between passes, and so do logits.

    A channel may be inactive on all images, as ReLU silences it. Then dropping it must change those
    of a network whose channels are all active. Two passes may draw the same mask by chance, so nine
    different ones in ten are enough.
    """
    silent = _silent_channels(engine, network, images)
    mute = silent
    if silent.any():
        mute = silent & _silent_channels(engine, _active(network), torch.ones_like(images[:1]))
    drawn = len(torch.unique(masks[:, ~(silent & ~mute)], dim=0))
    predictions = len(torch.unique(engine.pass_logits(network, images, masks).flatten(1), dim=0))
    return Check(
        probe="firing dropout",
        claim="dropping any active channel changes the logits, and masks differ between passes",
        subject=recipe,
        found={
            "channels that make no difference": int(mute.sum()),
            "channels that no image activates": int((silent & ~mute).sum()),
            "passes": len(masks),
            "different masks": drawn,
            "different predictions": predictions,
        },
        passed=not mute.any() and predictions == drawn >= 0.9 * len(masks),
    )


def kept_share(
    recipe: str, masks: Bool[Tensor, "masks channels"], channels: Sequence[int], dropout: float
) -> Check:
    """Each layer's share of kept channels is 1 − p, within the binomial's interval at `CHANCE`."""
    found: dict[str, int | float] = {"channels drawn": masks.numel(), "share expected": 1 - dropout}
    passed = True
    for number, layer in enumerate(torch.split(masks, list(channels), dim=1), start=1):
        kept, drawn = int(layer.sum()), layer.numel()
        least, most = map(float, binom.interval(1 - CHANCE, drawn, 1 - dropout))
        found[f"share kept, layer {number}"] = kept / drawn
        found[f"least share by chance, layer {number}"] = least / drawn
        found[f"largest share by chance, layer {number}"] = most / drawn
        passed &= least <= kept <= most
    return Check(
        probe="kept share",
        claim="dropout keeps each layer's channels with probability 1 − p",
        subject=recipe,
        found=found,
        passed=passed,
    )


def _silent_channels(
    engine: Engine, network: Network, images: Float[Tensor, "images ..."]
) -> Bool[Tensor, " channels"]:
    """The channels that make no difference to any logit when they alone are dropped."""
    channels = sum(network.channels)
    none_dropped = torch.ones(1, channels, dtype=torch.bool)
    one_dropped = ~torch.eye(channels, dtype=torch.bool)
    whole, *dropped = engine.pass_logits(network, images, torch.cat([none_dropped, one_dropped]))
    return torch.tensor([torch.equal(whole, logits) for logits in dropped])


def _active(network: Network) -> Network:
    """A copy with positive weights, of which a white image activates every channel."""
    active = deepcopy(network)
    with torch.no_grad():
        for parameter in active.parameters():
            parameter.abs_()
        for layer in active.modules():
            if isinstance(layer, _BatchNorm) and layer.running_mean is not None:
                layer.running_mean.zero_()
    return active


def _digests(images: Float[Tensor, "images ..."]) -> list[bytes]:
    return [sha256(pixels).digest() for pixels in images.flatten(start_dim=1).numpy()]


def _different(what: str, recipe: str, vectors: Float[Tensor, "networks numbers"]) -> Check:
    """The distance of every two vectors, relative to their mean norm."""
    distances = torch.pdist(vectors.double()) / vectors.double().norm(dim=1).mean()
    alike = int((distances <= LEAST_DIFFERENCE).sum())
    found = {"pairs of networks": len(distances), "pairs alike": alike}
    if len(distances):
        found["smallest relative distance"] = distances.min().item()
    return Check(
        probe=f"different {what}",
        claim=f"every two networks differ in their {what} by more than 1 % of the norm",
        subject=recipe,
        found=found,
        passed=alike == 0,
    )


def _mc_dropout_masks(plan: Plan, recipe: str) -> list[Bool[Tensor, "passes channels"]]:
    """The masks of MC-dropout, a tensor a replicate; none where the recipe has no MC-dropout.

    Those of the most passes: the masks of fewer are a prefix.
    """
    passes: dict[int, int] = {}
    for unit in plan.units():
        method = plan.configuration.classes[unit.method]
        if unit.recipe == recipe and method is MCDropout and plan.objection(unit) is None:
            passes[unit.replicate] = max(unit.size or 0, passes.get(unit.replicate, 0))
    seed, trained = plan.configuration.seed, plan.configuration.recipe(recipe)
    return [
        pass_masks(seed, replicate, most, trained.network.channels, trained.dropout)
        for replicate, most in passes.items()
    ]
