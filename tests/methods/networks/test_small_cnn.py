from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.networks.small_cnn import SmallCNN


def network() -> SmallCNN:
    """With statistics of batch normalisation that are not those of the first step."""
    made = SmallCNN(mean=0.3, std=0.4, dropout=0.25, generator=torch.Generator().manual_seed(0))
    made.train()
    made(images(64, seed=3))
    return made.eval()


def images(count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


class Mask(nn.Module):
    """Stands where one would have `nn.Dropout2d`, with a mask that is known."""

    def __init__(self, keep_mask: Tensor) -> None:
        super().__init__()
        self.scale = keep_mask[:, :, None, None] / 0.75

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.scale


def test_computes_its_layers_under_any_mask() -> None:
    one, x = network(), images(8)
    keep_mask = torch.rand(8, 48, generator=torch.Generator().manual_seed(2)) >= 0.25
    keep_mask[0, :16] = False
    keep_mask[1, 16:] = False
    listing = nn.Sequential(
        *(one.conv1, nn.ReLU(), Mask(keep_mask[:, :16]), nn.AvgPool2d(2)),
        *(one.conv2, one.norm, nn.ReLU(), Mask(keep_mask[:, 16:]), nn.AvgPool2d(2)),
        *(nn.Flatten(), one.linear, nn.ReLU(), one.head),
    ).eval()
    expected = listing((x - 0.3) / 0.4)
    torch.testing.assert_close(one(x, keep_mask), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(one.rest(one.shared(x), keep_mask), one(x, keep_mask))
