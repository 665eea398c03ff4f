"""Methods that follow from one forward of their networks, or from the logits of their members."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from methods import METHODS, PooledMethod, Prediction, UncertaintyMethod
from methods.engines.base import NetworkOutputs
from methods.mc_dropout import MCDropout
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.pooled import SingleNetwork, learns_in_fit, require_features
from methods.posthoc.augmentation import Augmentation
from methods.posthoc.laplace import LaplaceLastLayer
from methods.posthoc.temperature_scaling import (
    TemperatureScaledMCDropout,
)
from methods.softmax import Softmax
from tests.training import STANDARD

POOL = NetworkPool(replace(STANDARD, epochs=1))


def same(first: Prediction, second: Prediction) -> bool:
    return first.remark == second.remark and all(
        torch.equal(getattr(first, name), getattr(second, name))
        for name in ("mean", "vote_share", "expected_entropy")
    )


def by_reads(*reads: str) -> list[type[PooledMethod]]:
    return [m for m in METHODS.values() if issubclass(m, PooledMethod) and m.reads in reads]


@pytest.mark.parametrize("kind", by_reads("logits", "features"))
def test_outputs_of_the_networks_are_all_that_is_read(
    kind: type[PooledMethod], training_images: LabelledImages, test_images: LabelledImages
) -> None:
    training = training_images
    held_out, images = test_images.images[:100], test_images.images[100:]
    labels = test_images.labels[:100]
    whole = kind.build(POOL, replicate=1, size=2)
    whole.fit(training.images, training.labels).calibrate(held_out, labels)

    networks = [whole.pool.networks([n], training)[0] for n in whole.networks]
    each = [POOL.engine.prepare([network]) for network in networks]

    def outputs(images: Tensor) -> NetworkOutputs:
        parts = [prepared.outputs(images) for prepared in each]
        logits = torch.cat([part.logits for part in parts])
        if kind.reads == "logits":
            return NetworkOutputs(logits)
        return NetworkOutputs(logits, torch.cat([require_features(part) for part in parts]))

    method = kind.build(POOL, replicate=1, size=2)
    if kind.reads == "features":
        method.fitted = networks
        method.fit_outputs(outputs(training.images), training.labels)
    method.calibrate_outputs(outputs(held_out), labels)
    assert same(method.predict_outputs(outputs(images)), whole.predict(images))


class OtherPrediction(Softmax):
    def predict(self, images: Tensor) -> Prediction:
        return Prediction.of_logits(2 * self.member_logits(images))


class OtherForm(Softmax):
    def form(self, logits: Tensor) -> Prediction:
        return Prediction.of_logits(2 * logits)


class Mixin:
    def fit(self, images: Tensor, labels: Tensor) -> Mixin:
        return self


class OtherFit(Mixin, LaplaceLastLayer):  # type: ignore[misc]
    pass


def test_method_with_a_way_of_its_own_reads_images() -> None:
    ways = (OtherPrediction, OtherFit, Augmentation, OtherForm)
    assert [kind.reads for kind in ways] == ["images", "images", "images", "logits"]
    fields = {"name": "own", "reads": "features"}
    assert type("Unpooled", (UncertaintyMethod,), fields).reads == "images"
    several = type("Several", (PooledMethod,), fields | {"counts_networks": True})
    assert several.reads == "images"
    incomplete = type("Incomplete", (SingleNetwork,), fields)
    assert incomplete.reads == "features"
    with pytest.raises(NotImplementedError, match="reads features, and has no predict_outputs"):
        incomplete(pool=POOL).predict_outputs(NetworkOutputs(torch.zeros(1, 1, 2)))  # type: ignore[attr-defined]
    with pytest.raises(NotImplementedError, match="LaplaceKron reads images"):
        METHODS["laplace_kron"].build(POOL).predict_outputs(NetworkOutputs(torch.zeros(1, 1, 2)))  # type: ignore[attr-defined]


class DampedFeatures(SingleNetwork):
    """What `methods.pooled` says: no method of images is needed."""

    name = "damped_features"
    reads = "features"
    needs = frozenset({"training images"})

    def fit_outputs(self, outputs: NetworkOutputs, labels: Tensor) -> DampedFeatures:
        self.head, self.most = self.fitted[0].head, require_features(outputs)[0].amax(dim=0)
        return self

    def calibrate_outputs(self, outputs: NetworkOutputs, labels: Tensor) -> DampedFeatures:
        self.held_out = len(labels)
        return self

    def predict_outputs(self, outputs: NetworkOutputs) -> Prediction:
        (features,) = require_features(outputs)
        return Prediction.of_logits(self.head(features.clamp(max=self.most)).detach()[None])


def test_of_images_outputs_are_computed_first(
    training_images: LabelledImages, test_images: LabelledImages
) -> None:
    method = DampedFeatures.build(POOL).fit(training_images.images, training_images.labels)
    method.calibrate(test_images.images[:50], test_images.labels[:50])
    outputs = method.outputs(test_images.images)
    assert same(method.predict(test_images.images), method.predict_outputs(outputs))
    training = require_features(method.outputs(training_images.images))[0]
    assert torch.equal(method.most, training.amax(dim=0))
    assert (method.held_out, DampedFeatures.reads) == (50, "features")
    assert [learns_in_fit(kind) for kind in (DampedFeatures, Softmax)] == [True, False]


def test_scaled_mc_dropout_is_formed_of_the_passes_of_mc_dropout(
    training_images: LabelledImages, test_images: LabelledImages
) -> None:
    training = training_images.images, training_images.labels
    dropout = MCDropout(pool=POOL, passes=7).fit(*training)
    scaled = TemperatureScaledMCDropout(pool=POOL, passes=4)
    whole = TemperatureScaledMCDropout(pool=POOL, passes=4).fit(*training)
    whole.calibrate(test_images.images, test_images.labels)
    assert scaled.member_kind() == dropout.member_kind() is not None
    passes = dropout.member_logits(test_images.images)[scaled.slice_of(dropout)]
    scaled.calibrate_members(passes, test_images.labels)
    assert same(scaled.form(passes), whole.predict(test_images.images))
