"""The suite's methods on a user's trained module."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache, partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import selu

from methods.contract import check_method
from methods.mc_dropout import MCDropout, MCDropoutWithoutBlanks
from methods.networks.network import pass_seeds
from methods.posthoc.laplace_kron import LaplaceKron
from methods.posthoc.temperature_scaling import TemperatureScaling
from methods.softmax import Softmax

IMAGES = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
IMAGES *= torch.linspace(-3, 3, 20)[:, None, None, None]


@cache
def seeded(build: object) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


def resnet() -> nn.Module:
    """With statistics as of training, which `train()` would change."""
    from torchvision.models import resnet18  # which takes two seconds

    module = resnet18(num_classes=5)
    with torch.no_grad():
        module(torch.rand(8, 3, 32, 32))
    return module.eval()


def dropout_resnet() -> nn.Module:
    module = resnet()
    module.fc = nn.Sequential(nn.Dropout(0.4), module.fc)
    return module


class EveryKind(nn.Module):
    """A dropout layer of each kind; one of them is used twice, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.conv3d = nn.Conv2d(3, 6, 3), nn.Conv3d(1, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.of_maps, self.of_volumes = nn.Dropout2d(0.1), nn.Dropout3d(0.1)
        self.of_rows, self.twice = nn.Dropout1d(0.1), nn.Dropout(0.1, inplace=True)
        self.linear, self.out = nn.Linear(6, 30), nn.Linear(30, 4)

    def forward(self, images: Tensor) -> Tensor:
        volumes = self.of_volumes(self.conv3d(images[:, None])).amax(dim=2)
        maps = self.of_maps(self.norm(self.conv(images))) + volumes
        rows = self.of_rows(maps.flatten(2)).mean(dim=2)
        hidden = self.twice(selu(self.linear(self.twice(rows))))
        return self.out(hidden)


def every_kind() -> nn.Module:
    """Its classes are equally likely in the mean of all images."""
    module = EveryKind().eval()
    with torch.no_grad():
        module.out.weight *= 10
        logits = MCDropout.from_network(module, passes=4).member_logits(IMAGES)
        module.out.bias -= logits.mean(dim=(0, 1))
    return module


BUILDERS = {
    "softmax": lambda seed: Softmax.from_network(seeded(resnet)),
    "mc_dropout": lambda seed: MCDropout.from_network(seeded(dropout_resnet), passes=4, seed=seed),
    "every kind": lambda seed: MCDropout.from_network(seeded(every_kind), passes=4, seed=seed),
}


def plain(module: nn.Module, images: Tensor = IMAGES) -> Tensor:
    with torch.no_grad():
        return deepcopy(module).eval()(images)


@pytest.mark.parametrize("name", BUILDERS)
def test_keeps_the_contract(name: str) -> None:
    """`fit` leaves a given network as it is, so labels are taken from what it predicts."""
    labels = BUILDERS[name](0).predict(IMAGES).mean.argmax(dim=1)
    assert len(labels.unique()) > 1  # else no accuracy beats chance
    check_method(BUILDERS[name], IMAGES, labels, IMAGES, labels)


def test_softmax_is_the_modules_softmax() -> None:
    prediction = Softmax.from_network(seeded(resnet)).predict(IMAGES)
    torch.testing.assert_close(prediction.mean, plain(seeded(resnet)).double().softmax(dim=1))
    assert prediction.members == 1


def test_passes_are_the_head_on_masked_features() -> None:
    method = MCDropout.from_network(seeded(dropout_resnet), passes=6)
    (features,) = method.features(IMAGES)
    assert method.fitted[0].head_name == "fc.1"
    for seed, member in zip(pass_seeds(0, 0, 6), method.member_logits(IMAGES), strict=True):
        random = np.random.default_rng(int(seed))
        keep = torch.from_numpy(random.random((1, 512), dtype=np.float32) >= 0.4)
        with torch.no_grad():
            torch.testing.assert_close(member, seeded(dropout_resnet).fc[1](features * keep / 0.6))


def test_fewer_passes_are_the_first_of_more() -> None:
    many, few = (
        MCDropout.from_network(seeded(every_kind), passes=passes).member_logits(IMAGES[:4])
        for passes in (30, 10)
    )
    assert torch.equal(many[:10], few)


def test_threads_may_share_a_method() -> None:
    method, parts = MCDropout.from_network(seeded(every_kind), passes=3), IMAGES.split(5) * 3
    alone = [method.member_logits(part) for part in parts]
    with ThreadPoolExecutor(4) as threads:
        parallel = list(threads.map(method.member_logits, parts))
    assert all(map(torch.equal, parallel, alone))


def test_module_without_dropout_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"no dropout layer with p above 0; put an nn\.Dropout before"
    ):
        MCDropout.from_network(seeded(resnet))


def test_blank_masks_of_a_module_are_not_known() -> None:
    method = MCDropoutWithoutBlanks.from_network(seeded(dropout_resnet))
    with pytest.raises(ValueError, match=r"use MCDropout$"):
        method.predict(IMAGES)


def test_dropout_that_is_not_reached_is_refused() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2))
    module[1].unused = nn.Dropout()
    method = MCDropout.from_network(module)
    with pytest.raises(ValueError, match=r"reaches none of the dropout layers 1\.unused"):
        method.predict(IMAGES)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.arange(20) % 5 + 1, r"a label is 5; expected the classes 0 to 4"),
        (torch.zeros(20), r"labels are \[20\] of torch\.float32; expected a tensor \[20\]"),
        (torch.arange(19), r"labels are \[19\] of torch\.int64; expected a"),
    ],
)
def test_labels_that_are_no_classes_are_named(labels: Tensor, message: str) -> None:
    method = TemperatureScaling.from_network(seeded(resnet))
    for learn in (method.calibrate, partial(LaplaceKron.from_network, seeded(resnet))):
        with pytest.raises(ValueError, match=message):
            learn(IMAGES, labels)
