"""Modules and arguments that are refused, and the modules beside them that are not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from methods.deep_ensemble import DeepEnsemble
from methods.mc_dropout import MCDropout
from methods.softmax import Softmax

IMAGES = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Flat(nn.Module):
    """Two linear layers, with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(3072, 8), nn.Dropout(), nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.drop(self.first(images.flatten(1))))


MODULE = Flat()


@pytest.mark.parametrize("given", [lambda images: images, {}, nn.Linear, None])
def test_what_is_no_module_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r"expected a trained torch\.nn\.Module"):
        Softmax.from_network(given)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([], "no module is given"),
        (MODULE, r"a single module is given \(Flat\); expected a list"),
        (nn.Sequential(nn.Flatten(), nn.Linear(2, 2)), r"single module is given \(Sequential\)"),
        ([MODULE, MODULE.state_dict()], r"is a OrderedDict; expected a trained torch\.nn\.Module"),
    ],
    ids=["none", "module", "sequential", "state dict"],
)
def test_what_are_no_members_is_refused(given: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        DeepEnsemble.from_networks(given)


def test_members_that_differ_in_size_are_refused() -> None:
    five, other = MODULE, nn.Sequential(nn.Flatten(), nn.Linear(3072, 5))
    with pytest.raises(ValueError, match="numbers of features of the networks are 8, 3072;"):
        DeepEnsemble.from_networks([five, other]).features(IMAGES)
    other[1] = nn.Linear(3072, 3)
    with pytest.raises(ValueError, match="numbers of classes of the networks are 5, 3; expected"):
        DeepEnsemble.from_networks([five, other]).predict(IMAGES)


@pytest.mark.parametrize("count", [0, -1, 2.5])
@pytest.mark.parametrize("name", ["passes", "batch_size"])
def test_counts_are_whole_numbers_from_one(name: str, count: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} is {count}; expected a whole number, at least"):
        MCDropout.from_network(MODULE, **{name: count})


class Encoder(nn.Module):
    """A transformer over the rows of an image."""

    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=batch_first)
        self.encoder, self.head = nn.TransformerEncoder(layer, 1), nn.Linear(8, 4)
        self.axis = 1 if batch_first else 0

    def forward(self, images: Tensor) -> Tensor:
        rows = images[:, 0] if self.axis else images[:, 0].transpose(0, 1)
        return self.head(self.encoder(rows).mean(dim=self.axis))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("count", [1, 2, 4, 5, 8])
def test_dropout_on_rows_that_are_not_images_is_refused(count: int) -> None:
    """Also where the number of images equals, or divides, the length of the sequence."""
    images = IMAGES[:count, :1, :8, :8]
    method = MCDropout.from_network(Encoder(batch_first=False), passes=4)
    match = r"dropout1 gets the shape \[8, 2, 8\] for 2 images and \[8, 3, 8\] for 3; its first"
    for _ in range(2):
        with pytest.raises(ValueError, match=match):
            method.predict(images)
    method = MCDropout.from_network(Encoder(batch_first=True), passes=4)
    whole, alone = method.member_logits(images), method.member_logits(images[:1])
    torch.testing.assert_close(whole[:, :1], alone)


class Alone(nn.Module):
    """Dropout of one image after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.head = nn.Dropout(), nn.Linear(3072, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.cat([self.drop(one[None]) for one in images.flatten(1)]))


def test_dropout_of_images_one_by_one_is_refused() -> None:
    match = "called image by image"
    with pytest.raises(ValueError, match=match):
        MCDropout.from_network(Alone()).predict(IMAGES)


class Functional(nn.Module):
    """`dropout` as a function, which is on unless it is told of the mode."""

    def __init__(self, **options: bool) -> None:
        super().__init__()
        self.drop, self.head, self.options = nn.Dropout(), nn.Linear(3072, 4), options

    def forward(self, images: Tensor) -> Tensor:
        return self.head(dropout(self.drop(images.flatten(1)), 0.01, **self.options))


@pytest.mark.parametrize("method", [Softmax, MCDropout])
def test_dropout_that_is_always_on_is_refused(method: type[Softmax | MCDropout]) -> None:
    module, random = Functional(), torch.get_rng_state()
    with pytest.raises(ValueError, match="draws random numbers in evaluation mode"):
        method.from_network(module).predict(IMAGES[:1])
    assert torch.equal(torch.get_rng_state(), random)
    method.from_network(Functional(training=False)).predict(IMAGES[:1])
