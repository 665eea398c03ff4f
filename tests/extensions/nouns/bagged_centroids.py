"""A method that trains itself."""

from typing import Self

import torch
from torch import Tensor

from methods.interface import Prediction, UncertaintyMethod


class BaggedCentroids(UncertaintyMethod):
    """Nearest class mean, over bootstrap samples of the training images (Breiman 1996)."""

    name = "bagged_centroids"
    label = "Bagged centroids"
    citation = "Breiman 1996"
    group = "ensemble"
    size, sweep = "members", (5, 20)
    primary_score = "mutual_information"

    def __init__(self, *, seed: int = 0, device: str = "cpu", members: int = 20) -> None:
        super().__init__(seed=seed, device=device)
        self.members = members

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Learn each member's class means."""
        generator = torch.Generator().manual_seed(self.seed)
        flat, classes = images.flatten(start_dim=1).to(self.device), int(labels.max()) + 1
        self.centroids = []
        for _ in range(self.members):
            drawn = torch.randint(len(flat), (len(flat),), generator=generator)
            means = [flat[drawn][labels[drawn] == c].mean(dim=0) for c in range(classes)]
            self.centroids.append(torch.stack(means))
        return self

    def predict(self, images: Tensor) -> Prediction:
        """Of logits that fall with the squared distance."""
        flat = images.flatten(start_dim=1).to(self.device)
        squared = torch.stack([torch.cdist(flat, c) ** 2 for c in self.centroids])
        return Prediction.of_logits(-0.2 * squared.cpu())
