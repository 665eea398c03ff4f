"""The page as a file: its command, its networks in few bytes, and the test images it offers."""

from __future__ import annotations

import re
import shutil
from base64 import b64decode
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.lab.contents import (
    LARGE,
    GalleryGroup,
    RecipeContents,
    first_agreed,
    gallery,
    rounded,
    sure_alone,
)
from benchmarks.lab.page import write_lab
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.tasks.task import EvaluationSet
from methods import Prediction
from methods.networks.architectures import LeNet5
from tests.lab.conftest import IMAGES, MEMBERS, RELU_MEMBERS, made_lab

BLOCK = re.compile(r'<script type="text/plain" data-kind="(\w+)"([^>]*)>([^<]*)</script>')


def blocks(page: Path, kind: str) -> list[tuple[dict[str, str], bytes]]:
    """The attributes and the content of each block of data."""
    return [
        (dict(re.findall(r'data-([\w-]+)="([^"]*)"', attributes)), b64decode(text))
        for name, attributes, text in BLOCK.findall(page.read_text("utf-8"))
        if name == kind
    ]


def test_page_holds_every_network(small_lab: Path) -> None:
    networks = blocks(small_lab, "network")
    counts = [("standard", MEMBERS), ("relu-dropout", RELU_MEMBERS)]
    assert [(described["recipe"], int(described["number"])) for described, _ in networks] == [
        (recipe, number) for recipe, count in counts for number in range(count)
    ]
    for described, _ in networks:
        first = described["number"] == "0"
        assert described["eight-bits"] == ("" if first else "linear1 linear2")


def test_page_holds_the_values_of_all_test_images(small_lab: Path) -> None:
    scores = {
        (described["recipe"], described["method"], described["measure"]): np.frombuffer(
            content, "<f4"
        )
        for described, content in blocks(small_lab, "scores")
    }
    assert len(scores) == 2 * (3 + 3 + 1)
    for (_, method, measure), values in scores.items():
        assert len(values) == IMAGES
        assert (np.diff(values) >= 0).all()
        assert values[0] >= 0
        assert values[-1] <= (1 if measure == "pairwise_disagreement" else np.log(10) + 1e-6)
        assert method != "softmax" or measure == "predictive_entropy"


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


def test_missing_networks_are_named_with_the_command_that_trains_them(
    networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(networks.glob("relu-dropout-seed0-001-*")).unlink()
    page = tmp_path / "lab.html"
    assert made_lab(networks, page) == 2
    shown = capsys.readouterr().err
    assert shown == (
        f"error: --networks {networks}: 1 of 2 networks of the recipe 'relu-dropout' are not there "
        "(the first: number 1); train them by python run_all.py --preset article --recipe "
        "relu-dropout --methods deep_ensemble --members 2 --epochs 1 --only train --networks "
        f"{networks} --out results/lab-relu-dropout\n"
    )
    assert not page.exists()


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    hostile = '"></script><script>alert(1)</script>'
    recipe = RecipeContents(
        name=hostile,
        label=hostile,
        networks=(rounded(LeNet5()),),
        masks=torch.ones(2, 22, dtype=torch.bool),
        standings={("softmax", hostile): np.zeros(1, np.float32)},
        groups=[GalleryGroup(hostile, hostile, ())],
        change=0.0,
        votes_changed=0,
    )
    names = nouns_of(Plan(configuration_of("article")))
    write_lab([recipe], names, hostile, tmp_path / "lab.html")
    text = (tmp_path / "lab.html").read_text("utf-8")
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 10


def test_rounding_is_to_half_a_step() -> None:
    trained = LeNet5(generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        trained.linear1.weight[7] = 0.0
        trained.linear2.weight[5] *= 100
    kept = deepcopy(trained.state_dict())
    small = rounded(trained)
    for name, parameter in small.network.named_parameters():
        exact, error = kept[name].abs(), (parameter - kept[name]).abs()
        if name.removesuffix(".weight") in LARGE:
            assert (error <= 0.5001 * exact.amax(dim=1, keepdim=True) / 127).all()
        else:
            assert (error <= exact * 2**-11 + 2**-25).all()
        assert torch.equal(trained.state_dict()[name], kept[name]), "the network itself stays"
    assert (small.network.linear1.weight[7] == 0).all()
    # Two bytes a number; one a weight of the large layers, whose outputs have scales of four.
    weights, outputs = 400 * 120 + 120 * 84, 120 + 84
    assert len(small.content) == 2 * 61_706 - weights + 4 * outputs


LABELS = torch.arange(IMAGES) % 10


def prediction(members: int, *others: tuple[int, int, float]) -> Prediction:
    """Members that give each label .95, but for images of (index, members that differ, value)."""
    probabilities = torch.full((members, IMAGES, 10), 0.05 / 9)
    probabilities[:, torch.arange(IMAGES), LABELS] = 0.95
    for index, differing, value in others:
        label = int(LABELS[index])
        probabilities[:differing, index] = (1 - value) / 9
        probabilities[:differing, index, (label + 1) % 10] = value
    return Prediction.of(probabilities)


PREDICTIONS = {
    "softmax": prediction(1, (40, 1, 0.89), (50, 1, 0.91), (3, 1, 0.6)),
    "mc_dropout": prediction(10),
    "deep_ensemble": prediction(10, (20, 2, 0.9), (30, 1, 0.9), (40, 5, 0.9), (50, 4, 0.9)),
}
TEST = EvaluationSet(torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator()), LABELS)


def test_sure_alone_are_those_of_confidence_and_of_few_equal_votes() -> None:
    # 30 has 9 of 10 votes, and of 40 the single network is unsure.
    assert torch.nonzero(sure_alone(PREDICTIONS))[:, 0].tolist() == [20, 50]


def test_first_agreed_image_of_each_class_is_one_of_which_all_are_sure() -> None:
    # Of 3 the single network is unsure.
    assert first_agreed(TEST, PREDICTIONS) == [0, 1, 2, 13, 4, 5, 6, 7, 8, 9]


def test_groups_name_their_images_by_index() -> None:
    article, sure, uncertain, clear = gallery(TEST, PREDICTIONS)
    assert [image.index for image in article.images] == [61, 591]
    assert [image.index for image in sure.images] == [50, 20]
    assert sure.title == "The single network is sure of these, and the ensemble is not"
    assert "2 of 600 test images." in sure.note
    assert [image.index for image in uncertain.images[:4]] == [40, 50, 20, 30]
    assert len(clear.images) == 10
    first = article.images[0]
    assert first.label == 1
    pixels = torch.frombuffer(bytearray(b64decode(first.pixels)), dtype=torch.uint8)
    torch.testing.assert_close(pixels / 255, TEST.images[61].flatten(), atol=0.002, rtol=0)
