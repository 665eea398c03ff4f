"""Evidential deep learning: a network that gives the parameters of a Dirichlet distribution."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn.functional import one_hot

from methods.interface import Prediction
from methods.networks.network import Network
from methods.trained.base import MemberNetwork, Step, TrainedMethod

LARGEST = 10.0
"""Outputs beyond it, of either sign, are taken as it, so that no evidence is infinite."""


def dirichlet(outputs: Float[Tensor, "images classes"]) -> Float[Tensor, "images classes"]:
    """α = e + 1, where the evidence e of a class is the exponential of its output.

    >>> dirichlet(torch.tensor([[0.0, -10.0, 1000.0]]))
    tensor([[2.0000e+00, 1.0000e+00, 2.2027e+04]])
    """
    return outputs.clamp(-LARGEST, LARGEST).exp() + 1


def expected_cross_entropy(
    alpha: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> Float[Tensor, " images"]:
    """E −log p_y with p ~ Dir(α): ψ(S) − ψ(α_y), S = Σ_k α_k (Sensoy et al. 2018, equation 4)."""
    return alpha.sum(dim=1).digamma() - alpha.gather(1, labels[:, None])[:, 0].digamma()


def expected_entropy(alpha: Float64[Tensor, "images classes"]) -> Float64[Tensor, " images"]:
    """E H(p) with p ~ Dir(α), in nats: −Σ_k α_k / S (ψ(α_k + 1) − ψ(S + 1)), with S = Σ_k α_k.

    >>> expected_entropy(torch.ones(1, 2, dtype=torch.float64))
    tensor([0.5000], dtype=torch.float64)
    """
    total = alpha.sum(dim=1, keepdim=True)
    return (alpha / total * ((total + 1).digamma() - (alpha + 1).digamma())).sum(dim=1)


class EvidentialNetwork(MemberNetwork):
    """The recipe's network, of whose outputs `dirichlet` makes a distribution.

    Args:
        annealing: the share of the training in which the weight of the divergence rises to one.
    """

    def __init__(self, network: Network, annealing: float) -> None:
        super().__init__(network, members=1)
        self.annealing = annealing

    def forward(self, images: Float[Tensor, "images ..."]) -> Float[Tensor, "1 images classes"]:
        """The outputs, each the logarithm of a class' evidence."""
        outputs: Tensor = self.network(images)
        return outputs[None]

    def training_loss(
        self, images: Float[Tensor, "images ..."], labels: Int64[Tensor, " images"], step: Step
    ) -> Float[Tensor, ""]:
        """The mean of E −log p_y + λ KL(Dir(α̃) ‖ Dir(1)).

        α̃ is α with 1 in the place of the label's; λ rises from 0 to 1 (see ``annealing``).
        """
        alpha = dirichlet(self.network(images))
        misleading = alpha.scatter(1, labels[:, None], 1.0)
        weight = min(1.0, step.passed / self.annealing)
        uniform = Dirichlet(torch.ones_like(alpha))
        divergence = kl_divergence(Dirichlet(misleading, validate_args=False), uniform)
        return (expected_cross_entropy(alpha, labels) + weight * divergence).mean()


class Evidential(TrainedMethod):
    """Evidential deep learning (Sensoy et al. 2018): one network, whose outputs are evidence.

    With α = e + 1 of the evidence e and S = Σ_k α_k, the probabilities of an image have the
    distribution Dir(α): their mean is α / S, and their expected entropy is in closed form. The vote
    is that of the mean. Own scores are the ``vacuity`` K / S, with K classes, 1 without any
    evidence; and the ``information`` H(α / S) − E H(p), the mutual information of class and p.

    Of the paper's three losses it is the expected cross-entropy, and evidence is the exponential
    of the output, clipped, as in one of the authors' examples. By what the paper prefers, expected
    squared error and ReLU, networks trained by SGD lose classes: where an image's evidence is all
    for others, that for its label has hardly a gradient. The weight of the divergence, whose
    gradient is up to K − 1 times that of the cross-entropy, rises for a share of the training, the
    setting ``annealing``; in the paper for ten epochs.
    """

    name = "evidential"
    label = "Evidential deep learning"
    citation = "Sensoy et al. 2018"
    group = "learned distribution"
    size, sweep = None, ()
    settings = ("learning_rate", "annealing")
    learning_rate, annealing = 0.03, 1.0

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """The recipe's network."""
        return EvidentialNetwork(network, self.annealing)

    def form(self, logits: Float[Tensor, "1 images classes"]) -> Prediction:
        """The prediction, from the network's outputs."""
        alpha = dirichlet(logits[0].double())
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
