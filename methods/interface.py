"""The interface of every uncertainty method, and its prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Prediction:
    """The members' prediction of each image, summarised.

    Every measure follows from the first four fields, so a method that knows them without holding
    its members (exact enumeration, an analytic approximation) fits as well.

    Attributes:
        mean: mean of the members' probabilities, float64.
        vote_share: share of the members whose arg-max is that class, float64; ties go to the
            lowest class.
        expected_entropy: mean of the members' entropies, in nats, float64.
        members: how many members there are; ``None`` for the exact distribution (no sampling).
        scores: the method's own uncertainty scores by name, [images] each; higher is less certain.
        member_probabilities: the members' own probabilities, where a method keeps them.
    """

    mean: Float[Tensor, "images classes"]
    vote_share: Float[Tensor, "images classes"]
    expected_entropy: Float[Tensor, " images"]
    members: int | None
    scores: Mapping[str, Float[Tensor, " images"]] = field(default_factory=dict)
    member_probabilities: Float[Tensor, "members images classes"] | None = None

    @classmethod
    def of(cls, member_probabilities: Float[Tensor, "members images classes"]) -> Prediction:
        """The prediction of members that are held as probabilities; votes are counted on these.

        Raises:
            ValueError: the tensor has not three axes, or holds no member.

        >>> Prediction.of(torch.tensor([[[0.9, 0.1]], [[0.4, 0.6]]])).vote_share
        tensor([[0.5000, 0.5000]], dtype=torch.float64)
        """
        _require_members(member_probabilities)
        return cls._summarise(member_probabilities.double(), member_probabilities.argmax(dim=-1))

    @classmethod
    def of_logits(cls, member_logits: Float[Tensor, "members images classes"]) -> Prediction:
        """The prediction of members that are held as logits; votes are counted on the logits.

        Raises:
            ValueError: the tensor has not three axes, or holds no member.

        >>> Prediction.of_logits(torch.zeros(4, 1, 2)).mean
        tensor([[0.5000, 0.5000]], dtype=torch.float64)
        """
        _require_members(member_logits)
        return cls._summarise(member_logits.double().softmax(dim=-1), member_logits.argmax(dim=-1))

    @classmethod
    def _summarise(
        cls,
        probabilities: Float[Tensor, "members images classes"],
        votes: Int64[Tensor, "members images"],
    ) -> Prediction:
        members, images, classes = probabilities.shape
        positions = torch.arange(images, device=votes.device) * classes + votes
        counts = torch.bincount(positions.flatten(), minlength=images * classes)
        return cls(
            mean=probabilities.mean(dim=0),
            vote_share=counts.reshape(images, classes).double() / members,
            expected_entropy=torch.special.entr(probabilities).sum(dim=-1).mean(dim=0),
            members=members,
        )


class UncertaintyMethod(ABC):
    """A classifier whose prediction includes its uncertainty.

    Every method is built as ``cls(*, seed, device)``; hyper-parameters are further keyword
    arguments with defaults, and the constructor only stores them. What a method must keep is
    checked by `methods.contract.check_method`.
    """

    name: ClassVar[str]

    def __init__(self, *, seed: int = 0, device: str = "cpu") -> None:
        self.seed = seed
        self.device = device

    @abstractmethod
    def fit(
        self, images: Float[Tensor, "images 1 28 28"], labels: Int64[Tensor, " images"]
    ) -> Self:
        """Learn from images in [0, 1] and their labels."""

    @abstractmethod
    def predict(self, images: Float[Tensor, "images 1 28 28"]) -> Prediction:
        """The members' prediction of each image. Pure: same images, same prediction."""


def _require_members(members: Tensor) -> None:
    if members.ndim != 3 or members.shape[0] == 0:
        raise ValueError(
            f"members have the shape {list(members.shape)}; expected [members, images, classes] "
            "with at least one member"
        )
