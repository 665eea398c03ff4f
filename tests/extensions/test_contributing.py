"""The examples of CONTRIBUTING.md are files of `nouns/`, which the other tests here run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from benchmarks.run.custom_method import load_method
from methods.contract import check_method
from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool
from tests.extensions.nouns import mahalanobis

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"
NOUNS = Path(__file__).parent / "nouns"
SHOWN = (
    *("bagged_centroids", "temperature_scaling"),
    *("spherical_score", "mahalanobis", "gaussian_noise"),
)


def test_guide_shows_the_files_whole() -> None:
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert examples == [(NOUNS / f"{name}.py").read_text(encoding="utf-8") for name in SHOWN]
    assert max(len(example.splitlines()) for example in examples) < 40


@pytest.mark.parametrize("path", sorted(NOUNS.glob("*.py")), ids=lambda path: path.stem)
def test_nouns_know_nothing_of_the_report(path: Path) -> None:
    assert "report" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("location", "pooled", "needs"),
    [
        ("bagged_centroids.py:BaggedCentroids", False, set()),
        ("temperature_scaling.py:TemperatureScaling", True, {"calibration"}),
        ("shifted_views.py:ShiftedViews", True, set()),
    ],
)
def test_methods_keep_the_contract(
    location: str,
    pooled: bool,
    needs: set[str],
    training_images: LabelledImages,
    test_images: LabelledImages,
) -> None:
    loaded = load_method(f"{NOUNS}/{location}")
    assert (loaded.pooled, set(loaded.needs)) == (pooled, needs)
    check_method(
        lambda seed: loaded.build(NetworkPool(seed=seed)),
        *(training_images.images, training_images.labels),
        *(test_images.images, test_images.labels),
    )


def test_mahalanobis_distance_is_scipys() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    features = torch.randn(60, 4, generator=generator) + labels[:, None]
    means = np.stack([features[labels == c].numpy().mean(axis=0) for c in range(3)])
    within = np.cov((features.numpy() - means[labels.numpy()]).T)
    distances = cdist(features.numpy(), means, "mahalanobis", VI=np.linalg.inv(within))
    computed = mahalanobis.fit(features, labels)(features).numpy()
    np.testing.assert_allclose(computed, distances.min(axis=1) ** 2, rtol=1e-5)
