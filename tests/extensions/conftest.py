"""One run of MNIST with a new noun of every kind, each added by a line of its register."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch as mock_patch

import pytest

import methods.networks
from benchmarks.claims import CLAIMS
from benchmarks.metrics import METRICS
from benchmarks.run import predict
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from methods import METHODS
from methods.networks.recipes import ARTICLE
from methods.scores import SCORES
from tests.claims.support import lighten
from tests.extensions.nouns.bagged_centroids import BaggedCentroids
from tests.extensions.nouns.class_mean import CLASS_MEAN
from tests.extensions.nouns.gaussian_noise import GAUSSIAN_NOISE
from tests.extensions.nouns.noise_claim import NOISE_LOWERS_ACCURACY
from tests.extensions.nouns.spherical_score import SPHERICAL_SCORE
from tests.extensions.support import SMALL, Written, run
from tests.runs import small_mnist

# The guide puts the network of a task there.
methods.networks.__path__.append(f"{Path(__file__).parent}/nouns")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The finished run; the article's recipe, since claims are judged by it."""
    judged = (CLAIMS["certain-when-agreeing"], NOISE_LOWERS_ACCURACY)
    few_claims = {claim.id: claim for claim in judged}
    # The register's order is restored as well, unlike by pytest.
    with (
        small_mnist(training=1200, test=300) as patch,
        mock_patch.dict(CLAIMS, few_claims, clear=True),
    ):
        lighten(patch)
        # Another process does not have these nouns.
        patch.setattr(predict, "in_own_process", lambda work: work())
        task = replace(
            TASKS["mnist"],
            conditions=(*MNIST.conditions, *GAUSSIAN_NOISE),
            recipes=(replace(ARTICLE, split="training"),),
            training_images=1000,
            calibration_images=200,
        )
        patch.setitem(TASKS, "mnist", task)
        patch.setitem(SCORES, "class_mean", CLASS_MEAN)
        patch.setitem(METRICS, SPHERICAL_SCORE.name, SPHERICAL_SCORE)
        patch.setitem(METHODS, BaggedCentroids.name, BaggedCentroids)
        chosen = replace(
            SMALL,
            recipe="article",
            methods=("softmax", "mc_dropout", "deep_ensemble", "bagged_centroids"),
            conditions=(*SMALL.conditions, "noise-*"),
            epochs=None,
            scores="all",
        )
        return run(chosen, tmp_path_factory.mktemp("extended"))
