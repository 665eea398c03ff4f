"""The contract of every uncertainty method, as one check that anybody can run on their own."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from methods.interface import Prediction, UncertaintyMethod

BATCH_TOLERANCE = 1e-5
"""How far a prediction may depend on the other images of a batch: rounding, no more."""


class ContractError(AssertionError):
    """A method does not keep the contract; the message names the clause and how it failed."""


def check_method(
    build: Callable[[int], UncertaintyMethod],
    images: Tensor,
    labels: Tensor,
    test_images: Tensor,
    test_labels: Tensor,
) -> None:
    """Fit the method on a small real data set, three times, and check every clause.

    ``fit`` returns the method; shapes and types are right; probabilities and vote shares sum to
    one; nothing is NaN; the same seed gives the same prediction, another seed another one where
    there are several members; predicting twice, or in two batches, changes nothing; the global
    random state and the modes of modules are left alone by ``predict``, the images by both; and it
    beats chance.

    Args:
        build: makes an unfitted method from a seed.
        images, labels: to learn from, [images, 1, 28, 28] in [0, 1] and [images].
        test_images, test_labels: at least ten images to predict.

    Raises:
        ContractError: a clause is not kept.
    """
    method = build(0)
    given = [tensor.clone() for tensor in (images, labels, test_images)]
    _require(method.fit(images, labels) is method, "fit must return the method itself")
    random_states, modes = _random_states(), _module_modes(method)
    prediction = method.predict(test_images)
    _require(
        all(map(torch.equal, given, (images, labels, test_images))),
        "fit and predict must leave the images and labels alone",
    )
    _require(random_states == _random_states(), "predict must leave the global random state alone")
    _require(modes == _module_modes(method), "predict must leave train and eval modes alone")

    check_prediction(prediction, len(test_images))
    classes = int(torch.cat([labels, test_labels]).max()) + 1
    own = prediction.mean.shape[1]
    _require(own >= classes, f"mean must have a column for each of {classes} classes, not {own}")
    epistemic = _entropy_of_mean(prediction) - prediction.expected_entropy
    _require(
        prediction.members == 1 or bool((epistemic > 1e-9).any()),
        "the members must differ, but all predict the same for every image",
    )
    _require(
        _same(prediction, method.predict(test_images)),
        "predict must give the same prediction twice",
    )
    _check_batches(method, prediction, test_images)
    again = build(0).fit(images, labels).predict(test_images)
    _require(_same(prediction, again), "the same seed must give the same prediction")
    other = build(1).fit(images, labels).predict(test_images)
    _require(
        prediction.members == 1 or not _same(prediction, other),
        "another seed must give another prediction, since there are several members",
    )
    accuracy = (prediction.mean.argmax(dim=1) == test_labels).double().mean().item()
    chance = torch.bincount(test_labels).max().item() / len(test_labels)
    _require(accuracy > chance, f"accuracy {accuracy:.3f} must beat chance, {chance:.3f}")


def check_prediction(prediction: Prediction, images: int) -> None:
    """Check the clauses that concern a single prediction of so many images.

    Raises:
        ContractError: shapes, types, sums, signs, finiteness or whole votes are not as promised.
    """
    _require(isinstance(prediction, Prediction), "predict must return a Prediction")
    mean, members = prediction.mean, prediction.members
    _require(mean.ndim == 2, "mean must be [images, classes]")
    rows = {"mean": mean, "vote_share": prediction.vote_share}
    numbers = {"expected_entropy": prediction.expected_entropy}
    for name, tensor in {**rows, **numbers, **prediction.scores}.items():
        shape: tuple[int, ...] = (images, mean.shape[-1]) if name in rows else (images,)
        _require(tuple(tensor.shape) == shape, f"{name} must be {shape}, not {tuple(tensor.shape)}")
        _require(bool(tensor.isfinite().all()), f"{name} must be finite everywhere")
        on_cpu = tensor.device.type == "cpu" and not tensor.requires_grad
        _require(on_cpu, f"{name} must lie on the CPU, without a gradient")
    for name, tensor in {**rows, **numbers}.items():
        double = tensor.dtype == torch.float64
        _require(double, f"{name} must be float64, not {tensor.dtype}")
    for name, shares in rows.items():
        _require(bool((shares >= 0).all()), f"{name} must not be negative")
        worst = (shares.sum(dim=1) - 1).abs().max().item()
        _require(worst < 1e-6, f"every row of {name} must sum to 1; one is off by {worst:.2g}")
    if members is not None:
        _require(members >= 1, f"members must be at least 1, not {members}")
        votes = prediction.vote_share * members
        whole = bool((votes - votes.round()).abs().max() < 1e-6)
        _require(whole, f"vote_share must hold whole votes of {members} members")
    if (each := prediction.member_probabilities) is not None:
        full = (members, *mean.shape)
        _require(
            tuple(each.shape) == full,
            f"member_probabilities must be {full}, not {tuple(each.shape)}",
        )
        apart = (each.double().mean(dim=0) - mean).abs().max().item()
        _require(apart < 1e-6, "the mean of member_probabilities must be mean")
    entropy = prediction.expected_entropy
    _require(
        bool((entropy >= 0).all() and (entropy <= _entropy_of_mean(prediction) + 1e-6).all()),
        "expected_entropy must lie between 0 and the entropy of the mean (in nats)",
    )


def _entropy_of_mean(prediction: Prediction) -> Tensor:
    entropy: Tensor = torch.special.entr(prediction.mean).sum(dim=1)
    return entropy


def _check_batches(method: UncertaintyMethod, whole: Prediction, images: Tensor) -> None:
    parts = [method.predict(part) for part in (images[:3], images[3:])]
    for name in ("mean", "expected_entropy"):
        joined = torch.cat([getattr(part, name) for part in parts])
        worst = (joined - getattr(whole, name)).abs().max().item()
        _require(
            worst <= BATCH_TOLERANCE,
            f"{name} must not depend on the batch split; it moves by {worst:.2g}",
        )


def _same(first: Prediction, second: Prediction) -> bool:
    return all(
        torch.equal(getattr(first, name), getattr(second, name))
        for name in ("mean", "vote_share", "expected_entropy")
    )


def _random_states() -> tuple[object, ...]:
    return (
        torch.get_rng_state().numpy().tobytes(),
        pickle.dumps(np.random.get_state()),  # noqa: NPY002
        random.getstate(),
    )


def _module_modes(method: UncertaintyMethod) -> list[bool]:
    """Modes of the modules that it holds, alone or in lists."""
    values = [v if isinstance(v, (list, tuple)) else [v] for v in vars(method).values()]
    modules = [value for group in values for value in group if isinstance(value, nn.Module)]
    return [part.training for module in modules for part in module.modules()]


def _require(holds: bool, clause: str) -> None:
    if not holds:
        raise ContractError(clause)
