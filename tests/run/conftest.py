"""A run whose predictions are made up, of which tests read curves and the images shown."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from tests.made_up import SMALL, make_up
from tests.runs import Run, run_of

OF_FEW_IMAGES = replace(
    SMALL, conditions=("rotated-030", "rotated-120", "ood-uniform_noise"), passes=(3, 6), images=70
)


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Softmax has lost its first replicate."""
    folder = tmp_path_factory.mktemp("few")
    make_up(folder, fails="softmax/budget-1/replicate-00", **asdict(OF_FEW_IMAGES))
    return run_of(OF_FEW_IMAGES, folder)
