"""Mean-field variational inference: a Gaussian over each weight, by Flipout."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.func import functional_call
from torch.nn.functional import cross_entropy, softplus

from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.shapes import Images, Labels
from methods.trained.base import Layer, MemberNetwork, Step, TrainedMethod, replaced
from methods.trained.samples import SampledNetwork

PRIOR = 1.0
"""s, the deviation of the prior of each weight and bias, whose mean is 0."""


class Flipout(nn.Module):
    """A layer whose weights and biases are N(μ, softplus(ρ)²), with a sample of them an image.

    y = layer_μ(x) + layer_{σ∘ε}(x ∘ s) ∘ r, where ε is standard normal and the same for all
    images, and s and r are random signs, one a channel of an image (Wen et al. 2018).

    Args:
        layer: of the means.
        rho: the mean of the first ρ, which are normal with the deviation 0.1.

    Attributes:
        random: the source of ε, s and r; to be set before a forward.
    """

    random: torch.Generator

    def __init__(self, layer: Layer, rho: float, random: torch.Generator) -> None:
        super().__init__()
        self.layer, self.rho = layer, nn.ParameterDict()
        for name, mean in layer.named_parameters():
            self.rho[name] = rho + 0.1 * torch.randn(mean.shape, generator=random)

    def gaussians(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and deviation of the weights, and those of the biases."""
        return {
            name: (self.layer.get_parameter(name), softplus(rho)) for name, rho in self.rho.items()
        }

    def forward(self, inputs: Float[Tensor, "images ..."]) -> Float[Tensor, "images ..."]:
        """The layer's outputs, each image's by a sample of its own."""
        weights = {
            name: deviation * torch.empty_like(deviation).normal_(generator=self.random)
            for name, (_, deviation) in self.gaussians().items()
        }
        outputs: Tensor = self.layer(inputs)
        noise: Tensor = functional_call(self.layer, weights, (inputs * self._signs(inputs),))
        return outputs + noise * self._signs(outputs)

    def _signs(self, maps: Tensor) -> Tensor:
        signs = maps.new_empty(*maps.shape[:2], *(1,) * (maps.ndim - 2))
        return 2 * signs.bernoulli_(0.5, generator=self.random) - 1


class VariationalNetwork(SampledNetwork):
    """The recipe's network with a `Flipout` in the place of each layer.

    Others, such as batch normalisation, have no distribution: they are the same in all samples.
    """

    def __init__(self, network: Network, members: int, rho: float, random: torch.Generator) -> None:
        super().__init__(network, members)
        replaced(network, lambda _, layer: Flipout(layer, rho, random))
        self.seed = int(torch.randint(2**62, (), generator=random))

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The mean cross-entropy plus KL / N: the negative evidence lower bound of an image."""
        layers = self._layers().values()
        for layer in layers:
            layer.random = step.random
        posteriors = [Normal(*each) for layer in layers for each in layer.gaussians().values()]
        prior = Normal(images.new_zeros(()), PRIOR)
        total = sum(kl_divergence(posterior, prior).sum() for posterior in posteriors)
        return cross_entropy(self.network(images), labels) + total / step.images

    def finish(self, images: Images, labels: Labels) -> None:
        """Draw the samples."""
        random = torch.Generator().manual_seed(self.seed)
        for sample in self.samples:
            sample.load_state_dict(self.network.state_dict(), strict=False)
            for name, layer in self._layers().items():
                for weight, (mean, deviation) in layer.gaussians().items():
                    normal = torch.randn(mean.shape, generator=random).to(mean)
                    drawn = mean + deviation * normal
                    sample.get_submodule(name).get_parameter(weight).copy_(drawn)

    def _layers(self) -> dict[str, Flipout]:
        modules = self.network.named_modules()
        return {name: module for name, module in modules if isinstance(module, Flipout)}


class Variational(TrainedMethod):
    """A Gaussian over each weight, its mean and deviation learned (Blundell et al. 2015).

    Adam minimises the negative evidence lower bound, with Flipout and the prior N(0, 1); the
    divergence has the weight 1 throughout. The setting ``initial_rho`` is the mean of the first ρ.

    Args:
        members: M, how many samples of the weights predict.
    """

    name = "variational"
    label = "Variational inference"
    citation = "Blundell et al. 2015"
    group = "learned distribution"
    sweep = (10,)
    settings = ("learning_rate", "initial_rho")
    learning_rate, initial_rho = 0.003, -5.0

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """Means are the recipe's weights."""
        return VariationalNetwork(network, self.members, self.initial_rho, random)

    def optimiser(
        self, network: MemberNetwork, recipe: Recipe, images: int
    ) -> torch.optim.Optimizer:
        """Adam, without the recipe's penalty: the prior is in the loss."""
        return torch.optim.Adam(network.network.parameters(), fused=True)
