"""The task of small digits: its own split of scikit-learn's images, and how well it is learnt."""

from __future__ import annotations

import pytest
import torch
from sklearn import datasets

from benchmarks.data import loading
from benchmarks.io import UserError
from benchmarks.tasks.digits import DIGITS
from methods.engines.torch import TorchEngine
from tests.training import train_network


def test_splits_are_all_images_each_once_and_stratified() -> None:
    splits = [DIGITS.split(name, None) for name in ("training", "calibration", "test")]
    assert [len(split.labels) for split in splits] == [1000, 200, 597]
    whole = torch.cat([split.images for split in splits])
    assert len(whole.flatten(start_dim=1).unique(dim=0)) == 1797
    assert all(split.labels.bincount().min() >= 0.095 * len(split.labels) for split in splits)
    assert torch.equal(splits[2].images, DIGITS.split("test", None).images)


def test_images_are_those_of_scikit_learn() -> None:
    images, labels = datasets.load_digits(return_X_y=True)
    loaded = loading.load_digits()
    expected = torch.from_numpy(images).reshape(-1, 1, 8, 8) / 16
    assert torch.equal(loaded.images.double(), expected)
    assert loaded.labels.tolist() == labels.tolist()


def test_changed_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = datasets.load_digits()
    digits.images[0, 0, 0] += 1
    monkeypatch.setattr(datasets, "load_digits", lambda: digits)
    with pytest.raises(UserError, match="checksum is wrong; install scikit-learn anew"):
        loading.load_digits()


def test_networks_are_accurate() -> None:
    (recipe,) = DIGITS.recipes
    test = DIGITS.split("test", None)
    trained = train_network(recipe, 0, DIGITS.split("training", None), engine=TorchEngine())
    correct = trained.network(test.images).argmax(dim=1) == test.labels
    assert correct.double().mean() > 0.95
