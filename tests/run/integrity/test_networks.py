"""Each probe of data and networks passes on what is sound, and fails on the fault it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmarks.data.loading import load_digits
from benchmarks.run.integrity import networks as probes
from benchmarks.run.integrity.networks import (
    different_predictions,
    different_weights,
    disjoint_images,
    firing_dropout,
    kept_share,
    same_bits,
)
from benchmarks.tasks.digits import STANDARD as DIGITS
from methods.engines.torch import TorchEngine
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.masks import pass_masks
from methods.networks.network import Network
from methods.networks.recipes import STANDARD
from methods.networks.small_cnn import SmallCNN
from methods.networks.training import initial_network, train_network

CHANNELS = LeNet5.channels
ENGINE = TorchEngine()
NETWORKS = [initial_network(STANDARD, index) for index in range(4)]
DRAWN = pass_masks(0, 0, 120, CHANNELS, 0.5)
MASKS = DRAWN[DRAWN[:, :6].any(dim=1)][:100]
"""Untrained networks have no biases: their logits are zero wherever a whole layer is dropped."""


class Incomplete(TorchEngine):
    """Drops nothing in the second convolution, as a `Dropout2d` in evaluation mode would."""

    def pass_logits(self, network: LeNet5, images: Tensor, masks: Tensor) -> Tensor:
        first_layer_only = masks.clone()
        first_layer_only[:, 6:] = True
        return super().pass_logits(network, images, first_layer_only)


class Repeating(TorchEngine):
    """Computes every pass with the first one's mask, unless there are few of them."""

    def pass_logits(self, network: LeNet5, images: Tensor, masks: Tensor) -> Tensor:
        repeated = masks if len(masks) < 50 else masks[:1].expand_as(masks)
        return super().pass_logits(network, images, repeated)


class Rounding:
    """Computes on the CPU, claims some device, and has an error that grows from call to call."""

    def __init__(self, device: str, error: float) -> None:
        self.device, self.error, self.calls = device, error, 0
        self.trainer = ENGINE.trainer

    def logits(self, network: LeNet5, images: Tensor, masks: Tensor | None = None) -> Tensor:
        self.calls += 1
        return ENGINE.logits(network, images, masks) * (1 + self.error * self.calls)


@pytest.fixture
def images(test_images: LabelledImages) -> Tensor:
    return test_images.images[:20]


@pytest.fixture
def digits() -> Tensor:
    return load_digits().images[:20]


def test_mnists_halves_are_disjoint_and_their_images_counted(
    training_images: LabelledImages, test_images: LabelledImages
) -> None:
    check = disjoint_images("MNIST", training_images, test_images)
    assert check.passed
    assert list(check.found.values()) == [1500, 300, 0, 0, 0]


def test_leaked_and_duplicated_images_are_counted(test_images: LabelledImages) -> None:
    twice = LabelledImages(
        torch.cat([test_images.images[:100], test_images.images[98:100]]),
        torch.cat([test_images.labels[:100], test_images.labels[98:100]]),
    )
    rest = LabelledImages(test_images.images[99:], test_images.labels[99:])
    check = disjoint_images("MNIST", twice, rest)
    assert not check.passed
    assert check.found == {
        "training images": 102,
        "test images": 201,
        "images in both": 1,
        "exact duplicates within training": 2,
        "exact duplicates within test": 0,
    }


def test_networks_trained_apart_differ(images: Tensor) -> None:
    for check in (
        different_weights("standard", NETWORKS),
        different_predictions("standard", ENGINE, NETWORKS, images),
    ):
        assert check.passed
        assert check.found["pairs of networks"] == 6
        assert check.found["smallest relative distance"] > 0.1


def test_one_network_alone_passes(images: Tensor) -> None:
    assert different_weights("standard", NETWORKS[:1]).passed
    assert different_predictions("standard", ENGINE, NETWORKS[:1], images).passed


def test_copy_is_found_even_where_it_was_rounded(images: Tensor) -> None:
    copy = initial_network(STANDARD, 2)
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.mul_(1 + 1e-6)
    for check in (
        different_weights("standard", [*NETWORKS, copy]),
        different_predictions("standard", ENGINE, [*NETWORKS, copy], images),
    ):
        assert not check.passed
        assert check.found["pairs alike"] == 1


def test_training_again_gives_the_same_bits(training_images: LabelledImages) -> None:
    check = same_bits(STANDARD, 0, ENGINE, training_images, training_images.images[:20])
    assert check.passed
    assert check.found["logits that differ when repeated"] == 0
    assert check.found["logits compared"] == check.found["logits that differ of another network"]


@pytest.mark.parametrize(
    ("device", "error", "passed"),
    [("cpu", 1e-6, False), ("elsewhere", 1e-6, True), ("elsewhere", 0.1, False)],
)
def test_rounding_is_allowed_where_bits_cannot_be_had(
    device: str, error: float, passed: bool, training_images: LabelledImages
) -> None:
    engine = Rounding(device, error)
    check = same_bits(STANDARD, 0, engine, training_images, training_images.images[:20])
    assert check.passed is passed


@pytest.mark.parametrize("fault", ["another seed each time", "one network for all"])
def test_chance_and_its_absence_are_found(
    fault: str, training_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = iter(range(3))

    def train(recipe, index, *args, seed, **options):
        if fault == "one network for all":
            return train_network(recipe, 0, *args, seed=seed, **options)
        return train_network(recipe, index, *args, seed=next(seeds), **options)

    monkeypatch.setattr(probes, "train_network", train)
    assert not same_bits(STANDARD, 0, ENGINE, training_images, training_images.images[:20]).passed


def test_dropout_fires(images: Tensor) -> None:
    check = firing_dropout("standard", ENGINE, NETWORKS[0], MASKS, images)
    assert check.passed
    assert list(check.found.values()) == [0, 0, 100, 100, 100]


@pytest.mark.parametrize(
    ("engine", "masks", "found"),
    [
        (Incomplete(), MASKS, {"channels that make no difference": 16}),
        (Repeating(), MASKS, {"different masks": 100, "different predictions": 1}),
        (ENGINE, MASKS[:1].expand_as(MASKS), {"different masks": 1}),
    ],
    ids=["layer does not fire", "mask of the first pass", "one mask drawn"],
)
def test_dropout_that_does_not_fire_is_found(
    engine: TorchEngine, masks: Tensor, found: dict[str, int], images: Tensor
) -> None:
    check = firing_dropout("standard", engine, NETWORKS[0], masks, images)
    assert not check.passed
    assert found.items() <= check.found.items()


def test_two_passes_may_draw_one_mask(images: Tensor) -> None:
    masks = torch.cat([MASKS[:99], MASKS[:1]])
    check = firing_dropout("standard", ENGINE, NETWORKS[0], masks, images)
    assert check.passed
    assert check.found["different masks"] == check.found["different predictions"] == 99


def with_silenced(*channels: int) -> SmallCNN:
    """A network in which ReLU silences these channels on the given images."""
    network = initial_network(DIGITS, 0)
    first = SmallCNN.channels[0]
    with torch.no_grad():
        for channel in channels:
            if channel < first:
                network.conv1.bias[channel] = -100.0
            else:
                network.norm.bias[channel - first] = -100.0
    return network


def digits_masks() -> Tensor:
    masks = pass_masks(0, 0, 120, SmallCNN.channels, 0.25)
    return masks[:100]


def test_channel_that_relu_silences_is_no_fault(digits: Tensor) -> None:
    masks = digits_masks()
    masks[1] = masks[0]
    masks[1, 5] = ~masks[0, 5]
    check = firing_dropout("digits", ENGINE, with_silenced(5, 20), masks, digits)
    assert check.passed
    assert list(check.found.values()) == [0, 2, 100, 99, 99]
    assert firing_dropout("digits", ENGINE, with_silenced(), masks, digits).passed


class Stuck(TorchEngine):
    """Never drops two channels."""

    def pass_logits(self, network: Network, images: Tensor, masks: Tensor) -> Tensor:
        kept = masks.clone()
        kept[:, [6, 30]] = True
        return super().pass_logits(network, images, kept)


@pytest.mark.parametrize("silenced", [(), (6, 30), (6,), (7,)])
def test_dropout_that_does_not_fire_is_found_beside_silenced_channels(
    silenced: tuple[int, ...], digits: Tensor
) -> None:
    check = firing_dropout("digits", Stuck(), with_silenced(*silenced), digits_masks(), digits)
    assert not check.passed
    assert check.found["channels that make no difference"] == 2
    assert check.found["channels that no image activates"] == len(set(silenced) - {6, 30})


@pytest.mark.parametrize(("drawn_at", "passed"), [(0.5, True), (0.45, False), (0.55, False)])
def test_kept_share_is_near_what_the_recipe_says(drawn_at: float, passed: bool) -> None:
    masks = pass_masks(0, 0, 1000, CHANNELS, drawn_at)
    check = kept_share("standard", masks, CHANNELS, dropout=0.5)
    assert check.passed is passed
    assert check.found["channels drawn"] == 22_000
    for number, channels in enumerate((6, 16), start=1):
        kept, least, largest = (
            check.found[f"{share}, layer {number}"]
            for share in ("share kept", "least share by chance", "largest share by chance")
        )
        assert kept == pytest.approx(1 - drawn_at, abs=0.02)
        assert largest - least == pytest.approx(
            2 * 4.892 * 0.5 / (1000 * channels) ** 0.5, rel=0.02
        )


def test_layers_that_keep_too_few_and_too_many_do_not_make_up_for_each_other() -> None:
    masks = torch.zeros(1000, 22, dtype=torch.bool)
    masks[:, 6:17] = True
    assert masks.float().mean() == 0.5
    check = kept_share("standard", masks, CHANNELS, dropout=0.5)
    assert not check.passed
    assert check.found["share kept, layer 1"] == 0
    assert check.found["share kept, layer 2"] == 11 / 16


def test_probes_do_not_depend_on_how_long_a_recipe_trains(training_images: LabelledImages) -> None:
    long, short = (replace(STANDARD, epochs=epochs) for epochs in (1000, 1))
    images = training_images.images[:20]
    assert same_bits(long, 0, ENGINE, training_images, images) == same_bits(
        short, 0, ENGINE, training_images, images
    )
