"""A task: noisy stripes of four directions and colours, also darker and without colour."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks.tasks.task import Condition, EvaluationSet, Task
from benchmarks.vocabulary import CLEAN
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.stripes_net import StripesNet

CLASSES = {
    "red bars": (1.0, 0.2, 0.2),
    "blue slopes": (0.2, 0.2, 1.0),
    "green beams": (0.2, 1.0, 0.2),
    "yellow dips": (1.0, 1.0, 0.2),
}


def drawn(count: int, seed: int, colours: Sequence[tuple[float, ...]]) -> LabelledImages:
    """So many images, of the classes in turn."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % len(CLASSES)
    angle = labels[:, None, None] * math.pi / 4
    y, x = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    phase = 2 * math.pi * torch.rand(count, 1, 1, generator=generator)
    waves = torch.sin(0.9 * (x * angle.cos() + y * angle.sin()) + phase) / 2 + 0.5
    images = waves[:, None] * torch.tensor(colours)[labels][:, :, None, None]
    noise = 0.25 * torch.randn(images.shape, generator=generator)
    return LabelledImages((images + noise).clamp(0, 1), labels)


def load(split: str, data_dir: Path | None) -> LabelledImages:
    """480 images to train with, of which 80 are held out, and 200 to test."""
    return drawn(*((480, 1) if split == "train" else (200, 2)), [*CLASSES.values()])


def load_grey(seed: int, data_dir: Path | None) -> EvaluationSet:
    """Images of no class."""
    return EvaluationSet(drawn(150, seed + 3, [(0.7, 0.7, 0.7)] * 4).images, None)


STRIPES = Task(
    name="stripes",
    label="Stripes",
    shape=(3, 16, 16),
    classes=tuple(CLASSES),
    conditions=(
        Condition(CLEAN, "Clean", "clean", data="stripes"),
        *(
            Condition(
                name=f"dark-{percent}",
                label=f"{percent} % darker",
                group="darkened",
                data="stripes",
                severity=percent,
                unit="%",
                labels="valid" if percent <= 60 else "ill-defined",
                reason="" if percent <= 60 else "too dark to tell",
                in_mean=percent <= 60,
                headline=True,
                transform=partial(torch.mul, other=1 - percent / 100),
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
            size=150,
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
            epochs=3,
            batch_size=32,
            learning_rate=0.01,
        ),
    ),
    training_images=400,
    test_images=200,
    calibration_images=80,
    load=load,
)
