"""What is found in a user's module, and what is refused."""

from __future__ import annotations

import logging
import pickle
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from methods.given import GivenNetwork

IMAGES = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Returning(nn.Module):
    """Returns what a function makes of the images."""

    def __init__(self, of: object) -> None:
        super().__init__()
        self.of = of

    def forward(self, images: Tensor) -> Tensor:
        return self.of(images)


def seeded_resnet() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return resnet18(num_classes=5).eval()


RESNET = seeded_resnet()


def expected_features(module: nn.Module, layer: nn.Module, images: Tensor) -> Tensor:
    seen = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        module(images)
    handle.remove()
    return seen[-1].flatten(1)


def test_last_linear_layer_is_found_and_said(caplog: pytest.LogCaptureFixture) -> None:
    network = GivenNetwork(RESNET)
    assert network.head_name is None
    with pytest.raises(ValueError, match="call features before"):
        _ = network.head
    with caplog.at_level(logging.INFO), torch.no_grad():
        features = network.features(IMAGES)
        network.features(IMAGES)
    assert network.head_name == "fc"
    assert [record.message for record in caplog.records] == [
        "penultimate features: the input of 'fc', the last nn.Linear that a forward reaches"
    ]
    assert "head='fc'" in repr(network)
    torch.testing.assert_close(features, expected_features(RESNET, RESNET.fc, IMAGES))
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


def test_named_layer_need_not_be_linear() -> None:
    network = GivenNetwork(RESNET, features="layer4")
    with torch.no_grad():
        features = network.features(IMAGES)
    assert network.head is network.module.layer4
    assert torch.equal(features, expected_features(RESNET, RESNET.layer4, IMAGES))


def test_layer_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no layer 'classifier'; its linear layers are fc"):
        GivenNetwork(RESNET, features="classifier")


def test_module_without_a_linear_layer_has_logits_but_no_features() -> None:
    network = GivenNetwork(nn.Sequential(nn.Conv2d(3, 4, 32), nn.Flatten()))
    assert network(IMAGES).shape == (6, 4)
    with pytest.raises(ValueError, match=r"reaches no nn\.Linear; name the last layer"):
        network.features(IMAGES)


@pytest.mark.parametrize(
    ("outputs", "match"),
    [
        (lambda x: {"logits": x}, "returns a dict; wrap it"),
        (lambda x: x, r"returns the shape \[6, 3, 32, 32\] for 6 images"),
        (lambda x: x.flatten(1)[:1], r"\[1, 3072\] for 6 images"),
        (lambda x: x.flatten(1)[:, :1], "at least two classes"),
        (lambda x: x.flatten(1).softmax(1), r"returns probabilities.*leave out its softmax"),
        (lambda x: x.flatten(1)[:, :2].softmax(1), "returns probabilities"),
        (lambda x: x.flatten(1)[:, :2].softmax(1).bfloat16(), "returns probabilities"),
    ],
)
def test_what_are_no_logits_is_refused(outputs: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        GivenNetwork(Returning(outputs))(IMAGES)


@pytest.mark.parametrize(
    "outputs",
    [
        lambda x: x.flatten(1),
        lambda x: x.flatten(1).log_softmax(1),
        lambda x: x.flatten(1)[:, :2] * 0,
        lambda x: x.flatten(1).softmax(1) - 1e-2,
    ],
)
def test_logits_are_not_mistaken_for_probabilities(outputs: object) -> None:
    network = GivenNetwork(Returning(outputs))
    assert torch.equal(network(IMAGES), outputs(IMAGES))
    assert len(network(IMAGES[:0])) == 0


def test_stays_in_evaluation_mode_and_leaves_the_module_alone() -> None:
    module = deepcopy(RESNET).train()
    before = deepcopy(module.state_dict())
    network = GivenNetwork(module)
    network.train()
    with torch.no_grad():
        logits = network(IMAGES)
        torch.testing.assert_close(logits, RESNET(IMAGES))
        module.fc.weight.zero_()
        assert torch.equal(network(IMAGES), logits)
    assert all(part.training for part in module.modules())
    assert not any(part.training for part in network.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    before["fc.weight"].zero_()
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("copied", [deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_have_hooks_of_their_own(copied: object) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(3072, 4))
    network = GivenNetwork(module)
    seeds = network.passes(0, 0, 3)
    expected = network.subnetwork_logits(IMAGES, seeds, most=9)
    copy = copied(network)
    del network
    assert torch.equal(copy.subnetwork_logits(IMAGES, seeds, most=9), expected)
    assert not torch.equal(expected[0], copy(IMAGES))


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


def test_encoder_whose_fast_path_skips_its_layers_has_its_dropout_switched_on() -> None:
    """In evaluation mode PyTorch computes such a layer at once, unless a hook watches it."""
    module = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5, batch_first=True)
    module = nn.Sequential(module, nn.Flatten())
    network, images = GivenNetwork(module), torch.rand(3, 5, 4)
    with torch.no_grad():
        one, other = network.subnetwork_logits(images, network.passes(0, 0, 2), most=9)
        assert not torch.allclose(one, other)
        torch.testing.assert_close(network(images), deepcopy(module).eval()(images))
