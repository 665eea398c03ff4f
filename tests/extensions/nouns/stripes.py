"""A task of synthetic colour images, with a network and a recipe of its own.

Each class is stripes of one orientation and colour; out of distribution they are grey.
"""

import math
from functools import partial

import torch
from torch import nn
from torch.nn.functional import relu

from benchmarks.tasks.task import Condition, EvaluationSet, Task
from benchmarks.vocabulary import CLEAN
from methods.networks.network import Network
from methods.networks.recipes import LabelledImages, Recipe

NAME, SIDE, TEST_IMAGES, GREY_IMAGES = "stripes", 16, 200, 150

CLASSES = {
    "red bars": ((1.0, 0.2, 0.2), 0),
    "green beams": ((0.2, 1.0, 0.2), 90),
    "blue slopes": ((0.2, 0.2, 1.0), 45),
    "yellow dips": ((1.0, 1.0, 0.2), 135),
}


class StripesNet(Network):
    """Two convolutions with batch normalisation, each followed by dropout of channels."""

    name = "stripes_net"
    shape = (3, SIDE, SIDE)
    channels = (6, 8)

    def __init__(self, *, mean=0.0, std=1.0, dropout=0.0, generator=None):
        super().__init__(mean=mean, std=std, dropout=dropout)
        first, second = self.channels
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(3, first, 3, stride=2, bias=False)
            self.norm1 = nn.BatchNorm2d(first)
            self.conv2 = nn.Conv2d(first, second, 3, stride=2, bias=False)
            self.norm2 = nn.BatchNorm2d(second)
            self.linear = nn.Linear(second * 9, 12)
            self.head = nn.Linear(12, len(CLASSES))
        self.draw_weights(generator)

    def features(self, images, keep_mask=None):
        every = torch.ones(1, sum(self.channels), device=images.device)
        scales = every if keep_mask is None else self.scales(keep_mask)
        first, second = scales[:, :, None, None].split(list(self.channels), dim=1)
        maps = relu(self.norm1(self.conv1(self.normalised(images)))) * first
        maps = relu(self.norm2(self.conv2(maps))) * second
        return relu(self.linear(maps.flatten(start_dim=1)))


def drawn(count, seed, *, grey=False):
    """Noisy stripes of the classes in turn, with a phase of their own."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % len(CLASSES)
    colours, angles = (torch.tensor(values) for values in zip(*CLASSES.values(), strict=True))
    direction = torch.deg2rad(angles[labels].float())[:, None, None]
    phase = 2 * math.pi * torch.rand(count, 1, 1, generator=generator)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    waves = torch.sin(0.9 * (x * direction.cos() + y * direction.sin()) + phase) / 2 + 0.5
    shades = torch.full((count, 3), 0.7) if grey else colours[labels]
    images = waves[:, None] * shades[:, :, None, None]
    noise = 0.25 * torch.randn(images.shape, generator=generator)
    return LabelledImages((images + noise).clamp(0, 1), labels)


def load(split, data_dir):
    """The task's images: 480 to train with, or 200 to test."""
    return drawn(480, 1) if split == "train" else drawn(TEST_IMAGES, 2)


def load_grey(seed, data_dir):
    """Stripes without colour, which belong to no class."""
    return EvaluationSet(drawn(GREY_IMAGES, seed + 3, grey=True).images, None)


def darkened(images, factor):
    """The images times a factor."""
    return images * factor


STRIPES = Task(
    name=NAME,
    label="Stripes",
    shape=(3, SIDE, SIDE),
    classes=tuple(CLASSES),
    conditions=(
        Condition(CLEAN, "Clean", "clean", NAME),
        *(
            Condition(
                name=f"dark-{percent}",
                label=f"{percent} % darker",
                group="darkened",
                data=NAME,
                severity=percent,
                unit="%",
                labels="valid" if percent <= 60 else "ill-defined",
                reason="" if percent <= 60 else "too dark to tell",
                in_mean=percent <= 60,
                transform=partial(darkened, factor=1 - percent / 100),
            )
            for percent in (30, 60, 90)
        ),
        Condition(
            name="ood-grey",
            label="Grey stripes",
            group="out-of-distribution",
            data="grey",
            labels="none",
            reason="they have no colour",
            paired_with="ood-grey",
            size=GREY_IMAGES,
            load=load_grey,
        ),
    ),
    recipes=(
        Recipe(
            "stripes",
            network=StripesNet,
            split="training",
            mean=(0.4, 0.4, 0.3),
            std=(0.3, 0.3, 0.3),
            dropout=0.2,
            optimiser="sgd",
            schedule="cosine",
            weight_decay=1e-3,
            epochs=3,
            batch_size=32,
            learning_rate=0.03,
        ),
    ),
    training_images=400,
    test_images=TEST_IMAGES,
    calibration_images=80,
    example_class=2,
    load=load,
)
