"""The interface of every uncertainty method, and its prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from methods.determinism import derive_seed
from methods.networks.pool import NetworkPool
from methods.networks.recipes import Recipe
from methods.shapes import Labels, MemberLogits

MethodReads = Literal["images", "logits", "features"]
MethodNeed = Literal["dropout", "calibration", "training", "training images"]
MethodTier = Literal["quick", "article", "full", "published", "epistemic"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The members' prediction of each image, summarised.

    Every measure follows from the first four fields, so a method that knows them without holding
    its members (a closed form, an enumeration of sub-networks) fits as well.

    Attributes:
        mean: mean of the members' probabilities, float64.
        vote_share: share of the members whose arg-max is that class, float64; ties go to the
            lowest class.
        expected_entropy: mean of the members' entropies, in nats, float64.
        members: how many members there are; ``None`` for the exact distribution (no sampling).
        scores: the method's own uncertainty scores by name, [images] each; higher is less certain.
        member_probabilities: the members' own probabilities, where a method keeps them.
        member_logits: the members' logits, where it predicts by such.
        remark: what a reader of the numbers must know of this fit, such as a parameter at its
            bound; mostly empty.
    """

    mean: Float[Tensor, "images classes"]
    vote_share: Float[Tensor, "images classes"]
    expected_entropy: Float[Tensor, " images"]
    members: int | None
    scores: Mapping[str, Float[Tensor, " images"]] = field(default_factory=dict)
    member_probabilities: Float[Tensor, "members images classes"] | None = None
    member_logits: MemberLogits | None = None
    remark: str = ""

    @classmethod
    def of(cls, member_probabilities: Float[Tensor, "members images classes"]) -> Prediction:
        """The prediction of members that are held as probabilities; votes are counted on these.

        Raises:
            ValueError: the tensor has not three axes, or holds no member, or a negative number, as
                logits do.

        >>> Prediction.of(torch.tensor([[[0.9, 0.1]], [[0.4, 0.6]]])).vote_share
        tensor([[0.5000, 0.5000]], dtype=torch.float64)
        """
        _require_members(member_probabilities)
        if bool((member_probabilities < 0).any()):
            raise ValueError(
                f"a probability is {member_probabilities.min():.2g}; clamp what rounding has made "
                "negative, and use Prediction.of_logits of logits"
            )
        return cls._summarise(member_probabilities.double(), member_probabilities.argmax(dim=-1))

    @classmethod
    def of_logits(cls, member_logits: MemberLogits) -> Prediction:
        """The prediction of members that are held as logits; votes are counted on the logits.

        Raises:
            ValueError: the tensor has not three axes, or holds no member.

        >>> Prediction.of_logits(torch.zeros(4, 1, 2)).mean
        tensor([[0.5000, 0.5000]], dtype=torch.float64)
        """
        _require_members(member_logits)
        # The softmax; torch's own takes three times as long where classes are few.
        largest, votes = member_logits.max(dim=-1, keepdim=True)
        exponentials = (member_logits.double() - largest).exp_()
        probabilities = exponentials.div_(exponentials.sum(dim=-1, keepdim=True))
        prediction = cls._summarise(probabilities, votes[..., 0])
        return replace(prediction, member_logits=member_logits)

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
            member_probabilities=probabilities,
        )


class UncertaintyMethod(ABC):
    """A classifier whose prediction includes its uncertainty.

    Every method is built as ``cls(*, seed, device)``; hyper-parameters are further keyword
    arguments with defaults, and the constructor only stores them. What a method must keep is
    checked by `methods.contract.check_method`. What the suite needs to know of a method stands in
    class fields; all but `name` have a default.

    Attributes:
        name: in files and on the command line; an identifier.
        label: in print; empty: the name.
        citation: the paper; empty where there is none to name.
        group: of methods that work alike, such as ``ensemble``; a short table has the best of each.
        size: the keyword argument that is the number of its members, if it has one.
        sweep: the sizes that a run evaluates; empty: those of the option named as the argument
            (``--members`` or ``--passes``).
        usual_sizes: those that users run: tables show them beside the largest.
        only_usual: whether a run evaluates no other size, unless it has none of the usual ones.
        counts_networks: whether the size is a number of networks, so that replicates of a size are
            disjoint blocks of them.
        divides: whether runs also divide a budget among more such networks.
        needs: beside trained networks, of ``dropout`` (they must have been trained with it),
            ``calibration`` (held-out images that `calibrate` learns from), ``training`` (more of it
            than theirs) and ``training images`` (to be fitted, not trained, on these).
        slow: whether an image takes about a second: it is evaluated on the subset conditions, and
            timed on single images.
        trained_longer: whether a preset evaluates it at budgets above 1.
        primary_score: the score by which images are ranked where only one is shown.
        feature_scores: whether runs fit scores of features to its networks; false for methods that
            draw many networks of their own.
        pooled: whether its networks come from a pool; else it trains itself.
        tiers: which presets evaluate it: that of the name, and ``full`` what ``quick`` does. Not
            inherited: a class that does not say joins ``full`` alone.
        reads: what its prediction follows from: images, or what one forward of the pool's networks
            gives (`methods.pooled`); features of one network only. A subclass that is fitted to
            images or predicts them in a way of its own reads images, without saying so.
    """

    name: ClassVar[str]
    label: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    group: ClassVar[str] = "other"
    size: ClassVar[str | None] = None
    sweep: ClassVar[tuple[int, ...]] = ()
    usual_sizes: ClassVar[tuple[int, ...]] = ()
    only_usual: ClassVar[bool] = False
    counts_networks: ClassVar[bool] = False
    divides: ClassVar[bool] = False
    needs: ClassVar[frozenset[MethodNeed]] = frozenset()
    slow: ClassVar[bool] = False
    trained_longer: ClassVar[bool] = True
    primary_score: ClassVar[str] = "predictive_entropy"
    feature_scores: ClassVar[bool] = True
    pooled: ClassVar[bool] = False
    tiers: ClassVar[frozenset[MethodTier]] = frozenset({"full"})
    reads: ClassVar[MethodReads] = "images"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.tiers = vars(cls).get("tiers", UncertaintyMethod.tiers)
        declaring = next(parent for parent in cls.__mro__ if "reads" in vars(parent))
        own = (getattr(cls, name, None) != getattr(declaring, name, None) for name in IMAGE_METHODS)
        alone = cls.pooled and not (cls.reads == "features" and cls.counts_networks)
        if cls.reads != "images" and (any(own) or not alone):
            cls.reads = "images"

    def __init__(self, *, seed: int = 0, device: str = "cpu") -> None:
        self.seed = seed
        self.device = device

    @classmethod
    def build(cls, pool: NetworkPool, replicate: int = 0, size: int | None = None) -> Self:
        """One replicate of the method for a run, not fitted yet.

        Args:
            pool: the run's networks; a method that trains itself takes seed and device from it.
            replicate: which repetition, from 0.
            size: how many members it is to have; ``None``: its own default.
        """
        seed = derive_seed(cls.name, pool.seed, replicate)
        return cls(seed=seed, device=pool.engine.device, **cls._sized(size))

    def training(self, recipe: Recipe) -> Recipe:
        """The recipe of its networks: by default that of the run, as it is.

        Of a large budget it takes as many epochs as give one network the least NLL on calibration
        images; a method with a training of its own takes all. What is changed may follow from the
        class alone, and must not be the architecture.
        """
        if "training" in self.needs or recipe.best_epochs is None:
            return recipe
        return replace(recipe, epochs=min(recipe.epochs, recipe.best_epochs))

    @classmethod
    def objection(cls, recipe: Recipe) -> str | None:
        """Why the method is not applicable to networks of this training; ``None`` if it is."""
        if "dropout" in cls.needs and not (recipe.dropout and recipe.network.channels):
            return f"{recipe.network.name} is trained without dropout, so no pass would differ"
        return None

    @abstractmethod
    def fit(self, images: Float[Tensor, "images channels height width"], labels: Labels) -> Self:
        """Learn from images in [0, 1] and their labels."""

    def calibrate(
        self, images: Float[Tensor, "images channels height width"], labels: Labels
    ) -> Self:
        """Learn from images that `fit` has not seen, where there are such; by default nothing."""
        return self

    @abstractmethod
    def predict(self, images: Float[Tensor, "images channels height width"]) -> Prediction:
        """The members' prediction of each image. Pure: same images, same prediction."""

    def draws(
        self, images: Float[Tensor, "images channels height width"]
    ) -> Float[Tensor, "draws images classes"]:
        """Class probabilities from the distribution whose mean it predicts: here its members'.

        Raises:
            ValueError: it keeps no members.
        """
        members = self.predict(images).member_probabilities
        if members is None:
            raise ValueError(f"{type(self).__name__} keeps no members, and has no draws of its own")
        return members

    @classmethod
    def _sized(cls, size: int | None) -> dict[str, Any]:
        """The size as a keyword argument."""
        return {} if size is None or cls.size is None else {cls.size: size}


IMAGE_METHODS = ("fit", "calibrate", "predict", "member_logits", "outputs", "features")
"""Names of what a method, or a pooled one, does with images."""


def _require_members(members: Tensor) -> None:
    if members.ndim != 3 or members.shape[0] == 0:
        raise ValueError(
            f"members have the shape {list(members.shape)}; expected [members, images, classes] "
            "with at least one member"
        )
