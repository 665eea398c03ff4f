"""Methods that follow from one forward of their networks, or from the logits of their members."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from methods import METHODS, PooledMethod, Prediction
from methods.engines.base import NetworkOutputs
from methods.mc_dropout import MCDropout
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.posthoc.augmentation import Augmentation
from methods.posthoc.laplace import LaplaceLastLayer
from methods.posthoc.temperature_scaling import TemperatureScaledMCDropout
from methods.softmax import Softmax
from tests.training import STANDARD

POOL = NetworkPool(replace(STANDARD, epochs=1))


def same(first: Prediction, second: Prediction) -> bool:
    return first.remark == second.remark and all(
        torch.equal(getattr(first, name), getattr(second, name))
        for name in ("mean", "vote_share", "expected_entropy")
    )


@pytest.mark.parametrize("kind", [m for m in METHODS.values() if m.reads != "images"])
def test_outputs_of_the_networks_are_all_that_is_read(
    kind: type[PooledMethod], training_images: LabelledImages, test_images: LabelledImages
) -> None:
    training = training_images
    held_out, images = test_images.images[:100], test_images.images[100:]
    labels = test_images.labels[:100]
    whole = kind.build(POOL, replicate=1, size=2)
    whole.fit(training.images, training.labels).calibrate(held_out, labels)
    networks = whole.pool.networks(whole.networks, training)
    prepared = POOL.engine.prepare(networks)

    def outputs(images: Tensor) -> NetworkOutputs:
        each = prepared.outputs(images)
        return each if kind.reads == "features" else NetworkOutputs(each.logits)

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
