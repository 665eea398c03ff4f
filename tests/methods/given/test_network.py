"""What is found in a user's module, how its dropout is switched on, and what is refused."""

from __future__ import annotations

import logging
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from methods.deep_ensemble import DeepEnsemble
from methods.given import GivenNetwork, switched_on
from methods.mc_dropout import MCDropout
from methods.softmax import Softmax

IMAGES = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Returning(nn.Module):
    """Returns what a function makes of the images."""

    def __init__(self, of: object) -> None:
        super().__init__()
        self.of = of

    def forward(self, images: Tensor) -> Tensor:
        return self.of(images)


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    from torchvision.models import resnet18  # which takes two seconds

    return resnet18(num_classes=5).eval()


def test_last_linear_layer_is_found(resnet: nn.Module) -> None:
    network = GivenNetwork(resnet)
    assert network.head_name is None
    with pytest.raises(ValueError, match="call features before"):
        _ = network.head
    features = network.features(IMAGES)
    assert network.head_name == "fc"
    torch.testing.assert_close(network.head(features), network(IMAGES))


def test_last_one_reached_is_not_the_last_one_defined() -> None:
    class Crossed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(7, 4)
            self.first = nn.Linear(12, 7)
            self.auxiliary = nn.Linear(7, 4)

        def forward(self, images: Tensor) -> Tensor:
            hidden = self.first(input=images.flatten(1)).relu()
            if self.training:
                self.auxiliary(hidden)
            return self.out(input=hidden)

    module, images = Crossed(), torch.rand(5, 3, 2, 2)
    network = GivenNetwork(module)
    features = network.features(images)
    assert network.head_name == "out"
    assert torch.equal(features, module.first(images.flatten(1)).relu())


def test_module_without_a_linear_layer_has_logits_but_no_features(resnet: nn.Module) -> None:
    with pytest.raises(ValueError, match="no layer 'classifier'; its linear layers are fc"):
        GivenNetwork(resnet, features="classifier")
    network = GivenNetwork(nn.Sequential(nn.Conv2d(3, 4, 32), nn.Flatten()))
    assert network(IMAGES).shape == (6, 4)
    with pytest.raises(ValueError, match=r"reaches no nn\.Linear; name the last layer"):
        network.features(IMAGES)


@pytest.mark.parametrize(
    ("outputs", "match"),
    [
        (lambda x: {"logits": x}, "returns a dict; wrap it"),
        (lambda x: x.flatten(1).repeat(3, 1), r"returns the shape \[18, 3072\] for 6 images"),
        (lambda x: x.flatten(1)[:, :1], "at least two classes"),
        (lambda x: x.flatten(1).softmax(1), r"returns probabilities.*leave out its softmax"),
        (lambda x: x.flatten(1)[:, :2].softmax(1).bfloat16(), "returns probabilities"),
    ],
)
def test_what_are_no_logits_is_refused(outputs: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        GivenNetwork(Returning(outputs))(IMAGES)


@pytest.mark.parametrize("outputs", [torch.zeros(6, 2), torch.full((6, 4), 0.25) - 1e-2])
def test_logits_are_not_mistaken_for_probabilities(outputs: Tensor) -> None:
    assert torch.equal(GivenNetwork(Returning(lambda _: outputs))(IMAGES), outputs)


def test_stays_in_evaluation_mode_and_leaves_the_module_alone(resnet: nn.Module) -> None:
    module = deepcopy(resnet).train()
    before = deepcopy(module.state_dict())
    network = GivenNetwork(module)
    network.train()
    with torch.no_grad():
        logits = network(IMAGES)
        torch.testing.assert_close(logits, resnet(IMAGES))
        module.fc.weight.zero_()
        assert torch.equal(network(IMAGES), logits)
    assert all(part.training for part in module.modules())
    assert not any(part.training for part in network.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    before["fc.weight"].zero_()
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_dropout_that_is_switched_on_and_that_stays_off_are_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    module = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True)
    with caplog.at_level(logging.INFO):
        GivenNetwork(module).require_dropout()
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "dropout is switched on in the layers dropout, dropout1, dropout2"),
        ("WARNING", "the dropout inside of the layer self_attn stays off"),
    ]


CHANNELS = [
    (nn.Dropout1d, (5, 6, 9)),
    (nn.Dropout2d, (5, 6, 4, 4)),
    (nn.Dropout3d, (5, 6, 2, 4, 4)),
]


def on(layer: nn.Module, inputs: Tensor, seed: int = 0) -> Tensor:
    return switched_on(layer, inputs, np.random.default_rng(seed))


@pytest.mark.parametrize(("kind", "shape"), [(nn.Dropout, (5, 7)), *CHANNELS])
def test_numbers_are_those_of_the_layer_in_training_mode(
    kind: type[nn.Module], shape: tuple[int, ...]
) -> None:
    """A number is kept or dropped; both become a linear function of the input."""
    layer = kind(0.2).train()
    for value in (0.0, 1.0, -3.0):
        inputs = torch.full((64, *shape[1:]), value)
        with torch.random.fork_rng(devices=[]):
            theirs = layer(inputs)
        ours = torch.stack([on(layer, inputs, seed) for seed in range(64)])
        expected, found = (torch.unique(x.double().mul(1e5).round()) for x in (theirs, ours))
        torch.testing.assert_close(found, expected, atol=1, rtol=0)


@pytest.mark.parametrize(("kind", "shape"), CHANNELS)
def test_channels_are_dropped_as_a_whole(kind: type[nn.Module], shape: tuple[int, ...]) -> None:
    outputs = torch.cat([on(kind(0.5), torch.ones(shape), seed)[0] for seed in range(20)])
    assert torch.equal(outputs.flatten(1).amin(dim=1), outputs.flatten(1).amax(dim=1))
    assert len(outputs.flatten(1)[:, 0].unique()) == 2


def test_layer_that_drops_in_its_own_way_is_named() -> None:
    with pytest.raises(ValueError, match=r"'0' has a forward of its own \(AlphaDropout\)"):
        GivenNetwork(nn.Sequential(nn.AlphaDropout())).require_dropout()


class Flat(nn.Module):
    """Two linear layers, with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(3072, 8), nn.Dropout(), nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.drop(self.first(images.flatten(1))))


MODULE = Flat()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([], "no module is given"),
        (nn.Sequential(nn.Flatten(), nn.Linear(2, 2)), r"single module is given \(Sequential\)"),
        ([MODULE, MODULE.state_dict()], r"is a OrderedDict; expected a trained torch\.nn\.Module"),
    ],
    ids=["none", "sequential", "state dict"],
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


@pytest.mark.parametrize(("name", "count"), [("passes", 2.5), ("batch_size", 0)])
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
@pytest.mark.parametrize("count", [1, 4])
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
