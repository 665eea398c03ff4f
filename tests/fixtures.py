"""What tests share: a small part of the real data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.data.loading import load_mnist
from benchmarks.run import custom_method, predict
from methods.networks.recipes import LabelledImages
from tests.made_up import finish_made_up, make_up_two_budgets
from tests.processes import Start, processes
from tests.runs import built_once, draw_one_figure, finish_digits


@pytest.fixture(autouse=True)
def _no_remembered_methods() -> None:
    """Custom methods are cached by file name, but tests write several files of one name."""
    custom_method.load_method.cache_clear()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What custom methods do in processes of their own is done here: a process takes seconds."""
    for module in (custom_method, predict):
        monkeypatch.setattr(module, "in_own_process", lambda work: work())


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `draw_one_figure`."""
    draw_one_figure(monkeypatch)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a command in a process of its own, which is ended with the test."""
    with processes() as begin:
        yield begin


@pytest.fixture(scope="session")
def training_images() -> LabelledImages:
    """The first 1,500 of MNIST's training images."""
    mnist = load_mnist("train")
    return LabelledImages(mnist.images[:1500], mnist.labels[:1500])


@pytest.fixture(scope="session")
def test_images() -> LabelledImages:
    """The first 300 of MNIST's test images."""
    mnist = load_mnist("test")
    return LabelledImages(mnist.images[:300], mnist.labels[:300])


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, see `tests.runs`; not to be changed."""
    return built_once("digits", finish_digits, tmp_path_factory)


@pytest.fixture
def digits_copy(digits_run: Path, tmp_path: Path) -> Path:
    """A copy of it, in ``tmp_path``."""
    return Path(shutil.copytree(digits_run, tmp_path, dirs_exist_ok=True))


@pytest.fixture(scope="session")
def made_up_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run whose predictions are made up, see `tests.made_up`; to be read only."""
    return built_once("made-up", finish_made_up, tmp_path_factory) / "out"


@pytest.fixture(scope="session")
def two_budgets_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one with two budgets, without a report, see `tests.made_up`; to be read."""
    return built_once("two-budgets", make_up_two_budgets, tmp_path_factory) / "out"


@pytest.fixture
def made_up_copy(made_up_run: Path, tmp_path: Path) -> Path:
    """A copy of them, without predictions, in ``tmp_path``."""
    without = shutil.ignore_patterns("predictions")
    return Path(shutil.copytree(made_up_run, tmp_path, ignore=without, dirs_exist_ok=True))
