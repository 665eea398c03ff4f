"""Evidential deep learning: a network that gives the parameters of a Dirichlet distribution."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn.functional import one_hot

from methods.determinism import derive_seed
from methods.interface import Prediction
from methods.networks.network import Network
from methods.shapes import Images, Labels
from methods.trained.base import MemberNetwork, Step, TrainedMethod

LARGEST = 10.0
"""Outputs above it are taken as it, so that no evidence is infinite."""

DRAWS = 100
"""Of the class probabilities of an image."""


def expected_squared_error(
    alpha: Float[Tensor, "images classes"], targets: Float[Tensor, "images classes"]
) -> Float[Tensor, " images"]:
    """E Σ_k (y_k − p_k)² with p ~ Dir(α) (Sensoy et al. 2018, equation 5).

    Σ_k (y_k − p̄_k)² + p̄_k (1 − p̄_k) / (S + 1), with S = Σ_k α_k and p̄ = α / S.
    """
    total = alpha.sum(dim=1, keepdim=True)
    mean = alpha / total
    return ((targets - mean).square() + mean * (1 - mean) / (total + 1)).sum(dim=1)


def expected_entropy(alpha: Float64[Tensor, "images classes"]) -> Float64[Tensor, " images"]:
    """E H(p) with p ~ Dir(α), in nats: −Σ_k α_k / S (ψ(α_k + 1) − ψ(S + 1)), with S = Σ_k α_k.

    >>> expected_entropy(torch.ones(1, 2, dtype=torch.float64))
    tensor([0.5000], dtype=torch.float64)
    """
    total = alpha.sum(dim=1, keepdim=True)
    return (alpha / total * ((total + 1).digamma() - (alpha + 1).digamma())).sum(dim=1)


class EvidentialNetwork(MemberNetwork):
    """The recipe's network, whose outputs o make Dir(α): α = e + 1 with the evidence e = exp(o).

    Args:
        annealing: the share of the training in which the weight of the divergence rises to one.
    """

    def __init__(self, network: Network, annealing: float) -> None:
        super().__init__(network, members=1)
        self.annealing = annealing

    def forward(self, images: Images) -> Float[Tensor, "1 images classes"]:
        """The outputs, each the logarithm of a class' evidence."""
        outputs: Tensor = self.network(images).clamp(max=LARGEST)
        return outputs[None]

    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The mean of E Σ_k (y_k − p_k)² + λ KL(Dir(α̃) ‖ Dir(1)) − K / S log e_y.

        α̃ is α with 1 in the place of the label's; λ rises from 0 to 1 (see ``annealing``); the
        vacuity K / S counts as constant.
        """
        outputs: Tensor = self(images)[0]
        alpha = outputs.exp() + 1
        vacuity = alpha.shape[1] / alpha.detach().sum(dim=1)
        targets = one_hot(labels, alpha.shape[1]).to(alpha)
        misleading = targets + (1 - targets) * alpha
        weight = min(1.0, step.passed / self.annealing)
        uniform = Dirichlet(torch.ones_like(alpha))
        divergence = kl_divergence(Dirichlet(misleading, validate_args=False), uniform)
        loss = expected_squared_error(alpha, targets) + weight * divergence
        return (loss - vacuity * (targets * outputs).sum(dim=1)).mean()


class Evidential(TrainedMethod):
    """Evidential deep learning (Sensoy et al. 2018): one network, whose outputs are evidence.

    With α = e + 1 of the evidence e and S = Σ_k α_k, the probabilities of an image have the
    distribution Dir(α): their mean is α / S, and their expected entropy is in closed form. The vote
    is that of the mean. Own scores are the ``vacuity`` K / S, with K classes, 1 without any
    evidence; and the ``information`` H(α / S) − E H(p), the mutual information of class and p.

    The evidence is the exponential of the output, clipped, which the authors' code prefers to the
    paper's ReLU. Where a label has no evidence, neither has a gradient, and networks trained by SGD
    have classes that they never predict. So the logarithm of its evidence is rewarded by the
    vacuity (Pandey & Yu 2023). The weight of the divergence, whose gradient is up to K − 1 times a
    cross-entropy's, rises for a share of the training, the setting ``annealing``; in the paper for
    ten epochs.
    """

    name = "evidential"
    tiers = frozenset({"full", "epistemic"})
    label = "Evidential deep learning"
    citation = "Sensoy et al. 2018"
    group = "learned distribution"
    size, sweep = None, ()
    settings = ("learning_rate", "annealing")
    keeps_hidden_layers = True
    learning_rate, annealing = 0.01, 1.0

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """The recipe's network."""
        return EvidentialNetwork(network, self.annealing)

    def draws(self, images: Images) -> Float64[Tensor, "draws images classes"]:
        """`DRAWS` of the Dirichlet distribution of each image."""
        alpha = self.member_logits(images)[0].double().exp() + 1
        random = np.random.default_rng(derive_seed(self.name, self.seed, self.replicate))
        gammas = random.standard_gamma(alpha.numpy(), (DRAWS, *alpha.shape))
        return torch.from_numpy(gammas / gammas.sum(axis=-1, keepdims=True))

    def form(self, logits: Float[Tensor, "1 images classes"]) -> Prediction:
        """The prediction, from the network's outputs."""
        alpha = logits[0].double().exp() + 1
        total = alpha.sum(dim=1)
        mean = alpha / total[:, None]
        classes = alpha.shape[1]
        expected = expected_entropy(alpha)
        information = torch.special.entr(mean).sum(dim=1) - expected
        return Prediction(
            mean=mean,
            vote_share=one_hot(mean.argmax(dim=1), classes).double(),
            expected_entropy=expected,
            members=1,
            scores={"vacuity": classes / total, "information": information.clamp(min=0)},
        )
