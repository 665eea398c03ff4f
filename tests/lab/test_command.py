"""The command that makes the lab, and the page as a file."""

from __future__ import annotations

import re
import shutil
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.lab.contents import Group, RecipeContents, rounded
from benchmarks.lab.page import write_lab
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from methods.networks.architectures import LeNet5
from tests.lab.made import IMAGES, MEMBERS, RELU_MEMBERS, SIZES, TRAINED, few_images
from tests.processes import status_of

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
    assert [(one["recipe"], int(one["number"])) for one, _ in networks] == [
        (recipe, number) for recipe, count in counts for number in range(count)
    ]
    for described, _ in networks:
        first = described["number"] == "0"
        assert described["eight-bits"] == ("" if first else "linear1 linear2")


def test_page_holds_the_values_of_all_test_images(small_lab: Path) -> None:
    scores = {
        (one["recipe"], one["method"], one["measure"]): np.frombuffer(content, "<f4")
        for one, content in blocks(small_lab, "scores")
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
    with few_images():
        assert status_of("lab", "--networks", networks, "--out", page, *TRAINED, *SIZES) == 0
    assert page.read_bytes() == small_lab.read_bytes()
    assert f"wrote {page}" in capsys.readouterr().out


def test_missing_networks_are_named_with_the_command_that_trains_them(
    networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(networks.glob("relu-dropout-seed0-001-*")).unlink()
    page = tmp_path / "lab.html"
    with few_images():
        assert status_of("lab", "--networks", networks, "--out", page, *TRAINED, *SIZES) == 2
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
        groups=[Group(hostile, hostile, ())],
        change=0.0,
        votes_changed=0,
    )
    names = nouns_of(Plan(configuration_of("article")))
    write_lab([recipe], names, hostile, tmp_path / "lab.html")
    text = (tmp_path / "lab.html").read_text("utf-8")
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 10
