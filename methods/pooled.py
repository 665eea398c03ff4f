"""The base classes of methods that take their networks from a pool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Self, TypedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.engines import choose_engine
from methods.engines.base import NetworkOutputs, PreparedNetworks
from methods.given import GivenEngine, GivenNetwork, GivenPool, require_count
from methods.interface import Prediction, UncertaintyMethod
from methods.networks.network import Network
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import OwnTraining
from methods.shapes import Images, Labels, MemberLogits


class NotFittedError(ValueError, AttributeError):
    """A method is to predict before it was fitted; the same bases as scikit-learn's."""


class PoolArguments(TypedDict, total=False):
    """The arguments that all pooled methods have; see `PooledMethod`."""

    seed: int
    device: str
    pool: NetworkPool | None
    replicate: int


class PooledMethod(UncertaintyMethod):
    """A method whose members are networks of a pool, or sub-networks of one of them.

    One that `reads` logits or features does what it does by `fit_outputs`, `calibrate_outputs` and
    `predict_outputs`, so that many methods can share a forward of their networks; of images, it
    applies these to `outputs`. One that reads images has a `predict` instead.

    Args:
        pool: where the networks come from; by default a pool of its own, in memory. Its networks
            are trained by what `training` makes of its recipe.
        replicate: which of the pool's networks are used, and which random numbers drawn.

    Attributes:
        tuned_as: the method whose tuned settings it has (`Recipe.tuned`), but for those that its
            class sets itself; empty: its own.
        fitted: the trained networks, once the method is fitted. A subclass may change them in its
            `fit`; after the first prediction changed ones must be assigned anew.
    """

    pooled = True
    tuned_as: ClassVar[str] = ""

    def __init__(
        self,
        *,
        seed: int = 0,
        device: str = "cpu",
        pool: NetworkPool | None = None,
        replicate: int = 0,
    ) -> None:
        super().__init__(seed=seed, device=device)
        given = pool or NetworkPool(seed=seed, engine=choose_engine(device=device))
        own = vars(type(self)) if self.tuned_as else {}
        for setting, value in given.recipe.tuned.get(self.tuned_as or self.name, {}).items():
            if setting not in own:
                setattr(self, setting, value)
        recipe = self.training(given.recipe)
        if not issubclass(recipe.network, given.recipe.network):
            raise ValueError(
                f"the training of {type(self).__name__} has the network {recipe.network.name}; "
                f"expected that of the recipe, {given.recipe.network.name}"
            )
        self.pool = replace(given, recipe=recipe)
        self.replicate = replicate
        self._fitted: list[Network] | None = None
        self._prepared: PreparedNetworks | None = None

    @classmethod
    def build(cls, pool: NetworkPool, replicate: int = 0, size: int | None = None) -> Self:
        """One replicate of the method, with the networks of this pool."""
        own: dict[str, Any] = {"pool": pool, "replicate": replicate} | cls._sized(size)
        return cls(seed=pool.seed, device=pool.engine.device, **own)

    @classmethod
    def from_modules(
        cls,
        modules: Iterable[nn.Module],
        *,
        features: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
        **own: Any,
    ) -> Self:
        """The method, fitted, of modules that were trained elsewhere; ``own``: its arguments."""
        for name, value in {"batch_size": batch_size, **own}.items():
            if name in ("batch_size", cls.size):
                require_count(name, value)
        given = [GivenNetwork(module, features=features, device=device) for module in modules]
        pool = GivenPool(engine=GivenEngine(device, batch_size), given=tuple(given))
        method = cls(device=device, pool=pool, **own)
        method.fitted = [*given]
        if "dropout" in cls.needs:
            for network in given:
                network.require_dropout()
        return method

    @property
    def networks(self) -> range:
        """The numbers of the pool's networks that this replicate uses.

        By default one, and none where it has a training of its own.
        """
        own = self.trajectory
        return range(self.replicate, self.replicate + 1) if own is None else range(0)

    @property
    def trajectory(self) -> OwnTraining | None:
        """The training of its own, beside the pool's, if it has one."""
        return None

    @property
    def fitted(self) -> list[Network]:
        """The trained networks.

        Raises:
            NotFittedError: the method is not fitted.
        """
        if self._fitted is None:
            raise NotFittedError(f"{type(self).__name__} is not fitted; call fit before predict")
        return self._fitted

    @fitted.setter
    def fitted(self, networks: list[Network]) -> None:
        self._fitted, self._prepared = networks, None
        self.forget()

    def forget(self) -> None:
        """Undo what was learned with other networks; by default nothing."""

    @property
    def prepared(self) -> PreparedNetworks:
        """The engine's form of the networks, made once for all predictions after a fit.

        It is made at the first prediction, so that a subclass' `fit` may still change the networks.
        """
        if self._prepared is None:
            self._prepared = self.pool.engine.prepare(self.fitted)
        return self._prepared

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the networks from the pool, or train them; learn by `fit_outputs`, if there is one.

        Raises:
            TrainingDivergedError, NotStoredError: see `NetworkPool.networks` and `snapshots`.
        """
        training, own = LabelledImages(images, labels), self.trajectory
        if own is None:
            self.fitted = self.pool.networks(self.networks, training)
        else:
            self.fitted = self.pool.snapshots(own, self.replicate, training)
        if type(self).fit_outputs is not PooledMethod.fit_outputs:
            self.fit_outputs(self.outputs(images), labels)
        return self

    def calibrate(self, images: Tensor, labels: Tensor) -> Self:
        """Learn from held-out images by `calibrate_outputs`, if there is one."""
        if type(self).calibrate_outputs is not PooledMethod.calibrate_outputs:
            self.calibrate_outputs(self.outputs(images), labels)
        return self

    def predict(self, images: Tensor) -> Prediction:
        """The prediction of each image, by default from the networks' outputs."""
        return self.predict_outputs(self.outputs(images))

    def outputs(self, images: Images) -> NetworkOutputs:
        """The logits and features of each network, dropout off."""
        return self.prepared.outputs(images)

    def features(self, images: Images) -> Float[Tensor, "networks images width"]:
        """The penultimate layer of each network, dropout off."""
        return require_features(self.outputs(images))

    def fit_outputs(self, outputs: NetworkOutputs, labels: Labels) -> Self:
        """Learn from the training images, if it needs these; `fitted` is known."""
        return self

    def calibrate_outputs(self, outputs: NetworkOutputs, labels: Labels) -> Self:
        """Learn from held-out images, if it needs these."""
        return self

    def predict_outputs(self, outputs: NetworkOutputs) -> Prediction:
        """The prediction of the images of these outputs; `fitted` is known if it reads features.

        Raises:
            NotImplementedError: there is none, as of a method that reads images.
        """
        name = type(self).__name__
        raise NotImplementedError(f"{name} reads {self.reads}, and has no predict_outputs")


def learns_in_fit(method: type[UncertaintyMethod]) -> bool:
    """Whether its ``fit`` does more than take networks of the pool."""
    fitted = method.needs & {"training", "training images"}
    return method.fit is not PooledMethod.fit or bool(fitted)


def require_features(outputs: NetworkOutputs) -> Float[Tensor, "networks images width"]:
    """The features among outputs.

    Raises:
        ValueError: there are none.
    """
    if outputs.features is None:
        raise ValueError("the outputs of the networks are logits alone; expected features, too")
    return outputs.features


def require_labels(labels: Tensor, logits: Float[Tensor, "... images classes"]) -> None:
    """Check labels that a method learns from, which a user may have given.

    Raises:
        ValueError: they are not the classes of the images.
    """
    images, classes = logits.shape[-2:]
    expected = f"expected a tensor [{images}] of torch.int64"
    if not isinstance(labels, Tensor):
        raise ValueError(f"labels are a {type(labels).__name__}; {expected}")
    if labels.shape != (images,) or labels.dtype != torch.int64:
        raise ValueError(f"labels are {list(labels.shape)} of {labels.dtype}; {expected}")
    outside = labels[(labels < 0) | (labels >= classes)]
    if len(outside):
        raise ValueError(f"a label is {outside[0]}; expected the classes 0 to {classes - 1}")


class SingleNetwork(PooledMethod):
    """A pooled method of one network, which may be a user's own."""

    @classmethod
    def from_network(
        cls,
        module: nn.Module,
        images: Tensor | None = None,
        labels: Tensor | None = None,
        **arguments: Any,
    ) -> Self:
        """The method, fitted, of a network that was trained elsewhere.

        Where the method samples, the dropout layers are switched on and nothing else: all other
        layers, such as batch normalisation, compute in evaluation mode. A layer that is reached
        several times draws a mask each time. `torch.nn.functional.dropout` and the dropout inside
        of `nn.MultiheadAttention` and of recurrent layers cannot be found, and stay off; a warning
        names layers with such dropout inside, and dropout layers that no forward calls.

        Args:
            module: from images, [images, ...], to logits, [images, classes]. It is copied, and
                always computes in evaluation mode.
            images, labels: those that it was trained on, for a method that is fitted to these.
            arguments: ``features``, the name of the layer whose input are the penultimate
                features, by default the last `nn.Linear` that a forward reaches; ``device``, where
                it computes; ``batch_size``, how many images at once; and the method's own, such as
                ``passes``, ``seed`` and ``replicate``.

        Raises:
            ValueError: it is no module or has no such layer, a count is below 1, or it is not what
                the method needs: there is no dropout layer, or one whose masks are unknown; or its
                weights cannot have such a posterior. Predicting raises one if the module does not
                return logits, or draws random numbers in evaluation mode; or if no dropout layer is
                called, or the first axis of one's input is not the images.
        """
        method = cls.from_modules([module], **arguments)
        if "training images" not in cls.needs:
            return method
        if images is None or labels is None:
            raise ValueError(f"{cls.__name__} is fitted to training images; give images and labels")
        return method.fit(images, labels)


class SeveralNetworks(PooledMethod):
    """A pooled method of several networks, which may be a user's own."""

    @classmethod
    def from_networks(cls, modules: Iterable[nn.Module], **arguments: Any) -> Self:
        """The method, fitted, of networks that were trained elsewhere: each is a member.

        Architectures may differ. Arguments and errors as those of `SingleNetwork.from_network`.

        Raises:
            ValueError: there is no module, or a single one outside of a list. Predicting raises one
                if their numbers of classes differ, and `features` if their widths do.
        """
        members = require_modules(modules)
        own = arguments | cls._sized(len(members))
        return cls.from_modules(members, **own)


def require_modules(modules: Iterable[nn.Module]) -> tuple[nn.Module, ...]:
    """The members of an ensemble, which any iterable may give.

    Raises:
        ValueError: it is a single module, or there is none.
    """
    if isinstance(modules, nn.Module) and not isinstance(modules, nn.ModuleList):
        raise ValueError(
            f"a single module is given ({type(modules).__name__}); expected a list of modules, "
            "each a member of the ensemble"
        )
    if members := tuple(modules):
        return members
    raise ValueError("no module is given; expected at least one member of the ensemble")


class OwnRate(PooledMethod):
    """A pooled method that trains by the recipe, with a learning rate of its own.

    Attributes:
        learning_rate: the largest; ``None``: the recipe's.
    """

    learning_rate: float | None = None

    def training(self, recipe: Recipe) -> Recipe:
        """The recipe with this learning rate."""
        rate = self.learning_rate or recipe.learning_rate
        return replace(super().training(recipe), learning_rate=rate)


class MemberMethod(PooledMethod):
    """A pooled method with one prediction for each member, by default for each network.

    All that it does follows from its members' logits, by `form` and `calibrate_members`. Methods
    can share these: the members of a smaller one are some of a larger one's, at `slice_of`.
    """

    @classmethod
    def member_kind(cls) -> tuple[object, ...] | None:
        """Key of its members: methods of a kind, recipe, replicate and size have the same.

        ``None``: it does more with images than to form its prediction from the members.
        """
        own = (cls.calibrate, cls.predict)
        if own != (MemberMethod.calibrate, MemberMethod.predict):
            return None
        return cls.fit, cls.member_logits, cls.networks, cls.trajectory, cls.member_slice

    @classmethod
    def learns_when_calibrated(cls) -> bool:
        """Whether held-out images change what it predicts."""
        return cls.calibrate_members is not MemberMethod.calibrate_members

    @property
    def member_slice(self) -> slice:
        """The positions of its members among all that methods of its kind can have.

        By default the first ones, as many as its size says; one where it has none.
        """
        return slice(0, getattr(self, self.size) if self.size else 1)

    def slice_of(self, larger: MemberMethod) -> slice:
        """The positions of its members among those of a larger method that has them too."""
        own, first = self.member_slice, larger.member_slice.start
        return slice(own.start - first, own.stop - first)

    def member_logits(self, images: Images) -> MemberLogits:
        """The logits of each member for each image."""
        return self.prepared.logits(images)

    def calibrate_members(self, logits: MemberLogits, labels: Labels) -> Self:
        """Learn from the members' logits of held-out images; by default nothing."""
        return self

    def form(self, logits: MemberLogits) -> Prediction:
        """The prediction, from the members' logits."""
        return Prediction.of_logits(logits)

    def calibrate(self, images: Tensor, labels: Tensor) -> Self:
        """Learn from held-out images, if it needs these."""
        if not self.learns_when_calibrated():
            return self
        return self.calibrate_members(self.member_logits(images), labels)

    def predict(self, images: Tensor) -> Prediction:
        """The members' prediction of each image."""
        return self.form(self.member_logits(images))

    def calibrate_outputs(self, outputs: NetworkOutputs, labels: Labels) -> Self:
        """Learn from held-out images, where its members are the networks."""
        return self.calibrate_members(outputs.logits, labels)

    def predict_outputs(self, outputs: NetworkOutputs) -> Prediction:
        """The prediction, where its members are the networks."""
        return self.form(outputs.logits)
