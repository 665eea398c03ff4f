"""The forward pass in JavaScript, beside PyTorch's."""

from __future__ import annotations

import pytest
import torch

from benchmarks.lab.contents import LARGE, MEASURES, rounded
from benchmarks.metrics import METRICS
from methods import Prediction
from methods.networks.architectures import LeNet5, LeNet5ReLU
from methods.networks.recipes import LabelledImages
from tests.lab.script import computed, described, needs_node

pytestmark = needs_node

IMAGES = 4


def drawn_network(kind: type[LeNet5]) -> LeNet5:
    """Of large random weights and biases, so that no two classes have nearly one probability."""
    random = torch.Generator().manual_seed(1)
    network = kind(mean=0.2, std=0.4, dropout=0.25, generator=random)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5).add_(0.1 * torch.randn(parameter.shape, generator=random))
    return network


@pytest.mark.parametrize("kind", [LeNet5, LeNet5ReLU])
@pytest.mark.parametrize("eight_bits", [(), LARGE])
def test_logits_are_those_of_pytorch(
    kind: type[LeNet5], eight_bits: tuple[str, ...], test_images: LabelledImages
) -> None:
    small = rounded(drawn_network(kind), eight_bits)
    images = test_images.images[:IMAGES]
    masks = small.network.passes(0, 0, 6)
    found = computed(
        """
        const network = networkOf(given.network);
        return given.images.map((image) =>
          ({ off: logits(network, image), on: passLogits(network, image, given.masks) }));
        """,
        {
            "network": described(small),
            "images": images.flatten(start_dim=1).tolist(),
            "masks": masks.int().tolist(),
        },
    )
    with torch.no_grad():
        off = small.network(images)
        on = torch.stack([small.network(images, mask[None]) for mask in masks], dim=1)
    assert off.std() > 0.5
    torch.testing.assert_close(torch.tensor([one["off"] for one in found]), off, atol=2e-4, rtol=0)
    torch.testing.assert_close(torch.tensor([one["on"] for one in found]), on, atol=2e-4, rtol=0)


def test_measures_are_those_of_the_suite() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(12, 5, 10, generator=random)
    found = computed(
        """
        return given.map((members) => {
          const tally = new Tally();
          members.forEach((one) => tally.add(one));
          return tally.summary;
        });
        """,
        logits.transpose(0, 1).tolist(),
    )
    expected = Prediction.of_logits(logits)
    assert [one["members"] for one in found] == [12] * 5
    torch.testing.assert_close(
        torch.tensor([one["votes"] for one in found]).double() / 12, expected.vote_share
    )
    means = torch.tensor([one["mean"] for one in found], dtype=torch.float64)
    torch.testing.assert_close(means, expected.mean)
    for measure in MEASURES:
        values = torch.tensor([one["measures"][measure] for one in found], dtype=torch.float64)
        torch.testing.assert_close(values, METRICS[measure].function(expected).double())


@pytest.mark.parametrize(
    ("value", "count"), [(0.05, 0), (0.1, 0), (0.2, 1), (0.25, 3), (0.5, 3), (0.51, 4)]
)
def test_standing_counts_smaller_values(value: float, count: int) -> None:
    code = "return smaller(Float32Array.from(given.sorted), given.value);"
    assert computed(code, {"sorted": [0.1, 0.2, 0.2, 0.5], "value": value}) == count
