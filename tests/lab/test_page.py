"""The page as a file: its command, its networks in few bytes, and the test images it offers."""

from __future__ import annotations

import re
import shutil
from base64 import b64decode
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.claims.edge_cases import trained_by
from benchmarks.lab.contents import GalleryGroup, LabContents, TrainedAlike, gallery, rounded
from benchmarks.lab.page import write_lab
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from methods import Prediction
from methods.networks.architectures import LeNet5
from methods.networks.recipes import ARTICLE, WELL_TRAINED, LabelledImages, Recipe
from tests.lab.conftest import IMAGES, MEMBERS, few_images, made_lab
from tests.runs import run_of

BLOCK = re.compile(r'data-network="([\w-]+)"( data-dropped)?>([^<]*)</script>')
"""A training, whether MC-dropout alone runs its network, and the network's bytes."""
KEPT = re.compile(r"keeps its class on at least ([\d.]+) % of")
COMMITTED = sorted((Path(__file__).parents[2] / "results").glob("*/lab.html"))


def network_of(content: bytes, recipe: Recipe = ARTICLE) -> LeNet5:
    """The network that a page holds, read layer after layer."""
    network = recipe.network(mean=recipe.mean)
    assert isinstance(network, LeNet5)
    for layer in network.children():
        weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
        rows, weights = len(bias), weight.numel()
        scales = np.frombuffer(content[: 4 * rows], "<f4").reshape(rows, 1)
        whole = np.frombuffer(content[4 * rows : 4 * rows + weights], np.int8).reshape(rows, -1)
        weight.data = torch.from_numpy(scales * whole).reshape(weight.shape)
        content = content[4 * rows + weights :]
        bias.data = torch.from_numpy(np.frombuffer(content[: 4 * rows], "<f4").copy())
        content = content[4 * rows :]
    assert not content
    return network


def test_networks_of_the_page_answer_as_the_trained_ones(small_lab: Path) -> None:
    text = small_lab.read_text("utf-8")
    shown: dict[tuple[str, str], list[bytes]] = {}
    for name, dropped, content in BLOCK.findall(text):
        shown.setdefault((name, dropped), []).append(b64decode(content))
    recipes = [ARTICLE, replace(WELL_TRAINED, dropout=ARTICLE.dropout), WELL_TRAINED]
    assert list(map(len, shown.values())) == [MEMBERS, 1, MEMBERS]
    pairs = []
    for recipe, contents in zip(recipes, shown.values(), strict=True):
        with few_images():
            configuration = replace(configuration_of("article"), epochs=1)
            plan, workspace = Plan(configuration), run_of(configuration, small_lab.parent).workspace
            pool, training = trained_by(recipe, plan, workspace)
            numbers = range(len(contents))
            assert pool.missing(numbers, training) == []
            trained = pool.networks(numbers, training)
            images = workspace.images(plan.task, "test").images
        with torch.no_grad():
            pairs += [
                (network_of(content, recipe)(images), exact(images))
                for content, exact in zip(contents, trained, strict=True)
            ]
    for logits, expected in pairs:
        torch.testing.assert_close(logits, expected, atol=0.1, rtol=0)
    kept = [logits.argmax(dim=1) == expected.argmax(dim=1) for logits, expected in pairs]
    least = min(float(same.double().mean()) for same in kept)
    # Networks that have hardly learned have near ties, which a rounded weight decides.
    assert least >= 0.98
    (told,) = KEPT.findall(text)
    # One image more or less, by another order of the same sums.
    assert float(told) == pytest.approx(100 * least, abs=100 / IMAGES + 0.01)


@pytest.mark.parametrize("page", COMMITTED, ids=lambda page: page.parent.name)
def test_committed_page_is_small_and_keeps_the_classes(page: Path) -> None:
    (kept,) = KEPT.findall(page.read_text("utf-8"))
    assert float(kept) >= 99.9
    assert page.stat().st_size <= 5_500_000


def test_page_requests_nothing(small_lab: Path) -> None:
    text = small_lab.read_text("utf-8")
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "default-src 'none'" in text
    assert "://" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


@pytest.fixture
def networks(small_lab: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_lab.parent / "networks", tmp_path / "networks"))


def test_same_networks_give_the_same_bytes(
    small_lab: Path, networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "again.html"
    assert made_lab(networks, page) == 0
    assert page.read_bytes() == small_lab.read_bytes()
    assert f"wrote {page}" in capsys.readouterr().out


def test_missing_networks_are_trained(small_lab: Path, networks: Path, tmp_path: Path) -> None:
    next(networks.glob("*-seed0-001-*")).unlink()
    page = tmp_path / "lab.html"
    assert made_lab(networks, page) == 0
    assert page.read_bytes() == small_lab.read_bytes()


HOSTILE = '"></script><script>alert(1)</script>'


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    contents = LabContents(
        trainings=(
            TrainedAlike(ARTICLE, (rounded(LeNet5(generator=torch.Generator().manual_seed(3))),)),
        ),
        masks=torch.ones(2, 22, dtype=torch.bool),
        groups=[GalleryGroup(HOSTILE, ())],
        test_images=10_000,
        same_class=0.99989,
    )
    page = tmp_path / "lab.html"
    write_lab(contents, nouns_of(Plan(configuration_of("article"))), HOSTILE, page)
    text = page.read_text("utf-8")
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") == 2


def test_rounding_is_to_half_a_step() -> None:
    trained = LeNet5(generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        trained.linear1.weight[7] = 0.0
        trained.linear2.weight[5] *= 100
        trained.conv1.bias[2] = 1 / 3
    kept = deepcopy(trained.state_dict())
    small = rounded(trained)
    for name, parameter in small.network.named_parameters():
        if name.endswith(".weight"):
            exact, error = (
                values.flatten(start_dim=1).abs() for values in (kept[name], parameter - kept[name])
            )
            assert (error <= 0.5001 * exact.amax(dim=1, keepdim=True) / 127).all()
        else:
            assert torch.equal(parameter, kept[name])
        assert torch.equal(trained.state_dict()[name], kept[name]), "the network itself stays"
    assert (small.network.linear1.weight[7] == 0).all()
    read = network_of(small.content).state_dict()
    for name, parameter in small.network.named_parameters():
        assert torch.equal(read[name], parameter)


LABELS = torch.arange(IMAGES) % 10
TEST = LabelledImages(torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator()), LABELS)


def ensemble(*others: tuple[int, int]) -> Prediction:
    """Ten members that are right, but for (index, members that answer the next class)."""
    probabilities = torch.full((10, IMAGES, 10), 0.05 / 9)
    probabilities[:, torch.arange(IMAGES), LABELS] = 0.95
    for index, differing in others:
        probabilities[:differing, index] = 0.05 / 9
        probabilities[:differing, index, (int(LABELS[index]) + 1) % 10] = 0.95
    return Prediction.of(probabilities)


def test_gallery_offers_errors_that_many_share_and_divided_votes() -> None:
    article, wrong, divided = gallery(TEST, ensemble((20, 9), (30, 4), (40, 10), (50, 7)))
    assert [image.index for image in article.images] == [61, 591]
    assert [image.index for image in wrong.images] == [40, 20, 50]
    assert "of 3 errors" in wrong.title
    assert [image.index for image in divided.images[:3]] == [30, 50, 20]
    pixels = torch.frombuffer(bytearray(b64decode(article.images[0].pixels)), dtype=torch.uint8)
    torch.testing.assert_close(pixels / 255, TEST.images[61].flatten(), atol=0.002, rtol=0)
